"""The running gateway's model: read again when it is asked for, compared, applied, told. One change at a time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from core.collecting import no_collection
from core.errors import Finding, Findings, InputError, Place, StoreError
from core.image import ProcessImage
from core.settings import Document
from nodesets.library import LibraryError
from nodesets.model import Model, let_go
from nodesets.names import NodeName
from nodesets.resolver import Resolution
from server.address_space.loading import LoadError
from server.model_change.change import ModelChange, ModelChangeRefused
from server.model_change.imported import FOLDER, keep, restore, stage, unstage
from server.model_change.report import ModelReport
from server.model_change.telling import tell, tell_semantics
from server.plan import Plan
from server.plan.instances import plan_instances
from server.plan.model import find_models
from server.plan.reading_models import ModelToKeep, read_models

_log = logging.getLogger("plantspace.model")
_TRIES = 3
_MANY = 1000
_MOST_LOGGED = 20


class PointRecorder(Protocol):
    """Who keeps history, and takes more points while it does."""

    async def add(self, points: Mapping[int, str]) -> None:
        """Record ``points`` (slot -> NodeId text) from now on. Raises :class:`~core.errors.StoreError`."""
        ...


@dataclass(slots=True)
class _ReadModel:
    """A model as it was read from the files. ``instances``: the nodes that the configuration makes."""

    model: Model
    instances: frozenset[NodeName]
    to_keep: ModelToKeep | None


def _untold(report: ModelReport) -> None:
    del report


class LiveModel:
    """Owns the changes of a gateway's model."""

    def __init__(self, plan: Plan, image: ProcessImage) -> None:
        """Change what ``plan`` serves; ``image`` has its points."""
        self._plan = plan
        self._image = image
        self._imports = plan.data_dir / FOLDER
        self.on_applied: Callable[[ModelReport], None] = _untold
        """Told of each change once it is served."""
        self.recorder: PointRecorder | None = None
        """Who records; without one the history of new points begins with the next start."""
        self.is_settled = False
        """Whether the process's memory was settled (:func:`~server.gateway.settle_memory`), so that many new nodes are
        too: the garbage collector would hold the event loop for a millisecond a thousand of them, now and again."""
        self._thread = ThreadPoolExecutor(1, "model")
        self._one = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._importing: set[asyncio.Task[ModelReport]] = set()

    async def start(self) -> None:
        """Heed :meth:`reload_soon` from now on."""
        self._task = asyncio.create_task(self._run(), name="model")

    async def stop(self) -> None:
        """Finish what is being imported, and no reload that is still being read; safe twice."""
        await asyncio.gather(*self._importing, return_exceptions=True)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown)

    def reload_soon(self) -> None:
        """Ask for a reload, as SIGHUP does; asked again while one is under way, there is one more after it."""
        self._wanted.set()

    async def reload(self) -> ModelReport:
        """Read the configuration's models again and apply what is different. What is wrong is in the report."""
        async with self._one:
            report = await self._change(None)
        _tell_log("reload", report)
        return report

    async def dry_run(self, content: bytes) -> ModelReport:
        """Say what importing a NodeSet2 file would change, or what stands in the way."""
        async with self._one:
            try:
                staged = await self._staged(content)
                return staged if isinstance(staged, ModelReport) else await self._change(staged.parent, dry=True)
            finally:
                await asyncio.to_thread(unstage, self._imports)

    async def import_nodeset(self, content: bytes) -> ModelReport:
        """Apply a NodeSet2 file and keep it for the starts to come; both or neither.

        Once begun it is done, also where whoever asked for it is gone.
        """
        task = asyncio.create_task(self._import(content), name="model-import")
        self._importing.add(task)
        task.add_done_callback(self._importing.discard)
        return await asyncio.shield(task)

    async def _import(self, content: bytes) -> ModelReport:
        async with self._one:
            try:
                staged = await self._staged(content)
                if isinstance(staged, ModelReport):
                    return staged
                report = await self._change(staged.parent, staged)
            finally:
                await asyncio.to_thread(unstage, self._imports)
        _tell_log("import", report)
        return report

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.reload()
            except Exception:  # noqa: BLE001 - the next reload may find better files
                _log.exception("the model cannot be reloaded; it stays as it is")

    async def _staged(self, content: bytes) -> Path | ModelReport:
        try:
            return await asyncio.to_thread(stage, self._imports, content)
        except InputError as error:
            return ModelReport(error.findings)
        except OSError as error:
            return self._unkept(error)

    def _unkept(self, error: OSError) -> ModelReport:
        problem = f"the NodeSet cannot be kept: {error.strerror or error}"
        return ModelReport((Finding(Place.of(self._imports), problem, "make room, or mend the folder's rights"),))

    async def _change(self, imports: Path | None, staged: Path | None = None, *, dry: bool = False) -> ModelReport:
        """Make a change and apply it, unless it is ``dry``.

        ``imports``: the folder of imported files, None for the gateway's own; ``staged``: one of them, kept if all goes
        well.
        """
        held: list[_ReadModel] = []
        made: list[ModelChange] = []
        try:
            with no_collection():
                report = await self._outcome(imports, staged, held, made, dry=dry)
            if report.applied:
                await self._follow(made[0], report, held[0], staged)
            return report
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, _let_go, held, made)

    async def _outcome(
        self, imports: Path | None, staged: Path | None, held: list[_ReadModel], made: list[ModelChange], *, dry: bool
    ) -> ModelReport:
        """Do it; what was read and made goes into the lists, from which it is let go of in a thread."""
        try:
            held.append(await self._read(imports))
            made.append(await self._planned(held[0]))
            report = made[0].report
            if not dry and not report.findings:
                report = await self._applied(made[0], staged)
        except InputError as error:
            return ModelReport(tuple(sorted(set(error.findings))))
        except OSError as error:
            return self._unkept(error)
        except ModelChangeRefused as refused:
            return ModelReport(refused.findings)
        except (LoadError, LibraryError) as error:
            return ModelReport((Finding(Place.of(self._plan.config), str(error)),))
        if report.applied and self.is_settled and made[0].size > _MANY:
            gc.freeze()
        return report

    async def _follow(self, change: ModelChange, report: ModelReport, read: _ReadModel, staged: Path | None) -> None:
        """Do what an applied change brings with it: tell clients, record new points, keep the model as it is now."""
        stack, message = self._plan.stack, f"the model has changed: {report.summary}"
        await tell(stack, change.changes, message)
        await tell_semantics(stack, change.semantic_changes, message)
        self.on_applied(report)
        await self._record(change)
        to_keep = read.to_keep
        try:
            if staged is not None:
                # It was read where it was tried, and a model is kept under the names of its files.
                thrown, to_keep = await read_models(*await self._find(None))
                await asyncio.to_thread(let_go, thrown)
        except (InputError, LibraryError, OSError) as error:
            _log.warning("the model is not kept for the next start, which takes longer: %s", error)
        else:
            if to_keep is not None:
                await asyncio.to_thread(to_keep.keep)

    async def _record(self, change: ModelChange) -> None:
        if self.recorder is None or not change.begins:
            return
        try:
            await self.recorder.add(change.begins)
        except StoreError as error:
            _log.error("history of %d points begins with the next start: %s", len(change.begins), error)
        else:
            # What they show by now came before anyone recorded it.
            change.offer_again()

    async def _planned(self, read: _ReadModel) -> ModelChange:
        change = await self._compared(read)
        for _ in range(_TRIES):
            if change.is_current:
                break
            # What is served has changed while it was compared.
            change = await self._compared(read)
        return change

    async def _compared(self, read: _ReadModel) -> ModelChange:
        records = self.recorder is not None
        compare = partial(ModelChange.plan, self._plan, self._image, read.model, read.instances, records=records)
        return await asyncio.get_running_loop().run_in_executor(self._thread, compare)

    async def _applied(self, change: ModelChange, staged: Path | None) -> ModelReport:
        if staged is None:
            return change.apply()
        # First on the disk: a crash in between leaves a model that has been found sound.
        before = await asyncio.to_thread(keep, staged, self._imports)
        try:
            return change.apply()
        except BaseException:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(restore, before)
            raise

    async def _find(self, imports: Path | None) -> tuple[Document, Resolution]:
        """Find the files as a start would. Raises :class:`InputError`."""
        findings = Findings()
        document = await asyncio.to_thread(Document.read, self._plan.written, findings)
        findings.raise_if_any()
        if document is None:
            raise InputError(())
        found = await asyncio.to_thread(find_models, document, findings, imports)
        findings.raise_if_any()
        return document, found.resolution

    async def _read(self, imports: Path | None) -> _ReadModel:
        """Read everything as a start would. Raises :class:`InputError`, :class:`LibraryError`."""
        document, resolution = await self._find(imports)
        findings = Findings()
        model, to_keep = await read_models(document, resolution)
        findings.extend(model.findings)
        findings.raise_if_any()
        own = f"urn:plantspace:{self._plan.settings.name}"
        instances = await asyncio.to_thread(plan_instances, document, model.nodes, own, findings)
        findings.raise_if_any()
        made = {record.name: record for record in instances.records}
        whole = replace(model, nodes={**model.nodes, **made})
        return _ReadModel(whole, frozenset(made), to_keep)


def _let_go(read: list[_ReadModel], made: list[ModelChange]) -> None:
    """Free models, which takes as long as a hundred requests. Blocks; nothing is left for the garbage collector."""
    made.clear()
    for one in read:
        let_go(one.model)
        one.model.types.remove(())  # what the registry has made of its types refers to the registry
    read.clear()


def _tell_log(what: str, report: ModelReport) -> None:
    if report.findings:
        for finding in report.findings:
            _log.error("%s", finding)
        _log.error("%s: the model stays as it is, for %d findings", what, len(report.findings))
        return
    _log.info("%s: %s; the loop was held for %.1f ms", what, report.summary, report.seconds * 1e3)
    for line in (*report.lines[:_MOST_LOGGED], *report.notes):
        _log.info("%s", line)
    if len(report.lines) > _MOST_LOGGED:
        _log.info("and more")
