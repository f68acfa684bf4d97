"""What every audit record tells (Part 5 v1.05 6.4.3), and how its fields are found."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast, get_args, get_type_hints

from asyncua.ua.object_ids import ObjectIds

from server.address_space.keys import NodeKey, numeric_key
from server.audit.kinds import Arguments, Boolean, ByteString, Kind, NodeId, NodeWriter, String, Text, UtcTime
from server.events.event import SERVER

_EVENT_ID_BYTES = 16
RECORD_WEIGHT = 512
"""About how many bytes a record takes beside its values."""


def _event_id() -> bytes:
    return os.urandom(_EVENT_ID_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One thing that was done or refused. A field's OPC UA name is its own in PascalCase.

    ``status``: whether it was done. ``message``: why not, in words; never a secret. ``client_user_id``: who asked, as
    Part 5 v1.05 6.4.3 tells it: the user name, the subject of a certificate or token, ``Anonymous``, or ``System/…``
    where it was no client's user. ``client_audit_entry_id``: the AuditEntryId of the request's header.
    ``action_time_stamp``: when it was asked for, DateTime ticks; 0 for when it was recorded. ``source_node``: what was
    changed or called, else the Server. ``event_id``: tells the event from all others.
    """

    event_type: ClassVar[int] = ObjectIds.AuditEventType
    """The identifier of the OPC UA event type in the standard namespace."""
    severity_done: ClassVar[int] = 100
    severity_refused: ClassVar[int] = 500

    event_id: ByteString = field(default_factory=_event_id)
    source_node: NodeId = SERVER
    source_name: String = ""
    message: Text = ""
    action_time_stamp: UtcTime = 0
    status: Boolean
    client_audit_entry_id: String = ""
    client_user_id: String = ""
    client_application_uri: String = None

    @property
    def severity(self) -> int:
        """How much it matters, 1 to 1000 (Part 5 v1.05 6.4.2)."""
        return self.severity_done if self.status else self.severity_refused

    @property
    def weight(self) -> int:
        """About how many bytes it takes while it waits to be written."""
        return RECORD_WEIGHT + sum(_length(getattr(self, attribute)) for attribute, _, _ in _fields_of(type(self)))

    @property
    def kind(self) -> NodeKey:
        """The event type's key."""
        return numeric_key(0, self.event_type)

    def fields(self, node: NodeWriter) -> Iterator[tuple[str, bytes]]:
        """Give every field's OPC UA name and Variant; ``node`` writes NodeIds."""
        for attribute, name, encode in _fields_of(type(self)):
            yield name, encode(getattr(self, attribute), node)


def _length(value: object) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, Arguments):
        value = value.variants
    return sum(map(_length, cast("tuple[object, ...]", value))) if isinstance(value, tuple | list) else 0


@functools.cache
def _fields_of(kind: type[AuditRecord]) -> tuple[tuple[str, str, Any], ...]:
    """Give attribute, OPC UA name and encoder of each field, those of the base first."""
    found: list[tuple[str, str, Any]] = []
    for attribute, hint in get_type_hints(kind, include_extras=True).items():
        for told in get_args(hint)[1:]:
            if isinstance(told, Kind):
                name = "".join(part[:1].upper() + part[1:] for part in attribute.split("_"))
                found.append((attribute, name, told.encode))
    return tuple(found)
