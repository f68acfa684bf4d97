from __future__ import annotations

import pytest

from nodesets.nodes import NodeClass
from server.address_space.decoding import Cursor
from server.address_space.keys import numeric_key
from server.address_space.node import AccessAttributes, RolePermission
from server.address_space.space import AddressSpace
from server.address_space.standard_rights import complete_standard_rights
from server.audit.events import AUDIT_EVENT_TYPE
from server.event_history.kept_fields import kept_fields
from server.event_history.offering import OfferedHistory
from server.events.compiled_filter import compile_filter
from server.events.emitter import Emitter
from server.events.event import SERVER
from server.events.event_types import EventTypes
from server.users.well_known import WELL_KNOWN, Permission
from tests.unit.server.address_space.plant import key, node
from tests.unit.server.event_history.kept import served_plant
from tests.unit.server.events.plant import OWN, SOURCE, encoded, values
from tests.waiting import until

HAS_PROPERTY, HISTORICAL_EVENT_FILTER = numeric_key(0, 46), numeric_key(0, 11215)
HISTORY = Permission.READ_HISTORY | Permission.INSERT_HISTORY | Permission.MODIFY_HISTORY | Permission.DELETE_HISTORY


@pytest.fixture
def space() -> AddressSpace:
    made = AddressSpace()
    server = node("Server", flags=1)
    server.key = SERVER
    for one in (server, node("Hall", flags=1), node("Pump"), node("View", NodeClass.VIEW, flags=1 | 256)):
        made.add(one)
    made.add(node("Type", NodeClass.OBJECT_TYPE, flags=1))
    return made


async def test_notifiers_say_that_their_events_have_a_history_also_those_that_come_later(space: AddressSpace) -> None:
    offered = OfferedHistory(EventTypes(space))
    await offered.start()
    try:
        assert space[SERVER].flags == space[key("Hall")].flags == 0x0D
        assert space[key("View")].flags == 0x0D | 256
        assert (space[key("Pump")].flags, space[key("Type")].flags) == (0, 1)
        version = space.version
        space.add(node("Line", flags=1))
        offered.model_changed()
        await until(lambda: space[key("Line")].flags == 0x0D)
        assert space.version > version
    finally:
        await offered.stop()
        await offered.stop()


@pytest.mark.parametrize(
    ("role", "granted"),
    [
        ("Anonymous", 0),
        ("Observer", Permission.READ_HISTORY),
        ("Operator", Permission.READ_HISTORY),
        ("Engineer", Permission.READ_HISTORY | Permission.INSERT_HISTORY | Permission.MODIFY_HISTORY),
        ("ConfigureAdmin", HISTORY),
    ],
)
async def test_who_reads_the_plant_s_history_reads_that_of_the_server_s_events(
    space: AddressSpace, role: str, granted: int
) -> None:
    complete_standard_rights(space)
    offered = OfferedHistory(EventTypes(space))
    await offered.start()
    await offered.stop()
    access = space[SERVER].access
    assert access is not None
    assert access.role_permissions is not None
    held = {one.role: one.permissions for one in access.role_permissions}
    assert held[numeric_key(0, WELL_KNOWN[role])] & HISTORY == granted


async def test_who_may_not_hear_the_server_s_events_gets_nothing(space: AddressSpace) -> None:
    operator = numeric_key(0, WELL_KNOWN["Operator"])
    said = (RolePermission(operator, int(Permission.BROWSE | Permission.RECEIVE_EVENTS)),)
    space[SERVER].access = AccessAttributes(role_permissions=said)
    offered = OfferedHistory(EventTypes(space))
    await offered.start()
    await offered.stop()
    expected = int(Permission.BROWSE | Permission.RECEIVE_EVENTS | Permission.READ_HISTORY)
    access = space[SERVER].access
    assert access is not None
    assert access.role_permissions == (RolePermission(operator, expected),)


async def test_the_fields_that_are_kept_are_told_as_a_filter_that_the_history_itself_reads(space: AddressSpace) -> None:
    fields = node("HistoricalEventFilter", NodeClass.VARIABLE)
    fields.key = HISTORICAL_EVENT_FILTER
    space.add(fields)
    offered = OfferedHistory(EventTypes(space))
    await offered.start()
    await offered.stop()
    for notifier in (SERVER, key("Hall"), key("View")):
        assert space[notifier].forward == [(HAS_PROPERTY, HISTORICAL_EVENT_FILTER)]
    assert isinstance(fields.value, bytes)
    types = EventTypes(served_plant())
    for audit in (False, True):
        told = Cursor(await kept_fields(types, audit=audit), 1)
        assert (told.node_id(), told.byte()) == (numeric_key(0, 727), 1)
        compiled = compile_filter(types, told.bytes() or b"")
        assert compiled.result is None
        leak = Emitter(types).make(OWN, SOURCE, "leak", 500, {"Score": encoded(2.5)})
        assert 2.5 in values(compiled.select(leak))
        audited = Emitter(types, abstract=True).make(AUDIT_EVENT_TYPE, SERVER, "written", 100)
        assert (compiled.select(audited) is not None) == audit
