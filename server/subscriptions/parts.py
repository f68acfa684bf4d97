"""IndexRange on points that are arrays, Strings or ByteStrings (NumericRange, Part 4 v1.05 7.27)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.batch import ValueArray
from core.datatypes import DataType
from core.quality import NO_VALUE, Status, StatusArray
from server.address_space.index_range import Bounds, IndexRangeRefused, read_range
from server.subscriptions.encoding import EncodeVariant


def parts_of(
    datatype: DataType,
    values: ValueArray,
    status: StatusArray,
    bounds: Sequence[Bounds],
    encode_variant: EncodeVariant,
) -> tuple[ValueArray, StatusArray]:
    """Give the named part of each value (object[n]) as an encoded Variant, None where there is none.

    A value that has no such part is BadIndexRangeNoData (Part 4 v1.05 5.13.2.4).
    """
    parts, found = np.empty(len(values), object), status.copy()
    for position, value in enumerate(values):
        if value is None or int(status[position]) & NO_VALUE:
            continue
        encoded = encode_variant(datatype, value)
        if encoded is None:
            found[position] = np.uint32(Status.BAD_ENCODING_ERROR)
            continue
        try:
            parts[position] = read_range(encoded, bounds)
        except IndexRangeRefused as refused:
            found[position] = np.uint32(refused.status)
    return parts, found


def as_it_is(_datatype: DataType, part: bytes) -> bytes:
    """Write a part, which is encoded (:data:`~server.subscriptions.encoding.EncodeVariant`)."""
    return part
