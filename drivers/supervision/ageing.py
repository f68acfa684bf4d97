"""Gives points their StatusCode as values age: uncertain at once when the link goes, Bad after the stale limit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import numpy as np

from core.batch import Batch, SlotArray
from core.quality import Status
from drivers.contract import BoundPoint
from drivers.supervision.clock import Alarm, Clock
from drivers.supervision.freshness import Freshness
from drivers.supervision.schedule import Group

_LOOKS = 16  # a silent point is seen within this fraction of the stale limit


class Ageing:
    """Watches the age of one device's values from :meth:`start` to :meth:`stop`.

    ``mark`` gives slots a StatusCode. What ``groups`` scanned last counts as heard; it is looked at only when the link
    goes, so that a scan costs nothing here. ``watch_silence``: points that are not heard age on a link that is up, too.
    """

    def __init__(
        self,
        points: Sequence[BoundPoint],
        groups: Sequence[Group],
        stale: float,
        mark: Callable[[SlotArray, Status], None],
        clock: Clock,
        *,
        watch_silence: bool,
    ) -> None:
        """Age nothing yet."""
        slots = np.array([point.slot for point in points], np.int32)
        self._freshness = Freshness(slots, stale, clock.monotonic())
        self._groups, self._stale, self._mark, self._clock = groups, stale, mark, clock
        self._watch_silence = watch_silence
        self._linked = False
        self._running = False
        self._alarm: Alarm | None = None

    @property
    def any_fresh(self) -> bool:
        """Tell whether any point that was heard is fresh."""
        return self._freshness.any_fresh

    def start(self) -> None:
        """Begin: what has no value is Bad after the stale limit."""
        self._running = True
        self._freshness.revive(self._clock.monotonic())
        self._arm()

    def stop(self) -> None:
        """Age nothing any more."""
        self._running = self._linked = False
        self._disarm()

    def linked(self) -> None:
        """Note that the link is up."""
        self._linked = True
        self._arm()

    def hear(self, batch: Batch) -> None:
        """Note what a listening device sent."""
        self._freshness.hear(batch.slots, batch.status, self._clock.monotonic())

    def lose(self) -> None:
        """Note that the link is gone: what was fresh is uncertain now."""
        self._linked = False
        self._hear_scans()
        for group in self._groups:
            group.last = []
        self._give(self._freshness.lose(), Status.UNCERTAIN_LAST_USABLE_VALUE)
        self.look()

    def discard(self) -> None:
        """Give all points up: their source is out of service."""
        self._give(self._freshness.discard(), Status.BAD_OUT_OF_SERVICE)

    def look(self) -> None:
        """Mark what has become too old by now, and look again when the next point does."""
        self._hear_scans()
        now = self._clock.monotonic()
        if self._linked and self._watch_silence:
            self._give(self._freshness.silent(now), Status.UNCERTAIN_LAST_USABLE_VALUE)
        self._give(self._freshness.expire(now), Status.BAD_NO_COMMUNICATION)
        self._arm()

    def _hear_scans(self) -> None:
        for group in self._groups:
            for batch in group.last:
                with contextlib.suppress(IndexError):  # a driver's slot that is not the device's has no age here
                    self._freshness.hear(batch.slots, batch.status, group.last_at)

    def _give(self, slots: SlotArray, status: Status) -> None:
        if slots.size:
            self._mark(slots, status)

    def _arm(self) -> None:
        self._disarm()
        if not self._running:
            return
        watching = self._linked and self._watch_silence
        deadline = self._freshness.next_deadline(listening=watching)
        if deadline is not None:
            soonest = self._clock.monotonic() + self._stale / _LOOKS if watching else deadline
            self._alarm = self._clock.call_at(max(deadline, soonest), self.look)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
