"""The properties of a twin: what they are called, and their present values as JSON."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import numpy as np

from core.datatypes import DataType
from core.errors import SettingError
from core.image import ProcessImage
from core.quality import Status, is_bad, symbol
from core.time import to_iso
from server.pubsub.cloud.twin.dialect import Json
from server.pubsub.fields import DataSetField

RESERVED: Final = frozenset({"errors", "quality"})
_FORBIDDEN: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST: Final = 128
_EXACT: Final = 2**53
_SEVERITY: Final = 0xC0000000


def property_names(fields: Sequence[DataSetField]) -> dict[str, DataSetField]:
    """Name fields as clouds take it: letters, digits, ``_`` and ``-``; anything else becomes ``_``.

    Raises :class:`~core.errors.SettingError` for two that are then the same, and for the names that we need ourselves.
    """
    named: dict[str, DataSetField] = {}
    mend = "give one of them another name under aliases:"
    for one in fields:
        name = _FORBIDDEN.sub("_", one.name)[:_LONGEST]
        if name in named:
            problem = f"{named[name].name!r} and {one.name!r} are both {name!r} in the twin"
            raise SettingError(problem, mend)
        if name in RESERVED:
            problem = f"{one.name!r} cannot be a property of the twin: that is where its errors and StatusCodes are"
            raise SettingError(problem, "give it another name under aliases:")
        named[name] = one
    return named


@dataclass(frozen=True, slots=True)
class Present:
    """The present values of those properties that have one, and the StatusCodes of those that are not Good."""

    values: Mapping[str, Json]
    quality: Mapping[str, str]


class PresentValues(Protocol):
    """Whatever knows what a twin's properties are now."""

    def read(self) -> Present:
        """Give all of them."""
        ...


class ImageValues:
    """The properties' values in the process image."""

    def __init__(self, image: ProcessImage, named: Mapping[str, DataSetField]) -> None:
        """Look at these fields."""
        self._image, self._named = image, named

    def read(self) -> Present:
        """Give all of them. A structure, which no twin can show, has a StatusCode alone."""
        values: dict[str, Json] = {}
        quality: dict[str, str] = {}
        for name, one in self._named.items():
            reading = self._image.read(one.slot)
            if reading.status & _SEVERITY:
                quality[name] = symbol(reading.status)
            if reading.value is None or is_bad(reading.status):
                continue
            try:
                values[name] = plain(reading.value, reading.datatype)
            except TypeError:
                quality[name] = symbol(Status.BAD_NOT_SUPPORTED)
        return Present(values, quality)


def plain(value: object, datatype: DataType) -> Json:
    """Give a value as the JSON that somebody would write who wants it, so that wanted and reported are the same.

    So a whole Double is 5 and no 5.0, and an Int64 is a number as far as a Double goes. Raises :class:`TypeError`.
    """
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(one, datatype) for one in cast("Sequence[object]", value)]
    if isinstance(value, np.generic):
        value = cast("object", value.item())
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, int):
        if datatype is DataType.DATETIME:
            return to_iso(value)
        return value if -_EXACT <= value <= _EXACT else str(value)
    if isinstance(value, float):
        return _number(value, datatype)
    message = f"{type(value).__name__} has no place in a twin"
    raise TypeError(message)


def _number(value: float, datatype: DataType) -> Json:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    # As few digits as tell one Float from the next: 0.1, and not what its Double is.
    shown = float(str(np.float32(value))) if datatype is DataType.FLOAT else value
    return int(shown) if shown.is_integer() and abs(shown) < _EXACT else shown
