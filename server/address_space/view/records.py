"""ReferenceDescriptions as the bytes that go out (Part 4 v1.05 7.30), each part encoded once while nothing changes.

A ReferenceDescription is the reference's part (type and direction) and the target's part (NodeId, names, NodeClass and
TypeDefinition). The first are few. The second are kept for the fields and languages that were asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.encoding import encode_localized_text, encode_node_id, encode_qualified_name
from server.address_space.keys import NodeKey
from server.address_space.node import Link, SpaceNode
from server.address_space.session_context import localized
from server.address_space.space import AddressSpace
from server.address_space.view.request import Field, Wanted

KEPT_BYTES = 8 * 1024 * 1024
"""Memory for the parts that are kept."""
_PART_OVERHEAD = 160
"""Bytes that a kept part costs beside its own: the object and its place in a dictionary."""
_NULL_NODE_ID = b"\x00\x00"
_NULL_NAME = encode_qualified_name(0, None)
_NULL_TEXT = b"\x00"
_REFERENCE = Field.REFERENCE_TYPE | Field.IS_FORWARD
_TARGET = Field.NODE_CLASS | Field.BROWSE_NAME | Field.DISPLAY_NAME | Field.TYPE_DEFINITION
_INT32 = Struct("<i")
_PROFILES = 64
"""Combinations of fields and languages that keep their place in memory."""

Profile = tuple[int, tuple[str, ...]]


def display_name(node: SpaceNode, locales: Sequence[str]) -> LocalizedText:
    """Give a node's DisplayName for a session; a node without one is called by its BrowseName."""
    return localized(node.display_name, locales) if node.display_name else LocalizedText(None, node.browse_name.name)


def type_definition(space: AddressSpace, node: SpaceNode) -> NodeKey | None:
    """Give the TypeDefinition of an Object or Variable, None for the other NodeClasses (Part 4 v1.05 7.30)."""
    return space.type_of(node) if node.node_class in (NodeClass.OBJECT, NodeClass.VARIABLE) else None


class ReferenceRecords:
    """Encodes references. What is kept is bounded, and forgotten when the address space changes."""

    def __init__(self, space: AddressSpace, kept_bytes: int = KEPT_BYTES) -> None:
        """Keep up to ``kept_bytes``."""
        self._space = space
        self._most = kept_bytes
        self._kept = 0
        self._version = space.version
        self._heads: dict[tuple[int, bool], dict[NodeKey, bytes]] = {}
        self._tails: dict[Profile, dict[NodeKey, bytes]] = {}

    @property
    def kept_bytes(self) -> int:
        """What the kept parts cost."""
        return self._kept

    def describe(
        self, wanted: Wanted, locales: tuple[str, ...], links: Sequence[Link], into: list[bytes], *, forward: bool
    ) -> None:
        """Append the encoded ReferenceDescriptions of ``links``, two parts each."""
        if self._version != self._space.version:
            self._forget()
        fields = wanted.fields
        told = fields & _TARGET
        profile = (told, locales if told & Field.DISPLAY_NAME else ())
        tails = self._tails.get(profile)
        if tails is None:
            tails = self._tails[profile] = {}
            self._count(_PART_OVERHEAD)
        heads = self._heads.setdefault((fields & _REFERENCE, forward), {})
        append = into.append
        for kind, target in links:
            head = heads.get(kind)
            if head is None:
                head = heads[kind] = _head(kind, fields, forward=forward)
            tail = tails.get(target)
            if tail is None:
                tail = self._tail(target, told, locales)
                self._count(len(tail) + _PART_OVERHEAD)
                tails[target] = tail
            append(head)
            append(tail)

    def _tail(self, target: NodeKey, told: int, locales: Sequence[str]) -> bytes:
        """Encode what is said of a target; of one that is not in the address space only its NodeId."""
        node = self._space.get(target)
        if node is None:
            return encode_node_id(target) + _NULL_NAME + _NULL_TEXT + _INT32.pack(0) + _NULL_NODE_ID
        name = node.browse_name
        kind = type_definition(self._space, node) if told & Field.TYPE_DEFINITION else None
        return b"".join(
            (
                encode_node_id(target),
                encode_qualified_name(name.namespace, name.name) if told & Field.BROWSE_NAME else _NULL_NAME,
                encode_localized_text(display_name(node, locales)) if told & Field.DISPLAY_NAME else _NULL_TEXT,
                _INT32.pack(node.node_class if told & Field.NODE_CLASS else 0),
                _NULL_NODE_ID if kind is None else encode_node_id(kind),
            )
        )

    def _count(self, cost: int) -> None:
        """Count what is kept; where it is too much, begin anew: encoding again costs a few microseconds a node."""
        self._kept += cost
        if self._kept > self._most:
            for tails in self._tails.values():
                tails.clear()
            self._kept = cost
            if len(self._tails) > _PROFILES:
                self._tails.clear()

    def _forget(self) -> None:
        self._version = self._space.version
        self._heads.clear()
        self._tails.clear()
        self._kept = 0


def _head(kind: NodeKey, fields: int, *, forward: bool) -> bytes:
    told = encode_node_id(kind) if fields & Field.REFERENCE_TYPE else _NULL_NODE_ID
    return told + (b"\x01" if forward and fields & Field.IS_FORWARD else b"\x00")
