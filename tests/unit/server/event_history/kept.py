"""A plant with a store of events, and what reads and changes it."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_to_binary, variant_from_binary

from core.time import TICKS_PER_SECOND
from historian.contract import Cursor
from historian.editing import UpdateKind
from historian.events.contract import EventDelivery
from historian.events.sqlite import SQLiteEventStore
from nodesets.names import STANDARD_NAMESPACE
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import AccessAttributes, RolePermission
from server.address_space.session_context import GATEWAY, SessionContext
from server.address_space.space import AddressSpace
from server.event_history.access import EventHistoryAccess
from server.event_history.codec import EventCodec
from server.event_history.offering import grant_event_history
from server.events.compiled_filter import EventFilters
from server.events.emitter import Emitter
from server.events.event import SERVER, Event
from server.events.event import Path as FieldPath
from server.events.event_types import EventTypes
from server.events.notifiers import Notifiers
from server.ua_stack.history.requests import DeleteEvents, ReadEvents, UpdateEvents
from server.ua_stack.nodeids import NodeIds
from server.users.well_known import ANONYMOUS, WELL_KNOWN, Permission
from tests.unit.server.address_space.plant import key, node
from tests.unit.server.events.plant import NOW, OWN, SOURCE, clause, plant

URIS = (STANDARD_NAMESPACE, "urn:app", "urn:own/;models")
HAS_NOTIFIER, HAS_EVENT_SOURCE = numeric_key(0, 48), numeric_key(0, 36)
HALL, PUMP, VAULT = key("Hall"), key("Pump"), key("Vault")
"""A notifier above the pump alone; the tank and the vault are below none but the Server.

Engineers alone may know of the vault.
"""
EVERYTHING = 0x01 | 0x04 | 0x08


def context(*roles: str) -> SessionContext:
    """The rights of a session with these roles."""
    return SessionContext(roles=frozenset(numeric_key(0, WELL_KNOWN[role]) for role in (ANONYMOUS, *roles)))


@lru_cache(1)
def served_plant() -> AddressSpace:
    """The plant, which tests do not change: it takes a second to make."""
    space = plant()
    engineer = numeric_key(0, WELL_KNOWN["Engineer"])
    permissions = (RolePermission(engineer, int(Permission.BROWSE | Permission.RECEIVE_EVENTS)),)
    vault = node("Vault")
    vault.access = AccessAttributes(role_permissions=permissions)
    for made in (node("Hall", flags=EVERYTHING), node("Pump"), vault):
        space.add(made)
    space.refer(SERVER, HAS_NOTIFIER, HALL)
    space.refer(HALL, HAS_EVENT_SOURCE, PUMP)
    space[SERVER].flags |= EVERYTHING
    grant_event_history(space, space.rights.defaults_of(0))
    return space


class Kept:
    """``put`` keeps events of the tank and the pump; seconds count from NOW."""

    def __init__(self, folder: Path) -> None:
        self.space = served_plant()
        self.nodeids = NodeIds(URIS)
        self.codec = EventCodec(self.nodeids)
        self.types = EventTypes(self.space)
        self.emitter = Emitter(self.types)
        self.store = SQLiteEventStore(folder / "events.sqlite", retention_days=36_500)
        self.access = EventHistoryAccess(
            self.store, Notifiers(self.space), self.types, EventFilters(self.types), self.codec
        )
        self._sequence = 0

    def event(
        self,
        message: str,
        seconds: int = 0,
        *,
        source: NodeKey = SOURCE,
        severity: int = 500,
        kind: NodeKey = OWN,
        fields: dict[str | FieldPath, bytes] | None = None,
        condition: NodeKey | None = None,
    ) -> Event:
        time = NOW + seconds * TICKS_PER_SECOND
        return self.emitter.make(kind, source, message, severity, fields, condition=condition, time=time)

    async def put(self, *events: Event) -> None:
        self._sequence += 1
        stored = [self.codec.stored(one) for one in events]
        await self.store.append([EventDelivery(self._sequence, stored)], "origin")

    async def read(
        self,
        start: int | None = 0,
        end: int | None = 1000,
        *,
        select: Sequence[Any] = (clause("Message"),),
        where: Iterable[Any] = (),
        notifier: NodeKey = SERVER,
        by: SessionContext = GATEWAY,
        wanted: int = 0,
        most: int = 500,
    ) -> list[list[Any]]:
        """Read through all answers; give the selected fields of each event."""
        details = asked(start, end, select, where, wanted)
        rows: list[list[Any]] = []
        cursor: Cursor | None = None
        while True:
            body, cursor = await self.access.read(notifier, details, cursor, most, by)
            rows += fields_of(body)
            if cursor is None:
                return rows

    async def messages(self, start: int | None = 0, end: int | None = 1000, **request: Any) -> list[str]:
        return [row[0].Text for row in await self.read(start, end, **request)]

    async def update(
        self,
        kind: UpdateKind,
        select: Sequence[Any],
        *rows: Sequence[Any],
        notifier: NodeKey = SERVER,
        by: SessionContext = GATEWAY,
    ) -> list[str]:
        """Give the names of the StatusCodes."""
        written: list[bytes] = []
        for row in rows:
            values = [one if isinstance(one, ua.Variant) else ua.Variant(one) for one in row]
            written.append(struct_to_binary(ua.HistoryEventFieldList(EventFields=values)))
        details = UpdateEvents(notifier, int(kind), filter_of(select), tuple(written))
        return names_of(await self.access.update(details, by))

    async def delete(self, *event_ids: bytes, notifier: NodeKey = SERVER, by: SessionContext = GATEWAY) -> list[str]:
        return names_of(await self.access.delete(DeleteEvents(notifier, event_ids), by))


def asked(
    start: int | None, end: int | None, select: Sequence[Any], where: Iterable[Any] = (), wanted: int = 0
) -> ReadEvents:
    return ReadEvents(moment(start), moment(end), wanted, filter_of(select, where))


def filter_of(select: Iterable[Any], where: Iterable[Any] = ()) -> bytes:
    """The encoding of an EventFilter."""
    made = ua.EventFilter()
    made.SelectClauses, made.WhereClause.Elements = list(select), list(where)
    return struct_to_binary(made)


def names_of(statuses: Iterable[int]) -> list[str]:
    return [ua.StatusCode(ua.UInt32(status)).name for status in statuses]


def moment(seconds: int | None) -> int | None:
    return None if seconds is None else NOW + seconds * TICKS_PER_SECOND


def fields_of(body: bytes) -> list[list[Any]]:
    """A HistoryEvent's body as a client reads it."""
    data = Buffer(body)
    rows: list[list[Any]] = []
    for _ in range(int.from_bytes(data.read(4), "little", signed=True)):
        count = int.from_bytes(data.read(4), "little", signed=True)
        rows.append([variant_from_binary(data).Value for _ in range(count)])
    assert not len(data)
    return rows
