"""Raw samples of one point, and what each is good for in an aggregate."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.batch import MaskArray, TimeArray, ValueArray
from core.quality import SHOWN, Status, StatusArray, absent_mask, uncertain_mask
from historian.aggregates.results import FloatArray

_SEVERITY = np.uint32(0xC0000000)
_CODE = np.uint32(0xFFFF0000 & SHOWN)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Samples in the order of (time, arrival): ``times`` int64[n] ticks, ``values`` [n], ``status`` uint32[n].

    They have the internal bits of :mod:`core.quality`. Beside those of the intervals there have to be some around
    them, as far as there are any: the last usable one before and the next usable one after with whatever lies between,
    and a second usable one before where values are extrapolated along a slope.
    ``begins``, ``ends``: the times of the first and the last sample that there are of the point at all; None: none.
    """

    times: TimeArray
    values: ValueArray
    status: StatusArray
    begins: int | None
    ends: int | None

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.times)


def unread_mask(status: StatusArray) -> MaskArray:
    """Tell what is no data at all: that nothing had been read of the point yet."""
    code = status & _CODE
    return absent_mask(status) & ((code == Status.BAD_WAITING_FOR_INITIAL_DATA) | (code == Status.BAD_NO_DATA))


class Graded:
    """Samples sorted by quality: each is ``good``, ``uncertain``, or neither: Bad, without a value, or no number.

    NaN and the infinities have no place in a sum or on a line, so that such a sample counts as Bad whatever its
    StatusCode. ``usable``: what TreatUncertainAsBad lets into a calculation.
    """

    def __init__(self, series: Series, *, treat_uncertain_as_bad: bool) -> None:
        """Grade the samples from the beginning of data on."""
        keep = slice(0 if series.begins is None else int(np.searchsorted(series.times, series.begins)), None)
        self.times: TimeArray = series.times[keep]
        self.values: ValueArray = series.values[keep]
        self.status: StatusArray = series.status[keep]
        present = ~absent_mask(self.status)
        if self.values.dtype.kind == "f":
            present &= np.isfinite(self.values)
        self.good: MaskArray = present & ((self.status & _SEVERITY) == 0)
        self.uncertain: MaskArray = present & uncertain_mask(self.status)
        self.usable: MaskArray = self.good if treat_uncertain_as_bad else self.good | self.uncertain

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.times)

    @cached_property
    def numbers(self) -> FloatArray:
        """Give the usable values as Double, zero in place of the others and of what is none."""
        if self.values.dtype.kind == "O":
            return np.zeros(len(self.times))
        return np.where(self.usable, self.values, 0).astype(np.float64)

    @cached_property
    def lenient(self) -> Graded:
        """Give the same samples with the Uncertain ones let in."""
        other = copy.copy(self)
        other.usable = self.good | self.uncertain
        other.__dict__.pop("numbers", None)
        return other
