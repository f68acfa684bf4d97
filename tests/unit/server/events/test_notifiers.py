from __future__ import annotations

import pytest
from asyncua import ua

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.keys import numeric_key
from server.address_space.node import BrowseName, SpaceNode
from server.address_space.space import HAS_SUBTYPE, AddressSpace
from server.events.event import SERVER
from server.events.notifiers import Notifiers, may_notify
from tests.unit.server.address_space.plant import key, node, variable

HAS_NOTIFIER, HAS_EVENT_SOURCE = (
    numeric_key(0, number) for number in (ua.ObjectIds.HasNotifier, ua.ObjectIds.HasEventSource)
)
ORGANIZES, HAS_COMPONENT = numeric_key(0, 35), numeric_key(0, 47)


@pytest.fixture
def space() -> AddressSpace:
    """Area over Line over Pump (each a notifier), Sensor a source of Pump's, Shelf an organizer of all."""
    made = AddressSpace()
    for number, above in (
        (33, None),
        (HAS_EVENT_SOURCE, 33),
        (HAS_NOTIFIER, HAS_EVENT_SOURCE),
        (SERVER, None),
        (ORGANIZES, 33),
        (HAS_COMPONENT, 33),
    ):
        kind = NodeClass.OBJECT if number == SERVER else NodeClass.REFERENCE_TYPE
        standard = SpaceNode(number, kind, BrowseName(0, ""), (LocalizedText(None, ""),), flags=number == SERVER)
        made.add(standard)
        if above is not None:
            made.refer(above, HAS_SUBTYPE, number)
    for name in ("Area", "Line", "Pump", "Shelf"):
        made.add(node(name, flags=1))
    made.add(variable("Sensor", 11))
    made.refer(key("Area"), HAS_NOTIFIER, key("Line"))
    made.refer(key("Line"), HAS_NOTIFIER, key("Pump"))
    made.refer(key("Pump"), HAS_EVENT_SOURCE, key("Sensor"))
    for name in ("Area", "Line", "Pump"):
        made.refer(key("Shelf"), ORGANIZES, key(name))
        made.refer(key("Shelf"), HAS_COMPONENT, key(name))
    return made


def test_an_event_is_heard_at_its_source_at_all_notifiers_above_it_and_at_the_server(space: AddressSpace) -> None:
    heard = Notifiers(space)
    assert heard.of(key("Sensor")) == (key("Pump"), key("Line"), key("Area"), SERVER)
    assert heard.of(key("Line")) == (key("Line"), key("Area"), SERVER)
    assert heard.of(key("Area")) == (key("Area"), SERVER)
    assert heard.of(key("Shelf")) == (key("Shelf"), SERVER)


def test_the_server_hears_once_also_where_it_is_above_or_the_source(space: AddressSpace) -> None:
    space.refer(SERVER, HAS_NOTIFIER, key("Area"))
    assert Notifiers(space).of(key("Area")) == (key("Area"), SERVER)
    assert Notifiers(space).of(SERVER) == (SERVER,)
    assert Notifiers(space).of(key("nothing")) == (SERVER,)


def test_subtypes_of_the_references_count(space: AddressSpace) -> None:
    space.add(node("FeedsInto", NodeClass.REFERENCE_TYPE))
    space.refer(HAS_NOTIFIER, HAS_SUBTYPE, key("FeedsInto"))
    space.refer(key("Shelf"), key("FeedsInto"), key("Area"))
    assert key("Shelf") in Notifiers(space).of(key("Sensor"))


def test_who_is_no_notifier_hears_nothing_but_passes_on(space: AddressSpace) -> None:
    line = space[key("Line")]
    line.flags = 0
    space.changed(line)
    assert Notifiers(space).of(key("Sensor")) == (key("Pump"), key("Area"), SERVER)


def test_cycles_end(space: AddressSpace) -> None:
    space.refer(key("Pump"), HAS_NOTIFIER, key("Area"))
    space.refer(key("Area"), HAS_NOTIFIER, key("Area"))
    assert set(Notifiers(space).of(key("Pump"))) == {key("Pump"), key("Line"), key("Area"), SERVER}


def test_changed_references_and_notifiers_count_at_once(space: AddressSpace) -> None:
    heard = Notifiers(space)
    heard.of(key("Sensor"))
    space.unrefer(key("Line"), HAS_NOTIFIER, key("Pump"))
    assert heard.of(key("Sensor")) == (key("Pump"), SERVER)
    pump = space[key("Pump")]
    pump.flags = 0
    space.changed(pump)
    assert heard.of(key("Sensor")) == (SERVER,)
    space.refer(key("Area"), HAS_EVENT_SOURCE, key("Sensor"))
    assert heard.of(key("Sensor")) == (key("Area"), SERVER)
    space.remove(key("Area"))
    assert heard.of(key("Sensor")) == (SERVER,)


def test_what_was_found_is_remembered(space: AddressSpace) -> None:
    heard = Notifiers(space)
    assert heard.of(key("Sensor")) is heard.of(key("Sensor"))


def test_who_may_notify(space: AddressSpace) -> None:
    space.add(node("View", NodeClass.VIEW, flags=257))
    space.add(node("Loopless", NodeClass.VIEW, flags=256))
    space.add(node("Historian", flags=4))
    space.add(node("Method", NodeClass.METHOD, flags=5))
    may = [may_notify(space, key(name)) for name in ("Pump", "View", "Loopless", "Historian", "Method", "Sensor", "x")]
    assert may == [True, True, False, False, False, False, False]
    assert may_notify(space, SERVER)
