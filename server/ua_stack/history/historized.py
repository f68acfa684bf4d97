"""Which variables have history, of which type it is, and how their aggregates are calculated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, cast

from asyncua import ua

from core.datatypes import DataType
from historian.contract import ANNOTATION_PREFIX, HistoryReader, StoreCapabilities
from historian.editing import HistoryEditor
from server.address_space.keys import NodeKey, nodeid_of, numeric_key
from server.address_space.node import SpaceNode
from server.address_space.space import AddressSpace
from server.ua_stack.history.annotations import annotated
from server.ua_stack.history.configurations import Configurations
from server.ua_stack.history.pages import HistoryRefused
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError
from server.ua_stack.point_access import PointAccess

_LAST_BUILT_IN: Final = 25
_ENUMERATION: Final = numeric_key(0, ua.ObjectIds.Enumeration)
_INT32: Final = int(DataType.INT32)


class Place(NamedTuple):
    """Where a node's history is. ``node``: the variable; ``point``: its name in the store."""

    node: SpaceNode
    point: str
    annotations: bool
    """Whether the node is its Annotations Property, whose history is kept beside."""


class Historized:
    """Finds them in the address space; the store and what it can do are here too."""

    def __init__(self, space: AddressSpace, access: PointAccess) -> None:
        """Begin without a store."""
        self.space = space
        self.configurations = Configurations(space)
        self._access = access
        self._store: HistoryReader | None = None
        self._nodeids: NodeIds | None = None
        self._has: Callable[[str], bool] = _never
        self._capabilities = StoreCapabilities(keeps_edits=False, keeps_summaries=False)

    def bind(self, store: HistoryReader, nodeids: NodeIds, has: Callable[[str], bool]) -> None:
        """Take the store, and what says of a NodeId's text whether it has history."""
        self._store, self._nodeids, self._has = store, nodeids, has
        self._capabilities = getattr(store, "capabilities", self._capabilities)

    @property
    def store(self) -> HistoryReader:
        """The store. Raises :class:`HistoryRefused` where there is none."""
        if self._store is None:
            raise HistoryRefused(ua.StatusCodes.BadHistoryOperationUnsupported)
        return self._store

    @property
    def editor(self) -> HistoryEditor:
        """The store, where it can be edited. Raises :class:`HistoryRefused` where it cannot."""
        if not self._capabilities.keeps_edits:
            raise HistoryRefused(ua.StatusCodes.BadHistoryOperationUnsupported)
        return cast("HistoryEditor", self.store)

    def place(self, key: NodeKey) -> Place:
        """Find a node's history. Raises :class:`HistoryRefused` for a node that has none."""
        node, nodeids = self.space.get(key), self._nodeids
        if node is None or nodeids is None:
            raise HistoryRefused(ua.StatusCodes.BadHistoryOperationUnsupported)
        variable = annotated(self.space, node)
        try:
            text = nodeids.to_text(nodeid_of((variable or node).key))
        except UnknownNamespaceError:
            text = ""
        if not self._has(text):
            raise HistoryRefused(ua.StatusCodes.BadHistoryOperationUnsupported)
        if variable is None:
            return Place(node, text, annotations=False)
        return Place(variable, ANNOTATION_PREFIX + text, annotations=True)

    def datatype(self, node: SpaceNode) -> DataType | None:
        """Give the type of a variable's column, None for one that is no point."""
        return self._access.datatype_of(nodeid_of(node.key))

    def base(self, node: SpaceNode) -> int:
        """Give the number of the built-in type that a variable's DataType is derived from; 0 for an abstract one."""
        if node.variable is None:
            return 0
        kind = node.variable.data_type
        for key in (kind, *self.space.supertypes(kind)):
            if key == _ENUMERATION:
                return _INT32
            if isinstance(key, int) and 1 <= key < _LAST_BUILT_IN - 1:
                return key
        return 0


def _never(_point: str) -> bool:
    return False
