"""What an event says of a change: each node once, with the bits of its Verb."""

from __future__ import annotations

from collections.abc import Sequence

from nodesets.built_in_types import QualifiedName
from nodesets.nodes import Node, ObjectNode, ObjectTypeNode, Reference, VariableNode
from server.address_space.snapshot import snapshot
from server.model_change.comparing import compare
from server.model_change.verbs import NodeChange, Verb, node_changes, version_properties
from tests.unit.server.model_change.models import FIRST, STANDARD, URI, load, own

COMPONENT, PROPERTY, TYPED = STANDARD(47), STANDARD(46), STANDARD(40)


def obj(number: int, *references: Reference) -> ObjectNode:
    return ObjectNode(name=own(number), browse_name=QualifiedName(URI, "o"), references=references)


def var(number: int, parent: int, data_type: int = 6) -> VariableNode:
    above = Reference(COMPONENT, own(parent), forward=False)
    return VariableNode(
        name=own(number), browse_name=QualifiedName(URI, "v"), data_type=STANDARD(data_type), references=(above,)
    )


def changes(before: Sequence[Node], after: Sequence[Node]) -> set[NodeChange]:
    found = node_changes(compare(snapshot(load(*before)), load(*after)))
    assert len(found) == len({change.node for change in found})
    return set(found)


def test_every_verb() -> None:
    kind = ObjectTypeNode(name=own(9), browse_name=QualifiedName(URI, "T"))
    before = [obj(1, Reference(TYPED, own(9))), var(2, 1), var(3, 1), kind]
    after = [obj(1, Reference(TYPED, own(9))), var(3, 1, 11), var(4, 1), kind]
    assert changes(before, after) == {
        NodeChange(FIRST + 2, 0, Verb.NODE_DELETED),
        NodeChange(FIRST + 4, 0, Verb.NODE_ADDED),
        NodeChange(FIRST + 3, 0, Verb.DATA_TYPE_CHANGED),
        NodeChange(FIRST + 1, FIRST + 9, Verb.REFERENCE_ADDED | Verb.REFERENCE_DELETED),
    }


def test_references_are_told_where_they_begin() -> None:
    found = changes([obj(1), obj(2)], [obj(1), obj(2, Reference(COMPONENT, own(1), forward=False))])
    assert found == {NodeChange(FIRST + 1, 0, Verb.REFERENCE_ADDED)}
    found = changes([obj(1), obj(2, Reference(COMPONENT, own(1)))], [obj(1), obj(2)])
    assert found == {NodeChange(FIRST + 2, 0, Verb.REFERENCE_DELETED)}


def test_another_node_class_is_another_node() -> None:
    kind = ObjectTypeNode(name=own(1), browse_name=QualifiedName(URI, "o"))
    (change,) = changes([obj(1)], [kind])
    assert change.verb == Verb.NODE_DELETED | Verb.NODE_ADDED


def test_texts_and_values_are_no_model_changes() -> None:
    renamed = ObjectNode(name=own(1), browse_name=QualifiedName(URI, "p"))
    assert changes([obj(1)], [renamed]) == set()


def test_the_node_versions_of_what_changed() -> None:
    version = VariableNode(
        name=own(5),
        browse_name=QualifiedName("http://opcfoundation.org/UA/", "NodeVersion"),
        references=(Reference(PROPERTY, own(1), forward=False),),
    )
    live = load(obj(1), version, obj(2))
    found = node_changes(compare(snapshot(live), load(obj(1), version, obj(2), var(6, 1), var(7, 2))))
    assert list(version_properties(live, found, {})) == [FIRST + 5]
    assert list(version_properties(live, found, {FIRST + 1: []})) == []
