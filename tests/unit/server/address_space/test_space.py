"""The address space itself: both ends of references, types, changes while it is served."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, is_null, numeric_key
from server.address_space.space import HAS_SUBTYPE, HAS_TYPE_DEFINITION, AddressSpace
from tests.unit.server.address_space.plant import key, node

KIND = numeric_key(0, 35)


def made(*names: str) -> AddressSpace:
    space = AddressSpace()
    for name in names:
        space.add(node(name))
    return space


def triples(space: AddressSpace) -> tuple[set[Any], set[Any]]:
    forward = {(one.key, kind, other) for one in space.nodes.values() for kind, other in one.forward}
    inverse = {(other, kind, one.key) for one in space.nodes.values() for kind, other in one.inverse}
    return forward, inverse


def test_a_reference_is_known_at_both_ends_and_only_once() -> None:
    space = made("a", "b")
    assert space.refer(key("a"), KIND, key("b"))
    assert not space.refer(key("a"), KIND, key("b"))
    assert space[key("a")].forward == [(KIND, key("b"))]
    assert space[key("b")].inverse == [(KIND, key("a"))]
    assert space.unrefer(key("a"), KIND, key("b"))
    assert not space.unrefer(key("a"), KIND, key("b"))
    assert triples(space) == (set(), set())


def test_a_key_that_is_taken_is_refused_and_one_that_is_unknown_too() -> None:
    space = made("a")
    with pytest.raises(ValueError, match="exists already"):
        space.add(node("a"))
    with pytest.raises(KeyError):
        space.refer(key("a"), KIND, key("b"))
    with pytest.raises(KeyError):
        space.remove_all([key("a"), key("b")])
    assert key("a") in space
    assert len(space) == 1
    assert triples(space) == (set(), set())


_names = st.sampled_from("abcdef")


@given(st.lists(st.tuples(_names, _names)), st.sets(_names))
def test_removing_nodes_leaves_no_reference_to_them_at_any_end(links: list[tuple[str, str]], gone: set[str]) -> None:
    space = made(*"abcdef")
    for source, target in links:
        space.refer(key(source), KIND, key(target))
    before = space.version
    space.remove_all([key(name) for name in gone])
    forward, inverse = triples(space)
    assert (
        forward
        == inverse
        == {(key(source), KIND, key(target)) for source, target in links if not {source, target} & gone}
    )
    assert space.version > before


def test_types_know_their_subtypes_and_supertypes_also_after_a_change() -> None:
    space = AddressSpace()
    for name in "abc":
        space.add(node(name, NodeClass.OBJECT_TYPE))
    space.refer(key("a"), HAS_SUBTYPE, key("b"))
    assert space.supertypes(key("c")) == ()
    assert space.subtypes(key("a")) == {key("a"), key("b")}
    space.refer(key("b"), HAS_SUBTYPE, key("c"))
    assert space.supertypes(key("c")) == (key("b"), key("a"))
    assert space.subtypes(key("a")) == {key("a"), key("b"), key("c")}
    assert space.is_subtype(key("c"), key("a"))
    assert not space.is_subtype(key("a"), key("c"))
    space.remove(key("b"))
    assert space.supertypes(key("c")) == ()
    assert space.subtypes(key("a")) == {key("a")}


def test_types_that_are_subtypes_of_each_other_do_not_hold_the_server() -> None:
    space = AddressSpace()
    for name in "ab":
        space.add(node(name, NodeClass.DATA_TYPE))
    space.refer(key("a"), HAS_SUBTYPE, key("b"))
    space.refer(key("b"), HAS_SUBTYPE, key("a"))
    assert space.supertypes(key("a")) == (key("b"),)
    assert space.subtypes(key("a")) == {key("a"), key("b")}


def test_keys_that_nobody_has_are_not_remembered() -> None:
    space = made("a")
    for number in range(100):
        assert space.supertypes(number) == ()
        assert space.subtypes(number) == {number}
    assert not space._subtypes
    assert not space._supertypes


def test_the_type_definition_is_the_first_reference() -> None:
    space = made("folder", "child", "type")
    space.refer(key("folder"), KIND, key("child"))
    assert space.type_of(space[key("folder")]) is None
    space.refer(key("folder"), HAS_TYPE_DEFINITION, key("type"))
    assert space[key("folder")].forward[0] == (HAS_TYPE_DEFINITION, key("type"))
    assert space.type_of(space[key("folder")]) == key("type")


@pytest.mark.parametrize("null", [0, numeric_key(3, 0), (1, ""), (0, b""), (2, UUID(int=0))])
def test_null_identifiers_of_each_kind(null: NodeKey) -> None:
    assert is_null(null)
    assert not is_null((1, "0"))
