"""Results of intervals and their StatusCodes (Part 13 v1.05 5.3.3, 5.4.3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.numbers import cast
from core.quality import NO_VALUE, Status, StatusArray
from historian.aggregates.kinds import AggregateConfiguration

FloatArray = npt.NDArray[np.float64]
CountArray = npt.NDArray[np.int64]

DATA_VALUE_INFO: Final = 0x0400
"""InfoType DataValue: the low bits of the StatusCode tell about the value (Part 4 v1.05 7.39.1)."""
CALCULATED: Final = DATA_VALUE_INFO | 0x01
INTERPOLATED: Final = DATA_VALUE_INFO | 0x02
PARTIAL: Final = DATA_VALUE_INFO | 0x04
MULTIPLE_VALUES: Final = DATA_VALUE_INFO | 0x10
"""Historian bits of Part 11 v1.05 6.4.3; no bit for the data's origin means Raw."""
NO_DATA: Final = int(Status.BAD_NO_DATA) | NO_VALUE
SUB_NORMAL: Final = int(Status.UNCERTAIN_DATA_SUB_NORMAL)
INVALID_INPUTS: Final = 0x80D60000 | NO_VALUE
"""Bad_AggregateInvalidInputs: what was calculated is no number of the result's type (Part 13 v1.05 5.3.2)."""
_WHOLE: Final = 100
_WIDE: Final = 8
_EXACT: Final = (1 << 63) // (_WHOLE + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """One row an interval, in the order asked for; arrays of equal length [n].

    ``values``: of ``datatype``'s dtype; ``status``: uint32 with the historian bits (Calculated, Interpolated, Partial,
    MultipleValues), and NO_VALUE where there is no value; ``times``: int64 ticks, the start of the interval unless the
    aggregate says otherwise.
    """

    datatype: DataType
    values: ValueArray
    status: StatusArray
    times: TimeArray

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.times)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What an aggregate makes of its intervals, earliest first. ``times``: where it is not the intervals' start.

    ``status``: with the bits for the data's origin, not yet with Partial.
    """

    values: ValueArray
    status: StatusArray
    times: TimeArray | None = None


def good_or_uncertain(unsure: MaskArray, bits: int) -> StatusArray:
    """Give Good, or Uncertain_DataSubNormal where ``unsure``, with ``bits``."""
    return np.where(unsure, np.uint32(SUB_NORMAL | bits), np.uint32(bits)).astype(np.uint32)


def by_share(
    bad: CountArray, width: CountArray, unsure: MaskArray, configuration: AggregateConfiguration
) -> StatusArray:
    """Calculate StatusCodes by PercentDataBad and PercentDataGood (Part 13 v1.05 5.4.3.2.1), with Calculated.

    ``bad`` of ``width`` (samples or ticks) is Bad, the rest counts as good. ``unsure``: Uncertain data was used, which
    keeps the result from being Good although it counts as good here (4.2.1.2). A Bad result goes without a value.
    """
    if len(width) and int(width.max()) > _EXACT:  # hundredfold it would not fit into 64 bits
        bad, width = bad // (_WHOLE + 1), width // (_WHOLE + 1)
    is_bad = (bad > 0) & (_WHOLE * bad >= configuration.percent_bad * width)
    is_good = (bad == 0) | (_WHOLE * (width - bad) >= configuration.percent_good * width)
    status = good_or_uncertain(~is_good | unsure, CALCULATED)
    status[is_bad] = Status.BAD | NO_VALUE | CALCULATED
    return status


def numbers(calculated: FloatArray, status: StatusArray, datatype: DataType) -> ValueArray:
    """Turn what was calculated into the result's type; ``status`` changes in place where it has no place there."""
    usable = np.isfinite(calculated)
    values, fits = cast(datatype, np.where(usable, calculated, 0.0))
    if values.dtype.kind in "iu" and values.dtype.itemsize == _WIDE:
        # As a Double the largest value is one more than it may be; it is what any value close to it is rounded to.
        largest = np.iinfo(values.dtype).max
        at_end = calculated == float(largest)
        values, fits = np.where(at_end, largest, values), fits | at_end
    refuse(status, ~(usable & fits))
    return values


def refuse(status: StatusArray, where: MaskArray) -> None:
    """Say in place that a result has no place in its type, where there would be one."""
    status[where & ((status & np.uint32(NO_VALUE)) == 0)] = INVALID_INPUTS


def difference(later: ValueArray, earlier: ValueArray, status: StatusArray, datatype: DataType) -> ValueArray:
    """Give ``later - earlier`` exactly, in the source's own type; ``status`` changes in place where it does not fit."""
    if later.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number is refused
            return numbers(later.astype(np.float64) - earlier.astype(np.float64), status, datatype)
    if later.dtype.itemsize < _WIDE:
        values, fits = cast(datatype, later.astype(np.int64) - earlier.astype(np.int64))
        refuse(status, ~fits)
        return values
    values = (later.view(np.uint64) - earlier.view(np.uint64)).view(later.dtype)  # modulo 2**64: right where it fits
    refuse(status, (values >= 0) != (later >= earlier) if later.dtype.kind == "i" else later < earlier)
    return values
