"""Watches every place that counts lost samples, and tells what came new: nothing is lost without an event."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from core.time import Clock, SystemClock

_log = logging.getLogger("plantspace.losses")

INTERVAL: Final = 1.0
"""Seconds between two comparisons, and so between two events of one place."""


@dataclass(frozen=True, slots=True)
class LossCount:
    """What one place has lost since the start, for one reason. Never falls.

    ``shares``: whose samples they were, by account (:mod:`server.ledger.accounts`), as far as that is known.
    """

    place: str
    reason: str
    samples: int
    shares: Mapping[str, int] = field(default_factory=dict[str, int], compare=False)


@dataclass(frozen=True, slots=True)
class Loss:
    """What one place has lost after ``start`` and until ``end`` (DateTime ticks), and whose samples they were."""

    place: str
    samples: int
    reason: str
    start: int
    end: int
    shares: Mapping[str, int] = field(default_factory=dict[str, int], compare=False)


class LossWatch:
    """Compares the counts once a second and tells the difference, one :class:`Loss` a place however often it lost.

    Start it before all that it watches: the comparison at its stop is the last, and sees what they lost at theirs. So
    the last two of a place may be less than a second apart.
    """

    def __init__(
        self,
        counts: Callable[[], Iterable[LossCount]],
        tell: Callable[[Loss], None],
        *,
        interval: float = INTERVAL,
        clock: Clock | None = None,
    ) -> None:
        """Ask ``counts`` every ``interval`` seconds, on the loop's thread; ``tell`` is called there too."""
        self._counts = counts
        self._tell = tell
        self._interval = interval
        self._clock: Clock = clock or SystemClock()
        self._since = self._clock.now()
        self._told: dict[tuple[str, str], int] = {}
        self._shares_told: dict[tuple[str, str], Mapping[str, int]] = {}
        self._task: asyncio.Task[None] | None = None
        self.losses = 0
        """How many were told."""

    def total(self) -> int:
        """Count all samples lost since the start, those not told yet included."""
        return sum(count.samples for count in self._counts())

    async def start(self) -> None:
        """Begin to compare."""
        self._since = self._clock.now()
        self._task = asyncio.create_task(self._run(), name="losses")

    async def stop(self) -> None:
        """Compare for the last time. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.compare()

    def compare(self) -> None:
        """Tell what each place has lost since the last comparison."""
        moment = self._clock.now()
        fresh: defaultdict[str, list[LossCount]] = defaultdict(list)
        for count in self._counts():
            if count.samples > self._told.get((count.place, count.reason), 0):
                fresh[count.place].append(count)
        for place, counts in fresh.items():
            samples = sum(count.samples - self._told.get((place, count.reason), 0) for count in counts)
            reason = "; ".join(count.reason for count in counts)
            self._tell(Loss(place, samples, reason, self._since, moment, self._new_shares(place, counts)))
            self._told.update({(place, count.reason): count.samples for count in counts})
            self._shares_told.update({(place, count.reason): dict(count.shares) for count in counts})
            self.losses += 1
        self._since = moment

    def _new_shares(self, place: str, counts: Iterable[LossCount]) -> dict[str, int]:
        fresh: Counter[str] = Counter()
        for count in counts:
            before = self._shares_told.get((place, count.reason), {})
            fresh.update({who: lost - before.get(who, 0) for who, lost in count.shares.items()})
        return {who: lost for who, lost in fresh.items() if lost > 0}

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                self.compare()
            except Exception:  # noqa: BLE001 - a loss that cannot be told now is told later, with those that follow
                _log.exception("losses could not be compared, or told")
