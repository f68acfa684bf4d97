"""DataValues of points, packed from the columns of the process image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.batch import SlotArray
from core.image import Column
from core.quality import SHOWN
from server.address_space.encoding import HAS_SERVER, HAS_SOURCE, HAS_VALUE, encode_data_value
from server.address_space.points import Points
from server.subscriptions.encoding import masks_of, pack, record_type

Rows = slice | SlotArray
"""Rows of a column; a slice is quicker."""


def record(points: Points, column: Column, row: int, timestamps: int) -> bytes:
    """Give one point's DataValue. ``timestamps``: the bits of a DataValue's mask for the times that are wanted."""
    encoded, status, source_time, server_time = points.read(column, row)
    return encode_data_value(
        encoded,
        status or 0,
        source_time if timestamps & HAS_SOURCE else None,
        server_time if timestamps & HAS_SERVER else None,
    )


def packed(column: Column, rows: Rows, timestamps: int) -> bytes | None:
    """Give the DataValues of points of a number type one behind the other, or None where not all of them are Good."""
    status = column.status[rows]
    if status.any():
        return None
    source_time, server_time = column.source_time[rows], column.server_time[rows]
    return pack(column.datatype, HAS_VALUE | timestamps, None, column.values[rows], status, source_time, server_time)


def records(column: Column, rows: Rows, timestamps: int) -> list[bytes]:
    """Give the DataValue of each of many points of a number type."""
    good = packed(column, rows, timestamps)
    if good is not None:
        return _split(good, record_type(column.datatype, HAS_VALUE | timestamps).itemsize)
    status = column.status[rows]
    values, source_time, server_time = column.values[rows], column.source_time[rows], column.server_time[rows]
    masks = masks_of(status, HAS_VALUE | timestamps)
    status = status & np.uint32(SHOWN)
    made = [b""] * len(masks)
    for mask in np.unique(masks).tolist():  # records of one mask are equally long, wherever they stand
        where = np.flatnonzero(masks == mask)
        data = pack(column.datatype, mask, None, values[where], status[where], source_time[where], server_time[where])
        size = record_type(column.datatype, mask).itemsize
        for position, one in zip(where.tolist(), _split(data, size), strict=True):
            made[position] = one
    return made


def object_records(points: Points, column: Column, rows: Rows, timestamps: int) -> Iterator[bytes]:
    """As :func:`records`, for values that are encoded one by one; their status and times are still columns."""
    status, values = column.status[rows].tolist(), column.values[rows].tolist()  # all of one moment
    source_time, server_time = column.source_time[rows].tolist(), column.server_time[rows].tolist()
    source, server = timestamps & HAS_SOURCE, timestamps & HAS_SERVER
    for code, value, sourced, served in zip(status, values, source_time, server_time, strict=True):
        encoded, shown = points.encode(column.datatype, value, code)
        yield encode_data_value(encoded, shown, sourced if source else None, served if server else None)


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]
