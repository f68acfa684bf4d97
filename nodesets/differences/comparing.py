"""Compares two states of a model: yesterday's files and today's, or what is served and what shall be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from nodesets.differences.attributes import attribute_changes
from nodesets.differences.difference import (
    Arc,
    Change,
    FoundNode,
    NodeChange,
    NodeMove,
    NodeSetDifference,
    Orphan,
)
from nodesets.differences.moves import moves
from nodesets.differences.state import State
from nodesets.model import Model
from nodesets.names import NodeName
from nodesets.nodes import DataTypeNode, NodeClass, VariableNode
from nodesets.nodeset import NodeSet
from nodesets.standard import HAS_SUBTYPE, HAS_TYPE_DEFINITION

_TYPE_DEFINITION = "clients and bindings that expect the members of the old type"
_SUPERTYPE = "clients that expect its instances to be of the old supertype, and members inherited from it"


def differences(
    old: Model | Sequence[NodeSet],
    new: Model | Sequence[NodeSet],
    *,
    models: Collection[str] | None = None,
    used: Iterable[NodeName] = (),
) -> NodeSetDifference:
    """Give everything that is different. Blocks: 30 us a node.

    Of files, the standard namespace's are among them. ``models``: URIs of the models to compare, all if None. ``used``:
    variables that bindings and histories name; those that lead nowhere now are the ``orphans``.
    """
    return _Comparison(State(old, models), State(new, models)).run(used)


class _Comparison:
    """One comparison."""

    def __init__(self, old: State, new: State) -> None:
        self._old = old
        self._new = new
        self._moved = moves(old, new)
        self._kept = {**{name: name for name in old.compared if name in new.compared}, **self._moved}
        self._arcs = {Arc(*map(self._renamed, arc)): arc for arc in old.arcs}
        """The old references under the names of today, and as they were."""

    def run(self, used: Iterable[NodeName]) -> NodeSetDifference:
        old, new = self._old, self._new
        kept_now = set(self._kept.values())
        changed = tuple(sorted(self._changes(), key=lambda change: (change.path, str(change.new.name))))
        return NodeSetDifference(
            added=_found(new, (name for name in new.compared if name not in kept_now)),
            removed=_found(old, (name for name in old.compared if name not in self._kept)),
            moved=tuple(
                NodeMove(old.compared[was], new.compared[now], path)
                for path, was, now in sorted((new.path(now), was, now) for was, now in self._moved.items())
            ),
            changed=changed,
            arcs_added=tuple(sorted(new.arcs - old.arcs)),
            arcs_removed=tuple(sorted(old.arcs - new.arcs)),
            affected=tuple(self._affected(changed)),
            orphans=tuple(self._orphans(used)),
        )

    def _renamed(self, name: NodeName) -> NodeName:
        return self._moved.get(name, name)

    def _changes(self) -> Iterator[NodeChange]:
        by_node = self._arc_changes()
        for was, now in self._kept.items():
            old, new = self._old.compared[was], self._new.compared[now]
            arcs = by_node.get(now, ())
            if old == new and not arcs:
                continue
            attributes = attribute_changes(old, new, self._old, self._new, self._renamed)
            changes = (*attributes, *arcs)
            if changes:
                yield NodeChange(old, new, self._new.path(now), changes)

    def _arc_changes(self) -> dict[NodeName, list[Change]]:
        """Give the references that came and went, by the node to tell them at; new and removed nodes tell their own."""
        gone = self._arcs.keys() - self._new.arcs
        come = self._new.arcs - self._arcs.keys()
        lost = {name for name in self._old.compared if name not in self._kept}
        fresh = self._new.compared.keys() - set(self._kept.values())
        by_node: dict[NodeName, list[Change]] = defaultdict(list)
        pairs: dict[tuple[NodeName, NodeName], list[Arc | None]] = defaultdict(lambda: [None, None])
        for side, (arcs, untold) in enumerate(((gone, lost), (come, fresh))):
            for arc in sorted(arcs):
                if arc.type == HAS_TYPE_DEFINITION and arc.source not in untold:
                    pairs[arc.source, HAS_TYPE_DEFINITION][side] = arc
                elif arc.type == HAS_SUBTYPE and arc.target not in untold:
                    pairs[arc.target, HAS_SUBTYPE][side] = arc
                elif arc.source not in untold and arc.target not in untold:
                    teller = arc.source if arc.source in self._new.compared else arc.target
                    by_node[teller].append(Change("Reference", *((arc, None) if side == 0 else (None, arc))))
        for (name, kind), (was, now) in pairs.items():
            by_node[name].insert(0, _type_change(kind, was, now))
        return by_node

    def _affected(self, changed: Iterable[NodeChange]) -> Iterator[tuple[NodeName, tuple[NodeName, ...]]]:
        """Give the variables whose values are of a DataType that breaks, also within a structure."""
        within: dict[NodeName, set[NodeName]] = defaultdict(set)
        variables: dict[NodeName, list[NodeName]] = defaultdict(list)
        for node in self._new.nodes.values():
            if isinstance(node, VariableNode):
                variables[node.data_type].append(node.name)
            elif isinstance(node, DataTypeNode) and node.definition is not None:
                for field in node.definition.fields:
                    within[field.data_type].add(node.name)
                for arc in self._new.by_source.get(node.name, ()):
                    if arc.type == HAS_SUBTYPE:
                        within[node.name].add(arc.target)
        for change in changed:
            name = change.new.name
            broken = any(one.breaks for one in change.changes)
            if isinstance(change.new, DataTypeNode) and broken:
                holders = _reached(name, within)
                yield name, tuple(sorted((one for holder in holders for one in variables[holder]), key=str))

    def _orphans(self, used: Iterable[NodeName]) -> Iterator[Orphan]:
        for name in sorted(set(used), key=str):
            old, new = self._old.nodes.get(name), self._new.nodes.get(name)
            if old is None or old.node_class is not NodeClass.VARIABLE:
                continue  # another model's, or wrong before
            if new is None:
                moved_to = self._moved.get(name)
                yield Orphan(name, "the node is gone" if moved_to is None else "the node has another NodeId", moved_to)
            elif new.node_class is not NodeClass.VARIABLE:
                yield Orphan(name, "the node is no Variable any more")


def _found(state: State, names: Iterable[NodeName]) -> tuple[FoundNode, ...]:
    by_path = sorted((state.path(name), str(name), name) for name in names)
    return tuple(FoundNode(state.compared[name], path) for path, _, name in by_path)


def _type_change(kind: NodeName, was: Arc | None, now: Arc | None) -> Change:
    if kind == HAS_TYPE_DEFINITION:
        before, after = was.target if was else None, now.target if now else None
        return Change("TypeDefinition", before, after, _TYPE_DEFINITION)
    before, after = was.source if was else None, now.source if now else None
    return Change("Supertype", before, after, _SUPERTYPE)


def _reached(start: NodeName, edges: dict[NodeName, set[NodeName]]) -> list[NodeName]:
    found = [start]
    known = {start}
    for one in found:
        new = sorted(edges.get(one, set()) - known)
        known.update(new)
        found += new
    return found
