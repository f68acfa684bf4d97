"""Samples on their way into an aggregate, sorted by what they are good for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.quality import Status, StatusArray, absent_mask, uncertain_mask

PlaceArray = npt.NDArray[np.intp]
"""Indexes of items."""
_SEVERITY = np.uint32(0xC0000000)
_CODE = np.uint32(0xCFFF0000)


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """One sample for each of n items. Each is ``good``, ``uncertain``, or neither: Bad, without a value, or no number.

    NaN and the infinities have no place in a sum or on a line, so that such a sample counts as Bad whatever its
    StatusCode. ``usable``: what TreatUncertainAsBad lets into a calculation. ``clean``: all are good.
    """

    index: PlaceArray
    values: ValueArray
    status: StatusArray
    time: TimeArray
    good: MaskArray
    uncertain: MaskArray
    usable: MaskArray
    clean: bool

    def take(self, which: MaskArray) -> Arrivals:
        """Give the samples where ``which`` is true."""
        if self.clean and which is self.good:
            return self
        return Arrivals(
            self.index[which],
            self.values[which],
            self.status[which],
            self.time[which],
            self.good[which],
            self.uncertain[which],
            self.usable[which],
            self.clean,
        )


def sorted_out(
    index: PlaceArray, values: ValueArray, status: StatusArray, time: TimeArray, *, treat_uncertain_as_bad: bool
) -> Arrivals:
    """Sort samples by quality; all arrays are of one length."""
    finite = np.isfinite(values) if values.dtype.kind == "f" else None
    all_finite = finite is None or bool(finite.all())
    if all_finite and not status.any():
        every = np.ones(len(index), np.bool_)
        return Arrivals(index, values, status, time, every, ~every, every, clean=True)
    present = ~absent_mask(status)
    if finite is not None:
        present &= finite
    good = present & ((status & _SEVERITY) == 0)
    uncertain = present & uncertain_mask(status)
    usable = good if treat_uncertain_as_bad else good | uncertain
    return Arrivals(index, values, status, time, good, uncertain, usable, clean=bool(good.all()))


def unread_mask(status: StatusArray) -> MaskArray:
    """Tell what is no data at all: points that nothing has been read of yet."""
    code = status & _CODE
    return absent_mask(status) & ((code == Status.BAD_WAITING_FOR_INITIAL_DATA) | (code == Status.BAD_NO_DATA))
