"""What counts as a change (DataChangeFilter, Part 4 v1.05 7.22.2)."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from server.subscriptions.aggregates.kinds import Asked


class Trigger(IntEnum):
    """DataChangeTrigger (Part 4 v1.05 7.10)."""

    STATUS = 0
    STATUS_VALUE = 1
    STATUS_VALUE_TIMESTAMP = 2


class DataFilter(NamedTuple):
    """A filter once it was checked; ``deadband`` is absolute, 0 for none; ``aggregate``: what is told in its place."""

    trigger: Trigger = Trigger.STATUS_VALUE
    deadband: float = 0.0
    aggregate: Asked | None = None
