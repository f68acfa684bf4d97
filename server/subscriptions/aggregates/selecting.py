"""Aggregates that pick samples out: Start, End, Delta and WorstQuality (Part 13 v1.05 5.4.3.25 to 27, 35)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import SHOWN, StatusArray
from historian.aggregates.results import CALCULATED, MULTIPLE_VALUES, NO_DATA, difference, good_or_uncertain
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray
from server.subscriptions.aggregates.outcomes import Outcome, Spans, codes
from server.subscriptions.entries import larger

_SEVERITY_BITS = np.uint32(30)
_WORST = 2
"""Severity Bad; the fourth value of the two bits is reserved and Bad as well (Part 4 v1.05 7.39.1)."""


class Chosen:
    """Start or End: the first or the last raw sample as it is, with its own status and time."""

    tells_partial = True

    def __init__(self, datatype: DataType, *, first: bool) -> None:
        """Begin without items."""
        self._first = first
        self._values: ValueArray = np.zeros(0, datatype.dtype)
        self._status: StatusArray = np.zeros(0, np.uint32)
        self._time: TimeArray = np.zeros(0, np.int64)
        self._found: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._values = larger(self._values, capacity)
        self._status = larger(self._status, capacity)
        self._time = larger(self._time, capacity)
        self._found = larger(self._found, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self.turn(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Keep the first or the last sample."""
        del start
        index, values, status, time = arrivals.index, arrivals.values, arrivals.status, arrivals.time
        if self._first:
            new = ~self._found[index]
            index, values, status, time = index[new], values[new], status[new], time[new]
        self._values[index] = values
        self._status[index] = status
        self._time[index] = time
        self._found[index] = True

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the samples; Bad_NoData where there is none."""
        del after
        found = self._found[index]
        status = np.where(found, self._status[index], np.uint32(NO_DATA))
        return Outcome(self._values[index], status, np.where(found, self._time[index], spans.start))

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval."""
        self._found[index] = False


class Delta:
    """The last Good sample less the first."""

    tells_partial = True

    def __init__(self, datatype: DataType) -> None:
        """Begin without items."""
        self._datatype = datatype
        self._first: ValueArray = np.zeros(0, datatype.dtype)
        self._last: ValueArray = np.zeros(0, datatype.dtype)
        self._found: MaskArray = np.zeros(0, np.bool_)
        self._skipped_first: MaskArray = np.zeros(0, np.bool_)
        self._skipped_last: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._first = larger(self._first, capacity)
        self._last = larger(self._last, capacity)
        self._found = larger(self._found, capacity)
        self._skipped_first = larger(self._skipped_first, capacity)
        self._skipped_last = larger(self._skipped_last, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self.turn(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Keep first and last, and whether others than Good ones stand before the one or behind the other."""
        del start
        if not arrivals.clean:
            skipped = arrivals.index[~arrivals.good]
            self._skipped_last[skipped] = True
            self._skipped_first[skipped[~self._found[skipped]]] = True
        used = arrivals.take(arrivals.good)
        new = ~self._found[used.index]
        self._first[used.index[new]] = used.values[new]
        self._last[used.index] = used.values
        self._skipped_last[used.index] = False
        self._found[used.index] = True

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the differences; Bad_AggregateInvalidInputs where the source's type cannot say one."""
        del spans, after
        status = good_or_uncertain(self._skipped_first[index] | self._skipped_last[index], CALCULATED)
        status[~self._found[index]] = NO_DATA
        return Outcome(difference(self._last[index], self._first[index], status, self._datatype), status)

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval."""
        self._found[index] = False
        self._skipped_first[index] = False
        self._skipped_last[index] = False


class WorstQuality:
    """The first StatusCode of the worst severity, as a value; MultipleValues where there are several."""

    tells_partial = True

    def __init__(self) -> None:
        """Begin without items."""
        self._severity: npt.NDArray[np.int8] = np.zeros(0, np.int8)
        """One more than that of the code; 0 without a sample."""
        self._code: StatusArray = np.zeros(0, np.uint32)
        self._again: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._severity = larger(self._severity, capacity)
        self._code = larger(self._code, capacity)
        self._again = larger(self._again, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self.turn(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Compare severities."""
        del start
        index = arrivals.index
        severity = (np.minimum(arrivals.status >> _SEVERITY_BITS, _WORST) + 1).astype(np.int8)
        held = self._severity[index]
        worse = severity > held
        self._again[index] = ~worse & (self._again[index] | (severity == held))
        places = index[worse]
        self._severity[places] = severity[worse]
        self._code[places] = arrivals.status[worse] & np.uint32(SHOWN)

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the codes; they are Good, Calculated results themselves."""
        del spans, after
        status = codes(len(index), CALCULATED)
        status[self._again[index]] |= np.uint32(MULTIPLE_VALUES)
        status[self._severity[index] == 0] = NO_DATA
        return Outcome(self._code[index], status)

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval."""
        self._severity[index] = 0
        self._again[index] = False
