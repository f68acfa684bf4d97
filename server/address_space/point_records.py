"""DataValues of points, packed from the columns of the process image."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from core.batch import SlotArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.image import Column
from core.quality import SHOWN, StatusArray, absent_mask
from server.address_space.encoding import HAS_SERVER, HAS_SOURCE, HAS_STATUS, HAS_VALUE, encode_data_value
from server.address_space.points import Points

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
    return _pack(column.datatype, HAS_VALUE | timestamps, column.values[rows], status, source_time, server_time)


def records(points: Points, column: Column, rows: Rows, timestamps: int) -> list[bytes]:
    """Give the DataValue of each of many points."""
    if column.datatype.is_object:
        return _object_records(points, column, rows, timestamps)
    good = packed(column, rows, timestamps)
    if good is not None:
        return _split(good, _layout(column.datatype, HAS_VALUE | timestamps).itemsize)
    status = column.status[rows]
    values, source_time, server_time = column.values[rows], column.source_time[rows], column.server_time[rows]
    masks = np.full(len(status), HAS_VALUE | timestamps, np.uint8)
    masks[status != 0] |= HAS_STATUS
    masks[absent_mask(status)] &= ~np.uint8(HAS_VALUE)
    status = status & np.uint32(SHOWN)
    made = [b""] * len(masks)
    for mask in np.unique(masks).tolist():  # records of one mask are equally long, wherever they stand
        where = np.flatnonzero(masks == mask)
        data = _pack(column.datatype, mask, values[where], status[where], source_time[where], server_time[where])
        for position, one in zip(where.tolist(), _split(data, _layout(column.datatype, mask).itemsize), strict=True):
            made[position] = one
    return made


def _object_records(points: Points, column: Column, rows: Rows, timestamps: int) -> list[bytes]:
    """As :func:`records`, for values that are encoded one by one; their status and times are still columns."""
    made: list[bytes] = []
    status, values = column.status[rows].tolist(), column.values[rows]
    source_time, server_time = column.source_time[rows].tolist(), column.server_time[rows].tolist()
    source, server = timestamps & HAS_SOURCE, timestamps & HAS_SERVER
    for code, value, sourced, served in zip(status, values, source_time, server_time, strict=True):
        encoded, shown = points.encode(column.datatype, value, code)
        made.append(encode_data_value(encoded, shown, sourced if source else None, served if server else None))
    return made


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


@cache
def _layout(datatype: DataType, mask: int) -> np.dtype[np.void]:
    fields: list[tuple[str, Any]] = [("mask", "u1")]
    if mask & HAS_VALUE:
        fields += [("type", "u1"), ("value", datatype.dtype.newbyteorder("<"))]
    if mask & HAS_STATUS:
        fields.append(("status", "<u4"))
    if mask & HAS_SOURCE:
        fields.append(("source", "<i8"))
    if mask & HAS_SERVER:
        fields.append(("server", "<i8"))
    return np.dtype(fields)


def _pack(
    datatype: DataType,
    mask: int,
    values: ValueArray,
    status: StatusArray,
    source_time: TimeArray,
    server_time: TimeArray,
) -> bytes:
    made = np.empty(len(values), _layout(datatype, mask))
    made["mask"] = mask
    if mask & HAS_VALUE:
        made["type"] = int(datatype)
        made["value"] = values
    if mask & HAS_STATUS:
        made["status"] = status
    if mask & HAS_SOURCE:
        made["source"] = source_time
    if mask & HAS_SERVER:
        made["server"] = server_time
    return made.tobytes()
