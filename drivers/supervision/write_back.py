"""The way back of a value: from engineering units to what the device holds."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np

from core.datatypes import DataType
from core.errors import DeviceRefused
from core.point import Point
from core.quality import Status


def to_device(point: Point, raw_type: DataType, value: Any) -> Any:  # noqa: ANN401 - any value of a built-in type
    """Give the raw value, of ``raw_type``, that stands for ``value`` in engineering units.

    Raises:
        DeviceRefused: ``value`` is no number where one is needed (BadTypeMismatch), is outside the binding's limits, or
            is one that the device's type cannot hold (BadOutOfRange). Nothing has been sent then.
    """
    plain = cast("np.generic", value).item() if isinstance(value, np.generic) else value
    if raw_type is DataType.BOOLEAN:
        if not isinstance(plain, bool):
            raise _mismatch(point, plain)
        return plain
    if not raw_type.is_number:
        return plain
    if isinstance(plain, bool) and point.datatype is DataType.BOOLEAN:
        plain = int(plain)  # a flag that the device keeps in a register of its own
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise _mismatch(point, plain)
    if math.isnan(plain) or not point.minimum <= plain <= point.maximum:
        problem = f"{plain} is outside {point.minimum}..{point.maximum} of {point.node}"
        raise DeviceRefused(problem, Status.BAD_OUT_OF_RANGE, device=point.device)
    raw = point.to_raw(plain)
    return _whole(point, raw_type, raw) if raw_type.is_integer else float(raw)


def _whole(point: Point, raw_type: DataType, raw: float) -> int:
    limits = np.iinfo(raw_type.dtype)  # type: ignore[type-var]  # is_integer says it is one; numpy's stubs cannot know
    if math.isfinite(raw) and limits.min <= (whole := round(raw)) <= limits.max:
        return whole
    problem = f"{raw} does not fit {raw_type.symbol}, the device's type of {point.node}"
    raise DeviceRefused(problem, Status.BAD_OUT_OF_RANGE, device=point.device)


def _mismatch(point: Point, value: object) -> DeviceRefused:
    problem = f"{type(value).__name__} is no value for {point.node}"
    return DeviceRefused(problem, Status.BAD_TYPE_MISMATCH, device=point.device)
