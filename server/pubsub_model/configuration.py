"""Changes what is published while the gateway runs: checked, on the disk, running, shown - or nothing of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Final

from asyncua.ua.status_codes import StatusCodes

from core.durable_files import write_private
from core.errors import Findings, PlantspaceError
from core.security_mode import SecurityMode
from core.settings import replace_file
from server.plan import Plan
from server.pubsub_model.limits import check_amount
from server.pubsub_model.overlay import Overlay
from server.pubsub_model.planner import Planned, PubSubPlanner, planned_of
from server.pubsub_model.planning import LARGEST, Configured, text_of
from server.pubsub_model.refusal import PubSubRefused, refused_for
from server.pubsub_model.running import RunningPubSub
from server.ua_stack.sessions import CALLER

_log = logging.getLogger("plantspace.pubsub")
_TRIES: Final = 3

Edit = Callable[[Overlay, Planned], None]
"""Changes the overlay, given what is configured now. Raises :class:`PubSubRefused`."""


class PubSubConfiguration:
    """Owns what is configured, and its file. Changes are made one after the other."""

    def __init__(self, plan: Plan, running: RunningPubSub) -> None:
        """Know what the plan has found; ``running`` has it already."""
        self._plan = plan
        self.running = running
        self._planner = PubSubPlanner(plan)
        self._one = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._model_changed = False
        self.planned = Planned(plan.configured, plan.pubsub)
        self.on_change: Callable[[Planned, Planned], None] = _untold
        """Told what was and what is, once it runs; asked again after a change of the model that changes fields."""

    @property
    def base(self) -> Path:
        """The folder of the configuration, where names of files begin."""
        return self.planned.configured.document.base

    async def start(self) -> None:
        """Find the fields of all datasets, where the plan has not. Raises :class:`PubSubRefused`."""
        plan = self._plan
        if plan.configured.overlay.is_empty:
            self.planned = planned_of(plan.pubsub, plan.configured)
        else:
            self.planned = await self._look(plan.configured, Findings())

    async def stop(self) -> None:
        """Bring what is being changed to its end."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def change(self, edit: Edit) -> None:
        """Change the overlay as ``edit`` does. A client that goes away meanwhile does not stop it.

        Raises :class:`PubSubRefused`; then everything is as it was.
        """
        caller = CALLER.get()
        if caller is not None and caller.channel.mode == SecurityMode.NONE:
            # Whoever is on the way could have the plant's data sent elsewhere.
            problem = "what is published is not changed over a channel that is neither signed nor encrypted"
            raise PubSubRefused(StatusCodes.BadSecurityModeInsufficient, problem, "log in over Sign or SignAndEncrypt")
        task = asyncio.get_running_loop().create_task(self._change(edit), name="pubsub-change")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    def model_changed(self) -> None:
        """Follow a changed model soon: patterns and types may mean other points, and names and units be others."""
        if self._model_changed or (self._plan.pubsub is None and self.planned.configured.overlay.is_empty):
            return
        self._model_changed = True
        task = asyncio.get_running_loop().create_task(self._follow(), name="pubsub-model")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _change(self, edit: Edit) -> None:
        async with self._one:
            before = self.planned
            overlay = deepcopy(before.configured.overlay)
            edit(overlay, before)
            overlay.tidy()
            findings = Findings()
            configured = before.configured.changed(overlay, findings)
            planned = await self._look(configured, findings)
            check_amount(before, planned)
            file, text = configured.written.file, text_of(overlay).encode()
            if len(text) > LARGEST:  # the next start would not read it
                problem = f"{file.name} would have more than {LARGEST >> 20} MiB"
                raise PubSubRefused(
                    StatusCodes.BadResourceUnavailable, problem, "publish by patterns instead of single nodes"
                )
            try:
                await asyncio.to_thread(_write, file, text)
            except OSError as error:
                problem = f"{file} cannot be written: {error.strerror or error}"
                raise PubSubRefused(
                    StatusCodes.BadResourceUnavailable, problem, "make room, or mend its rights"
                ) from error
            try:
                await self._run(before, planned)
            except Exception as error:
                await asyncio.to_thread(_write, file, text_of(before.configured.overlay).encode())
                await self._run(planned, before)
                if not isinstance(error, PlantspaceError):
                    _log.exception("PubSub could not be changed, and is as it was")
                raise PubSubRefused(StatusCodes.BadResourceUnavailable, str(error)) from error
            self._settle(before, planned)

    async def _follow(self) -> None:
        async with self._one:
            self._model_changed = False
            before = self.planned
            try:
                planned = await self._look(before.configured, Findings())
                await self._run(before, planned)
            except PubSubRefused as refused:
                _log.error("datasets do not follow the changed model: %s", refused)
                return
            except Exception:  # noqa: BLE001 - the next change of the model, or the next start, may bring it about
                _log.exception("datasets do not follow the changed model")
                return
            self._settle(before, planned)

    async def _run(self, before: Planned, planned: Planned) -> None:
        if planned.pubsub != before.pubsub:
            connections = planned.pubsub.connections if planned.pubsub is not None else {}
            await self.running.apply(connections, planned.configured.paused)

    def _settle(self, before: Planned, planned: Planned) -> None:
        self.planned = planned
        self._plan.pubsub, self._plan.configured = planned.pubsub, planned.configured
        self.on_change(before, planned)

    async def _look(self, configured: Configured, findings: Findings) -> Planned:
        """Plan in a thread: patterns over a large model take long. Raises :class:`PubSubRefused`."""
        space = self._plan.stack.internal.space
        if findings:
            raise refused_for(StatusCodes.BadInvalidArgument, findings.items)
        for _ in range(_TRIES):
            version, found = space.version, Findings()
            try:
                planned = await asyncio.to_thread(self._planner.plan, configured, found)
            except (KeyError, RuntimeError):  # nodes came or went meanwhile
                if space.version == version:
                    raise
                continue
            if space.version == version:
                break
        else:
            found = Findings()
            planned = self._planner.plan(configured, found)
        if planned is None:
            raise refused_for(StatusCodes.BadInvalidArgument, found.items)
        return planned


def _write(file: Path, content: bytes) -> None:
    """Replace the file, which nobody else may read. Blocks until the disk has it. Raises :class:`OSError`."""
    if not file.exists():
        write_private(file, b"")  # what takes its place keeps its mode
    replace_file(file, content)


def _untold(before: Planned, planned: Planned) -> None:
    del before, planned
