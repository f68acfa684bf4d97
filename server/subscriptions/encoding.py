"""MonitoredItemNotifications as packed records: a numpy structured array *is* the notification's body.

A DataValue (Part 6 v1.05 5.2.2.17) is an encoding mask followed by the fields that the mask names; a notification puts
the UInt32 client handle before it. Within a run of equal masks all records are equally long, so a run is written in
one go.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import SHOWN, Status, StatusArray, absent_mask
from server.address_space.encoding import encode_data_value

_FEW_RUNS = 8
"""Runs of equal masks that are written one by one; more of them are quicker put in place record by record."""
HandleArray = npt.NDArray[np.uint32]

_HAS_VALUE = 0x01
_HAS_STATUS = 0x02
_HAS_SOURCE = 0x04
_HAS_SERVER = 0x08


class Timestamps(IntFlag):
    """Which times a DataValue carries (TimestampsToReturn, Part 4 v1.05 7.40), as bits of the encoding mask."""

    NEITHER = 0
    SOURCE = _HAS_SOURCE
    SERVER = _HAS_SERVER
    BOTH = _HAS_SOURCE | _HAS_SERVER


@cache
def record_type(datatype: DataType, mask: int, *, handled: bool = False) -> np.dtype[np.void]:
    """Give the layout of a DataValue with this encoding mask (Part 6 v1.05 5.2.2.17), behind a handle or by itself."""
    fields: list[tuple[str, str]] = [("handle", "<u4"), ("mask", "u1")] if handled else [("mask", "u1")]
    if mask & _HAS_VALUE:
        fields += [("type", "u1"), ("value", datatype.dtype.newbyteorder("<").str)]
    if mask & _HAS_STATUS:
        fields.append(("status", "<u4"))
    if mask & _HAS_SOURCE:
        fields.append(("source", "<i8"))
    if mask & _HAS_SERVER:
        fields.append(("server", "<i8"))
    return np.dtype(fields)


def masks_of(status: StatusArray, plain: int) -> npt.NDArray[np.uint8]:
    """Give the encoding masks of values by their StatusCodes; ``plain`` is that of a Good one."""
    masks = np.full(len(status), plain, np.uint8)
    masks[status != 0] |= _HAS_STATUS
    masks[absent_mask(status)] &= ~np.uint8(_HAS_VALUE)
    return masks


def encode_columns(
    datatype: DataType,
    handles: HandleArray | None,
    values: ValueArray,
    status: StatusArray,
    source_time: TimeArray,
    server_time: TimeArray,
    timestamps: Timestamps,
) -> bytes:
    """Write n notifications of one number type, or without ``handles`` n DataValues; times are DateTime ticks.

    The StatusCode is written where it is not Good; what is marked as having no value goes without one.
    """
    plain = int(_HAS_VALUE | timestamps)
    if not status.any():
        return pack(datatype, plain, handles, values, status, source_time, server_time)
    masks = masks_of(status, plain)
    status = status & np.uint32(SHOWN)
    edges = [0, *(np.flatnonzero(np.diff(masks)) + 1).tolist(), len(masks)]
    if len(edges) > _FEW_RUNS + 1:
        return _interleaved(datatype, masks, handles, values, status, source_time, server_time)
    parts: list[bytes] = []
    for begin, end in pairwise(edges):
        part = slice(begin, end)
        parts.append(
            pack(
                datatype,
                int(masks[begin]),
                None if handles is None else handles[part],
                values[part],
                status[part],
                source_time[part],
                server_time[part],
            )
        )
    return b"".join(parts)


def _interleaved(
    datatype: DataType,
    masks: npt.NDArray[np.uint8],
    handles: HandleArray | None,
    values: ValueArray,
    status: StatusArray,
    source_time: TimeArray,
    server_time: TimeArray,
) -> bytes:
    """Write records whose masks change all the time: those of one mask together, each at its place."""
    kinds: list[int] = np.unique(masks).tolist()
    sizes = np.zeros(256, np.int64)
    for mask in kinds:
        sizes[mask] = record_type(datatype, mask, handled=handles is not None).itemsize
    lengths = sizes[masks]
    places = np.cumsum(lengths) - lengths
    body = np.empty(int(lengths.sum()), np.uint8)
    for mask in kinds:
        which = np.flatnonzero(masks == mask)
        chosen = None if handles is None else handles[which]
        written = pack(datatype, mask, chosen, values[which], status[which], source_time[which], server_time[which])
        records = np.frombuffer(written, np.uint8).reshape(len(which), -1)
        body[places[which][:, None] + np.arange(records.shape[1])] = records
    return body.tobytes()


def pack(
    datatype: DataType,
    mask: int,
    handles: HandleArray | None,
    values: ValueArray,
    status: StatusArray,
    source_time: TimeArray,
    server_time: TimeArray,
) -> bytes:
    """Write values whose encoding masks are all ``mask``, without ``handles`` as DataValues one behind the other."""
    records = np.empty(len(values), record_type(datatype, mask, handled=handles is not None))
    if handles is not None:
        records["handle"] = handles
    records["mask"] = mask
    if mask & _HAS_VALUE:
        records["type"] = int(datatype)
        records["value"] = values
    if mask & _HAS_STATUS:
        records["status"] = status
    if mask & _HAS_SOURCE:
        records["source"] = source_time
    if mask & _HAS_SERVER:
        records["server"] = server_time
    return records.tobytes()


EncodeVariant = Callable[[DataType, Any], bytes | None]
"""Writes one object as a Variant, None where it cannot; given by the stack, which owns the codec."""


def encode_objects(
    datatype: DataType,
    handles: HandleArray | None,
    values: ValueArray,
    status: StatusArray,
    source_time: TimeArray,
    server_time: TimeArray,
    timestamps: Timestamps,
    encode_variant: EncodeVariant,
) -> bytes:
    """Write n notifications whose values are Python objects, one after the other; None goes without a value."""
    parts: list[bytes] = []
    for position, value in enumerate(values):
        code = int(status[position]) & SHOWN
        variant = None if value is None else encode_variant(datatype, value)
        if variant is None and value is not None:
            code = Status.BAD_ENCODING_ERROR
        if handles is not None:
            parts.append(int(handles[position]).to_bytes(4, "little"))
        source = int(source_time[position]) if timestamps & Timestamps.SOURCE else None
        server = int(server_time[position]) if timestamps & Timestamps.SERVER else None
        parts.append(encode_data_value(variant, code, source, server))
    return b"".join(parts)
