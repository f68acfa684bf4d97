"""What Sparkplug hosts ask for (NCMD, DCMD), carried out through the same port as any other command.

Sparkplug has no answers: a host sees by the DDATA that follows whether a value was taken. What is refused is told by
the log and the audit trail. The id of a command is its message's own digest (:class:`SparkplugCommand`), for payloads
have a time and no id; one without a time has no id, and is carried out each time that it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import Final
from uuid import uuid4

from asyncua.ua.status_codes import StatusCodes

from core.errors import StoreError
from core.quality import is_bad
from server.pubsub.commands.audit import RefusalAudit
from server.pubsub.commands.intake import MOST_WAITING, CommandCounters
from server.pubsub.commands.port import CommandPort, Wanted
from server.pubsub.commands.rate import Rate
from server.pubsub.commands.refusal import CommandRefused, status_name
from server.pubsub.commands.settings import CommandSettings
from server.pubsub.commands.store import CommandStore, Entry, Limits
from server.pubsub.sparkplug.commands import SparkplugCommand

_log = logging.getLogger("plantspace.pubsub")
_ENDS_WITHIN: Final = 5.0
_MOST_SHOWN: Final = 5


class SparkplugWriter:
    """Carries commands out, one after the other. The store is open while it runs."""

    def __init__(
        self, settings: CommandSettings, *, connection: str, port: CommandPort, store: CommandStore, audit: RefusalAudit
    ) -> None:
        """Do nothing before :meth:`start`. ``connection``: its name, in which ids are unique."""
        self._source = f"{connection}/sparkplug"
        self._port, self._store, self._audit = port, store, audit
        self._rate = Rate(settings.rate, max(2.0 * settings.rate, 1.0))
        store.limit(self._source, Limits(settings.keep_ids, settings.most_ids))
        self.counters = CommandCounters()
        self._waiting: deque[tuple[SparkplugCommand, str]] = deque()
        self._due = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to carry commands out."""
        self._stopping = False
        self._task = asyncio.create_task(self._work(), name=f"commands of {self._source}")

    async def stop(self) -> None:
        """Finish the command that is under way, within seconds; those that wait are left. Safe twice."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        self._due.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task, _ENDS_WITHIN)
        self._waiting.clear()

    def carry_out(self, command: SparkplugCommand) -> None:
        """Take a command, or what is wrong with one; returns at once."""
        self.counters.received += 1
        entry = f"{self._source} {command.device or 'node'} {command.identifier}"
        if command.refusals:
            shown = "; ".join(f"{name}: {why}" if name else why for name, why in command.refusals[:_MOST_SHOWN])
            self._refuse(StatusCodes.BadInvalidArgument, shown, entry)
        elif not self._rate.take() or len(self._waiting) >= MOST_WAITING:
            self._refuse(StatusCodes.BadTooManyOperations, "too many commands come", entry)
        elif command.writes:
            self._waiting.append((command, entry))
            self._due.set()

    def _refuse(self, status: int, why: str, entry: str) -> None:
        self.counters.refused += 1
        self._audit.refused(int(status), why, entry)

    async def _work(self) -> None:
        while not self._stopping:
            if not self._waiting:
                self._due.clear()
                await self._due.wait()
                continue
            command, entry = self._waiting.popleft()
            try:
                await self._do(command, entry)
            except CommandRefused as refused:
                self._refuse(refused.status, str(refused), entry)
            except StoreError as error:
                self._refuse(StatusCodes.BadResourceUnavailable, f"the command cannot be recorded: {error}", entry)
            except Exception:  # noqa: BLE001 - whatever one command leads to must not end the others
                _log.exception("a command of %s failed in a way that was not foreseen", self._source)

    async def _do(self, command: SparkplugCommand, entry: str) -> None:
        recorded = Entry(command.identifier or uuid4().hex, b"")
        (before,) = await self._store.begin(self._source, [recorded])
        if before is not None:
            self.counters.duplicates += 1
            return
        wanted = [Wanted(one.node, one.value) for one in command.writes]
        outcomes = await self._port.write(wanted, entry=entry, all_or_nothing=True)
        answer = ",".join(f"{outcome.status:08X}" for outcome in outcomes)
        await self._store.finish(self._source, recorded, answer.encode())
        for one, outcome in zip(command.writes, outcomes, strict=True):
            if is_bad(outcome.status):
                _log.warning("%s: %s is not written: %s", entry, one.metric, outcome.why or status_name(outcome.status))
        if all(is_bad(outcome.status) for outcome in outcomes):
            self.counters.refused += 1
        else:
            self.counters.done += 1
