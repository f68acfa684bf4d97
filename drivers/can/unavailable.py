"""Raw values by which a sender says that it has none: the top of a field's range (NMEA 2000, SAE J1939-71 5.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.quality import Status
from drivers.can.database import SignalSpec

Rule = Literal["nmea2000", "j1939", "none"]

_FLAG_BITS = 1
_SMALL_BITS = 3
_BYTE_BITS = 8


@dataclass(frozen=True, slots=True)
class Reserved:
    """From ``error`` on raw values are an error, from ``missing`` on no data; those in ``named`` are states."""

    error: int
    missing: int
    error_status: Status
    named: frozenset[int]

    def status_of(self, raw: int) -> int:
        """Give the StatusCode of a raw value."""
        if raw < self.error or raw in self.named:
            return Status.GOOD
        return Status.BAD_NO_DATA if raw >= self.missing else self.error_status


def reserved_of(signal: SignalSpec, rule: Rule) -> Reserved | None:
    """Give the reserved values of a signal, or None where every value is one."""
    if rule == "none" or signal.is_float or signal.length <= _FLAG_BITS:
        return None
    named = frozenset(number for number, _ in signal.states)
    if rule == "nmea2000":
        top = (1 << (signal.length - (1 if signal.signed else 0))) - 1
        if signal.length <= _SMALL_BITS:
            return Reserved(top, top, Status.BAD_OUT_OF_RANGE, named)
        return Reserved(top - 1, top, Status.BAD_OUT_OF_RANGE, named)
    top = (1 << signal.length) - 1
    if signal.length % _BYTE_BITS or signal.length == _BYTE_BITS:
        return Reserved(top - 1, top, Status.BAD_SENSOR_FAILURE, named)
    below = signal.length - _BYTE_BITS  # of several bytes only the highest one tells: 0xFF.. missing, 0xFE.. error
    return Reserved(0xFE << below, 0xFF << below, Status.BAD_SENSOR_FAILURE, named)
