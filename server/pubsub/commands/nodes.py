"""Nodes by the names that commands give them, and whether the configuration lets them be written at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final, Protocol

from asyncua import ua

from server.address_space.keys import NodeKey, key_of
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace

_LONGEST: Final = 4096 + 512
"""Characters of a NodeId's text, or of a browse path."""
_MOST_PATHS: Final = 64
_MOST_KNOWN: Final = 100_000
_MOST_LEVELS: Final = 64
_MOST_STEPS: Final = 4_096
"""Nodes looked at for the paths of one: in a net of references that never comes to the root there is no end of ways."""
_ROOT: Final = 84
_SIGNS: Final = "*?["
NODE_FORMS: Final = ("nsu=", "/", "i=", "s=", "g=", "b=")
"""What the name of a node begins with."""


class Directory(Protocol):
    """Finds nodes by what people write (:class:`server.ua_stack.browse.Directory`)."""

    def known(self, text: str) -> ua.NodeId | None:
        """Find a node by NodeId text or browse path, or give None."""
        ...


class Nodes:
    """Finds nodes. ``allow``: names and patterns over browse paths; where there are none, any node may be asked for."""

    def __init__(self, space: AddressSpace, directory: Directory, allow: Sequence[str] = ()) -> None:
        """Look in ``space``, which may change."""
        self._space, self._directory = space, directory
        self._patterns = [one for one in allow if one.startswith("/") and any(sign in one for sign in _SIGNS)]
        self._names = [one for one in allow if one not in self._patterns]
        self._known: tuple[int, dict[NodeKey, bool]] = (-1, {})
        """What was found of the space's version."""

    def find(self, text: str) -> NodeKey | None:
        """Find a node by ``nsu=…;s=…`` or a browse path; None where there is none."""
        if len(text) > _LONGEST or not text.startswith(NODE_FORMS):
            return None
        found = self._directory.known(text)
        return None if found is None else key_of(found)

    def is_allowed(self, key: NodeKey) -> bool:
        """Tell whether commands may touch a node, as far as the configuration says."""
        if not self._patterns and not self._names:
            return True
        version, known = self._known
        if version != self._space.version or len(known) > _MOST_KNOWN:
            named = (self.find(name) for name in self._names)
            known = {one: True for one in named if one is not None}
            self._known = (self._space.version, known)
        if key not in known:
            paths = list(self._paths(key)) if self._patterns else []
            known[key] = any(fnmatchcase(path, pattern) for path in paths for pattern in self._patterns)
        return known[key]

    def _paths(self, key: NodeKey) -> Iterator[str]:
        """Give a node's browse paths, as many as there are within reason."""
        above = self._space.subtypes(HIERARCHICAL_REFERENCES)
        waiting: list[tuple[NodeKey, str, int]] = [(key, "", 0)]
        given = steps = 0
        while waiting and given < _MOST_PATHS and steps < _MOST_STEPS:
            steps += 1
            here, path, level = waiting.pop()
            if here == _ROOT:
                given += 1
                yield path
                continue
            node = self._space.get(here)
            if node is None or level > _MOST_LEVELS:
                continue
            parents = [source for kind, source in node.inverse if kind in above]
            waiting.extend((one, f"/{node.browse_name.name}{path}", level + 1) for one in parents[:_MOST_PATHS])
            del waiting[_MOST_PATHS * 4 :]
