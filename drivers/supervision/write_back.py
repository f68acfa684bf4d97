"""The way back of a value: from engineering units to what the device holds, and whether the device holds it."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np

from core.datatypes import DataType
from core.errors import DeviceRefused
from core.point import Point
from core.quality import Status

_PYTHON_TYPE: dict[DataType, type] = {DataType.STRING: str, DataType.BYTESTRING: bytes}


def to_device(point: Point, raw_type: DataType, value: Any) -> Any:  # noqa: ANN401 - any value of a built-in type
    """Give the raw value, of ``raw_type``, that stands for ``value`` in engineering units.

    A scaled value is rounded to what the device's type can tell apart; nothing is ever clamped or wrapped round.

    Raises:
        DeviceRefused: ``value`` is not of the kind that is needed (BadTypeMismatch), is outside the binding's limits,
            is NaN, or is one that the device's type cannot hold (BadOutOfRange). Nothing has been sent then.
    """
    plain = cast("np.generic", value).item() if isinstance(value, np.generic) else value
    if raw_type is DataType.BOOLEAN:
        return _truth(point, plain)
    if not raw_type.is_number:
        if not isinstance(plain, _PYTHON_TYPE.get(raw_type, object)):
            raise _mismatch(point, plain)
        return plain
    if isinstance(plain, bool) and point.datatype is DataType.BOOLEAN:
        plain = int(plain)  # a flag that the device keeps in a register of its own
    number = _within(point, plain)
    raw = point.to_raw(number)
    if math.isfinite(number) and not math.isfinite(raw):  # a tiny scale has made it overflow
        raise _misfit(point, raw_type, raw)
    return _whole(point, raw_type, raw) if raw_type.is_integer else _real(point, raw_type, raw)


def holds(raw_type: DataType, written: Any, held: Any) -> bool:  # noqa: ANN401 - any value of a built-in type
    """Tell whether the raw value ``held``, which the device gave, is ``written``.

    Compared is what the device's type can tell apart, so no scale and no rounding of engineering units has a say.
    """
    plain = cast("np.generic", held).item() if isinstance(held, np.generic) else held
    if raw_type is DataType.FLOAT and isinstance(plain, int | float):
        return bool(np.float32(written) == np.float32(plain))
    if isinstance(written, str) and isinstance(plain, str):
        return written.rstrip(" ") == plain.rstrip(" ")  # devices fill texts up with spaces
    return bool(written == plain)


def _truth(point: Point, plain: Any) -> bool:  # noqa: ANN401 - as above
    """Give a single bit's value; a variable that is a number stands for it with 0 and 1."""
    if isinstance(plain, bool):
        return plain
    if not point.datatype.is_number:
        raise _mismatch(point, plain)
    raw = point.to_raw(_within(point, plain))
    if raw not in (0, 1):
        raise _misfit(point, DataType.BOOLEAN, raw)
    return bool(raw)


def _within(point: Point, plain: Any) -> int | float:  # noqa: ANN401 - as above
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise _mismatch(point, plain)
    if math.isnan(plain) or not point.minimum <= plain <= point.maximum:
        problem = f"{plain} is outside {point.minimum}..{point.maximum} of {point.node}"
        raise DeviceRefused(problem, Status.BAD_OUT_OF_RANGE, device=point.device)
    return plain


def _whole(point: Point, raw_type: DataType, raw: float) -> int:
    limits = np.iinfo(raw_type.dtype)  # type: ignore[type-var]  # is_integer says it is one; numpy's stubs cannot know
    if math.isfinite(raw) and limits.min <= (whole := round(raw)) <= limits.max:
        return whole
    raise _misfit(point, raw_type, raw)


def _real(point: Point, raw_type: DataType, raw: float) -> float:
    single = raw_type is DataType.FLOAT
    with np.errstate(over="ignore"):  # what overflows is infinite, and found below
        held = float(np.float32(raw)) if single else float(raw)
    if math.isinf(held) and not math.isinf(raw):
        raise _misfit(point, raw_type, raw)
    if isinstance(raw, int) and held != raw:  # a whole number is meant exactly, and reading it back would show another
        raise _misfit(point, raw_type, raw)
    return float(raw)


def _misfit(point: Point, raw_type: DataType, raw: float) -> DeviceRefused:
    problem = f"{raw} does not fit {raw_type.symbol}, the device's type of {point.node}"
    return DeviceRefused(problem, Status.BAD_OUT_OF_RANGE, device=point.device)


def _mismatch(point: Point, value: object) -> DeviceRefused:
    problem = f"{type(value).__name__} is no value for {point.node}"
    return DeviceRefused(problem, Status.BAD_TYPE_MISMATCH, device=point.device)
