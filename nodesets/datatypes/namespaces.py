"""Namespace indexes, which belong to one file or one run of a server, and the URIs that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Namespaces(Protocol):
    """A table of namespaces. Both methods raise :class:`LookupError` for what is not in it."""

    def index_of(self, uri: str) -> int:
        """Give the index of a URI. A table that is being made may add it."""
        ...

    def uri_of(self, index: int) -> str:
        """Give the URI of an index."""
        ...


class ListedNamespaces:
    """The table of a list, the standard namespace first."""

    def __init__(self, uris: Sequence[str]) -> None:
        """``uris[index]`` is a namespace's URI."""
        self._uris = tuple(uris)
        self._indexes = {uri: index for index, uri in reversed(list(enumerate(self._uris)))}

    def index_of(self, uri: str) -> int:
        """Give the index of a URI; :class:`KeyError` for one that is not listed."""
        return self._indexes[uri]

    def uri_of(self, index: int) -> str:
        """Give the URI of an index; :class:`IndexError` for one beyond the list."""
        return self._uris[index]
