"""Which type is derived from which (HasSubtype, Part 3 v1.05 7.10)."""

from __future__ import annotations

from asyncua import ua
from asyncua.server.address_space import AddressSpace

from server.ua_stack.nodes import HAS_SUBTYPE

_DEEPEST = 64
"""Levels; a model whose types go round in a circle must not hold the server."""


def is_subtype(aspace: AddressSpace, kind: ua.NodeId, base: ua.NodeId) -> bool:
    """Tell whether ``kind`` is ``base`` or derived from it."""
    following: ua.NodeId | None = kind
    for _ in range(_DEEPEST):
        if following is None or following == base:
            return following is not None
        node = aspace.get(following)
        references = node.references if node is not None else ()
        following = next(
            (one.NodeId for one in references if not one.IsForward and one.ReferenceTypeId == HAS_SUBTYPE), None
        )
    return False
