"""Addresses of simulated points: a signal, and in brackets what differs from its defaults."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np

from core.datatypes import DataType
from core.durations import format_duration, parse_duration
from core.errors import AddressError, SettingError
from core.settings import nearest


class Signal(enum.StrEnum):
    """How a value moves; ``x`` runs from 0 to 1 in each period."""

    RAMP = "ramp"
    """offset + amplitude * x."""
    SINE = "sine"
    """offset + amplitude * sin(2 pi x)."""
    SQUARE = "square"
    """offset in the first half of the period, offset + amplitude in the second."""
    RANDOM = "random"
    """Evenly between offset and offset + amplitude, new with each scan."""
    COUNTER = "counter"
    """offset + the number of the scan, counted from 0; begins anew when the type is full."""
    CONSTANT = "constant"
    """offset."""
    HOLD = "hold"
    """A register that keeps what is written; offset until then."""


SIGNALS = tuple(signal.value for signal in Signal)
TYPES = tuple(datatype for datatype in DataType if datatype is DataType.BOOLEAN or datatype.is_number)
"""The data types that can be simulated."""


@dataclass(frozen=True, slots=True)
class SimulatorAddress:
    """A simulated point; ``period`` in seconds, ``phase`` in periods, ``change`` the share of scans with a new value.

    Its text is the address that :func:`parse_address` reads back.
    """

    signal: Signal
    datatype: DataType = DataType.DOUBLE
    period: float = 10.0
    amplitude: float = 100.0
    offset: float = 0.0
    noise: float = 0.0
    phase: float = 0.0
    change: float = 1.0

    @property
    def span(self) -> tuple[float, float] | None:
        """Give the lowest and highest value; None where the type alone bounds it, and with noise."""
        if self.signal in {Signal.HOLD, Signal.COUNTER} or self.datatype is DataType.BOOLEAN or self.noise > 0:
            return None
        below = -self.amplitude if self.signal is Signal.SINE else 0.0
        above = 0.0 if self.signal is Signal.CONSTANT else self.amplitude
        ends = (self.offset + below, self.offset + above)
        return min(ends), max(ends)

    def __str__(self) -> str:
        plain = SimulatorAddress(self.signal, self.datatype)
        parts: list[str] = []
        for key in _KEYS:
            value: float = getattr(self, key)
            if value != getattr(plain, key):  # keys at their defaults are left out
                parts.append(f"{key}={format_duration(value) if key == 'period' else f'{value:.17g}'}")
        return f"{self.signal.value}({','.join(parts)})" if parts else self.signal.value


_KEYS = ("period", "amplitude", "offset", "noise", "phase", "change")


def parse_address(text: str, datatype: DataType | None) -> SimulatorAddress:
    """Read ``signal`` or ``signal(key=value,…)``; ``datatype`` None is Double.

    Raises:
        AddressError: It is not in this form, with the column where it goes wrong.
    """
    chosen = DataType.DOUBLE if datatype is None else datatype
    if chosen not in TYPES:
        problem = f"the simulator makes numbers and Booleans, no {chosen.symbol}"
        raise AddressError(text, problem, "bind it to a point of another type")
    word, bracket, rest = text.partition("(")
    if word not in SIGNALS:
        near = nearest(word, SIGNALS)
        problem = f"{word!r} is no signal" if word else "there is no signal"
        raise AddressError(text, problem, f"did you mean {near}?" if near else f"signals are {', '.join(SIGNALS)}")
    if not bracket:
        return SimulatorAddress(Signal(word), chosen)
    if not rest.endswith(")"):
        raise AddressError(text, "the bracket is not closed", "end with )", len(text) + 1)
    address = SimulatorAddress(Signal(word), chosen, **_parameters(text, rest[:-1], len(word) + 2))
    if address.signal is Signal.HOLD and not can_hold(chosen, address.offset):
        problem = f"{chosen.symbol} cannot hold {address.offset:g}"
        raise AddressError(text, problem, "give an offset of the point's type", text.index("offset") + 1)
    return address


def can_hold(datatype: DataType, value: float) -> bool:
    """Tell whether ``value`` is one of the type's."""
    if not datatype.is_integer:
        return True
    limits = np.iinfo(datatype.dtype)  # type: ignore[type-var]  # is_integer says it is one; numpy's stubs cannot know
    return value.is_integer() and limits.min <= int(value) <= limits.max


def _parameters(text: str, inside: str, column: int) -> dict[str, float]:
    """Read ``key=value,…`` that begins at ``column`` of ``text``."""
    found: dict[str, float] = {}
    for part in inside.split(","):
        start = column + len(part) - len(part.lstrip())
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            mend = f"did you mean {near}?" if near else f"keys are {', '.join(_KEYS)}"
            raise AddressError(text, f"{key!r} is no key" if key else "there is no key", mend, start)
        if key in found:
            raise AddressError(text, f"{key} stands there twice", "keep one", start)
        at = column + part.find("=") + 1
        at += len(part[part.find("=") + 1 :]) - len(part[part.find("=") + 1 :].lstrip())
        if not equals or not value:
            raise AddressError(text, f"{key} has no value", f"write {key}=…", start if not equals else at)
        found[key] = _number(text, key, value, at)
        column += len(part) + 1
    return found


def _number(text: str, key: str, value: str, column: int) -> float:
    try:
        number = parse_duration(value) if key == "period" else float(value)
    except SettingError as error:
        raise AddressError(text, error.problem, error.mend, column) from None
    except ValueError:
        raise AddressError(text, f"{value!r} is no number", f"write {key}=1.5", column) from None
    if not math.isfinite(number):
        raise AddressError(text, f"{value!r} is no finite number", f"write {key}=1.5", column)
    if key == "period" and number <= 0:
        raise AddressError(text, "the period must be longer than 0s", "write period=10s", column)
    if key == "noise" and number < 0:
        raise AddressError(text, "noise must not be negative", "write noise=0.1", column)
    if key == "change" and not 0 < number <= 1:
        raise AddressError(text, "change is a share above 0 and up to 1", "write change=0.5", column)
    return number
