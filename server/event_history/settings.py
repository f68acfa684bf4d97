"""The section ``historian.events:`` of the configuration."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from core.durations import PositiveDuration
from core.settings import Settings

_YEAR: Final = 365 * 86_400.0
_MOST_MIB: Final = 1_048_576


class EventHistorySettings(Settings):
    """Whether events are kept, those older than ``retention`` removed, and the oldest beyond ``mib`` MiB.

    ``audit``: keep audit events here too; they have a trail of their own (``audit:``).
    """

    enabled: bool = True
    retention: PositiveDuration = _YEAR
    mib: int = Field(default=1024, ge=1, le=_MOST_MIB)
    audit: bool = False
