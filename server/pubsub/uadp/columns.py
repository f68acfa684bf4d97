"""Columns as the fields of DataSetMessages: rows of bytes, made for a whole column, and many messages, at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from core.datatypes import DataType
from server.address_space.encoding import HAS_SERVER, HAS_SOURCE, HAS_STATUS, HAS_VALUE
from server.pubsub.frames import FieldValues
from server.pubsub.uadp.flags import FieldEncoding

ByteArray = npt.NDArray[np.uint8]
CountArray = npt.NDArray[np.int64]

_DATA_VALUE: Final = 23
_BAD: Final = np.uint32(0x80000000)
_UNCERTAIN: Final = np.uint32(0x40000000)


@dataclass(frozen=True, slots=True)
class FieldForm:
    """How a DataSetWriter shows its fields; the times only with :attr:`~FieldEncoding.DATA_VALUE`."""

    encoding: FieldEncoding
    status: bool = False
    source_time: bool = False
    server_time: bool = False


class Rows:
    """Rows of one width: the fields of one column in which each value is shown in the same way.

    ``index_at`` to ``server_at``: where in a row what changes stands, -1 where it is left out; ``base``: the rest.
    """

    def __init__(self, datatype: DataType, form: FieldForm, *, indexed: bool, status: bool) -> None:
        """Lay a row out. ``indexed``: with the field's number, as in delta frames; ``status``: with a StatusCode."""
        self.dtype = datatype.dtype.newbyteorder("<")
        made = bytearray()
        self.index_at = self.status_at = self.source_at = self.server_at = -1
        if indexed:
            self.index_at = 0
            made += bytes(2)
        if form.encoding is FieldEncoding.DATA_VALUE:
            mask = HAS_VALUE | (HAS_STATUS if status else 0) | (HAS_SOURCE if form.source_time else 0)
            made.append(mask | (HAS_SERVER if form.server_time else 0))
        if form.encoding is not FieldEncoding.RAW_DATA:
            made.append(datatype)
        self.value_at = len(made)
        made += bytes(self.dtype.itemsize)
        if form.encoding is FieldEncoding.DATA_VALUE:
            if status:
                self.status_at = len(made)
                made += bytes(4)
            if form.source_time:
                self.source_at = len(made)
                made += bytes(8)
            if form.server_time:
                self.server_at = len(made)
                made += bytes(8)
        self.base = bytes(made)
        self.width = len(made)

    def columns(self, parts: Sequence[FieldValues]) -> list[tuple[int, npt.NDArray[Any]]]:
        """Give what stands at which place of the rows, for the same part of several messages: arrays [messages, n]."""
        shape = (len(parts), len(parts[0]))
        made: list[tuple[int, npt.NDArray[Any]]] = [
            (self.value_at, _stacked([part.values for part in parts], self.dtype, shape))
        ]
        if self.status_at >= 0:
            made.append((self.status_at, _stacked([part.status for part in parts], np.dtype("<u4"), shape)))
        if self.source_at >= 0:
            made.append((self.source_at, _stacked([part.source_time for part in parts], np.dtype("<i8"), shape)))
        if self.server_at >= 0:
            made.append((self.server_at, _stacked([part.server_time for part in parts], np.dtype("<i8"), shape)))
        return made


def _stacked(columns: list[Any], dtype: np.dtype[Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
    whole: npt.NDArray[Any] = columns[0] if len(columns) == 1 else np.concatenate(columns)
    return whole.astype(dtype, copy=False).reshape(shape)


def uneven_rows(part: FieldValues, form: FieldForm, *, indexed: bool) -> tuple[ByteArray, CountArray]:
    """Give the fields of one column of numbers that are not all shown alike: their bytes, and how many each has.

    What a row might have is laid out whole, and what it does not have is left out of all rows in one go.
    """
    size = len(part)
    empty = np.zeros(size, np.bool_) if part.empty is None else part.empty
    bad, uncertain = (part.status & _BAD) != 0, (part.status & (_BAD | _UNCERTAIN)) == _UNCERTAIN
    value = part.datatype.dtype.newbyteorder("<")
    ones = np.ones(size, np.bool_)
    if form.encoding is FieldEncoding.DATA_VALUE:
        coded = (part.status != 0) if form.status else ~ones
        mask = np.where(empty, 0, HAS_VALUE) | np.where(coded, HAS_STATUS, 0)
        mask |= (HAS_SOURCE if form.source_time else 0) | (HAS_SERVER if form.server_time else 0)
        columns: list[tuple[Any, np.dtype[Any], Any]] = [
            (mask, np.dtype("u1"), ones),
            (int(part.datatype), np.dtype("u1"), ~empty),
            (part.values, value, ~empty),
            (part.status, np.dtype("<u4"), coded),
            (part.source_time, np.dtype("<i8"), ones & form.source_time),
            (part.server_time, np.dtype("<i8"), ones & form.server_time),
        ]
    elif form.encoding is FieldEncoding.VARIANT:
        # Part 14 v1.05 6.2.4.2: a StatusCode in the place of a Bad value, a DataValue in that of an Uncertain one.
        good = ~bad & ~uncertain
        columns = [
            (_DATA_VALUE, np.dtype("u1"), uncertain),
            (np.where(empty, HAS_STATUS, HAS_VALUE | HAS_STATUS), np.dtype("u1"), uncertain),
            (np.where(empty, 0, int(part.datatype)), np.dtype("u1"), good | (uncertain & ~empty)),
            (part.values, value, ~bad & ~empty),
            (int(DataType.STATUSCODE), np.dtype("u1"), bad),
            (part.status, np.dtype("<u4"), ~good),
        ]
    else:
        columns = [(np.where(empty, np.zeros(1, value), part.values), value, ones)]
    if indexed:
        columns.insert(0, (part.index, np.dtype("<u2"), ones))
    layout = np.dtype([(f"c{number}", dtype) for number, (_, dtype, _) in enumerate(columns)])
    rows = np.empty(size, layout)
    shown = np.empty((size, layout.itemsize), np.bool_)
    at = 0
    for number, (content, dtype, present) in enumerate(columns):
        rows[f"c{number}"] = content
        shown[:, at : at + dtype.itemsize] = present[:, None]
        at += dtype.itemsize
    return rows.view(np.uint8).reshape(size, -1)[shown], shown.sum(1)
