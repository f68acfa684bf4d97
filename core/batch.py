"""The value object that all rooms pass on: a column of values with their slots, StatusCodes and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.datatypes import DataType
from core.quality import StatusArray

SlotArray = npt.NDArray[np.int32]
TimeArray = npt.NDArray[np.int64]
ValueArray = npt.NDArray[Any]  # numpy's stubs have no name for "numbers of one type, or objects" that can be compared
MaskArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What a driver read at one go; raw device values, before scaling. Immutable once published.

    ``slots``: int32[n], points of one DataType in the process image, each at most once (several samples of one point
    are several batches, in their order). ``values``: [n] of any numeric type, or object[n].
    ``status``: uint32[n] or one StatusCode for all. ``source_time``: int64[n] DateTime ticks or one for all.
    ``received``: DateTime ticks when the gateway read it. ``once``: this slots array will not come again, so that
    nothing needs to be kept that was worked out about it. ``backfill``: the samples come late, out of a device's buffer
    or an upstream server's history; they are for the archive and never become the present value.
    """

    slots: SlotArray
    values: ValueArray
    status: StatusArray | int
    source_time: TimeArray | int
    received: int
    once: bool = False
    backfill: bool = False

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.slots)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What the process image hands to its taps: engineering values of points of one DataType. Immutable.

    ``slots``: int32[n]; ``rows``: int32[n], the points' rows in their type's column; ``values``: [n] of the DataType's
    dtype; ``status``: uint32[n]; ``source_time`` and ``server_time``: int64[n] and one int64, DateTime ticks;
    ``changed``: bool[n], true where value (beyond the point's deadband) or status differs from what was handed on last.
    ``backfill``: they came late (:data:`~core.quality.BACKFILLED` is set in ``status``) and nothing has changed by
    them; who shows the present passes them over.
    """

    datatype: DataType
    slots: SlotArray
    rows: SlotArray
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: int
    changed: MaskArray
    backfill: bool = False

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.slots)

    def take(self, mask: MaskArray) -> Samples:
        """Give the samples where ``mask`` (bool[n]) is true."""
        return Samples(
            self.datatype,
            self.slots[mask],
            self.rows[mask],
            self.values[mask],
            self.status[mask],
            self.source_time[mask],
            self.server_time,
            self.changed[mask],
            self.backfill,
        )
