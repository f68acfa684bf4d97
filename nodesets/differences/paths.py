"""Follows browse paths through records, as the gateway does through what it serves."""

from __future__ import annotations

from nodesets.differences.state import State
from nodesets.names import NodeName

_OBJECTS = NodeName.standard(85)


def node_at(path: str, state: State) -> NodeName | None:
    """Give the node that ``/Objects/Line1/Speed`` leads to; None where none or several do.

    A segment may be ``prefix:Name`` with the last part of the namespace's URI. All of ``state`` is to be compared.
    """
    first, *segments = path.removeprefix("/").split("/")
    if first != "Objects":
        return None
    here = {_OBJECTS}
    for segment in segments:
        here = {child for name in here for child in _step(name, segment, state)}
        if len(here) != 1:
            return None
    return next(iter(here))


def _step(parent: NodeName, segment: str, state: State) -> set[NodeName]:
    children = {arc.target for arc in state.by_source.get(parent, ()) if arc.type in state.hierarchical}
    names = {child: state.nodes[child].browse_name for child in children if child in state.nodes}
    found = {child for child, name in names.items() if name.name == segment}
    prefix, colon, bare = segment.partition(":")
    if not found and colon:
        found = {
            child for child, name in names.items() if name.name == bare and _prefix(name.namespace) == prefix.casefold()
        }
    own = {child for child in found if child.namespace == parent.namespace}
    return own if len(found) > 1 and len(own) == 1 else found


def _prefix(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1].casefold()
