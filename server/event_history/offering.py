"""What the address space says of the history of events: EventNotifier, and who may use it at the Server object."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import RolePermission
from server.address_space.space import AddressSpace
from server.event_history.covering import HISTORY_READ, HISTORY_WRITE
from server.event_history.kept_fields import kept_fields
from server.events.event import SERVER
from server.events.event_types import EventTypes
from server.slices import Slices
from server.users.well_known import ANONYMOUS, WELL_KNOWN, Permission

_SUBSCRIBE_TO_EVENTS: Final = 0x01
_HAS_PROPERTY: Final = numeric_key(0, ObjectIds.HasProperty)
_FIELDS: Final = numeric_key(0, ObjectIds.HistoricalEventFilter)
"""The standard's own Property, of which all notifiers have the same one."""
_EVERYBODY: Final = numeric_key(0, WELL_KNOWN[ANONYMOUS])
"""The role that every session has."""
_HISTORY: Final = int(
    Permission.READ_HISTORY | Permission.INSERT_HISTORY | Permission.MODIFY_HISTORY | Permission.DELETE_HISTORY
)


class OfferedHistory:
    """Says so at each notifier (Part 3 v1.05 8.59), also at those that come later."""

    def __init__(self, types: EventTypes, *, audit: bool = False) -> None:
        """Say nothing yet. ``audit``: audit events are kept, too."""
        self._types = types
        self._space = types.space
        self._audit = audit
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say it of the notifiers that are there, and heed :meth:`model_changed`."""
        grant_event_history(self._space, self._space.rights.defaults_of(0))
        await self._offer()
        self._task = asyncio.create_task(self._run(), name="event-history-notifiers")

    async def stop(self) -> None:
        """Heed nothing more; what is said stays. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def model_changed(self) -> None:
        """Look for notifiers that have come."""
        self._wanted.set()

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._offer()

    async def _offer(self) -> None:
        slices = Slices()
        fields = self._space.get(_FIELDS)
        if fields is not None:
            fields.value = await kept_fields(self._types, audit=self._audit)
        for node in tuple(self._space.nodes.values()):
            await slices.turn()
            is_notifier = node.node_class in (NodeClass.OBJECT, NodeClass.VIEW) and node.flags & _SUBSCRIBE_TO_EVENTS
            if is_notifier and ~node.flags & (HISTORY_READ | HISTORY_WRITE):
                node.flags |= HISTORY_READ | HISTORY_WRITE
                self._space.changed(node)
            if is_notifier and fields is not None:
                self._space.refer(node.key, _HAS_PROPERTY, _FIELDS)


def grant_event_history(space: AddressSpace, said: Iterable[tuple[NodeKey, int]]) -> None:
    """Let roles use the history of the Server's events that may use the history of the plant's nodes.

    ``said``: the bits of PermissionType that each role has where nothing is said. A role that the Server object's
    RolePermissions do not let hear its events gets nothing.
    """
    node = space.get(SERVER)
    if node is None or node.access is None or node.access.role_permissions is None:
        return
    held = {one.role: one.permissions for one in node.access.role_permissions}
    everybody = held.get(_EVERYBODY, 0) & Permission.RECEIVE_EVENTS
    for role, bits in said:
        before = held.get(role, 0)
        if bits & _HISTORY and (everybody or before & Permission.RECEIVE_EVENTS):
            held[role] = before | bits & _HISTORY
    permissions = tuple(RolePermission(role, bits) for role, bits in held.items())
    if permissions != node.access.role_permissions:
        node.access = node.access._replace(role_permissions=permissions)
        space.changed(node)
        space.rights.changed()
