"""A point: one variable of the address space whose value lives in the process image."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from core.datatypes import DataType


class OnBad(enum.Enum):
    """What a point shows when the device gives no usable value (binding column ``on_bad``)."""

    HOLD = "hold"
    """The last value with its Bad StatusCode."""
    NULL = "null"
    """No value (Part 4 v1.05 7.11.1: a Bad DataValue may go without), zero in columns."""


@dataclass(frozen=True, slots=True)
class Point:
    """How raw values become engineering values. ``node`` is the NodeId text ``nsu=…;s=…``.

    engineering = raw * scale + offset; outside ``minimum``..``maximum`` it is clamped and ``GoodClamped`` when
    ``clamp``, else kept as read with ``BadOutOfRange``. ``deadband`` is in engineering units: a difference from the
    value handed on last that is not larger is no change (0 = every difference).
    """

    node: str
    datatype: DataType
    scale: float = 1.0
    offset: float = 0.0
    minimum: float = -math.inf
    maximum: float = math.inf
    deadband: float = 0.0
    clamp: bool = False
    on_bad: OnBad = OnBad.HOLD
    device: str = ""

    @property
    def is_scaled(self) -> bool:
        """Tell whether raw and engineering values differ."""
        return self.scale != 1.0 or self.offset != 0.0

    def to_raw(self, value: float) -> float:
        """Turn an engineering value into the device's (the way back of a write)."""
        return (value - self.offset) / self.scale if self.is_scaled else value
