"""Event types and their fields: the InstanceDeclarations below a type and its supertypes (Part 3 v1.05 6.2.6)."""

from __future__ import annotations

from collections.abc import Iterator

from asyncua.ua.object_ids import ObjectIds

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import BrowseName, SpaceNode
from server.address_space.space import AddressSpace
from server.events.event import BASE_EVENT_TYPE, Path

_AGGREGATES = numeric_key(0, ObjectIds.Aggregates)
_HAS_MODELLING_RULE = numeric_key(0, ObjectIds.HasModellingRule)
_OPTIONAL = frozenset(
    numeric_key(0, number)
    for number in (
        ObjectIds.ModellingRule_Optional,
        ObjectIds.ModellingRule_OptionalPlaceholder,
        ObjectIds.ModellingRule_MandatoryPlaceholder,
    )
)
_FIELDS = (NodeClass.OBJECT, NodeClass.VARIABLE)
MAX_DEPTH = 8
"""BrowseNames of a path, where the fields of a type are listed."""
MAX_FIELDS = 4096
"""Fields of one type that are listed; models can name each other's nodes in ever more ways."""


class EventTypes:
    """Looks fields up. What it remembers is good for one version of the address space.

    A field without a ModellingRule counts as a mandatory one: many published event types leave the rule out.
    """

    def __init__(self, space: AddressSpace) -> None:
        """Look in ``space``."""
        self.space = space
        self._version = space.version
        self._fields: dict[NodeKey, dict[Path, bool]] = {}
        self._by_first: dict[BrowseName, tuple[NodeKey, ...]] = {}

    def is_event_type(self, key: NodeKey) -> bool:
        """Tell whether a node is BaseEventType or derived from it."""
        return key in self.space and self.space.is_subtype(key, BASE_EVENT_TYPE)

    def declarations(self, kind: NodeKey, path: Path) -> list[SpaceNode]:
        """Give the nodes that declare a field of a type.

        With BaseEventType, of any event type at all: Part 4 v1.05 7.22.3 leaves the type out of account then.
        """
        kinds = self._having(path[0]) if kind == BASE_EVENT_TYPE else (kind, *self.space.supertypes(kind))
        found = (self.follow(one, path) for one in kinds)
        return [self.space[key] for key in found if key is not None]

    def follow(self, start: NodeKey, path: Path) -> NodeKey | None:
        """Give the node that a path leads to, from one node alone, without its supertypes."""
        at: NodeKey | None = start
        for name in path:
            at = next((node.key for node in self._children(at) if node.browse_name == name), None)
            if at is None:
                return None
        return at

    def fields(self, kind: NodeKey) -> dict[Path, bool]:
        """Give the paths of all Variables that events of a type may have, and whether each must be there."""
        self._refresh()
        known = self._fields.get(kind)
        if known is None:
            known = dict[Path, bool]()
            for one in (kind, *self.space.supertypes(kind)):
                self._gather(one, (), {one}, known, must=True)
            self._fields[kind] = known
        return known

    def _gather(self, key: NodeKey, path: Path, above: set[NodeKey], found: dict[Path, bool], *, must: bool) -> None:
        for node in self._children(key):
            if node.key in above or len(path) >= MAX_DEPTH or len(found) >= MAX_FIELDS:
                continue
            longer = (*path, node.browse_name)
            needed = must and not any(
                reference == _HAS_MODELLING_RULE and rule in _OPTIONAL for reference, rule in node.forward
            )
            if node.node_class is NodeClass.VARIABLE:
                found.setdefault(longer, needed)
            self._gather(node.key, longer, above | {node.key}, found, must=needed)

    def _children(self, key: NodeKey) -> Iterator[SpaceNode]:
        node = self.space.get(key)
        kinds = self.space.subtypes(_AGGREGATES)
        for reference, target in node.forward if node is not None else ():
            child = self.space.get(target) if reference in kinds else None
            if child is not None and child.node_class in _FIELDS:
                yield child

    def _having(self, name: BrowseName) -> tuple[NodeKey, ...]:
        """Give the event types that have a field or folder of this name."""
        self._refresh()
        if not self._by_first:
            gathered: dict[BrowseName, list[NodeKey]] = {}
            for kind in self.space.subtypes(BASE_EVENT_TYPE):
                for node in self._children(kind):
                    gathered.setdefault(node.browse_name, []).append(kind)
            self._by_first = {one: tuple(kinds) for one, kinds in gathered.items()}
        return self._by_first.get(name, ())

    def _refresh(self) -> None:
        if self._version != self.space.version:
            self._version = self.space.version
            self._fields = {}
            self._by_first = {}
