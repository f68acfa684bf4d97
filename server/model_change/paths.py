"""Names nodes for people: by the BrowseNames that lead to them, whether they are served, new, or gone."""

from __future__ import annotations

from asyncua.ua.object_ids import ObjectIds

from server.address_space.keys import NodeKey, numeric_key
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace

_ROOT = numeric_key(0, ObjectIds.RootFolder)
_MOST_LEVELS = 30


def path_of(key: NodeKey, *spaces: AddressSpace) -> str:
    """Give ``/Objects/Line1/Speed`` by the first space that has the node."""
    space = next((one for one in spaces if key in one), None)
    if space is None:
        return repr(key)
    hierarchical = space.subtypes(HIERARCHICAL_REFERENCES)
    names: list[str] = []
    current: NodeKey | None = key
    while current is not None and current != _ROOT and len(names) < _MOST_LEVELS:
        node = space.get(current)
        if node is None:
            break
        names.append(node.browse_name.name)
        current = next((source for kind, source in node.inverse if kind in hierarchical), None)
    return "/" + "/".join(reversed(names))
