"""The ``historian:`` section of the configuration: where history is kept, and how long."""

from __future__ import annotations

from pydantic import Field

from core.durations import PositiveDuration
from core.settings import Settings

_DAY = 86_400.0
_MOST_MIB = 1 << 24


class RetentionSettings(Settings):
    """How long values and their summaries are kept; ``mib``: how large the file may grow before the oldest go."""

    raw: PositiveDuration = 30 * _DAY
    seconds: PositiveDuration | None = Field(default=None, alias="1s")
    """None: as long as raw values."""
    minutes: PositiveDuration = Field(default=90 * _DAY, alias="1min")
    hours: PositiveDuration = Field(default=730 * _DAY, alias="1h")
    mib: int | None = Field(default=None, ge=64, le=_MOST_MIB)


class OutboxSettings(Settings):
    """How much waits at most for stores and brokers that are away: ``mib`` MiB, ``age`` long."""

    mib: int = Field(default=4096, ge=16, le=_MOST_MIB)
    age: PositiveDuration = 30 * _DAY
