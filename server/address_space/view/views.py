"""Views: parts of the address space (Part 3 v1.05 5.4), and what a Browse says of the one it wants (Part 4 7.45).

Who makes a View says what is in it by hierarchical references from it. Its nodes are those that can be reached along
them; in the context of the View a reference leads from one of these nodes to another, and all others are left out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from struct import Struct

from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes

from nodesets.nodes import NodeClass
from server.address_space.keys import NULL_KEY, NodeKey, numeric_key
from server.address_space.node import BrowseName, HeldValue, SpaceNode
from server.address_space.rights import Sight
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace
from server.address_space.view.parted import PartedSet
from server.address_space.view.request import ViewWanted
from server.address_space.view.steps import Steps

KEPT_VIEWS = 8
_HAS_PROPERTY = numeric_key(0, 46)
_VIEW_VERSION = BrowseName(0, "ViewVersion")
_UINT32_VARIANT = Struct("<BI")
_UINT32 = 7
_STEP = 256
_ATTEMPTS = 3

Members = Container[NodeKey]


class Views:
    """Knows which nodes are in a View."""

    def __init__(self, space: AddressSpace) -> None:
        """Look when asked."""
        self._space = space
        self._known: OrderedDict[NodeKey, tuple[int, Members]] = OrderedDict()

    def check(self, wanted: ViewWanted, sight: Sight | None = None) -> None:
        """Raise :class:`ServiceError` where there is no such View, or none of that time or version (5.9.2.3).

        One that who asks may not browse is none to them.

        Only the present View is to be had. Without a ViewId the other two fields describe nothing.
        """
        if wanted.view == NULL_KEY:
            return
        node = self._space.get(wanted.view)
        if node is None or node.node_class != NodeClass.VIEW or (sight is not None and sight.refusal(node)):
            raise ServiceError(StatusCodes.BadViewIdUnknown)
        if wanted.timestamp and wanted.version:
            raise ServiceError(StatusCodes.BadViewParameterMismatch)
        if wanted.timestamp:
            raise ServiceError(StatusCodes.BadViewTimestampInvalid)
        if wanted.version and wanted.version != self._version_of(node):
            raise ServiceError(StatusCodes.BadViewVersionInvalid)

    def members(self, view: NodeKey) -> Steps[Members | None]:
        """Give the nodes of a View with itself; None for the null ViewId, which stands for everything."""
        if view == NULL_KEY:
            return None
        known = self._known.get(view)
        if known is not None and known[0] == self._space.version:
            self._known.move_to_end(view)
            return known[1]
        members: Members = ()
        for _ in range(_ATTEMPTS):  # a change while they are collected may have cut the way to some
            version = self._space.version
            members = yield from self._reachable(view)
            if version == self._space.version:
                self._known[view] = (version, members)
                while len(self._known) > KEPT_VIEWS:
                    self._known.popitem(last=False)
                break
        return members

    def _reachable(self, view: NodeKey) -> Steps[Members]:
        nodes = self._space.nodes
        found: PartedSet[NodeKey] = PartedSet()
        found.put(view)
        queue = [view]
        looked_at = 0
        for key in queue:
            node = nodes.get(key)
            links = tuple(node.forward) if node is not None else ()
            for begin in range(0, len(links), _STEP):
                kinds = self._space.subtypes(HIERARCHICAL_REFERENCES)
                for kind, target in links[begin : begin + _STEP]:
                    if kind in kinds and found.put(target):
                        queue.append(target)
                looked_at += min(_STEP, len(links) - begin)
                if looked_at >= _STEP:
                    looked_at = 0
                    yield
        return found

    def _version_of(self, view: SpaceNode) -> int | None:
        """Give the value of the Property ViewVersion (Part 3 v1.05 5.4), None without one."""
        for kind, target in view.forward:
            node = self._space.get(target) if kind == _HAS_PROPERTY else None
            if node is not None and node.browse_name == _VIEW_VERSION:
                value = node.value.variant if isinstance(node.value, HeldValue) else node.value
                if isinstance(value, bytes) and len(value) == _UINT32_VARIANT.size and value[0] == _UINT32:
                    version: int = _UINT32_VARIANT.unpack(value)[1]
                    return version
        return None
