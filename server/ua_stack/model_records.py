"""What the address space holds of one namespace, as records: the way back of :mod:`server.ua_stack.model_nodes`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nodesets.built_in_types import LocalizedText, QualifiedName, Variant
from nodesets.datatypes.binary import decode_variant
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from nodesets.nodes import MethodNode, NodeClass, ObjectNode, Reference, RolePermission, VariableNode
from server.address_space.keys import NodeKey, namespace_of, nodeid_of
from server.address_space.node import AccessAttributes, Flag, HeldValue, SpaceNode
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace
from server.ua_stack.nodeids import NodeIds

_NONE = AccessAttributes()


class NotInstancesError(ValueError):
    """The namespace has types, which only its file says whole; ``name`` is one of them."""

    def __init__(self, name: NodeName) -> None:
        """Name a type."""
        self.name = name
        super().__init__(f"{name} is a type")


def records_of(
    space: AddressSpace, uri: str, namespaces: Sequence[str], types: TypeRegistry
) -> list[ObjectNode | VariableNode | MethodNode]:
    """Give the Objects, Variables and Methods of a namespace with their values as they stand; points have none.

    A reference within the namespace is given at its source, one that comes from outside at its target.
    Raises :class:`NotInstancesError` where the namespace has types.
    """
    reader = _Reader(space, namespaces, types)
    index = namespaces.index(uri)
    return [reader.record(node, index) for key, node in space.nodes.items() if namespace_of(key) == index]


class _Reader:
    """Names what the address space has by index."""

    def __init__(self, space: AddressSpace, namespaces: Sequence[str], types: TypeRegistry) -> None:
        self._space = space
        self._nodeids = NodeIds(namespaces)
        self._namespaces = ListedNamespaces(namespaces)
        self._types = types
        self._hierarchical = space.subtypes(HIERARCHICAL_REFERENCES)

    def record(self, node: SpaceNode, index: int) -> ObjectNode | VariableNode | MethodNode:
        access = node.access or _NONE
        permissions = access.role_permissions
        common = {
            "name": self._name(node.key),
            "browse_name": QualifiedName(self._namespaces.uri_of(node.browse_name.namespace), node.browse_name.name),
            "display_name": _texts(node.display_name, node.browse_name.name),
            "description": node.description,
            "references": tuple(self._references(node, index)),
            "parent": next((self._name(source) for kind, source in node.inverse if kind in self._hierarchical), None),
            "write_mask": access.write_mask,
            "access_restrictions": access.access_restrictions,
            "role_permissions": None
            if permissions is None
            else tuple(RolePermission(self._name(one.role), one.permissions) for one in permissions),
        }
        match node.node_class:
            case NodeClass.OBJECT:
                return ObjectNode(**common, event_notifier=node.flags)  # type: ignore[arg-type]  # the fields of every node
            case NodeClass.METHOD:
                executable = bool(node.flags & Flag.EXECUTABLE)
                return MethodNode(**common, executable=executable)  # type: ignore[arg-type]  # as above
            case NodeClass.VARIABLE if node.variable is not None:
                held = node.variable
                return VariableNode(
                    **common,  # type: ignore[arg-type]  # as above
                    value=self._value(node),
                    data_type=self._name(held.data_type),
                    value_rank=held.value_rank,
                    array_dimensions=held.array_dimensions,
                    access_level=held.access_level,
                    minimum_sampling_interval=held.minimum_sampling_interval,
                    historizing=held.historizing,
                )
            case _:
                raise NotInstancesError(self._name(node.key))

    def _references(self, node: SpaceNode, index: int) -> Iterator[Reference]:
        for kind, target in node.forward:
            yield Reference(self._name(kind), self._name(target))
        for kind, source in node.inverse:
            if namespace_of(source) != index:
                yield Reference(self._name(kind), self._name(source), forward=False)

    def _value(self, node: SpaceNode) -> Variant | None:
        held = node.value.variant if isinstance(node.value, HeldValue) else node.value
        return decode_variant(held, self._types, self._namespaces) if isinstance(held, bytes) else None

    def _name(self, key: NodeKey) -> NodeName:
        return self._nodeids.name_of(nodeid_of(key))


def _texts(texts: tuple[LocalizedText, ...], name: str) -> tuple[LocalizedText, ...]:
    """Leave out a DisplayName that is the BrowseName's: that is what one left out means."""
    return () if texts == (LocalizedText(None, name),) else texts
