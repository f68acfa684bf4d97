"""Keys of nodes: what a NodeId is inside the address space, where a namespace is an index.

An ``int`` for a numeric NodeId, else the tuple of namespace and identifier. Either hashes in nanoseconds, and the type
of the identifier (``str``, ``UUID``, ``bytes``) keeps ``s=``, ``g=`` and ``b=`` apart.
"""

from __future__ import annotations

from typing import cast
from uuid import UUID

from asyncua import ua

NodeKey = int | tuple[int, str | UUID | bytes]

NULL_KEY: NodeKey = 0
MAX_IDENTIFIER = 4096
"""Characters of a string identifier, bytes of an opaque one (Part 3 v1.05 8.2.4)."""
_NUMERIC_BITS = 32
_IDENTIFIER = 0xFFFF_FFFF


def numeric_key(namespace: int, identifier: int) -> NodeKey:
    """Give the key of a numeric NodeId."""
    return namespace << _NUMERIC_BITS | identifier


def namespace_of(key: NodeKey) -> int:
    """Give the namespace index of a key."""
    return key >> _NUMERIC_BITS if isinstance(key, int) else key[0]


def identifier_of(key: NodeKey) -> int | str | UUID | bytes:
    """Give a key's identifier without its namespace."""
    return key & _IDENTIFIER if isinstance(key, int) else key[1]


def is_null(key: NodeKey) -> bool:
    """Tell whether a key's identifier is the null one of its type, in whatever namespace (Part 3 v1.05 8.2.4)."""
    identifier = identifier_of(key)
    return not (identifier.int if isinstance(identifier, UUID) else identifier)


def key_of(nodeid: ua.NodeId) -> NodeKey:
    """Give the key of asyncua's NodeId; an ExpandedNodeId's server is not looked at."""
    identifier = cast("int | str | UUID | bytes", nodeid.Identifier)
    namespace = int(nodeid.NamespaceIndex)
    if isinstance(identifier, int):
        return namespace << _NUMERIC_BITS | identifier
    return (namespace, identifier)


def nodeid_of(key: NodeKey) -> ua.NodeId:
    """Give asyncua's NodeId of a key."""
    return ua.NodeId(cast("ua.Int32", identifier_of(key)), ua.Int16(namespace_of(key)))
