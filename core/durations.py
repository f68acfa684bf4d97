"""Lengths of time that carry their unit: ``100ms``, ``1.5s``, ``5min``, ``2h``, ``30d``, ``2y`` (years of 365 days).

A bare number is refused and so is ``m``, which people read as minutes, months and milli.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from core.errors import SettingError

_UNITS: dict[str, Fraction] = {
    "d": Fraction(86_400),
    "h": Fraction(3_600),
    "min": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 1_000),
    "us": Fraction(1, 1_000_000),
    "y": Fraction(365 * 86_400),
}
_SPELLINGS = {"µs": "us", "μs": "us"}  # micro sign U+00B5 and Greek mu U+03BC
_NAMES = {
    "min": "minutes",
    "s": "seconds",
    "h": "hours",
    "d": "days",
    "ms": "milliseconds",
    "us": "microseconds",
    "y": "years",
}
_LIKELY: dict[str, tuple[str, str]] = {
    spelling: (unit, _NAMES[unit])
    for unit, spellings in {
        "min": "m M MIN Min mins minute minutes",
        "s": "S sec secs second seconds",
        "h": "H hr hrs hour hours",
        "d": "D day days",
        "ms": "MS mS msec msecs milliseconds",
        "us": "usec usecs microseconds",
        "y": "Y a yr yrs year years",
    }.items()
    for spelling in spellings.split()
}
_FORM = re.compile(r"(?P<number>[0-9]{1,18}(?:\.[0-9]{1,400})?)\s?(?P<unit>[^\W\d_]*)")
UNITS = "us, ms, s, min, h, d or y"
"""The units that are known, as people read them."""
_UNITS_ARE = f"units are {UNITS}"

LONGEST = 36_525 * 86_400.0
"""The longest duration taken, in seconds: a hundred years."""


def parse_duration(text: str) -> float:
    """Give the seconds that ``text`` (number and unit) means.

    Raises:
        SettingError: It has no unit, an unknown or ambiguous unit, a sign, or is longer than a hundred years.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        problem = f"{_shown(text)} is not a duration"
        raise SettingError(problem, f"write a number and a unit ({UNITS}): 100ms")
    unit = match["unit"]
    if not unit:
        problem = f"the duration {_shown(text)} has no unit"
        raise SettingError(problem, "write a unit: 100ms")
    unit = _SPELLINGS.get(unit, unit)
    if unit not in _UNITS:
        problem = f"{_shown(unit)} is not a unit of time"
        likely = _LIKELY.get(unit)
        raise SettingError(problem, f"{likely[1]} are written {match['number']}{likely[0]}" if likely else _UNITS_ARE)
    seconds = float(Fraction(match["number"]) * _UNITS[unit])
    if seconds > LONGEST:
        problem = f"the duration {_shown(text)} is longer than a hundred years"
        raise SettingError(problem, "write at most 36525d")
    return seconds


def format_duration(seconds: float) -> str:
    """Give the text that :func:`parse_duration` reads back as exactly ``seconds`` (0 to :data:`LONGEST`)."""
    if not 0 <= seconds <= LONGEST:
        message = f"{seconds!r} s cannot be written as a duration"
        raise ValueError(message)
    exact = Fraction(repr(float(seconds)))
    if exact:
        for unit, length in _UNITS.items():
            count = exact / length
            if count.denominator == 1:
                return f"{count.numerator}{unit}"
    return f"{seconds:.0f}s" if not exact else f"{_plain_decimal(exact)}s"


def _plain_decimal(value: Fraction) -> str:
    """Write a decimal fraction without an exponent."""
    places = 0
    while value.denominator != 1:
        value *= 10
        places += 1
    digits = str(value.numerator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


def _shown(text: str) -> str:
    """Quote at most 40 characters of ``text``."""
    return repr(text if len(text) <= 40 else text[:39] + "…")  # noqa: PLR2004 - a line's worth of an error message


def _from_setting(value: object) -> float:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        problem = f"the duration {value} has no unit"
        raise SettingError(problem, "write a unit: 100ms")
    problem = "a duration is expected here"
    raise SettingError(problem, "write a number and a unit: 100ms")


def _above_zero(seconds: float) -> float:
    if seconds <= 0:
        problem = "the duration must be longer than 0s"
        raise SettingError(problem, "write for example 100ms")
    return seconds


Duration = Annotated[
    float,
    BeforeValidator(_from_setting),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]
"""A setting of time: written with its unit, seconds in the model."""

PositiveDuration = Annotated[Duration, AfterValidator(_above_zero)]
"""A :data:`Duration` that must be longer than nothing: periods, timeouts."""
