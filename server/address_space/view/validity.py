"""Which NodeIds are none, and which ReferenceTypes lead both ways."""

from __future__ import annotations

from asyncua.ua.status_codes import StatusCodes

from nodesets.nodes import NodeClass
from server.address_space.keys import MAX_IDENTIFIER, NodeKey, identifier_of, is_null, numeric_key
from server.address_space.node import Flag
from server.address_space.space import AddressSpace

REFERENCES = numeric_key(0, 31)


def is_structurally_invalid(key: NodeKey) -> bool:
    """Tell whether no node can have this NodeId: the null identifier, or one too long (Part 3 v1.05 8.2.4)."""
    identifier = identifier_of(key)
    return is_null(key) or (isinstance(identifier, str | bytes) and len(identifier) > MAX_IDENTIFIER)


def refusal(key: NodeKey) -> int:
    """Give the StatusCode for a NodeId that is not in the address space."""
    return StatusCodes.BadNodeIdInvalid if is_structurally_invalid(key) else StatusCodes.BadNodeIdUnknown


class SymmetricTypes:
    """The symmetric ReferenceTypes: their references are always forward, from either end (Part 4 v1.05 5.9.2.2)."""

    def __init__(self, space: AddressSpace) -> None:
        """Look when asked."""
        self._space = space
        self._version = -1
        self._kinds: frozenset[NodeKey] = frozenset()

    def kinds(self) -> frozenset[NodeKey]:
        """Give them as they are now."""
        space = self._space
        if self._version != space.version:
            self._version = space.version
            self._kinds = frozenset(key for key in space.subtypes(REFERENCES) if self._is_symmetric(key))
        return self._kinds

    def _is_symmetric(self, key: NodeKey) -> bool:
        node = self._space.get(key)
        return node is not None and node.node_class == NodeClass.REFERENCE_TYPE and bool(node.flags & Flag.SYMMETRIC)


def kinds_of(space: AddressSpace, reference_type: NodeKey, *, subtypes: bool) -> frozenset[NodeKey] | None:
    """Give a ReferenceType with its subtypes, or alone; None if there is no such ReferenceType."""
    node = space.get(reference_type)
    if node is None or node.node_class != NodeClass.REFERENCE_TYPE:
        return None
    return space.subtypes(reference_type) if subtypes else frozenset((reference_type,))
