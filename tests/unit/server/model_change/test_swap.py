"""A changed model in a space that is served: the same as if it had been loaded, or as if nothing had been tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodesets.built_in_types import BuiltInType, LocalizedText, QualifiedName, Variant
from nodesets.nodes import Node, NodeClass, ObjectNode, ObjectTypeNode, Reference, VariableNode
from server.address_space.keys import NodeKey
from server.address_space.node import BrowseName, HeldValue, SpaceNode
from server.address_space.snapshot import snapshot
from server.address_space.space import AddressSpace
from server.model_change.comparing import compare
from server.model_change.preparing import Prepared, prepare
from server.model_change.swap import Step
from tests.unit.server.model_change.models import FIRST, MODELS, STANDARD, URI, exactly, load, own, told

OBJECTS = 85
ORGANIZES = 35
TYPED = 40
FOREIGN: NodeKey = (1, "own")


def changed(live: AddressSpace, before: Sequence[Node], after: Sequence[Node], **more: Any) -> Prepared:
    return prepare(compare(snapshot(load(*before)), load(*after)), live, **more)


def obj(number: int, *references: Reference, name: str = "x", **more: Any) -> ObjectNode:
    return ObjectNode(name=own(number), browse_name=QualifiedName(URI, name), references=references, **more)


def var(number: int, value: int | None = None, **more: Any) -> VariableNode:
    held = None if value is None else Variant(BuiltInType.Int32, value)
    return VariableNode(name=own(number), browse_name=QualifiedName(URI, "v"), value=held, **more)


def foreign(live: AddressSpace, parent: NodeKey) -> SpaceNode:
    node = SpaceNode(FOREIGN, NodeClass.OBJECT, BrowseName(1, "own"), (LocalizedText(None, "own"),))
    live.add(node)
    live.refer(parent, ORGANIZES, FOREIGN)
    return node


@given(MODELS, MODELS)
def test_any_change_gives_what_a_load_of_the_new_model_gives(before: list[Node], after: list[Node]) -> None:
    live = load(*before)
    version = live.version
    prepared = changed(live, before, after)
    assert prepared.obstacles == ()
    assert prepared.version == version
    prepared.swap.apply(live)
    assert told(live) == told(load(*after))
    assert live.version > version
    for key in live.nodes:
        assert live.subtypes(key) == load(*after).subtypes(key)


@given(MODELS, MODELS, MODELS)
def test_one_change_after_the_other(first: list[Node], second: list[Node], third: list[Node]) -> None:
    live = load(*first)
    said = snapshot(live)
    for wanted in (second, third, first):
        difference = compare(said, load(*wanted))
        prepare(difference, live).swap.apply(live)
        said = difference.after
    assert told(live) == told(load(*first))


@given(MODELS, MODELS, st.data())
def test_a_failure_anywhere_leaves_everything_as_it_was(
    before: list[Node], after: list[Node], data: st.DataObject
) -> None:
    live = load(*before)
    stood = exactly(live)
    swap = changed(live, before, after).swap
    steps = list(swap.steps)
    where = data.draw(st.integers(0, len(steps)))
    broken: Any = object()
    swap.steps = [*steps[:where], Step(broken, "browse_name", None), *steps[where:]]
    with pytest.raises(AttributeError):
        swap.apply(live)
    assert exactly(live) == stood
    swap.steps = steps
    swap.apply(live)
    assert told(live) == told(load(*after))
    swap.undo(live)
    assert exactly(live) == stood


@given(MODELS, MODELS)
def test_what_the_gateway_added_stays(before: list[Node], after: list[Node]) -> None:
    live, wanted = load(*before), load(*after)
    for space in (live, wanted):
        foreign(space, OBJECTS)
        space.nodes[OBJECTS].flags |= 1
    parents = sorted(set(live.nodes) & set(wanted.nodes), key=str)
    for parent in parents:
        live.refer(FOREIGN, 47, parent)
        wanted.refer(FOREIGN, 47, parent)
    prepared = changed(live, before, after)
    assert prepared.obstacles == ()
    prepared.swap.apply(live)
    assert told(live) == told(wanted)


def test_a_node_that_takes_the_gateways_parent_or_type_away_is_an_obstacle() -> None:
    kind = ObjectTypeNode(name=own(2), browse_name=QualifiedName(URI, "T"))
    live = load(obj(1), kind)
    foreign(live, FIRST + 1)
    live.refer(FOREIGN, TYPED, FIRST + 2)
    prepared = changed(live, [obj(1), kind], [])
    assert {(one.node, one.problem, one.foreign) for one in prepared.obstacles} == {
        (FIRST + 1, "holds", FOREIGN),
        (FIRST + 2, "is the type of", FOREIGN),
    }
    live.refer(OBJECTS, ORGANIZES, FOREIGN)
    live.unrefer(FOREIGN, TYPED, FIRST + 2)
    prepared = changed(live, [obj(1), kind], [])
    assert prepared.obstacles == ()
    prepared.swap.apply(live)
    assert live[FOREIGN].inverse == [(ORGANIZES, OBJECTS)]


def test_a_new_node_with_the_nodeid_of_the_gateways_own_is_an_obstacle() -> None:
    live = load()
    live.add(SpaceNode(FIRST + 1, NodeClass.OBJECT, BrowseName(1, "own"), (LocalizedText(None, "own"),)))
    (obstacle,) = changed(live, [], [obj(1)]).obstacles
    assert obstacle.node == FIRST + 1
    assert "NodeId" in obstacle.problem


def test_a_reference_to_a_node_that_was_deleted_while_served_is_an_obstacle() -> None:
    live = load(obj(1))
    live.remove(FIRST + 1)
    new = obj(2, Reference(STANDARD(ORGANIZES), own(1), forward=False))
    (obstacle,) = changed(live, [obj(1)], [obj(1), new]).obstacles
    assert (obstacle.node, obstacle.foreign) == (FIRST + 2, FIRST + 1)
    # What was deleted and is no more is nobody's loss.
    assert changed(live, [obj(1)], []).obstacles == ()


def test_written_values_stay_unless_the_type_is_another() -> None:
    before = [var(1, 1), var(2, 1), var(3, 1), var(4, 1)]
    live = load(*before)
    written = HeldValue(b"written", 0, 5, 6)
    live[FIRST + 2].value = written
    live[FIRST + 3].value = written
    live[FIRST + 4].value = function = lambda: None  # type: ignore[assignment,return-value]
    swap = changed(live, before, [var(1, 2), var(2, 2), var(3, 1, data_type=STANDARD(11)), var(4, 2)]).swap
    swap.apply(live)
    assert live[FIRST + 1].value == b"\x062"
    assert live[FIRST + 2].value is written
    assert live[FIRST + 3].value == b"\x061"
    assert live[FIRST + 4].value is function
    swap.undo(live)
    assert live[FIRST + 1].value == b"\x061"
    assert live[FIRST + 3].value is written


def test_a_value_written_after_the_preparation_stays_too() -> None:
    live = load(var(1, 1))
    swap = changed(live, [var(1, 1)], [var(1, 2)]).swap
    live[FIRST + 1].value = written = HeldValue(b"written")
    swap.apply(live)
    assert live[FIRST + 1].value is written


def test_what_the_gateway_settled_of_access_stays() -> None:
    live = load(var(1, access_level=1), var(2, access_level=1))
    for key in (FIRST + 1, FIRST + 2):
        held = live[key].variable
        assert held is not None
        live[key].variable = held._replace(access_level=5, user_access_level=5, historizing=True)
    new = [var(number, access_level=3, minimum_sampling_interval=7.0) for number in (1, 2)]
    settled = {FIRST + 1: 0x07}
    changed(live, [var(1, access_level=1), var(2, access_level=1)], new, settled=settled).swap.apply(live)
    bound, other = live[FIRST + 1].variable, live[FIRST + 2].variable
    assert bound is not None
    assert other is not None
    assert (bound.access_level, bound.historizing, bound.minimum_sampling_interval) == (5, True, 7.0)
    assert (other.access_level, other.user_access_level, other.historizing) == (7, 7, True)


def test_bits_that_the_gateway_set_beside_the_files_stay() -> None:
    live = load(obj(1, event_notifier=4))
    live[FIRST + 1].flags |= 1
    changed(live, [obj(1, event_notifier=4)], [obj(1, event_notifier=8)]).swap.apply(live)
    assert live[FIRST + 1].flags == 9


def test_texts_that_clients_wrote_stay_where_the_file_says_what_it_said() -> None:
    live = load(obj(1, name="x"), obj(2, name="x"))
    for number in (1, 2):
        live[FIRST + number].display_name = (LocalizedText("de", "geschrieben"),)
    changed(live, [obj(1), obj(2)], [obj(1, name="y"), obj(2, display_name=(LocalizedText("en", "new"),))]).swap.apply(
        live
    )
    assert live[FIRST + 2].display_name == (LocalizedText("en", "new"),)
    assert live[FIRST + 1].browse_name.name == "y"


def test_the_type_definition_comes_first_and_an_unchanged_state_keeps_its_objects() -> None:
    kind = ObjectTypeNode(name=own(9), browse_name=QualifiedName(URI, "T"))
    children = [obj(number, Reference(STANDARD(47), own(1), forward=False)) for number in (2, 3)]
    live = load(obj(1), *children, kind)
    before = snapshot(live)
    difference = compare(before, load(obj(1, Reference(STANDARD(TYPED), own(9))), *children, kind))
    assert difference.after[FIRST + 2] is before[FIRST + 2]
    prepare(difference, live).swap.apply(live)
    assert live[FIRST + 1].forward[0] == (TYPED, FIRST + 9)
    again = compare(difference.after, load(obj(1, Reference(STANDARD(TYPED), own(9))), *children, kind))
    assert not again
