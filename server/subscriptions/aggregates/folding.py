"""The aggregates of a cohort's items: samples in, one result an interval and item out.

What goes into an interval, and when it ends:

- A sample lies in the interval of its source time, but never later than the gateway's clock.
- A sample whose interval is closed for its item already is *late*: it is taken at the moment it arrived (counted in
  :attr:`Folding.late`). Of times that fall back within an interval the latest stands for all after it.
- An item's interval is closed by its first sample behind it, or by the clock when the interval's end lies back by the
  grace (:class:`~server.subscriptions.aggregates.grid.Grid`). Results of an interval go out together.
- The same sample (source time, value and status) seen twice is one.
- Data begins with the value that an item has when it is made, at that value's source time; what was never read is no
  data. Intervals before are Bad_NoData, the one in which data begins is Partial (Part 13 v1.05 5.3.3.2).
- When the clock leaps ahead, the interval that was open and the latest ones come out, no more than
  :data:`MOST_INTERVALS`; the others are counted in :attr:`Folding.skipped`. When it falls back by more than an
  interval, items begin anew with the values that they have (:attr:`Folding.restarts`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import StatusArray, absent_mask
from core.time import DATETIME_MAX_TICKS
from historian.aggregates.results import NO_DATA, PARTIAL
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray, sorted_out, unread_mask
from server.subscriptions.aggregates.folds import fold_of
from server.subscriptions.aggregates.grid import WAITING, Grid
from server.subscriptions.aggregates.kinds import Asked
from server.subscriptions.aggregates.outcomes import Spans
from server.subscriptions.aggregates.results import Results
from server.subscriptions.entries import Entries, IndexArray, larger

MOST_INTERVALS = 32
"""Intervals that come out at one go when the clock leaps, and that wait for :meth:`Folding.close`."""
_NEVER = np.iinfo(np.int64).max
_LONG_AGO = 0


class Folding:
    """Arrays over the items of one cohort; an item is an index, as in the cohort.

    ``late``: samples taken later than they were. ``skipped``: intervals of items that did not come out. ``restarts``:
    how often the clock fell back.
    """

    def __init__(self, asked: Asked, datatype: DataType, *, stepped: bool) -> None:
        """Begin without items. ``datatype``: of the values that are offered; ``stepped``: they hold until the next."""
        self.asked = asked
        self.late = 0
        self.restarts = 0
        self._skipped = 0
        self._grid = Grid.of(asked)
        self._fold = fold_of(asked, datatype, stepped=stepped)
        self._results = Results(2 * MOST_INTERVALS)  # items may stand in different intervals when the clock leaps
        self._current = WAITING
        """The interval whose results come next."""
        self._began: MaskArray = np.zeros(0, np.bool_)
        self._open: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._known_since: TimeArray = np.zeros(0, np.int64)
        self._time: TimeArray = np.zeros(0, np.int64)
        self._source_time: TimeArray = np.zeros(0, np.int64)
        self._values: ValueArray = np.zeros(0, datatype.dtype)
        self._status: StatusArray = np.zeros(0, np.uint32)

    @property
    def skipped(self) -> int:
        """Count intervals of items that did not come out, because the clock leapt or nobody took them."""
        return self._skipped + self._results.dropped

    @property
    def next_due(self) -> int:
        """Say at which tick of the clock :meth:`close` has something to give; far away without items."""
        if not self._began.any():
            return DATETIME_MAX_TICKS
        number = max(self._current, 0)
        waits = bool((self._open[self._began] <= number).any())
        return self._grid.end(number) + (self._grid.grace if waits else 0)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._fold.grow(capacity)
        self._began = larger(self._began, capacity)
        self._open = larger(self._open, capacity)
        self._known_since = larger(self._known_since, capacity)
        self._time = larger(self._time, capacity)
        self._source_time = larger(self._source_time, capacity)
        self._values = larger(self._values, capacity)
        self._status = larger(self._status, capacity)

    def begin(
        self, index: IndexArray, values: ValueArray, status: StatusArray, source_time: TimeArray, now: int
    ) -> None:
        """Let items begin, or begin anew, with the values that they have now: the arrays are of one length."""
        places = index.astype(np.intp)
        self.forget(index)
        with np.errstate(all="ignore"):
            self._keep_pace(now)
            self._begin(places, values, status, source_time, now)

    def forget(self, index: IndexArray) -> None:
        """Let items be no more; results that are not out yet are thrown away."""
        places = index.astype(np.intp)
        if self._began[places].any():
            self._began[places] = False
            self._results.forget(places)

    def offer(
        self, index: IndexArray, values: ValueArray, status: StatusArray, source_time: TimeArray, now: int
    ) -> None:
        """Take one sample for each of n items that have begun, each named at most once; ``now``: the clock's ticks."""
        with np.errstate(all="ignore"):  # what overflows or is no number is found in the result
            self._keep_pace(now)
            places = index.astype(np.intp)
            new = self._news(places, values, status, source_time)
            if new is not None:
                places, values, status, source_time = places[new], values[new], status[new], source_time[new]
            if len(places):
                self._take(places, values, status, source_time, now)

    def close(self, now: int) -> Iterator[Entries]:
        """Give the results of each interval that has ended, oldest first; twice :data:`MOST_INTERVALS` at most.

        Entries hold values of ``asked.result_type``, marked with NO_VALUE where there is none. Their source time is
        the interval's start, or that of the value for the aggregates that say so; the server time is the interval's
        end (Part 4 v1.05 7.22.4).
        """
        with np.errstate(all="ignore"):
            self._keep_pace(now)
            if not self._began.any():
                return
            target = max(self._current, self._grid.number(now - self._grid.grace))
            places = np.flatnonzero(self._began & (self._open < target))
            self._roll(places, np.full(len(places), target, np.int64), None)
            # Every item has a sample behind the intervals that come before the earliest one that is open.
            earliest = int(self._open[self._began].min())
            target = max(target, min(earliest, self._grid.number(now)))
            self._current = target
        yield from self._results.take(target)

    def _begin(
        self, places: PlaceArray, values: ValueArray, status: StatusArray, source_time: TimeArray, now: int
    ) -> None:
        number = self._grid.number(now)
        if self._began.any():
            number = max(number, self._current)
        else:
            self._current = number
        self._began[places] = True
        self._open[places] = number
        self._known_since[places] = _NEVER
        self._time[places] = _LONG_AGO
        self._fold.forget(places)
        self._keep(places, values, status, source_time)
        data = ~unread_mask(status)
        places, values, status = places[data], values[data], status[data]
        time = np.minimum(source_time[data], now)
        self._time[places] = time
        self._known_since[places] = time
        start = self._grid.starts(self._open[places])
        before = time < start  # only a bound of the first interval
        self._fold_in(places, values, status, time, np.minimum(start, time))
        self._fold.turn(places[before])

    def _keep(self, places: PlaceArray, values: ValueArray, status: StatusArray, source_time: TimeArray) -> None:
        """Remember samples as they came."""
        self._source_time[places] = source_time
        self._values[places] = values
        self._status[places] = status

    def _news(
        self, places: PlaceArray, values: ValueArray, status: StatusArray, source_time: TimeArray
    ) -> MaskArray | None:
        """Tell samples from those that were seen before and from no data; None if all are new."""
        new: MaskArray | None = None
        seen = source_time == self._source_time[places]
        if seen.any():
            held = self._values[places]
            same = (values == held) | ((values != values) & (held != held))  # noqa: PLR0124 - NaN differs from itself
            new = ~(seen & same & (status == self._status[places]))
        if status.any():
            data = ~unread_mask(status)
            if not data.all():
                new = data if new is None else new & data
        return new

    def _take(
        self, places: PlaceArray, values: ValueArray, status: StatusArray, source_time: TimeArray, now: int
    ) -> None:
        start = self._grid.starts(self._open[places])
        time = np.minimum(source_time, now)
        late = time < start
        if late.any():
            late &= self._open[places] >= 0  # before the first interval nothing is late
            time = np.where(late, np.maximum(start, now), time)
            self.late += int(np.count_nonzero(late))
        time = np.maximum(time, self._time[places])
        crossing = time >= start + self._grid.interval
        if crossing.any():
            behind = places[crossing]
            after = self._sorted(behind, values[crossing], status[crossing], time[crossing])
            self._roll(behind, self._grid.numbers(time[crossing]), after)
            start = self._grid.starts(self._open[places])
        self._time[places] = time
        self._keep(places, values, status, source_time)
        known = self._known_since[places]
        if (known == _NEVER).any():
            self._known_since[places] = np.minimum(known, time)
        self._fold_in(places, values, status, time, start)

    def _fold_in(
        self, places: PlaceArray, values: ValueArray, status: StatusArray, time: TimeArray, start: TimeArray
    ) -> None:
        self._fold.take(self._sorted(places, values, status, time), start)

    def _sorted(self, places: PlaceArray, values: ValueArray, status: StatusArray, time: TimeArray) -> Arrivals:
        as_bad = self.asked.configuration.treat_uncertain_as_bad
        return sorted_out(places, values, status, time, treat_uncertain_as_bad=as_bad)

    def _roll(self, places: PlaceArray, target: npt.NDArray[np.int64], after: Arrivals | None) -> None:
        """Close items' intervals until ``target`` is open; ``after``: the samples that come next."""
        while True:
            behind = self._open[places] < target
            if not behind.any():
                return
            if not behind.all():
                places, target = places[behind], target[behind]
                after = None if after is None else after.take(behind)
            self._emit(places, after)
            self._fold.turn(places)
            opened = self._open[places] + 1
            latest = np.maximum(opened, target - (MOST_INTERVALS - 1))
            self._skipped += int((latest - np.maximum(opened, 0)).clip(0).sum())
            self._open[places] = latest

    def _emit(self, places: PlaceArray, after: Arrivals | None) -> None:
        """Calculate what items' open intervals come to."""
        numbers = self._open[places]
        if (numbers == WAITING).all():
            return
        start = self._grid.starts(numbers)
        spans = Spans(start, start + self._grid.interval)
        outcome = self._fold.outcome(places, spans, after)
        status, time = outcome.status, start if outcome.time is None else outcome.time
        known = self._known_since[places]
        if self._fold.tells_partial:
            partial = known > start if outcome.partial is None else (known > start) | outcome.partial
            status[partial & ~absent_mask(status)] |= np.uint32(PARTIAL)
        status[known >= spans.end] = NO_DATA
        entries = Entries(places.astype(np.int32), outcome.values, status, time, spans.end)
        for number in np.unique(numbers[numbers >= 0]).tolist():
            mine = numbers == number
            self._results.add(number, entries if mine.all() else entries.take(mine))

    def _keep_pace(self, now: int) -> None:
        """Begin anew when the clock has fallen back by more than an interval."""
        if self._current < 0 or now >= self._grid.end(self._current - 2):
            return
        places = np.flatnonzero(self._began)
        if not len(places):
            return
        self.restarts += 1
        self._results.set_apart()
        known = self._known_since[places] != _NEVER
        self._began[places] = False
        status = np.where(known, self._status[places], np.uint32(NO_DATA))
        self._begin(places, self._values[places], status, np.full(len(places), now, np.int64), now)
