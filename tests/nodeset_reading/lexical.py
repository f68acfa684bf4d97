"""Texts of XML Schema simple types as OPC UA values (Part 6 v1.05 5.3.1.2 to 5.3.1.8). All raise ValueError."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
import re
import struct
import uuid

TICKS_PER_SECOND = 10_000_000
EARLIEST = 0
LATEST = 2**63 - 1

INTEGER_RANGES = {
    "SByte": (-(2**7), 2**7 - 1),
    "Byte": (0, 2**8 - 1),
    "Int16": (-(2**15), 2**15 - 1),
    "UInt16": (0, 2**16 - 1),
    "Int32": (-(2**31), 2**31 - 1),
    "UInt32": (0, 2**32 - 1),
    "Int64": (-(2**63), 2**63 - 1),
    "UInt64": (0, 2**64 - 1),
}

_DATE_TIME = re.compile(
    r"(?P<year>-?\d{4,})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"T(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d+))?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?"
)
_DAY_ZERO = dt.date(1601, 1, 1).toordinal()


def boolean(text: str) -> bool:
    """xs:boolean: true, false, 1, 0."""
    return {"true": True, "1": True, "false": False, "0": False}[_one_of(text, "true", "1", "false", "0")]


def _one_of(text: str, *allowed: str) -> str:
    text = text.strip()
    if text not in allowed:
        msg = f"{text!r} is none of {', '.join(allowed)}"
        raise ValueError(msg)
    return text


def integer(text: str, built_in: str = "Int32") -> int:
    """An integer of the built-in type's range (Table 28)."""
    text = text.strip()
    if not re.fullmatch(r"[+-]?\d+", text):
        msg = f"{text!r} is no {built_in}"
        raise ValueError(msg)
    low, high = INTEGER_RANGES[built_in]
    value = int(text)
    if not low <= value <= high:
        msg = f"{text} is outside of {built_in}"
        raise ValueError(msg)
    return value


def double(text: str) -> float:
    """xs:double with INF, -INF and NaN (5.3.1.4)."""
    text = text.strip()
    special = {"INF": math.inf, "+INF": math.inf, "-INF": -math.inf, "NaN": math.nan}
    if text in special:
        return special[text]
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text):
        msg = f"{text!r} is no floating point number"
        raise ValueError(msg)
    return float(text)


def single(text: str) -> float:
    """xs:float: the nearest IEEE 754 single, as a Python float; too large is infinite."""
    value = double(text)
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def date_time(text: str) -> int:
    """Ticks since 1601 in UTC; no zone is read as UTC; what is out of range is clipped (5.3.1.6, 5.2.2.5)."""
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        msg = f"{text.strip()!r} is no xs:dateTime"
        raise ValueError(msg)
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and (minute or second)):
        msg = f"{text.strip()!r} has no such time of day"
        raise ValueError(msg)
    if year < dt.MINYEAR:
        return EARLIEST
    if year > dt.MAXYEAR:
        return LATEST
    days = dt.date(year, month, day).toordinal() - _DAY_ZERO
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second - _zone_seconds(match["zone"])
    # Part 6 5.1.4: digits beyond the resolution are cut off, not rounded.
    fraction = int((match["fraction"] or "").ljust(7, "0")[:7])
    last = (dt.date(9999, 12, 31).toordinal() - _DAY_ZERO + 1) * 86_400 - 1
    if seconds >= last:
        return LATEST
    return max(EARLIEST, seconds * TICKS_PER_SECOND + fraction)


def _zone_seconds(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 3600 + int(zone[4:6]) * 60)


def has_zone(text: str) -> bool:
    """Whether an xs:dateTime says its zone, as Part 6 5.3.1.6 demands."""
    match = _DATE_TIME.fullmatch(text.strip())
    return match is not None and match["zone"] is not None


def guid(text: str) -> str:
    """Lower-case text of a Guid (5.3.1.7)."""
    text = text.strip()
    if not re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", text):
        msg = f"{text!r} is no Guid"
        raise ValueError(msg)
    return str(uuid.UUID(text))


def byte_string(text: str) -> bytes:
    """xs:base64Binary, in which white space means nothing (5.3.1.8)."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        msg = f"no base64: {error}"
        raise ValueError(msg) from error


def array_dimensions(text: str) -> tuple[int, ...]:
    """Comma separated lengths; empty is none (UANodeSet.xsd ArrayDimensions)."""
    return tuple(integer(part, "UInt32") for part in text.split(",")) if text.strip() else ()
