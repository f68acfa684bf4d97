"""Columns of values as JSON texts by the rules of Part 6 v1.05 5.4.2, a whole column at a time."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

import numpy as np
import numpy.typing as npt

from core import quality
from core.batch import ValueArray
from core.datatypes import DataType
from core.time import DATETIME_MAX_TICKS, TICKS_PER_SECOND, from_datetime, to_iso

FloatArray = npt.NDArray[np.float64]

DATETIME_MIN = "0001-01-01T00:00:00Z"
DATETIME_MAX = "9999-12-31T23:59:59Z"

_DEEPEST = 32
_EXACT_POWER = 22
"""10**22 is the last power of ten that a double holds exactly."""
_FLOAT_DIGITS = (7, 8, 9)
"""Significant digits that a Float is tried with; nine always tell it."""


def text(value: str) -> str:
    """Give a JSON string."""
    return json.dumps(value, ensure_ascii=False)


def datetime_text(ticks: int) -> str:
    """Give a DateTime as the JSON string's inside (Part 6 v1.05 5.4.2.6)."""
    if ticks <= 0:
        return DATETIME_MIN
    return DATETIME_MAX if ticks >= DATETIME_MAX_TICKS else to_iso(ticks)


def datetime_texts(ticks: Iterable[int]) -> list[str]:
    """Give many DateTimes as :func:`datetime_text` does; the calendar is asked once a second of theirs."""
    seconds: dict[int, str] = {}
    texts: list[str] = []
    for moment in ticks:
        if not 0 < moment < DATETIME_MAX_TICKS:
            texts.append(datetime_text(moment))
            continue
        second, fraction = divmod(moment, TICKS_PER_SECOND)
        whole = seconds.get(second)
        if whole is None:
            whole = seconds[second] = to_iso(second * TICKS_PER_SECOND)[:-1]
        texts.append(f"{whole}.{fraction:07d}".rstrip("0") + "Z" if fraction else f"{whole}Z")
    return texts


def status_text(status: int) -> str:
    """Give a StatusCode as the object of code and symbol (Part 6 v1.05 5.4.2.11, VerboseEncoding)."""
    return f'{{"Code":{status},"Symbol":"{quality.symbol(status)}"}}'


def column_texts(datatype: DataType, values: ValueArray) -> list[str]:
    """Give each value of a column as JSON. Objects that have no JSON form of their own are told by their text."""
    match datatype:
        case DataType.DOUBLE:
            texts = _floats(cast("FloatArray", values))
        case DataType.FLOAT:
            texts = _floats(shortest(cast("npt.NDArray[np.float32]", values)))
        case DataType.BOOLEAN:
            texts = ["true" if value else "false" for value in values.tolist()]
        case DataType.INT64 | DataType.UINT64:
            texts = [f'"{value}"' for value in values.tolist()]
        case DataType.DATETIME:
            texts = [f'"{moment}"' for moment in datetime_texts(values.tolist())]
        case DataType.STATUSCODE:
            texts = [status_text(value) for value in values.tolist()]
        case _ if datatype.is_object:
            texts = [object_text(value, datatype) for value in values]
        case _:
            texts = list(map(repr, values.tolist()))
    return texts


def shortest(values: npt.NDArray[np.float32]) -> FloatArray:
    """Widen Floats to the Doubles that show as few digits as tell the Floats apart: 0.1, not 0.10000000149011612."""
    wide = values.astype(np.float64)
    with np.errstate(all="ignore"):
        exponent = np.floor(np.log10(np.abs(wide)))
        usable = np.isfinite(exponent) & (np.abs(exponent) <= _EXACT_POWER - max(_FLOAT_DIGITS))
        result = wide
        left = usable
        for digits in _FLOAT_DIGITS:
            if not left.any():
                break
            places = digits - 1 - exponent
            # Whole numbers below 2**53 and exact powers of ten: the division rounds once, to the decimal's own Double.
            up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
            rounded = np.where(places >= 0, np.rint(wide * up) / up, np.rint(wide / down) * down)
            fits = left & (rounded.astype(np.float32) == values)
            result = np.where(fits, rounded, result)
            left &= ~fits
    return result


def _floats(values: FloatArray) -> list[str]:
    texts = list(map(repr, values.tolist()))
    finite = np.isfinite(values)
    if not finite.all():
        for index in np.flatnonzero(~finite).tolist():
            texts[index] = _special(float(values[index]))
    return texts


def _special(value: float) -> str:
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'


def object_text(value: object, built_in: DataType = DataType.VARIANT) -> str:
    """Give one object, or an array of objects of the type ``built_in``, as JSON."""
    return json.dumps(_plain(value, built_in, 0), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _plain(value: Any, built_in: DataType, depth: int) -> object:  # noqa: ANN401 - object columns hold whatever a driver gave
    if depth > _DEEPEST:
        return str(type(value).__name__)
    scalar = _scalar(value, built_in)
    if scalar is not NotImplemented:
        return scalar
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {str(key): _plain(item, DataType.VARIANT, depth + 1) for key, item in members.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Sequence):
        return [_plain(item, built_in, depth + 1) for item in cast("Sequence[object]", value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name), DataType.VARIANT, depth + 1)
            for field in dataclasses.fields(value)
        }
    return str(value)


def _scalar(value: object, built_in: DataType) -> object:
    """Give a scalar's plain form, or NotImplemented for what is none."""
    if isinstance(value, np.generic):
        value = cast("object", value.item())
    if isinstance(value, Enum):
        value = cast("object", value.value)
    result: object = NotImplemented
    if value is None or isinstance(value, bool | str):
        result = value
    elif isinstance(value, int):
        result = _integer(value, built_in)
    elif isinstance(value, float):
        result = value if math.isfinite(value) else _special(value).strip('"')
    elif isinstance(value, bytes | bytearray):
        result = base64.b64encode(value).decode("ascii")
    elif isinstance(value, datetime):
        result = datetime_text(from_datetime(value)) if value.tzinfo else value.isoformat()
    elif isinstance(value, UUID):
        result = str(value)
    return result


def _integer(value: int, built_in: DataType) -> object:
    if built_in in (DataType.INT64, DataType.UINT64):
        return str(value)
    if built_in is DataType.DATETIME:
        return datetime_text(value)
    if built_in is DataType.STATUSCODE:
        return {"Code": value, "Symbol": quality.symbol(value)}
    return value
