"""Which streams of the outbox matter more when there is not room for all.

docs/decisions/0016-the-historian.md, "Priorities in the outbox".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class Priority(enum.IntEnum):
    """A stream's class. Over the cap the lowest goes first, in it the oldest; alarms never go for room."""

    LOG = 0
    TELEMETRY = 1
    EVENT = 2
    ALARM = 3


PRIORITIES: Final[Mapping[str, Priority]] = {
    "alarms": Priority.ALARM,
    "events": Priority.EVENT,
    "logs": Priority.LOG,
}


def priority_of(stream: str) -> Priority:
    """Give the class of a stream by the last part of its name (``pubsub/cloud/alarms``); any other is telemetry."""
    return PRIORITIES.get(stream.rpartition("/")[2], Priority.TELEMETRY)
