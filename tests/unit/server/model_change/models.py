"""Random models, and what an address space says, for comparing."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from nodesets.built_in_types import BuiltInType, LocalizedText, QualifiedName, Variant
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import (
    DataTypeNode,
    MethodNode,
    Node,
    ObjectNode,
    ObjectTypeNode,
    Reference,
    ReferenceTypeNode,
    VariableNode,
)
from server.address_space.keys import NodeKey
from server.address_space.loading import load_nodes
from server.address_space.snapshot import said_of
from server.address_space.space import AddressSpace

URI = "urn:test"
NAMESPACES = (STANDARD_NAMESPACE, "urn:own", URI)
STANDARD = NodeName.standard
KINDS = (35, 45, 46, 47, 40)
FIRST = 2 << 32
"""The key of the model's node 0."""


def own(number: int) -> NodeName:
    """Name a node of the model."""
    return NodeName(URI, "i", number)


def base() -> list[Node]:
    """Give ReferenceTypes below HierarchicalReferences, and HasTypeDefinition beside it; what everything hangs on."""
    below = {35: 33, 45: 33, 46: 33, 47: 33}
    types: list[Node] = [
        ReferenceTypeNode(
            name=STANDARD(number),
            browse_name=QualifiedName(STANDARD_NAMESPACE, f"r{number}"),
            references=(Reference(STANDARD(45), STANDARD(below[number]), forward=False),) if number in below else (),
        )
        for number in (33, *KINDS)
    ]
    return [*types, ObjectNode(name=STANDARD(85), browse_name=QualifiedName(STANDARD_NAMESPACE, "Objects"))]


def encode(value: Variant) -> bytes:
    """Write a value somehow."""
    return bytes((value.type,)) + str(value.value).encode()


def define(node: DataTypeNode) -> bytes | None:
    """Write a definition somehow."""
    return (node.documentation or "").encode()


def load(*nodes: Node) -> AddressSpace:
    """Load what everything hangs on, and these."""
    space = AddressSpace()
    load_nodes(space, [*base(), *nodes], NAMESPACES, encode, define)
    return space


_TEXTS = st.sampled_from(["a", "b", "c"]).map(lambda text: (LocalizedText("en", text),))
_TARGETS = st.one_of(st.integers(0, 12).map(own), st.just(STANDARD(85)))
_REFERENCES = st.lists(
    st.builds(Reference, st.sampled_from(KINDS).map(STANDARD), _TARGETS, st.booleans()), max_size=4
).map(lambda found: tuple(dict.fromkeys(found)))
_VALUES = st.one_of(st.none(), st.integers(0, 3).map(lambda number: Variant(BuiltInType.Int32, number)))


def _of(kind: type[Node], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    common = {
        "browse_name": st.sampled_from(["x", "y"]).map(lambda text: QualifiedName(URI, text)),
        "display_name": _TEXTS,
        "references": _REFERENCES,
        "write_mask": st.sampled_from([0, 0, 4]),
    }
    return st.fixed_dictionaries({"kind": st.just(kind), **common, **more})


_NODES = st.one_of(
    _of(ObjectNode, event_notifier=st.sampled_from([0, 1, 5])),
    _of(
        VariableNode,
        value=_VALUES,
        data_type=st.sampled_from([6, 11]).map(STANDARD),
        value_rank=st.sampled_from([-1, 1]),
        access_level=st.sampled_from([1, 3, 5]),
        historizing=st.booleans(),
    ),
    _of(MethodNode, executable=st.booleans()),
    _of(ObjectTypeNode, is_abstract=st.booleans()),
    _of(ReferenceTypeNode, symmetric=st.booleans(), inverse_name=_TEXTS),
    _of(DataTypeNode, documentation=st.sampled_from(["one", "two"])),
)


def _made(said: dict[int, dict[str, Any]]) -> list[Node]:
    return [
        fields["kind"](name=own(number), **{name: value for name, value in fields.items() if name != "kind"})
        for number, fields in said.items()
    ]


MODELS = st.dictionaries(st.integers(0, 12), _NODES, max_size=10).map(_made)
"""Models of up to ten nodes, whose references may lead nowhere."""


def told(space: AddressSpace) -> dict[NodeKey, tuple[Any, ...]]:
    """Give everything that a space says, the references of a node in no order and each but once."""
    found: dict[NodeKey, tuple[Any, ...]] = {}
    for key, node in space.nodes.items():
        assert node.key == key
        assert len(set(node.forward)) == len(node.forward)
        assert len(set(node.inverse)) == len(node.inverse)
        said = said_of(node)._replace(forward=())
        found[key] = (*said, frozenset(node.forward), frozenset(node.inverse))
    return found


def exactly(space: AddressSpace) -> dict[NodeKey, tuple[Any, ...]]:
    """Give the same with the references in their order."""
    return {key: (*said_of(node), tuple(node.inverse)) for key, node in space.nodes.items()}
