"""Interpolative (Part 13 v1.05 5.4.3.4): the interpolated bounding value at each interval's start (3.1.8)."""

from __future__ import annotations

import numpy as np

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import StatusArray
from historian.aggregates.results import INTERPOLATED, NO_DATA, good_or_uncertain, numbers
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray
from server.subscriptions.aggregates.outcomes import Outcome, Spans
from server.subscriptions.aggregates.trail import FloatArray, Trail
from server.subscriptions.entries import larger


class Interpolative:
    """The bound is known with the first usable sample from the start on; without one it is extrapolated.

    A ``stepped`` variable holds its value until the next sample. The gateway knows that it does, so that such a
    bound is never beyond the end of the data.
    """

    tells_partial = False

    def __init__(self, datatype: DataType, *, stepped: bool, sloped: bool) -> None:
        """Begin without items."""
        self._datatype = datatype
        self._stepped = stepped
        self._sloped = sloped
        self._trail = Trail(datatype)
        self._known: MaskArray = np.zeros(0, np.bool_)
        self._values: ValueArray = np.zeros(0, datatype.dtype)
        self._status: StatusArray = np.zeros(0, np.uint32)
        self._skipped: MaskArray = np.zeros(0, np.bool_)
        """Whether an unusable sample stands between the last usable one and the start, or at the start."""

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._trail.grow(capacity)
        self._known = larger(self._known, capacity)
        self._values = larger(self._values, capacity)
        self._status = larger(self._status, capacity)
        self._skipped = larger(self._skipped, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self._trail.forget(index)
        self.turn(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Find bounds that are not known yet."""
        if not arrivals.clean:
            useless = ~arrivals.usable
            self._trail.skipped[arrivals.index[useless]] = True
            self._skipped[arrivals.index[useless & (arrivals.time == start)]] = True
            start = start[arrivals.usable]
            arrivals = arrivals.take(arrivals.usable)
        wanted = ~self._known[arrivals.index]
        if wanted.any():
            self._find(arrivals.take(wanted), start[wanted])
        self._trail.follow(arrivals)

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the bounds; Bad_NoData where no sample stands before."""
        values, status = self._values[index], self._status[index]
        missing = ~self._known[index]
        if missing.any():
            followed = np.zeros(len(index), np.bool_) if after is None else missing & after.usable
            if after is not None and followed.any():
                places = index[followed]
                values[followed], status[followed] = self._between(places, spans.start[followed], after.take(followed))
            alone = missing & ~followed
            values[alone], status[alone] = self._extrapolated(index[alone], spans.start[alone])
        return Outcome(values, status)

    def turn(self, index: PlaceArray) -> None:
        """Look for the next interval's bound."""
        self._known[index] = False
        self._skipped[index] = self._trail.skipped[index]

    def _find(self, used: Arrivals, start: TimeArray) -> None:
        at_start = used.time == start
        values, status = self._between(used.index, start, used)
        self._values[used.index] = np.where(at_start, used.values, values)
        self._status[used.index] = np.where(at_start, used.status, status)
        self._known[used.index] = True

    def _between(self, index: PlaceArray, start: TimeArray, following: Arrivals) -> tuple[ValueArray, StatusArray]:
        trail = self._trail
        if self._stepped:
            return self._held(index)
        unsure = trail.skipped[index] | trail.uncertain[index] | ~following.good
        return self._settled(index, trail.towards(index, start, following.time, following.values), unsure)

    def _extrapolated(self, index: PlaceArray, start: TimeArray) -> tuple[ValueArray, StatusArray]:
        if self._stepped:
            return self._held(index)
        unsure = np.ones(len(index), np.bool_)
        if self._sloped:
            return self._settled(index, self._trail.beyond(index, start, sloped=True), unsure)
        return self._trail.values[index], self._marked(index, unsure)

    def _held(self, index: PlaceArray) -> tuple[ValueArray, StatusArray]:
        return self._trail.values[index], self._marked(index, self._skipped[index] | self._trail.uncertain[index])

    def _settled(self, index: PlaceArray, height: FloatArray, unsure: MaskArray) -> tuple[ValueArray, StatusArray]:
        status = self._marked(index, unsure)
        return numbers(height, status, self._datatype), status

    def _marked(self, index: PlaceArray, unsure: MaskArray) -> StatusArray:
        status = good_or_uncertain(unsure, INTERPOLATED)
        status[~self._trail.known[index]] = NO_DATA
        return status
