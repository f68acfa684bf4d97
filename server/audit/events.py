"""Records as OPC UA events (Part 5 v1.05 6.4.3), and who may hear them (Part 3 v1.05 8.55)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType
from server.address_space.encoding import encode_string, variant
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.space import AddressSpace
from server.audit.kinds import TO_CLIENTS
from server.audit.record import AuditRecord
from server.events.emitter import Emitter
from server.events.event import SERVER, Event, Path, standard_path
from server.events.event_types import EventTypes

_log = logging.getLogger("plantspace.audit")
QUEUE: Final = 1000
AUDIT_EVENT_TYPE: Final = numeric_key(0, ObjectIds.AuditEventType)
AUDITORS: Final = frozenset(
    numeric_key(0, number) for number in (ObjectIds.WellKnownRole_SecurityAdmin, ObjectIds.WellKnownRole_ConfigureAdmin)
)
"""Roles that hear audit events where the event type has no RolePermissions of its own."""
_RECEIVE_EVENTS: Final = 0x800
"""Bit of PermissionType (Part 3 v1.05 8.55)."""


def may_hear(space: AddressSpace, event: Event, roles: Collection[NodeKey] | None) -> bool:
    """Tell whether a session with ``roles`` may be told of an event; None, for roles that are not known, may not.

    Events that are none of the audit may always be told here.
    """
    if not space.is_subtype(event.type, AUDIT_EVENT_TYPE):
        return True
    if roles is None:
        return False
    node = space.get(event.type)
    permissions = None if node is None or node.access is None else node.access.role_permissions
    if permissions is None:
        return any(role in AUDITORS for role in roles)
    return any(one.role in roles and one.permissions & _RECEIVE_EVENTS for one in permissions)


class AuditEvents:
    """Raises an event for each record, one task for all. The queue is bounded and counts what it drops.

    Every event is heard at the Server object alone, though its SourceNode is what was changed: whoever may hear of a
    device need not be allowed to hear who writes to it.
    """

    def __init__(self, types: EventTypes, happened: Callable[[Event], None], server_id: str) -> None:
        """Make events of ``types`` and give them to ``happened``."""
        self._types = types
        self._emitter = Emitter(types, abstract=True)
        self._happened = happened
        self._server_id = variant(BuiltInType.String, encode_string(server_id))
        self._queue: asyncio.Queue[tuple[AuditRecord, int]] = asyncio.Queue(QUEUE)
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0
        self.raised = 0

    async def start(self) -> None:
        """Begin to raise events."""
        self._task = asyncio.create_task(self._run(), name="audit-events")

    async def stop(self) -> None:
        """Raise nothing more; safe twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def heard(self, record: AuditRecord, time: int) -> None:
        """Queue a record's event (:meth:`AuditTrail.on_record`)."""
        try:
            self._queue.put_nowait((record, time))
        except asyncio.QueueFull:
            if not self.dropped:
                _log.warning("audit events are dropped: too many at once; the trail has all of them")
            self.dropped += 1

    def make(self, record: AuditRecord, time: int) -> Event:
        """Make the event of a record that was recorded at ``time`` (ticks).

        Fields that its event type does not declare are the trail's alone. Raises
        :class:`~server.events.emitter.EventError` for a type that the address space does not have.
        """
        declared = self._types.fields(record.kind)
        fields: dict[str | Path, bytes] = {standard_path("ServerId"): self._server_id}
        for name, encoded in record.fields(TO_CLIENTS):
            path = standard_path(name)
            if path in declared:
                fields[path] = encoded
        if not record.action_time_stamp:
            stamp = variant(BuiltInType.DateTime, time.to_bytes(8, "little", signed=True))
            fields[standard_path("ActionTimeStamp")] = stamp
        return self._emitter.make(record.kind, SERVER, record.message, record.severity, fields, time=time)

    async def _run(self) -> None:
        while True:
            record, time = await self._queue.get()
            try:
                self._happened(self.make(record, time))
                self.raised += 1
            except Exception:  # noqa: BLE001 - one event that cannot be made must not end all others
                _log.exception("the event of a record of the type %s cannot be raised", type(record).__name__)
            await asyncio.sleep(0)  # a queue that is full is no reason to hold all others up
