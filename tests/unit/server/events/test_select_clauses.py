# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false
from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua

from server.address_space.keys import NodeKey, numeric_key
from server.address_space.space import AddressSpace
from server.events.compiled_filter import MOST_REMEMBERED, EventFilterRefused, EventFilters, compile_filter
from server.events.emitter import Emitter
from server.events.event_types import EventTypes
from server.events.request import MAX_SELECT_CLAUSES
from tests.unit.server.address_space.plant import key, node
from tests.unit.server.events.plant import (
    BASE,
    HAS_COMPONENT,
    MESSAGE,
    OTHER,
    OWN,
    SOURCE,
    SUB,
    asked,
    clause,
    codes,
    compiled,
    declare,
    encoded,
    own,
    raw_event,
    told,
    values,
)

CONDITION = numeric_key(0, ua.ObjectIds.ConditionType)
ALARM = numeric_key(0, ua.ObjectIds.AlarmConditionType)


def test_fields_in_the_order_of_the_clauses(space: AddressSpace) -> None:
    select = [own("Score"), clause("Severity"), clause("Message"), own("State", "Id"), clause("SourceName")]
    event = raw_event(space, Score=2.5, **{"State/Id": True})
    made = compiled(space, select)
    score, severity, message, state, source = values(made.select(event))
    assert (score, severity, message.Text, state, source) == (2.5, 500, "leak found", True, "Tank")
    assert made.result is None
    assert made.fields(event) == made.select(event)


def test_a_field_that_the_event_has_not_got_is_null(space: AddressSpace) -> None:
    select = [own("Extra"), own("Score", kind=OTHER), clause("ActiveState", "Id"), own("Score"), own("State", "Note")]
    assert values(compiled(space, select).select(raw_event(space))) == [None] * 5


def test_the_type_restricts_a_clause_to_its_instances_unless_it_is_base_event_type(space: AddressSpace) -> None:
    select = [own("Score", kind=kind) for kind in (BASE, OWN, SUB)]
    types = EventTypes(space)
    made = compiled(space, select)
    fields: dict[Any, bytes] = {"Score": encoded(1.0)}
    assert values(made.select(Emitter(types).make(OWN, SOURCE, "x", 1, fields))) == [1.0, 1.0, None]
    assert values(made.select(Emitter(types).make(SUB, SOURCE, "x", 1, fields))) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (clause("Message", kind=key("nothing")), "BadTypeDefinitionInvalid"),
        (clause("Message", kind=SOURCE), "BadTypeDefinitionInvalid"),
        (clause("Message", kind=numeric_key(0, 58)), "BadTypeDefinitionInvalid"),
        (clause("Massage"), "BadNodeIdUnknown"),
        (clause("Message", namespace=2), "BadNodeIdUnknown"),
        (own("Score", kind=numeric_key(0, ua.ObjectIds.SystemEventType)), "BadNodeIdUnknown"),
        (own("Extra", kind=OWN), "BadNodeIdUnknown"),
        (own("State", "Nothing"), "BadNodeIdUnknown"),
        (own("State", "Id", "Id"), "BadNodeIdUnknown"),
        (clause("Message", attribute=ua.AttributeIds.DisplayName), "BadAttributeIdInvalid"),
        (clause("Message", attribute=ua.AttributeIds.NodeId), "BadAttributeIdInvalid"),
        (clause("Message", attribute=4711), "BadAttributeIdInvalid"),
        (own("State"), "BadAttributeIdInvalid"),
        (clause(), "BadAttributeIdInvalid"),
        (clause(attribute=ua.AttributeIds.NodeId, kind=OWN), "BadAttributeIdInvalid"),
        (clause(""), "BadBrowseNameInvalid"),
        (own("State", ""), "BadBrowseNameInvalid"),
        (own("Tags", index_range="2:1"), "BadIndexRangeInvalid"),
        (own("Tags", index_range="x"), "BadIndexRangeInvalid"),
        (own("Score", kind=OWN, index_range="0"), "BadTypeMismatch"),
        (clause(attribute=ua.AttributeIds.NodeId, index_range="0"), "BadTypeMismatch"),
    ],
)
def test_a_clause_that_makes_no_sense_says_so_and_is_null(
    space: AddressSpace, wrong: ua.SimpleAttributeOperand, status: str
) -> None:
    made = compiled(space, [MESSAGE, wrong, MESSAGE])
    result = told(made.result)
    assert codes(result.SelectClauseResults) == ["Good", status, "Good"]
    assert result.WhereClauseResult.ElementResults == []
    first, middle, last = values(made.select(raw_event(space)))
    assert (first.Text, middle, last.Text) == ("leak found", None, "leak found")


def test_a_filter_without_a_clause_that_makes_sense_is_refused(space: AddressSpace) -> None:
    with pytest.raises(EventFilterRefused) as refused:
        compiled(space, [clause("Massage"), clause("")])
    assert refused.value.status == ua.StatusCodes.BadEventFilterInvalid
    assert codes(told(refused.value.result).SelectClauseResults) == ["BadNodeIdUnknown", "BadBrowseNameInvalid"]
    with pytest.raises(EventFilterRefused) as refused:
        compiled(space, [])
    assert refused.value.status == ua.StatusCodes.BadEventFilterInvalid


def test_threat_14_too_many_select_clauses_are_refused(space: AddressSpace) -> None:
    assert len(values(compiled(space, [MESSAGE] * MAX_SELECT_CLAUSES).select(raw_event(space)))) == MAX_SELECT_CLAUSES
    with pytest.raises(EventFilterRefused) as refused:
        compiled(space, [MESSAGE] * (MAX_SELECT_CLAUSES + 1))
    assert refused.value.status == ua.StatusCodes.BadEventFilterInvalid
    assert refused.value.result is None


@pytest.mark.parametrize("body", [b"", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x01\0\0\0" + b"\x09" * 40])
def test_threat_14_bytes_that_are_no_filter_are_refused(space: AddressSpace, body: bytes) -> None:
    with pytest.raises(EventFilterRefused) as refused:
        compile_filter(EventTypes(space), body)
    assert refused.value.status == ua.StatusCodes.BadEventFilterInvalid


def test_parts_of_fields(space: AddressSpace) -> None:
    ranges = [own("Tags", index_range="1:2"), own("Tags", index_range="9"), own("Name", index_range="0:3")]
    made = compiled(space, [*ranges, own("Tags", kind=SUB, index_range="0")])
    tags, beyond, name, other = values(made.select(raw_event(space, Tags=["a", "b", "c", "d"], Name="Tank 7")))
    assert (tags, name, other) == (["b", "c"], "Tank", None)
    assert beyond.name == "BadIndexRangeNoData"
    assert values(made.select(raw_event(space))) == [None] * 4


def test_the_condition_id_and_the_nodes_of_conditions(growing: AddressSpace) -> None:
    space = growing
    space.add(node("Alarm"))
    space.add(node("AlarmState"))
    space[key("AlarmState")].browse_name = space[key("State")].browse_name
    space.refer(key("Alarm"), HAS_COMPONENT, key("AlarmState"))
    ids: list[NodeKey] = [BASE, CONDITION, ALARM]
    select = [clause(attribute=ua.AttributeIds.NodeId, kind=kind) for kind in ids]
    made = compiled(space, [*select, own("State", attribute=ua.AttributeIds.NodeId)])
    emitter = Emitter(EventTypes(space))
    alarm = ua.NodeId("Alarm", 2)
    event = emitter.make(ALARM, SOURCE, "x", 1, condition=key("Alarm"))
    assert values(made.select(event)) == [alarm, alarm, alarm, ua.NodeId("AlarmState", 2)]
    assert values(made.select(emitter.make(OWN, SOURCE, "x", 1))) == [None] * 4
    unacknowledged = numeric_key(0, ua.ObjectIds.AcknowledgeableConditionType)
    event = emitter.make(unacknowledged, SOURCE, "x", 1, condition=key("Alarm"))
    assert values(made.select(event))[:3] == [alarm, alarm, None]


def test_items_that_ask_the_same_share_a_filter(growing: AddressSpace) -> None:
    filters = EventFilters(EventTypes(growing))
    first, later = asked([MESSAGE]), asked([own("Afterwards"), MESSAGE])
    shared = filters.compile(first)
    assert filters.compile(first) is shared
    assert filters.compile(later).result is not None
    declare(growing, OWN, "Afterwards", 12)
    assert filters.compile(later).result is None
    shared = filters.compile(first)
    for size in range(1, MOST_REMEMBERED + 1):
        filters.compile(asked([MESSAGE] * (size + 1)))
    assert len(filters._known) == MOST_REMEMBERED
    assert filters.compile(first) is not shared
    with pytest.raises(EventFilterRefused):
        filters.compile(b"")


def test_a_type_that_is_added_later_can_be_selected(growing: AddressSpace) -> None:
    space = growing
    types = EventTypes(space)
    with pytest.raises(EventFilterRefused):
        compile_filter(types, asked([own("AtLast")]))
    declare(space, OWN, "AtLast", 12)
    assert compile_filter(types, asked([own("AtLast")])).result is None
