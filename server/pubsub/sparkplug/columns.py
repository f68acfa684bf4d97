"""Parts of frames side by side: everything that a message's metrics are made of, in the order of their times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.batch import MaskArray
from core.quality import Status, StatusArray
from server.pubsub.frames import FieldValues, IndexArray
from server.pubsub.sparkplug.rows import ByteArray, LengthArray, NumberArray
from server.pubsub.sparkplug.settings import UnsignedField
from server.pubsub.sparkplug.values import milliseconds, number_columns

ObjectField = Callable[[int, object], bytes]
"""Gives the field that holds an object, of the metric at a place; raises ValueError and the like if it cannot."""


@dataclass(slots=True)
class Columns:
    """Values of metrics, [n] each; as :class:`~server.pubsub.sparkplug.rows.Rows` has them."""

    index: IndexArray
    milliseconds: NumberArray
    status: StatusArray
    keys: ByteArray
    values: ByteArray
    lengths: LengthArray
    null: MaskArray | None = None
    tails: list[bytes] | None = None

    def __len__(self) -> int:
        """Count the values."""
        return len(self.index)


def gather(parts: Sequence[FieldValues], object_field: ObjectField, unsigned: UnsignedField) -> Columns:
    """Put parts together, sorted by time: Sparkplug 3.0.0, 5.16, wants the metrics of a message in this order."""
    made = [_columns(part, object_field, unsigned) for part in parts if len(part)]
    whole = made[0] if len(made) == 1 else _together(made)
    times = whole.milliseconds
    if len(whole) == 1 or bool((times[1:] >= times[:-1]).all()):
        return whole
    order = np.argsort(times, kind="stable")
    return Columns(
        whole.index[order],
        times[order],
        whole.status[order],
        whole.keys[order],
        whole.values[order],
        whole.lengths[order],
        None if whole.null is None else whole.null[order],
        None if whole.tails is None else [whole.tails[place] for place in order.tolist()],
    )


def _columns(part: FieldValues, object_field: ObjectField, unsigned: UnsignedField) -> Columns:
    count, times = len(part), milliseconds(part.source_time)
    if part.datatype.is_object:
        return _objects(part, times, object_field)
    key, values, lengths = number_columns(part.datatype, part.values, unsigned)
    keys = np.full(count, key, np.uint8)
    if part.empty is not None:
        lengths = np.where(part.empty, 0, lengths)
    return Columns(part.index, times, part.status, keys, values, lengths, part.empty)


def _objects(part: FieldValues, times: NumberArray, object_field: ObjectField) -> Columns:
    """Encode objects; one that is not of its metric's type is null and BadEncodingError, and the rest goes on."""
    count = len(part)
    null, status = np.zeros(count, np.bool_), part.status
    tails = [b""] * count
    for place, (metric, value) in enumerate(zip(part.index.tolist(), part.values, strict=True)):
        if value is None or (part.empty is not None and part.empty[place]):
            null[place] = True
            continue
        try:
            tails[place] = object_field(metric, value)
        except (ValueError, TypeError, OverflowError):
            null[place] = True
            status = status.copy()
            status[place] = Status.BAD_ENCODING_ERROR
    nothing = np.zeros(count, np.uint8)
    lengths = np.zeros(count, np.int64)
    return Columns(
        part.index, times, status, nothing, nothing.reshape(-1, 1), lengths, null if null.any() else None, tails
    )


def _together(made: Sequence[Columns]) -> Columns:
    null: MaskArray | None = None
    if any(one.null is not None for one in made):
        null = np.concatenate([np.zeros(len(one), np.bool_) if one.null is None else one.null for one in made])
    tails: list[bytes] | None = None
    if any(one.tails is not None for one in made):
        tails = [tail for one in made for tail in one.tails or [b""] * len(one)]
    return Columns(
        np.concatenate([one.index for one in made]),
        np.concatenate([one.milliseconds for one in made]),
        np.concatenate([one.status for one in made]),
        np.concatenate([one.keys for one in made]),
        _stacked([one.values for one in made]),
        np.concatenate([one.lengths for one in made]),
        null,
        tails,
    )


def _stacked(columns: Sequence[ByteArray]) -> ByteArray:
    whole = np.zeros((sum(map(len, columns)), max(one.shape[1] for one in columns)), np.uint8)
    place = 0
    for one in columns:
        whole[place : place + len(one), : one.shape[1]] = one
        place += len(one)
    return whole
