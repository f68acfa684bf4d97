"""Python's own values as JSON: numbers, texts, times, lists, mappings, numpy's arrays, dataclasses."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final, cast
from uuid import UUID

import numpy as np
import numpy.typing as npt

from core.datatypes import DataType
from core.time import from_datetime
from nodesets.built_in_types import BuiltInType, Variant
from nodesets.datatypes.json_values import Json
from server.pubsub.json.times import datetime_text
from server.pubsub.json.values import column_texts, special_text

MATRIX: Final = 2
"""Dimensions from which an array is a matrix."""
_DEEPEST: Final = 32
_VARIANT: Final = BuiltInType.Variant
_COLUMNS: Final = {one.dtype: one for one in DataType if one.is_number}
_QUOTED: Final = (BuiltInType.Int64, BuiltInType.UInt64, BuiltInType.DateTime, BuiltInType.StatusCode)
"""Types of whole numbers whose JSON is no number."""
_GUESSES: Final[tuple[tuple[type, BuiltInType], ...]] = (
    (bool, BuiltInType.Boolean),
    (int, BuiltInType.Int64),
    (float, BuiltInType.Double),
    (str, BuiltInType.String),
    (bytes, BuiltInType.ByteString),
    (bytearray, BuiltInType.ByteString),
    (datetime, BuiltInType.DateTime),
    (UUID, BuiltInType.Guid),
)


class PlainTexts:
    """Writes values by the built-in type that they are meant to have.

    ``other`` writes an object of OPC UA, and gives NotImplemented for what is none; ``status`` a StatusCode.
    """

    def __init__(self, other: Callable[[object], object], status: Callable[[int], Json], *, nests: bool) -> None:
        """``nests``: a matrix is arrays of arrays, not its elements and its dimensions."""
        self._other = other
        self._status = status
        self._nests = nests

    def text(self, value: object, built_in: BuiltInType) -> tuple[str, list[Json]]:
        """Write a plain value; a matrix' elements in row-major order, its dimensions beside them."""
        if not isinstance(value, np.ndarray):
            return dumped(self._plain(value, built_in, 0)), []
        array = cast("npt.NDArray[Any]", value)
        elements = array.ravel()
        column = _COLUMNS.get(elements.dtype)
        texts = column_texts(column, elements) if column is not None and _is_written_as(built_in, column) else None
        if texts is None:
            texts = [dumped(self._plain(one, built_in, 1)) for one in elements.tolist()]
        if array.ndim < MATRIX:
            return f"[{','.join(texts)}]", []
        if not self._nests:
            return f"[{','.join(texts)}]", list(array.shape)
        for size in reversed(array.shape[1:]):
            texts = [f"[{','.join(texts[at : at + size])}]" for at in range(0, len(texts), size or 1)]
        return f"[{','.join(texts)}]", []

    def _plain(self, value: Any, built_in: BuiltInType, depth: int) -> Json:  # noqa: ANN401 - object columns hold whatever a driver gave
        if depth > _DEEPEST:
            return str(type(value).__name__)
        scalar = self._scalar(value, built_in)
        if scalar is not NotImplemented:
            return cast("Json", scalar)
        if isinstance(value, Mapping):
            members = cast("Mapping[object, object]", value)
            return {str(key): self._inner(item, depth + 1) for key, item in members.items()}
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, Sequence):
            return [self._plain(item, built_in, depth + 1) for item in cast("Sequence[object]", value)]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {
                field.name: self._inner(getattr(value, field.name), depth + 1) for field in dataclasses.fields(value)
            }
        return str(value)

    def _inner(self, value: object, depth: int) -> Json:
        return self._plain(value, _VARIANT, depth)

    def _scalar(self, value: object, built_in: BuiltInType) -> object:
        """Give a scalar's plain form, or NotImplemented for what is none."""
        if isinstance(value, np.generic):
            value = cast("object", value.item())
        if isinstance(value, Enum):
            value = cast("object", value.value)
        result: object = NotImplemented
        if value is None or isinstance(value, bool | str):
            result = value
        elif isinstance(value, int):
            result = self._integer(value, built_in)
        elif isinstance(value, float):
            result = value if math.isfinite(value) else special_text(value).strip('"')
        elif isinstance(value, bytes | bytearray):
            result = base64.b64encode(value).decode("ascii")
        elif isinstance(value, datetime):
            result = datetime_text(from_datetime(value)) if value.tzinfo else value.isoformat()
        elif isinstance(value, UUID):
            result = str(value)
        else:
            result = self._other(value)
        return result

    def _integer(self, value: int, built_in: BuiltInType) -> Json:
        if built_in in (BuiltInType.Int64, BuiltInType.UInt64):
            return str(value)
        if built_in is BuiltInType.DateTime:
            return datetime_text(value)
        return self._status(value) if built_in is BuiltInType.StatusCode else value


def numbers_of(value: object) -> Variant | None:
    """Give the numbers of an enumeration that a driver gave as an array of any kind; None for what is none."""
    try:
        array = np.asarray(value, np.int32)
    except (TypeError, ValueError, OverflowError):
        return None
    numbers: list[int] = array.ravel().tolist()
    if array.ndim == 0:
        return Variant(BuiltInType.Int32, numbers[0])
    return Variant(BuiltInType.Int32, tuple(numbers), array.shape if array.ndim >= MATRIX else None)


def _is_written_as(built_in: BuiltInType, column: DataType) -> bool:
    """Tell whether numbers of a column look as values of a type do."""
    if int(column) == built_in:
        return True
    if built_in is _VARIANT:
        return column not in (DataType.INT64, DataType.UINT64)
    return column.is_integer and column not in (DataType.INT64, DataType.UINT64) and built_in not in _QUOTED


def guessed_type(value: object) -> BuiltInType:
    """Give the built-in type of a Python value, as clients see it."""
    if isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        value = items[0] if items else None
    if isinstance(value, np.ndarray | np.generic):
        column = _COLUMNS.get(cast("npt.NDArray[Any]", value).dtype)
        if column is not None:
            return BuiltInType(int(column))
        value = cast("object", cast("npt.NDArray[Any]", value).ravel()[:1].tolist())
    return next((built_in for kind, built_in in _GUESSES if isinstance(value, kind)), BuiltInType.ExtensionObject)


def dumped(value: Json) -> str:
    """Give the text of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
