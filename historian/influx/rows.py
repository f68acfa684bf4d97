"""Rows of InfluxQL back into columns of samples (:mod:`historian.influx.lines` says what stands in them)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import StatusArray
from core.time import UNIX_EPOCH_TICKS
from historian import objects
from historian.encoding import DamagedData
from historian.influx.lines import FIELDS
from historian.influx.positions import TICK

COLUMNS: Final = (*FIELDS, "n", "type")
"""What a statement selects; ``time`` comes before them by itself."""
_PLACE: Final = {name: place for place, name in enumerate(("time", *COLUMNS))}
_TIME, _NUMBER, _TYPE, _RECORD = _PLACE["time"], _PLACE["n"], _PLACE["type"], _PLACE["rec"]
_STATUS, _LAG = _PLACE["status"], _PLACE["lag"]
_BITS: Final = {DataType.FLOAT: np.dtype("<i4"), DataType.DOUBLE: np.dtype("<i8")}
_NUMBERS: Final = tuple(_PLACE[name] for name in ("i", "f", "b"))

Row = Sequence[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Samples of one DataType; ``damaged``: how many rows held no value that the type has."""

    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray
    damaged: int


def tick_of(row: Row) -> int:
    """Give the source time."""
    return row[_TIME] // TICK + UNIX_EPOCH_TICKS


def ordinal_of(row: Row) -> int:
    """Give the place among the samples at that source time: rising in the order of arrival."""
    return int(row[_NUMBER] or 0) * TICK + row[_TIME] % TICK


def record_in(row: Row) -> int:
    """Name the record that brought the row."""
    return int(row[_RECORD] or 0)


def type_of(row: Row) -> DataType | None:
    """Give the DataType; None in a row that is not the gateway's."""
    try:
        return DataType.named(row[_TYPE] or "")
    except KeyError:
        return None


def decode(rows: Sequence[Row], datatype: DataType) -> Decoded:
    """Read rows of one DataType."""
    columns = list(zip(*rows, strict=True))
    values, good = _objects(columns) if datatype.is_object else _numbers(columns, datatype)
    times = np.array(columns[_TIME], np.int64) // TICK + UNIX_EPOCH_TICKS
    status = np.array([value or 0 for value in columns[_STATUS]], np.uint32)
    lag = np.array([value or 0 for value in columns[_LAG]], np.int64)
    if good is None:
        return Decoded(values, status, times, times + lag, 0)
    server = times + lag
    return Decoded(values[good], status[good], times[good], server[good], int((~good).sum()))


def _numbers(columns: Sequence[Sequence[Any]], datatype: DataType) -> tuple[ValueArray, np.ndarray[Any, Any] | None]:
    if datatype in _BITS:
        return _floats(columns, datatype)
    given = columns[_PLACE["b" if datatype is DataType.BOOLEAN else "i"]]
    good = None if None not in given else np.array([value is not None for value in given])
    plain = [value or 0 for value in given]
    if datatype is DataType.UINT64:
        return np.array(plain, np.int64).view(np.uint64), good
    return np.array(plain, np.int64).astype(datatype.dtype), good


def _floats(columns: Sequence[Sequence[Any]], datatype: DataType) -> tuple[ValueArray, np.ndarray[Any, Any] | None]:
    given = columns[_PLACE["f"]]
    values: ValueArray = np.array(given, np.float64).astype(datatype.dtype)  # None becomes NaN
    if None not in given:
        return values, None
    bits = columns[_PLACE["x"]]
    raw = values.view(_BITS[datatype])
    good = np.ones(len(values), np.bool_)
    for row, value in enumerate(given):
        if value is None:
            if bits[row] is None:
                good[row] = False
            else:
                raw[row] = bits[row]
    return values, good


def _objects(columns: Sequence[Sequence[Any]]) -> tuple[ValueArray, np.ndarray[Any, Any] | None]:
    values: ValueArray = np.empty(len(columns[_TIME]), object)
    good = np.ones(len(values), np.bool_)
    for row, (text, form) in enumerate(zip(columns[_PLACE["s"]], columns[_PLACE["j"]], strict=True)):
        if text is not None:
            values[row] = text
        elif form is None:
            good[row] = False
        else:
            try:
                values[row] = objects.decode(f"[{form}]".encode("utf-8", "surrogatepass"), 1)[0]
            except DamagedData:
                good[row] = False
    return values, good
