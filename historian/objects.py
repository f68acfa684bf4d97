"""Values that are no numbers, as JSON text: a column of them is one JSON array, so that any tool can read it."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime
from typing import Any, cast

import numpy as np

from core.batch import ValueArray
from core.time import from_datetime
from historian.encoding import DamagedData

_MARKS = ("$bytes", "$guid", "$ticks", "$array", "$map")


def encode(values: ValueArray) -> bytes:
    """Write object[n] as a JSON array in UTF-8 (ASCII with escapes).

    Raises :class:`TypeError`/:class:`ValueError` for what has no form.
    """
    return json.dumps([_plain(value) for value in values], separators=(",", ":")).encode()


def decode(data: bytes, count: int) -> ValueArray:
    """Read object[n] back. Raises :class:`DamagedData`."""
    try:
        items = json.loads(data)
        if not isinstance(items, list) or len(cast("list[object]", items)) != count:
            message = f"a column of {count} objects is no JSON array of that length"
            raise DamagedData(message)
        # one by one: numpy would take a list inside for another dimension
        column: np.ndarray[tuple[int], np.dtype[Any]] = np.empty(count, object)
        for row, item in enumerate(cast("list[object]", items)):
            column[row] = _rich(item)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        message = f"a column of objects cannot be read: {error}"
        raise DamagedData(message) from error
    return column


def is_storable(value: object) -> bool:
    """Tell whether a value has a form here."""
    try:
        json.dumps(_plain(value))
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _plain(value: object) -> object:  # noqa: PLR0911 - one line a kind of value
    """Give the JSON form; what JSON lacks is an object with one marked key."""
    match value:
        case None | bool() | str():
            return value
        case np.generic():
            return _plain(cast("object", value.item()))
        case int() | float():
            return value + 0  # an enumeration member becomes its number
        case bytes() | bytearray():
            return {"$bytes": base64.b64encode(value).decode()}
        case uuid.UUID():
            return {"$guid": str(value)}
        case datetime():
            return {"$ticks": from_datetime(value)}
        case np.ndarray():
            return _plain_array(cast("np.ndarray[Any, np.dtype[Any]]", value))
        case list() | tuple():
            return [_plain(item) for item in cast("list[object]", value)]
        case dict():
            return _plain_map(cast("dict[object, object]", value))
        case _:
            message = f"a {type(value).__name__} has no form in the history file"
            raise TypeError(message)


def _plain_array(value: np.ndarray[Any, np.dtype[Any]]) -> object:
    if value.dtype.kind == "O":
        return [_plain(item) for item in value]
    if value.dtype.kind not in "iufb":
        message = f"an array of {value.dtype} has no form in the history file"
        raise TypeError(message)
    fixed = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
    data = base64.b64encode(fixed.tobytes()).decode()
    return {"$array": [fixed.dtype.str, list(value.shape), data]}


def _plain_map(value: dict[object, object]) -> object:
    if all(isinstance(key, str) for key in value) and not any(mark in value for mark in _MARKS):
        return {str(key): _plain(item) for key, item in value.items()}
    return {"$map": [[_plain(key), _plain(item)] for key, item in value.items()]}


def _rich(item: object) -> object:  # noqa: PLR0911 - one line a kind of value
    """Undo :func:`_plain`; tuples come back as lists, datetimes as ticks."""
    if isinstance(item, list):
        return [_rich(part) for part in cast("list[object]", item)]
    if not isinstance(item, dict):
        return item
    known = cast("dict[str, Any]", item)
    mark = next(iter(known)) if len(known) == 1 else ""
    match mark:
        case "$bytes":
            return base64.b64decode(known[mark], validate=True)
        case "$guid":
            return uuid.UUID(known[mark])
        case "$ticks":
            return int(known[mark])
        case "$array":
            kind, shape, data = known[mark]
            return np.frombuffer(base64.b64decode(data, validate=True), np.dtype(kind)).reshape(shape).copy()
        case "$map":
            return {_rich(key): _rich(part) for key, part in known[mark]}
        case _:
            return {key: _rich(part) for key, part in known.items()}
