"""Carries out what a cloud wants of nodes: each wish once, the newest of a property, and remembers how it went."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from asyncua.ua.status_codes import StatusCodes

from core.backoff import Backoff
from core.errors import PlantspaceError, StoreError
from core.quality import Status
from server.pubsub.cloud.twin.counters import TwinCounters
from server.pubsub.cloud.twin.dialect import Desired, Outcome, Wish
from server.pubsub.cloud.twin.memory import TwinMemory
from server.pubsub.commands.port import Wanted, WriteOutcome
from server.pubsub.commands.refusal import CommandRefused, status_name

_log = logging.getLogger("plantspace.pubsub")

_MOST_UNKNOWN: Final = 16
_LONGEST_NAME: Final = 128
_INTERRUPTED: Final = int(StatusCodes.BadRequestInterrupted)
_UNKNOWN: Final = int(Status.BAD_NODE_ID_UNKNOWN)
_FAILED: Final = int(Status.BAD_INTERNAL_ERROR)


class TwinWrites(Protocol):
    """Writes as the user that commands are mapped to (:class:`server.pubsub.commands.port.CommandPort`)."""

    async def write(self, wanted: Sequence[Wanted], *, entry: str, all_or_nothing: bool) -> Sequence[WriteOutcome]:
        """Write values; raises :class:`CommandRefused` where the user may do nothing at all."""
        ...


class Wishes:
    """What is wanted of ``nodes`` (property -> node). Waiting is at most one wish a property.

    ``outcomes``: how the last of each went, in which version; ``on_change`` is called when one has changed.
    """

    def __init__(
        self,
        nodes: Mapping[str, str],
        writes: TwinWrites | None,
        memory: TwinMemory,
        counters: TwinCounters,
        on_change: Callable[[], None],
    ) -> None:
        """Prepare. ``writes``: None where nothing may be written."""
        self._nodes, self._writes, self._memory = nodes, writes, memory
        self._counters, self._on_change = counters, on_change
        self.outcomes: dict[str, Outcome] = {}
        self._seen: int | None = None
        """The highest version on the present link."""
        self._pending: dict[str, tuple[Wish, int]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Read what was carried out before, and begin. Raises :class:`~core.errors.StoreUnavailable`."""
        await self._memory.load()
        for name, done in self._memory.done.items():
            if name in self._nodes:
                status = _INTERRUPTED if done.status is None else done.status
                self.outcomes[name] = Outcome(status, status_name(status), done.version)
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="twin-writer")

    async def stop(self) -> None:
        """End; a write under way is waited for, as nobody could tell otherwise whether it was done. Safe twice."""
        task, self._task = self._task, None
        if task is not None:
            self._stopping = True
            self._pending.clear()
            self._wake.set()
            await task

    def lost(self) -> None:
        """Learn that the link has ended: the versions of the next one are compared among themselves."""
        self._seen = None

    def change(self, desired: Desired) -> None:
        """Take a change, if it is newer than those before on this link; others were overtaken on their way."""
        if self._seen is not None and desired.version <= self._seen:
            self._counters.stale += 1
            return
        self._seen = desired.version
        self._take(desired)

    def whole(self, desired: Desired) -> None:
        """Take the whole document. What came since it was asked for is newer, and may be only a part of it."""
        if self._seen is None:
            self._memory.meet(desired)
        self._seen = max(self._seen or 0, desired.version)
        self._take(desired)

    def _take(self, desired: Desired) -> None:
        for name, wish in desired.wishes.items():
            if name in self._pending and self._pending[name][1] > desired.version:
                continue
            if wish.value is None:
                self._pending.pop(name, None)
                self.outcomes.pop(name, None)
            elif name not in self._nodes:
                self._refuse_unknown(name, desired.version)
            elif self._memory.is_done(name, wish, exact=desired.exact):
                self._counters.repeated += 1
            else:
                self._pending[name] = (wish, desired.version)
        self._wake.set()
        self._on_change()

    def _refuse_unknown(self, name: str, version: int) -> None:
        if not name.isprintable():
            self._counters.garbage += 1
            return
        name = name[:_LONGEST_NAME]
        unknown = [one for one in self.outcomes if one not in self._nodes]
        if name in unknown or len(unknown) < _MOST_UNKNOWN:
            self.outcomes[name] = Outcome(_UNKNOWN, status_name(_UNKNOWN), version)

    async def _run(self) -> None:
        """Carry out what is wanted, all that is there at once."""
        backoff = Backoff(first=0.5, longest=30.0)
        while not self._stopping:
            self._wake.clear()
            if not self._pending:
                await self._wake.wait()
                continue
            try:
                await self._write()
                backoff.reset()
            except StoreError as error:
                self._counters.tell(f"nothing that is wanted can be carried out for now: {error}")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), backoff.next())

    async def _write(self) -> None:
        pending, self._pending = self._pending, {}
        version = max(version for _, version in pending.values())
        try:
            await self._memory.begin({name: wish for name, (wish, _) in pending.items()}, version)
        except StoreError:
            self._pending = pending | self._pending
            raise
        self._counters.wishes += len(pending)
        statuses = await self._carry_out(pending, version)
        for name, status in statuses.items():
            self.outcomes[name] = Outcome(status, status_name(status), pending[name][1])
        await self._memory.finish(statuses)
        self._on_change()

    async def _carry_out(self, pending: Mapping[str, tuple[Wish, int]], version: int) -> dict[str, int]:
        if self._writes is None:
            return dict.fromkeys(pending, int(Status.BAD_USER_ACCESS_DENIED))
        wanted = [Wanted(self._nodes[name], wish.value) for name, (wish, _) in pending.items()]
        try:
            outcomes = await self._writes.write(wanted, entry=f"twin {version}", all_or_nothing=False)
        except CommandRefused as error:
            self._counters.tell(str(error))
            return dict.fromkeys(pending, error.status)
        except PlantspaceError as error:
            self._counters.tell(str(error))
            return dict.fromkeys(pending, _FAILED)
        except Exception:  # noqa: BLE001 - a value that no one foresaw must not end the twin for ever
            _log.exception("%s: what is wanted could not be written", self._counters.title)
            return dict.fromkeys(pending, _FAILED)
        for outcome in outcomes:
            if outcome.why and outcome.status:
                _log.warning("%s: %s: %s", self._counters.title, outcome.node, outcome.why)
        return {name: outcome.status for name, outcome in zip(pending, outcomes, strict=True)}
