"""Which nodes an event is heard at (Part 3 v1.05 7.17 and 7.18)."""

from __future__ import annotations

from asyncua.ua.object_ids import ObjectIds

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import EVENT_NOTIFIER
from server.address_space.space import AddressSpace
from server.events.event import SERVER

_HAS_EVENT_SOURCE = numeric_key(0, ObjectIds.HasEventSource)
"""HasNotifier is a subtype of it."""
_SUBSCRIBE_TO_EVENTS = 1
_NOTIFIERS = (NodeClass.OBJECT, NodeClass.VIEW)


def may_notify(space: AddressSpace, key: NodeKey) -> bool:
    """Tell whether a node's EventNotifier lets clients subscribe to its events."""
    node = space.get(key)
    return (
        node is not None and node.node_class in _NOTIFIERS and bool(node.flags & EVENT_NOTIFIER & _SUBSCRIBE_TO_EVENTS)
    )


class Notifiers:
    """Finds the notifiers above event sources.

    What was found is good for one version of the address space (:attr:`AddressSpace.version`), which every change of a
    reference or an EventNotifier counts up; written values do not.
    """

    def __init__(self, space: AddressSpace) -> None:
        """Look in ``space``."""
        self.space = space
        self._version = space.version
        self._known: dict[NodeKey, tuple[NodeKey, ...]] = {}

    def of(self, source: NodeKey) -> tuple[NodeKey, ...]:
        """Give the nodes at which events of ``source`` are heard: itself, those above it, and always the Server."""
        if self._version != self.space.version:
            self._version = self.space.version
            self._known.clear()
        known = self._known.get(source)
        if known is None:
            known = self._known[source] = self._found(source)
        return known

    def _found(self, source: NodeKey) -> tuple[NodeKey, ...]:
        kinds = self.space.subtypes(_HAS_EVENT_SOURCE)
        above = {source: None}
        queue = [source]
        for key in queue:  # a notifier met again leads nowhere new: cycles end
            node = self.space.get(key)
            for kind, other in node.inverse if node is not None else ():
                if kind in kinds and other not in above:
                    above[other] = None
                    queue.append(other)
        heard = [key for key in above if key != SERVER and may_notify(self.space, key)]
        return (*heard, SERVER)
