"""NodeIds between their text with the namespace's URI, which Plantspace keeps, and asyncua's with its index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from asyncua import ua

from core.errors import PlantspaceError
from nodesets.names import NodeName


class UnknownNamespaceError(PlantspaceError):
    """A NodeId names a namespace that the server does not have."""


class NodeIds:
    """Turns NodeIds by the server's NamespaceArray, which grows with the model and never changes otherwise."""

    def __init__(self, namespaces: Sequence[str]) -> None:
        """Take the NamespaceArray; index 0 is the standard namespace."""
        self._namespaces = tuple(namespaces)
        self._index_of = {uri: index for index, uri in enumerate(self._namespaces)}

    @property
    def uris(self) -> tuple[str, ...]:
        """The NamespaceArray."""
        return self._namespaces

    def extend(self, uris: Sequence[str]) -> None:
        """Append namespaces; known ones are passed over, so that no index ever moves (Part 5 v1.05 6.3.1)."""
        self._namespaces = tuple(dict.fromkeys((*self._namespaces, *uris)))
        self._index_of = {uri: index for index, uri in enumerate(self._namespaces)}

    def index_of(self, uri: str) -> int:
        """Give a namespace's index. Raises :class:`UnknownNamespaceError`."""
        try:
            return self._index_of[uri]
        except KeyError:
            message = f"no model with the namespace {uri} is loaded"
            raise UnknownNamespaceError(message) from None

    def uri_of(self, index: int) -> str:
        """Give a namespace's URI. Raises :class:`UnknownNamespaceError`."""
        if 0 <= index < len(self._namespaces):
            return self._namespaces[index]
        message = f"the server has no namespace of index {index}"
        raise UnknownNamespaceError(message)

    def name_of(self, nodeid: ua.NodeId) -> NodeName:
        """Name a NodeId by URI. Raises :class:`UnknownNamespaceError`."""
        identifier: Any = nodeid.Identifier  # asyncua's own unions of int, str, UUID and bytes
        kind = "i" if isinstance(identifier, int) else "s" if isinstance(identifier, str) else None
        if kind is None:
            kind = "b" if isinstance(identifier, bytes) else "g"
        return NodeName(self.uri_of(int(nodeid.NamespaceIndex)), kind, identifier)

    def to_text(self, nodeid: ua.NodeId) -> str:
        """Write a NodeId as ``nsu=…;s=…``, or ``i=…`` in the standard namespace."""
        return str(self.name_of(nodeid))

    def from_name(self, name: NodeName) -> ua.NodeId:
        """Give asyncua's NodeId. Raises :class:`UnknownNamespaceError`."""
        index = self.index_of(name.namespace)
        return ua.NodeId(cast("ua.Int32", name.identifier), ua.Int16(index))

    def from_text(self, text: str) -> ua.NodeId:
        """Read ``nsu=…;s=…`` or ``i=…``.

        Raises :class:`UnknownNamespaceError` and :class:`~nodesets.names.NodeNameError`.
        """
        return self.from_name(NodeName.parse(text))
