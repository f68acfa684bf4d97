"""The running gateway's model: read again when it is asked for, compared, applied, told. One change at a time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from core.collecting import no_collection
from core.errors import Finding, Findings, InputError, Place
from core.image import ProcessImage
from core.settings import Document
from nodesets.library import LibraryError
from nodesets.model import Model
from server.address_space.loading import LoadError
from server.model_change.change import ModelChange, ModelChangeRefused
from server.model_change.imported import FOLDER, keep, restore, stage, unstage
from server.model_change.report import ModelReport
from server.model_change.telling import tell
from server.model_change.verbs import NodeChange
from server.plan import Plan
from server.plan.instances import plan_instances
from server.plan.model import find_models
from server.plan.reading_models import read_models

_log = logging.getLogger("plantspace.model")
_TRIES = 3
_MANY = 1000
_MOST_LOGGED = 20


class LiveModel:
    """Owns the changes of a gateway's model."""

    def __init__(self, plan: Plan, image: ProcessImage) -> None:
        """Change what ``plan`` serves; ``image`` has its points."""
        self._plan = plan
        self._image = image
        self._imports = plan.data_dir / FOLDER
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
            report = await self._change(self._imports)
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

    async def _change(self, imports: Path, staged: Path | None = None, *, dry: bool = False) -> ModelReport:
        """Make a change and apply it, unless it is ``dry``; ``staged``: an imported file, kept if all goes well."""
        try:
            with no_collection():
                report, changes = await self._tried(imports, staged, dry=dry)
        except InputError as error:
            return ModelReport(tuple(sorted(set(error.findings))))
        except OSError as error:
            return self._unkept(error)
        except ModelChangeRefused as refused:
            return ModelReport(refused.findings)
        except (LoadError, LibraryError) as error:
            return ModelReport((Finding(Place.of(self._plan.config), str(error)),))
        if report.applied:
            await tell(self._plan.stack, changes, f"the model has changed: {report.summary}")
        return report

    async def _tried(
        self, imports: Path, staged: Path | None, *, dry: bool
    ) -> tuple[ModelReport, Sequence[NodeChange]]:
        made: list[ModelChange] = []
        try:
            made.append(await self._planned(imports))
            report = made[0].report
            if not dry and not report.findings:
                report = await self._applied(made[0], staged)
            if report.applied and self.is_settled and made[0].size > _MANY:
                gc.freeze()
            return report, made[0].changes
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, made.clear)

    async def _planned(self, imports: Path) -> ModelChange:
        models = [await self._read(imports)]
        try:
            change = await self._compared(models[0])
            for _ in range(_TRIES):
                if change.is_current:
                    break
                # What is served has changed while it was compared.
                change = await self._compared(models[0])
        finally:
            # In the thread that compared: it has let go of them itself by then.
            await asyncio.get_running_loop().run_in_executor(self._thread, _let_go, models)
        return change

    async def _compared(self, model: Model) -> ModelChange:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, ModelChange.plan, self._plan, self._image, model)

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

    async def _read(self, imports: Path) -> Model:
        """Read everything as a start would. Raises :class:`InputError`, :class:`LibraryError`."""
        findings = Findings()
        document = await asyncio.to_thread(Document.read, self._plan.config, findings)
        findings.raise_if_any()
        if document is None:
            raise InputError(())
        found = await asyncio.to_thread(find_models, document, findings, imports)
        model, _ = await read_models(document, found.resolution)
        findings.extend(model.findings)
        findings.raise_if_any()
        own = f"urn:plantspace:{self._plan.settings.name}"
        instances = await asyncio.to_thread(plan_instances, document, model.nodes, own, findings)
        findings.raise_if_any()
        return replace(model, nodes={**model.nodes, **{record.name: record for record in instances.records}})


def _let_go(models: list[Model]) -> None:
    """Free models, which takes as long as a hundred requests. Blocks; nothing is left for the garbage collector."""
    for model in models:
        model.types.remove(())  # what the registry has made of its types refers to the registry
    models.clear()


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
