"""Columns of values as JSON texts by the rules of Part 6 v1.05 5.4.2, a whole column at a time."""

from __future__ import annotations

import json
import math
import struct
from base64 import b64encode
from typing import Final, cast
from uuid import UUID

import numpy as np
import numpy.typing as npt

from core import quality
from core.batch import ValueArray
from core.datatypes import DataType
from server.pubsub.json.settings import JsonForm
from server.pubsub.json.times import datetime_text

FloatArray = npt.NDArray[np.float64]

_EXACT_POWER: Final = 22
"""10**22 is the last power of ten that a double holds exactly."""
_FLOAT_DIGITS: Final = (7, 8, 9)
"""Significant digits that a Float is tried with; nine always tell it."""
FEW: Final = 12
"""Values for which numpy takes longer than a look at each of them."""
_FLOAT: Final = struct.Struct("<f")

text = json.encoder.encode_basestring
"""Gives a JSON string."""


def status_text(status: int, form: JsonForm = "verbose") -> str:
    """Give a StatusCode (Part 6 v1.05 5.4.2.11): code and symbol; compact without the symbol.

    The reversible form of Annex H is the number alone.
    """
    if form == "verbose":
        return f'{{"Code":{status},"Symbol":"{quality.symbol(status)}"}}'
    if form == "reversible":
        return str(status)
    if status == 0:
        return "{}"
    return f'{{"Code":{status}}}' if form == "compact" else f'{{"Code":{status},"Symbol":"{quality.symbol(status)}"}}'


def column_texts(  # noqa: C901, PLR0911 - one case a type
    datatype: DataType, values: ValueArray, form: JsonForm = "verbose"
) -> list[str] | None:
    """Give each value of a column as JSON; None where one of them has to be looked at by itself.

    That is so for everything in a column of Variants, and for an object that is not of its column's type.
    """
    match datatype:
        case DataType.DOUBLE:
            return _floats(cast("FloatArray", values))
        case DataType.FLOAT:
            return _floats(shortest(cast("npt.NDArray[np.float32]", values)))
        case DataType.BOOLEAN:
            return ["true" if value else "false" for value in values.tolist()]
        case DataType.INT64 | DataType.UINT64:
            return [f'"{value}"' for value in values.tolist()]
        case DataType.DATETIME:
            return [f'"{datetime_text(moment)}"' for moment in values.tolist()]
        case DataType.STATUSCODE:
            return [status_text(value, form) for value in values.tolist()]
        case DataType.STRING:
            return _texts(values)
        case DataType.GUID:
            return [f'"{value}"' for value in values] if _all_are(values, UUID) else None
        case DataType.BYTESTRING:
            return [f'"{b64encode(value).decode()}"' for value in values] if _all_are(values, bytes) else None
        case DataType.VARIANT:
            return None
        case _:
            return list(map(repr, values.tolist()))


def shortest(values: npt.NDArray[np.float32]) -> FloatArray:
    """Widen Floats to the Doubles that show as few digits as tell the Floats apart: 0.1, not 0.10000000149011612."""
    wide = values.astype(np.float64)
    if len(values) <= FEW:
        return np.array([_shortest(value) for value in wide.tolist()], np.float64)
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


def _shortest(wide: float) -> float:
    if math.isfinite(wide):
        for digits in _FLOAT_DIGITS:
            shown = float(f"{wide:.{digits}g}")
            try:
                if _FLOAT.unpack(_FLOAT.pack(shown))[0] == wide:
                    return shown
            except OverflowError:
                # Rounded up past the largest Float.
                continue
    return wide


def _floats(values: FloatArray) -> list[str]:
    numbers = values.tolist()
    texts = list(map(repr, numbers))
    if not (all(map(math.isfinite, numbers)) if len(numbers) <= FEW else np.isfinite(values).all()):
        for index, number in enumerate(numbers):
            if not math.isfinite(number):
                texts[index] = special_text(number)
    return texts


def special_text(value: float) -> str:
    """Give a Float or Double that is no finite number (Part 6 v1.05 5.4.2.4)."""
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'


def _texts(values: ValueArray) -> list[str] | None:
    return list(map(text, values)) if _all_are(values, str) else None


def _all_are(values: ValueArray, kind: type) -> bool:
    return all(type(value) is kind for value in values)
