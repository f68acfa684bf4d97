"""The event that tells of lost events (Part 4 v1.05 5.13.1.5, Part 5 v1.05 6.4.34)."""

from __future__ import annotations

from asyncua.ua.object_ids import ObjectIds

from core.time import now
from nodesets.built_in_types import LocalizedText
from server.address_space.keys import numeric_key
from server.events.event import SERVER, Event, base_fields

OVERFLOW_EVENT_TYPE = numeric_key(0, ObjectIds.EventQueueOverflowEventType)
_SOURCE_NAME = "Internal/EventQueueOverflow"
_MESSAGE = LocalizedText("en", "Events were lost: the monitored item's queue was full.")
_SEVERITY = 700


def overflow_event() -> Event:
    """Make one; its type is abstract and used all the same."""
    fields = base_fields(OVERFLOW_EVENT_TYPE, SERVER, _SOURCE_NAME, _MESSAGE, _SEVERITY, now())
    return Event(OVERFLOW_EVENT_TYPE, SERVER, fields)
