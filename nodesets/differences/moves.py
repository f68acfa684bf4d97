"""Which nodes have got another NodeId."""

from __future__ import annotations

from collections import defaultdict

from nodesets.built_in_types import QualifiedName
from nodesets.differences.state import State
from nodesets.names import NodeName
from nodesets.nodes import NodeClass, TypeNode

_Kind = tuple[QualifiedName, NodeClass]


def moves(old: State, new: State) -> dict[NodeName, NodeName]:
    """Give the new NodeId of each node that moved: known by its BrowseName and NodeClass beneath the same parent.

    Parents that moved themselves count as the same, so that whole trees are followed. A type is known by its name
    alone, wherever it stands among the types. Where several have one BrowseName nothing is said.
    """
    removed, added = _children(old, new), _children(new, old)
    found: dict[NodeName, NodeName] = {}
    found.update(_types(old, new))
    pending = [parent for parent in removed if parent not in old.compared or parent in new.nodes or parent in found]
    while pending:
        parent = pending.pop()
        candidates = added.get(found.get(parent, parent), {})
        for kind, names in removed.get(parent, {}).items():
            others = candidates.get(kind, [])
            if len(names) == 1 and len(others) == 1 and names[0] not in found:
                found[names[0]] = others[0]
                pending.append(names[0])
    return found


def _types(old: State, new: State) -> dict[NodeName, NodeName]:
    removed, added = _types_by_name(old, new), _types_by_name(new, old)
    return {
        names[0]: added[kind][0] for kind, names in removed.items() if len(names) == 1 and len(added.get(kind, ())) == 1
    }


def _types_by_name(state: State, other: State) -> dict[_Kind, list[NodeName]]:
    """Give the types that only ``state`` has."""
    found: dict[_Kind, list[NodeName]] = defaultdict(list)
    for name, node in state.compared.items():
        if isinstance(node, TypeNode) and name not in other.nodes:
            found[node.browse_name, node.node_class].append(name)
    return found


def _children(state: State, other: State) -> dict[NodeName, dict[_Kind, list[NodeName]]]:
    """Give the nodes that only ``state`` has, by parent and by what they are known by."""
    found: dict[NodeName, dict[_Kind, list[NodeName]]] = defaultdict(dict)
    for name, node in state.compared.items():
        parent = state.parent(name)
        if name not in other.nodes and parent is not None:
            found[parent].setdefault((node.browse_name, node.node_class), []).append(name)
    return found
