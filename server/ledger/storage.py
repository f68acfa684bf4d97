"""How much history and outbox hold, and how fast history grows: looked at now and then, read at any moment."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from core.errors import StoreError
from core.time import TICKS_PER_SECOND, Clock, SystemClock
from historian.contract import HistoryReader
from historian.outbox import Outbox
from historian.outbox_backlog import SinkBacklog

_log = logging.getLogger("plantspace.ledger")

_INTERVAL: Final = 1.0
_OUTBOX_EVERY: Final = 2
_HISTORY_EVERY: Final = 30
"""Seconds: measuring a large history takes a tenth of a second of its reading thread."""
_RATE_OVER: Final = 10
"""Seconds over which the rate is taken."""


@dataclass(slots=True)
class Storage:
    """What was found last. ``rate``: samples stored a second; ``oldest``: of raw samples, ticks, 0 for none."""

    history_bytes: int = 0
    history_samples: int = 0
    oldest: int = 0
    rate: float = 0.0
    outbox_bytes: int = 0
    backlogs: dict[str, SinkBacklog] = field(default_factory=dict[str, SinkBacklog])


class StorageWatch:
    """Looks at the store and the outbox while it runs. ``stored`` counts the samples that the store has taken."""

    def __init__(
        self,
        store: HistoryReader | None,
        outbox: Outbox | None,
        stored: Callable[[], int],
        *,
        clock: Clock | None = None,
    ) -> None:
        """Look at nothing yet."""
        self._store = store
        self._outbox = outbox
        self._stored = stored
        self._clock: Clock = clock or SystemClock()
        self._marks: deque[tuple[float, int]] = deque(maxlen=_RATE_OVER + 1)
        self._task: asyncio.Task[None] | None = None
        self.storage = Storage()

    def use(self, outbox: Outbox) -> None:
        """Look at an outbox that is open from now on."""
        self._outbox = outbox

    def age(self, sink: str) -> float:
        """Give the seconds that the oldest record waits for a sink; 0 where none does."""
        backlog = self.storage.backlogs.get(sink)
        if backlog is None or backlog.oldest is None:
            return 0.0
        return max(0.0, (self._clock.now() - backlog.oldest) / TICKS_PER_SECOND)

    async def start(self) -> None:
        """Look for the first time, and go on."""
        self._mark()
        await self._look(outbox=True, history=True)
        self._task = asyncio.create_task(self._run(), name="storage")

    async def stop(self) -> None:
        """Look no more. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        second = 0
        while True:
            await asyncio.sleep(_INTERVAL)
            second += 1
            self._mark()
            await self._look(outbox=not second % _OUTBOX_EVERY, history=not second % _HISTORY_EVERY)

    def _mark(self) -> None:
        self._marks.append((self._clock.monotonic(), self._stored()))
        (first, before), (last, after) = self._marks[0], self._marks[-1]
        self.storage.rate = (after - before) / (last - first) if last > first else 0.0

    async def _look(self, *, outbox: bool, history: bool) -> None:
        """Look; what cannot be read now stays as it was, and its owner has told why."""
        storage = self.storage
        try:
            if outbox and self._outbox is not None:
                storage.backlogs = await self._outbox.backlogs()
                storage.outbox_bytes = (await self._outbox.statistics()).bytes
            if history and self._store is not None:
                found = await self._store.statistics()
                storage.history_bytes, storage.history_samples = found.bytes, found.samples
                storage.oldest = found.oldest_raw or 0
        except StoreError as error:
            _log.debug("the storage cannot be measured now: %s", error)
        except Exception:  # noqa: BLE001 - a number that cannot be had must not end all others for ever
            _log.exception("the storage could not be measured")
