from __future__ import annotations

from collections.abc import Iterable


class GrowingNamespaces:
    """A table that takes in each URI it is asked for: what an exported file needs."""

    def __init__(self, uris: Iterable[str] = ()) -> None:
        """Begin with ``uris``, the standard namespace first."""
        self.uris = list(uris)
        self._indexes = {uri: index for index, uri in enumerate(self.uris)}

    def index_of(self, uri: str) -> int:
        """Give the index of a URI, a new one where it has none."""
        index = self._indexes.get(uri)
        if index is None:
            index = self._indexes[uri] = len(self.uris)
            self.uris.append(uri)
        return index

    def uri_of(self, index: int) -> str:
        """Give the URI of an index; :class:`IndexError` for one beyond the table."""
        return self.uris[index]
