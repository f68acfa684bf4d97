from __future__ import annotations

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import extensionobject_from_binary

from core.time import now
from nodesets.nodes import NodeClass
from server.address_space.encoding import NULL_VARIANT
from server.address_space.keys import numeric_key
from server.address_space.node import AccessAttributes, RolePermission
from server.address_space.space import HAS_SUBTYPE, AddressSpace
from server.audit.events import AUDIT_EVENT_TYPE, QUEUE, AuditEvents, may_hear
from server.audit.kinds import TO_CLIENTS
from server.audit.record import AuditRecord
from server.events.event import BASE_EVENT_TYPE, SERVER, SOURCE_NODE, Event, standard_path
from server.events.event_types import EventTypes
from server.events.values import Value, decode
from tests.unit.server.address_space.plant import key, node, standard_space
from tests.unit.server.audit.samples import NODE, TOKENS, activate, all_records, write
from tests.waiting import until

ADMIN = numeric_key(0, ua.ObjectIds.WellKnownRole_SecurityAdmin)
OPERATOR = numeric_key(0, ua.ObjectIds.WellKnownRole_Operator)
OWN_FIELDS = {"LoginLockedOut", "UserChanged", "RecordsLost"}
"""Types that Part 5 does not have: some of their fields are the trail's alone."""


@pytest.fixture(scope="module")
def space() -> AddressSpace:
    return standard_space()


@pytest.fixture
def events(space: AddressSpace) -> AuditEvents:
    return AuditEvents(EventTypes(space), lambda _: None, "urn:gateway")


def value(event: Event, name: str) -> object:
    held = decode(event.encoded(standard_path(name)))
    return None if held is None else held.held


@pytest.mark.parametrize("record", list(all_records()), ids=lambda record: type(record).__name__)
def test_every_record_is_an_event_of_its_type_with_all_its_fields(
    record: AuditRecord, events: AuditEvents, space: AddressSpace
) -> None:
    event = events.make(record, now())
    assert event.source == SERVER
    assert space[event.type].browse_name.name.startswith(("Audit", type(record).__name__))
    assert value(event, "EventId") == record.event_id
    assert value(event, "ServerId") == "urn:gateway"
    declared = {path[-1].name for path in EventTypes(space).fields(record.kind)}
    told = {name for name, _ in record.fields(TO_CLIENTS)}
    if type(record).__name__ not in OWN_FIELDS:
        assert told <= declared
    mandatory = {path[0].name for path, must in EventTypes(space).fields(record.kind).items() if must}
    assert mandatory - told <= {"EventType", "ReceiveTime", "Time", "Severity", "ServerId", "LocalTime"}


def test_a_write_tells_both_values_and_its_node_and_is_heard_at_the_server(events: AuditEvents) -> None:
    event = events.make(write(index_range="1:2"), 133_000_000_000_000_000)
    assert event.value(SOURCE_NODE) == Value(17, NODE)
    assert (value(event, "OldValue"), value(event, "NewValue"), value(event, "IndexRange")) == (1.5, 2.5, "1:2")
    assert (value(event, "SourceName"), value(event, "ClientUserId")) == ("Attribute/Write", "alice")
    assert (value(event, "ActionTimeStamp"), value(event, "Status")) == (133_000_000_000_000_000, True)
    assert event.source == SERVER


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.policy_id)
def test_a_foreign_codec_reads_the_identity_token(token: object, events: AuditEvents) -> None:
    event = events.make(activate(token), now())  # type: ignore[arg-type]  # one of TOKENS
    read = extensionobject_from_binary(Buffer(event.encoded(standard_path("UserIdentityToken"))[1:]))
    assert type(read).__name__.endswith("IdentityToken")
    assert read.PolicyId == token.policy_id  # type: ignore[attr-defined]  # as above
    for secret in ("Password", "TokenData"):
        assert not getattr(read, secret, None)


def test_what_is_not_told_is_null(events: AuditEvents) -> None:
    assert events.make(write(old_value=None), now()).encoded(standard_path("OldValue")) == NULL_VARIANT


async def test_events_come_in_order_and_an_error_ends_nothing(
    space: AddressSpace, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[object] = []

    def happened(event: Event) -> None:
        heard.append(value(event, "NewValue"))
        if len(heard) == 1:
            raise LookupError

    events = AuditEvents(EventTypes(space), happened, "urn:gateway")
    await events.start()
    for number in range(5):
        events.heard(write(float(number)), now())
    await until(lambda: len(heard) == 5)
    await events.stop()
    await events.stop()
    assert heard == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert (events.raised, events.dropped) == (4, 0)
    assert "cannot be raised" in caplog.text


async def test_the_queue_is_bounded(events: AuditEvents) -> None:
    for _ in range(QUEUE + 3):
        events.heard(write(), now())
    assert events.dropped == 3


def _event(events: AuditEvents) -> Event:
    return events.make(write(), now())


@pytest.mark.parametrize(
    ("roles", "may"), [({ADMIN}, True), ({OPERATOR, ADMIN}, True), ({OPERATOR}, False), (set(), False), (None, False)]
)
def test_audit_events_are_for_administrators(
    events: AuditEvents, space: AddressSpace, roles: set[int] | None, *, may: bool
) -> None:
    assert may_hear(space, _event(events), roles) is may


def test_other_events_are_for_everyone(space: AddressSpace) -> None:
    assert may_hear(space, Event(BASE_EVENT_TYPE, SERVER, {}), None)


def _restricted(space: AddressSpace, permissions: int) -> Event:
    if key("OwnAudit") not in space:
        space.add(node("OwnAudit", NodeClass.OBJECT_TYPE))
        space.refer(AUDIT_EVENT_TYPE, HAS_SUBTYPE, key("OwnAudit"))
    space[key("OwnAudit")].access = AccessAttributes(role_permissions=(RolePermission(OPERATOR, permissions),))
    return Event(key("OwnAudit"), SERVER, {})


@pytest.mark.parametrize(("permissions", "may"), [(0x800, True), (0x7FF, False)])
def test_role_permissions_of_the_event_type_decide(permissions: int, *, may: bool) -> None:
    space = standard_space()
    assert may_hear(space, _restricted(space, permissions), {OPERATOR}) is may
    assert not may_hear(space, _restricted(space, permissions), {ADMIN})
