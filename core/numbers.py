"""Numbers of a column: how they fit into its type and when they differ."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, ValueArray
from core.datatypes import DataType

_HALF = 2


def differing(values: ValueArray, reference: ValueArray, deadband: npt.NDArray[np.float64] | None) -> MaskArray:
    """Tell where numbers differ, by more than ``deadband`` if there is one.

    NaN does not differ from NaN, and from a number by more than any deadband.
    """
    changed = values != reference
    if values.dtype.kind == "f":
        changed &= ~((values != values) & (reference != reference))  # noqa: PLR0124 - NaN is what differs from itself
    if deadband is None or values.dtype.kind == "b":
        return changed
    return changed & ~(_distance(values, reference) <= deadband)


def cast(datatype: DataType, scaled: ValueArray) -> tuple[ValueArray, MaskArray]:
    """Give numbers in the column's type, rounded where it holds whole ones, and tell where they fit; zero where not."""
    if not datatype.is_integer:
        values = scaled.astype(datatype.dtype)
        return values, ~(np.isinf(values) & np.isfinite(scaled))
    limits = np.iinfo(datatype.dtype)  # type: ignore[type-var]  # is_integer says it is one; numpy's stubs cannot know
    if scaled.dtype.kind == "f":
        scaled = np.rint(scaled)
        # float(2**63 - 1) is 2**63, which does not fit: compare below the next power of two.
        fits = (scaled >= float(limits.min)) & (scaled < float(limits.max // _HALF + 1) * _HALF)
    else:
        fits = (scaled >= limits.min) & (scaled <= limits.max)
    return (scaled if fits.all() else np.where(fits, scaled, 0)).astype(datatype.dtype), fits


def _distance(one: ValueArray, other: ValueArray) -> ValueArray:
    if one.dtype.kind == "f":
        with np.errstate(invalid="ignore", over="ignore"):  # infinite from infinite is NaN: not within any deadband
            return np.abs(one.astype(np.float64) - other.astype(np.float64))
    # Unsigned subtraction of the smaller from the larger is exact over the whole range of a signed type too.
    unsigned = np.dtype(f"u{one.dtype.itemsize}")
    larger = np.where(one > other, one, other).view(unsigned)
    smaller = np.where(one > other, other, one).view(unsigned)
    return larger - smaller
