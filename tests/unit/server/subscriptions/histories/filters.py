"""When a sample is a change (Part 4 v1.05 7.10 and 7.22.2; Part 8 v1.05 for percent of the EURange)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tests.unit.server.subscriptions.histories.messages import (
    ABSOLUTE,
    NO_DEADBAND,
    NOT_A_NUMBER,
    PERCENT,
    STATUS,
    STATUS_VALUE,
    STATUS_VALUE_TIMESTAMP,
    PointKind,
    Sample,
)


@dataclass(frozen=True)
class Filter:
    """What an item compares; ``deadband`` in the point's units, none where every difference counts."""

    trigger: int = STATUS_VALUE
    deadband: float | None = None

    def passes(self, new: Sample, old: Sample) -> bool:
        """Tell whether ``new`` is to be reported after ``old``, the value queued last."""
        if new.status != old.status:
            return True  # 7.22.2: the deadband is ignored when the status changes
        if self.trigger == STATUS:
            return False
        if self.trigger == STATUS_VALUE_TIMESTAMP and new.source != old.source:
            return True
        return self._differs(new.value, old.value)

    def _differs(self, new: Any, old: Any) -> bool:
        if _is_empty(new) and _is_empty(old):
            return False  # 7.10: null and empty are equal
        if isinstance(new, tuple) and isinstance(old, tuple):
            if len(new) != len(old):  # pyright: ignore[reportUnknownArgumentType] - elements of any type
                return True
            pairs: list[tuple[Any, Any]] = list(zip(new, old, strict=True))  # pyright: ignore[reportUnknownArgumentType]
            return any(self._differs(*pair) for pair in pairs)
        if new == old:
            return False  # 7.10: NaN is told once, when the value enters that state
        if self.deadband is None or not (_is_finite(new) and _is_finite(old)):
            return True
        return abs(new - old) > self.deadband


def is_allowed(asked: tuple[int, int, float] | None, kind: PointKind) -> bool | None:
    """Tell whether a server has to take the filter (True), has to refuse it (False), or may do either (None)."""
    if asked is None or asked[1] == NO_DEADBAND:
        return True
    _, deadband_type, deadband = asked
    if math.isnan(deadband) or deadband < 0 or (deadband_type == PERCENT and deadband > 100):
        return False
    if kind.is_array:
        return None  # 7.22.2 speaks of arrays of numbers; which filters a server supports is its own affair
    return kind.is_number and (deadband_type == ABSOLUTE or kind.span is not None)


def filter_of(asked: tuple[int, int, float] | None, kind: PointKind) -> Filter:
    """Give what an allowed filter means for a point."""
    if asked is None:
        return Filter()
    trigger, deadband_type, deadband = asked
    if deadband_type == NO_DEADBAND:
        return Filter(trigger)
    if trigger == STATUS_VALUE_TIMESTAMP:
        trigger = STATUS_VALUE  # 7.10: with a deadband both are the same
    if deadband_type == ABSOLUTE:
        return Filter(trigger, deadband)
    return Filter(trigger, deadband / 100.0 * (kind.span or 0.0))


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", ())


def _is_finite(value: Any) -> bool:
    return value is not None and value != NOT_A_NUMBER and not isinstance(value, (str, bool)) and math.isfinite(value)
