from __future__ import annotations

import pytest
from asyncua import ua

from nodesets.built_in_types import LocalizedText
from server.address_space.encoding import NULL_VARIANT
from server.address_space.keys import numeric_key
from server.address_space.node import BrowseName
from server.address_space.space import AddressSpace
from server.events.emitter import Emitter, EventError
from server.events.event import (
    EVENT_ID,
    EVENT_TYPE,
    MESSAGE,
    RECEIVE_TIME,
    SEVERITY,
    SOURCE_NAME,
    SOURCE_NODE,
    TIME,
    standard_path,
)
from server.events.event_types import EventTypes
from server.events.values import Value, decode
from tests.unit.server.address_space.plant import key
from tests.unit.server.events.plant import BASE, NOW, OTHER, OWN, SOURCE, SUB, declare, encoded, own_path

ALARM = numeric_key(0, ua.ObjectIds.AlarmConditionType)


@pytest.fixture
def emitter(space: AddressSpace) -> Emitter:
    return Emitter(EventTypes(space), lambda: NOW)


def test_the_fields_of_base_event_type(emitter: Emitter) -> None:
    event = emitter.make(BASE, SOURCE, "leak found", 500)
    assert event.value(EVENT_TYPE) == Value(17, BASE)
    assert event.value(SOURCE_NODE) == Value(17, SOURCE)
    assert event.value(SOURCE_NAME) == Value(12, "Tank")
    assert event.value(TIME) == event.value(RECEIVE_TIME) == Value(13, NOW)
    assert event.value(MESSAGE) == Value(21, LocalizedText(None, "leak found"))
    assert event.value(SEVERITY) == Value(5, 500)
    again = emitter.make(BASE, SOURCE, LocalizedText("de", "Leck"), 500, time=NOW - 7)
    ids = [one.value(EVENT_ID) for one in (event, again)]
    assert [one is not None and (one.kind, len(one.held)) for one in ids] == [(15, 16), (15, 16)]
    assert ids[0] != ids[1]
    assert again.value(MESSAGE) == Value(21, LocalizedText("de", "Leck"))
    assert again.value(TIME) == Value(13, NOW - 7)


@pytest.mark.parametrize(("asked", "told"), [(0, 1), (-5, 1), (1, 1), (1000, 1000), (70_000, 1000)])
def test_a_severity_is_from_1_to_1000(emitter: Emitter, asked: int, told: int) -> None:
    assert emitter.make(BASE, SOURCE, "x", asked).value(SEVERITY) == Value(5, told)


def test_mandatory_fields_are_null_until_they_are_given_and_optional_ones_are_not_there(emitter: Emitter) -> None:
    event = emitter.make(SUB, SOURCE, "x", 1)
    assert event.fields[own_path("Score")] == event.fields[own_path("State", "Id")] == NULL_VARIANT
    assert own_path("Extra") not in event.fields
    assert own_path("State", "Note") not in event.fields
    assert event.encoded(own_path("Extra")) == NULL_VARIANT


def test_fields_are_named_by_path_or_by_their_names(emitter: Emitter) -> None:
    fields = {"Score": encoded(1.5), own_path("Extra"): encoded(7, ua.VariantType.Int32), "State/Id": encoded(True)}  # noqa: FBT003 - a value
    event = emitter.make(SUB, SOURCE, "x", 1, fields)
    assert event.value(own_path("Score")) == Value(11, 1.5)
    assert event.value(own_path("Extra")) == Value(6, 7)
    assert event.value(own_path("State", "Id")) == Value(1, True)  # noqa: FBT003 - a value


def test_nested_fields_of_the_standards_types(emitter: Emitter) -> None:
    condition = key("Tank.Alarm")
    event = emitter.make(ALARM, SOURCE, "x", 1, {"ActiveState/Id": encoded(True)}, condition=condition)  # noqa: FBT003 - a value
    assert decode(event.fields[standard_path("ActiveState", "Id")]) == Value(1, True)  # noqa: FBT003 - a value
    assert event.fields[standard_path("EnabledState", "Id")] == NULL_VARIANT
    assert event.condition == condition


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        (OWN, {"Extra": b"\x00"}, "no field 'Extra'"),
        (BASE, {own_path("Score"): b"\x00"}, "no field"),
        (OTHER, {}, "abstract"),
        (SOURCE, {}, "no event type"),
        (key("nothing"), {}, "no event type"),
        (numeric_key(0, 58), {}, "no event type"),
    ],
)
def test_what_is_no_event_says_why(emitter: Emitter, kind: object, fields: object, problem: str) -> None:
    with pytest.raises(EventError, match=problem):
        emitter.make(kind, SOURCE, "x", 1, fields)  # type: ignore[arg-type]  # keys and fields of several types


def test_two_fields_of_one_name_are_told_apart_by_their_paths(growing: AddressSpace) -> None:
    space = growing
    declare(space, OWN, "Message", 12)
    event = Emitter(EventTypes(space)).make(OWN, SOURCE, "x", 1, {own_path("Message"): encoded("own")})
    assert event.value(own_path("Message")) == Value(12, "own")
    assert event.value(MESSAGE) == Value(21, LocalizedText(None, "x"))
    with pytest.raises(EventError, match="several"):
        Emitter(EventTypes(space)).make(OWN, SOURCE, "x", 1, {"Message": encoded("own")})


def test_a_type_that_changes_is_looked_at_again(growing: AddressSpace) -> None:
    space = growing
    emitter = Emitter(EventTypes(space))
    emitter.make(OWN, SOURCE, "x", 1)
    declare(space, OWN, "Later", 12, rule=None)
    assert emitter.make(OWN, SOURCE, "x", 1).fields[own_path("Later")] == NULL_VARIANT


def test_types_whose_nodes_have_each_other_end(growing: AddressSpace) -> None:
    space = growing
    space.refer(key("State"), numeric_key(0, 47), key("State"))
    space.refer(key("AnomalyEventType.Score"), numeric_key(0, 47), key("State"))
    space.refer(key("State"), numeric_key(0, 47), key("AnomalyEventType.Score"))
    types = EventTypes(space)
    assert 10 < len(types.fields(OWN)) < 100
    assert types.declarations(OWN, (BrowseName(2, "State"),) * 1000)
