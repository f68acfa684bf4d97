"""Time as OPC UA DateTime: int64 counts of 100 ns since 1601-01-01 UTC (Part 6 v1.05 5.2.2.5), and the clocks.

Schedules run on the monotonic clock alone; wall time is only ever a stamp, so a clock that jumps moves no scan.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

TICKS_PER_SECOND = 10_000_000
TICKS_PER_MILLISECOND = 10_000
UNIX_EPOCH_TICKS = 116_444_736_000_000_000
"""DateTime of 1970-01-01T00:00:00Z."""
DATETIME_MAX_TICKS = 2_650_467_743_990_000_000
"""DateTime of 9999-12-31T23:59:59Z; Part 6 v1.05 5.2.2.5 reads anything later as DateTime.MaxValue."""

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where time comes from; tests move their own."""

    def now(self) -> int:
        """Give the wall clock as OPC UA DateTime ticks."""
        ...

    def monotonic(self) -> float:
        """Give seconds on a clock that never jumps."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> int:
        """Give the wall clock as OPC UA DateTime ticks."""
        return time.time_ns() // 100 + UNIX_EPOCH_TICKS

    def monotonic(self) -> float:
        """Give seconds on a clock that never jumps."""
        return time.monotonic()


def now() -> int:
    """Give the wall clock as OPC UA DateTime ticks."""
    return time.time_ns() // 100 + UNIX_EPOCH_TICKS


def from_datetime(moment: datetime) -> int:
    """Turn an aware datetime into ticks. Raises :class:`ValueError` for a naive one."""
    if moment.tzinfo is None:
        message = "a datetime without a time zone has no DateTime; give it one"
        raise ValueError(message)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * TICKS_PER_SECOND + delta.microseconds * 10


def to_datetime(ticks: int) -> datetime:
    """Turn ticks into an aware UTC datetime (microsecond precision), held within what datetime can say."""
    bounded = min(max(int(ticks), 0), DATETIME_MAX_TICKS)
    return _EPOCH + timedelta(microseconds=bounded // 10)


def from_unix(seconds: float) -> int:
    """Turn Unix seconds into ticks."""
    return round(seconds * TICKS_PER_SECOND) + UNIX_EPOCH_TICKS


def to_unix(ticks: int) -> float:
    """Turn ticks into Unix seconds."""
    return (ticks - UNIX_EPOCH_TICKS) / TICKS_PER_SECOND


def to_iso(ticks: int) -> str:
    """Write ticks as RFC 3339 text with the 100 ns digits kept where there are any, ending in ``Z``."""
    moment = to_datetime(ticks)
    fraction = int(ticks) % TICKS_PER_SECOND
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:07d}".rstrip("0") + "Z" if fraction else f"{text}Z"


def from_iso(text: str) -> int:
    """Read RFC 3339 text; text without a zone is UTC. Raises :class:`ValueError` for anything else."""
    moment = datetime.fromisoformat(text)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
