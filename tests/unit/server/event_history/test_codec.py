from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.built_in_types import BuiltInType
from nodesets.names import NodeName
from server.address_space.keys import NULL_KEY, numeric_key
from server.address_space.node import BrowseName
from server.event_history.codec import EventCodec, UnstorableEventError
from server.events.event import EVENT_ID, MESSAGE, TIME, Event, standard_path
from server.events.event import Path as FieldPath
from server.ua_stack.nodeids import NodeIds
from tests.unit.server.address_space.plant import key
from tests.unit.server.event_history.kept import URIS, Kept
from tests.unit.server.events.plant import NOW, OWN, SOURCE, encoded, own_path

MOVED = (*URIS[:2], "urn:new", URIS[2])


@pytest.fixture
def made(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_all_that_an_event_carries_is_kept_also_the_states_of_an_alarm(made: Kept) -> None:
    alarm = numeric_key(0, 10637)  # NonExclusiveLevelAlarmType
    states: dict[str | FieldPath, bytes] = {
        "ActiveState/Id": encoded(True),  # noqa: FBT003 - what is kept
        "AckedState/Id": encoded(False),  # noqa: FBT003 - as above
        "Retain": encoded(True),  # noqa: FBT003 - as above
    }
    happened = made.event("high", 3, kind=alarm, fields=states, condition=key("TankLevelAlarm"))
    stored = made.codec.stored(happened)
    assert (stored.time, stored.severity, stored.kind) == (NOW + 30_000_000, 500, "i=10637")
    assert stored.source == str(NodeName(URIS[2], "s", "Tank"))
    assert {name: stored.fields[str(name)] for name in states} == states
    read = made.codec.event(stored)
    assert read is not None
    assert (read.type, read.source, read.condition) == (alarm, SOURCE, key("TankLevelAlarm"))
    assert read.fields == happened.fields


def test_events_are_read_by_other_namespace_indexes(made: Kept) -> None:
    happened = made.event("leak", fields={"Score": encoded(2.5)})
    read = EventCodec(NodeIds(MOVED)).event(made.codec.stored(happened))
    assert read is not None
    assert (read.type, read.source) == ((3, "AnomalyEventType"), (3, "Tank"))
    assert read.fields[(BrowseName(3, "Score"),)] == encoded(2.5)
    held = read.value(standard_path("SourceNode"))
    assert held is not None
    assert held.held == (3, "Tank")


def test_an_event_of_a_model_that_is_gone_is_none_and_fields_of_one_are_left_out(made: Kept) -> None:
    stored = made.codec.stored(made.event("leak", fields={"Score": encoded(2.5)}))
    poorer = EventCodec(NodeIds(URIS[:2]))
    assert poorer.event(stored) is None
    plain = made.codec.stored(Event(numeric_key(0, 2041), SOURCE, {own_path("Score"): encoded(1.0), TIME: b"\x00"}))
    read = poorer.event(plain)
    assert read is not None
    assert read.source == NULL_KEY
    assert set(read.fields) == {EVENT_ID, TIME}


def test_an_event_without_an_id_gets_one(made: Kept) -> None:
    stored = made.codec.stored(Event(OWN, SOURCE, {MESSAGE: encoded("x")}))
    assert len(stored.event_id) == 16
    assert stored.fields["EventId"] == bytes((BuiltInType.ByteString,)) + b"\x10\0\0\0" + stored.event_id
    assert stored.severity == 1


def test_what_cannot_be_kept_is_told(made: Kept) -> None:
    for one in (
        Event((9, "type"), SOURCE, {}),
        Event(OWN, SOURCE, {MESSAGE: b"\x11"}),
        Event(OWN, SOURCE, {(BrowseName(9, "x"),): b"\x00"}),
    ):
        with pytest.raises(UnstorableEventError):
            made.codec.stored(one)


def test_a_field_whose_bytes_are_damaged_is_left_out(made: Kept) -> None:
    stored = made.codec.stored(made.event("leak"))
    fields = {**stored.fields, "Message": b"\x11", "": b"\x11"}
    read = made.codec.event(type(stored)(b"i", stored.time, stored.kind, stored.source, 1, fields))
    assert read is not None
    assert MESSAGE not in read.fields
    assert read.condition is None
