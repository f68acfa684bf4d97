"""DateTime between ticks and xs:dateTime (Part 6 v1.05 5.1.4, 5.2.2.5, 5.3.1.6)."""

from __future__ import annotations

import calendar
import re
from datetime import date

from core.time import TICKS_PER_SECOND

LATEST = 2**63 - 1
"""The ticks of everything from 9999-12-31T23:59:59 on: no platform has to know what is later."""
_EARLIEST_TEXT = "0001-01-01T00:00:00Z"
_LATEST_TEXT = "9999-12-31T23:59:59Z"
_EPOCH_DAY = date(1601, 1, 1).toordinal()
_LAST_SECOND = (date(9999, 12, 31).toordinal() - _EPOCH_DAY) * 86_400 + 86_399
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60
_FARTHEST = 14 * _HOUR
"""The zone that is farthest from UTC (XML Schema 2, 3.2.7.3)."""
_LAST_HOUR, _LAST_MINUTE, _LEAP_SECOND = 24, 59, 60
_FORM = re.compile(
    r"(-?[0-9]{4,9})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))?"
)


def parse_date_time(text: str) -> int:
    """Read xs:dateTime; without a zone it is UTC. What is before 1601 is 0, from 9999-12-31T23:59:59 on the latest.

    Digits beyond 100 ns are cut off. Raises :class:`ValueError`.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        message = f"{text[:40]!r} is not of the form 2024-05-01T12:00:00Z"
        raise ValueError(message)
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    fraction = int(match[7][:7].ljust(7, "0")) if match[7] else 0
    midnight = hour == _LAST_HOUR and not (minute or second or fraction)
    if not (1 <= month <= 12 and minute <= _LAST_MINUTE and second <= _LEAP_SECOND and (hour < _LAST_HOUR or midnight)):  # noqa: PLR2004 - months
        message = f"{text[:40]!r} is no time of day or no month"
        raise ValueError(message)
    # A year that date cannot say is clipped either way; one that it can say is checked for its days.
    known = min(max(year, 1), 9999)
    if not 1 <= day <= calendar.monthrange(known, month)[1]:
        message = f"{text[:40]!r} is no day of that month"
        raise ValueError(message)
    if known != year:
        return LATEST if year > known else 0
    seconds = (date(year, month, day).toordinal() - _EPOCH_DAY) * _DAY + hour * _HOUR + minute * _MINUTE + second
    if match[8]:
        offset = int(match[9]) * _HOUR + int(match[10]) * _MINUTE
        if offset > _FARTHEST or int(match[10]) > _LAST_MINUTE:
            message = f"{text[:40]!r} has no zone that there is; they go from -14:00 to +14:00"
            raise ValueError(message)
        seconds += -offset if match[8] == "+" else offset
    if seconds >= _LAST_SECOND:
        return LATEST
    return max(seconds * TICKS_PER_SECOND + fraction, 0)


def format_date_time(ticks: int) -> str:
    """Write ticks as xs:dateTime in UTC with all of their digits; null is 0001-01-01T00:00:00Z."""
    if ticks <= 0:
        return _EARLIEST_TEXT
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    if seconds >= _LAST_SECOND:
        return _LATEST_TEXT
    days, rest = divmod(seconds, _DAY)
    hour, rest = divmod(rest, _HOUR)
    minute, second = divmod(rest, _MINUTE)
    text = f"{date.fromordinal(days + _EPOCH_DAY).isoformat()}T{hour:02}:{minute:02}:{second:02}"
    return f"{text}.{fraction:07}".rstrip("0") + "Z" if fraction else f"{text}Z"
