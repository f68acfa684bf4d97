"""Fields of events as text: BrowseNames with ``/`` between them, each with its namespace's URI.

A name of the standard namespace stands alone, any other one behind ``nsu=<URI>;``. ``&`` stands before ``& / ; =``
where they belong to a name or URI, and ``&n`` for a line's end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from server.address_space.node import BrowseName
from server.events.event import Path

_SCOPE: Final = "nsu="
_SPECIAL: Final = re.compile(r"[&/;=\n]")
_ESCAPED: Final = re.compile(r"&(.)", re.DOTALL)
_SEGMENTS: Final = re.compile(r"(?:[^&/]|&.)+", re.DOTALL)
_URI_END: Final = re.compile(r"((?:[^&;]|&.)*);", re.DOTALL)


def path_to_text(path: Path, uris: Sequence[str]) -> str:
    """Write a path; ``uris`` is the NamespaceArray. Raises :class:`IndexError` for a namespace that is not in it."""
    return "/".join([_segment(part, uris) for part in path])


def path_from_text(text: str, index_of: Callable[[str], int | None]) -> Path | None:
    """Read a path; None where one of its namespaces is not known."""
    parts: list[BrowseName] = []
    for segment in _SEGMENTS.findall(text):
        namespace: int | None = 0
        name = segment
        if segment.startswith(_SCOPE):
            scope = _URI_END.match(segment, len(_SCOPE))
            if scope is None:
                return None
            namespace, name = index_of(_plain(scope[1])), segment[scope.end() :]
        if namespace is None:
            return None
        parts.append(BrowseName(namespace, _plain(name)))
    return tuple(parts)


def _segment(part: BrowseName, uris: Sequence[str]) -> str:
    scope = f"{_SCOPE}{_escaped(uris[part.namespace])};" if part.namespace else ""
    return scope + _escaped(part.name)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: "&n" if match[0] == "\n" else f"&{match[0]}", text)


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] == "n" else match[1], text)
