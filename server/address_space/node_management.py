"""The NodeManagement services (Part 4 v1.05 5.8): nodes and references added and removed one by one.

Who may call is decided elsewhere. Instances are added as they are given: what a type demands of them is another's task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from nodesets.nodes import NodeClass
from server.address_space.keys import (
    MAX_IDENTIFIER,
    NULL_KEY,
    NodeKey,
    identifier_of,
    is_null,
    namespace_of,
    numeric_key,
)
from server.address_space.node import Flag, SpaceNode
from server.address_space.operation_count import bounded
from server.address_space.reference_rules import DEFINED_BY, VARIABLES, may_lead
from server.address_space.space import HAS_SUBTYPE, HAS_TYPE_DEFINITION, HIERARCHICAL_REFERENCES, AddressSpace

_HAS_PROPERTY = numeric_key(0, ObjectIds.HasProperty)
_LONGEST_NAME = 512
"""Characters of a BrowseName (Part 3 v1.05 8.3)."""


class NewNode(NamedTuple):
    """A node to be added below a parent. A null identifier in ``node.key`` asks for one in that namespace."""

    node: SpaceNode
    parent: NodeKey
    reference_type: NodeKey
    type_definition: NodeKey = NULL_KEY


class AddedNode(NamedTuple):
    """What became of a :class:`NewNode`; the key is null where the StatusCode is Bad."""

    status: int
    key: NodeKey = NULL_KEY


class ReferenceItem(NamedTuple):
    """A reference to be added or deleted, as its source has it.

    ``target_class`` is what the client believes the target to be, None for anything.
    """

    source: NodeKey
    reference_type: NodeKey
    target: NodeKey
    forward: bool = True
    target_class: NodeClass | None = None


class _RefusedError(PlantspaceError):
    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"0x{status:08X}")


class NodeManagement:
    """Changes an address space while it is served. A request of nothing, or too much, raises :class:`ServiceError`."""

    def __init__(self, space: AddressSpace, max_nodes: int) -> None:
        """``max_nodes``: MaxNodesPerNodeManagement (Part 5 v1.05 6.3.11)."""
        self._space = space
        self._max_nodes = max_nodes
        self._numbers: dict[int, int] = {}

    def add_nodes(self, items: Sequence[NewNode]) -> list[AddedNode]:
        """Add nodes, each with its parent's reference and its type definition (Part 4 v1.05 5.8.2)."""
        return [self._added(item) for item in bounded(items, self._max_nodes)]

    def add_references(self, items: Sequence[ReferenceItem]) -> list[int]:
        """Add references at both of their ends (Part 4 v1.05 5.8.3)."""
        return [self._status(self._add_reference, item) for item in bounded(items, self._max_nodes)]

    def delete_nodes(self, keys: Sequence[NodeKey]) -> list[int]:
        """Delete nodes with all references from and to them (Part 4 v1.05 5.8.4)."""
        return self._delete_nodes(bounded(keys, self._max_nodes))

    def delete_references(self, items: Sequence[ReferenceItem]) -> list[int]:
        """Delete references at both of their ends (Part 4 v1.05 5.8.5)."""
        return [self._status(self._delete_reference, item) for item in bounded(items, self._max_nodes)]

    def new_key(self, namespace: int) -> NodeKey:
        """Give a numeric key of a namespace that no node has."""
        number = self._numbers.get(namespace)
        if number is None:
            taken = (key & 0xFFFF_FFFF for key in self._space.nodes if isinstance(key, int) and key >> 32 == namespace)
            number = max(taken, default=0)
        number += 1
        while numeric_key(namespace, number) in self._space:
            number += 1
        self._numbers[namespace] = number
        return numeric_key(namespace, number)

    @staticmethod
    def _status(operation: Callable[[ReferenceItem], None], item: ReferenceItem) -> int:
        try:
            operation(item)
        except _RefusedError as refused:
            return refused.status
        return StatusCodes.Good

    def _added(self, item: NewNode) -> AddedNode:
        node, space = item.node, self._space
        try:
            self._check_new(item)
        except _RefusedError as refused:
            return AddedNode(refused.status)
        if is_null(node.key):
            node.key = self.new_key(namespace_of(node.key))
        space.add(node)
        space.refer(item.parent, item.reference_type, node.key)
        if not is_null(item.type_definition):
            space.refer(node.key, HAS_TYPE_DEFINITION, item.type_definition)
        return AddedNode(StatusCodes.Good, node.key)

    def _check_new(self, item: NewNode) -> None:
        node, space = item.node, self._space
        parent = space.get(item.parent)
        if parent is None:
            raise _RefusedError(StatusCodes.BadParentNodeIdInvalid)
        self._check_type(item.reference_type)
        if not space.is_subtype(item.reference_type, HIERARCHICAL_REFERENCES):
            raise _RefusedError(StatusCodes.BadReferenceNotAllowed)
        if not is_null(node.key):
            identifier = identifier_of(node.key)
            if isinstance(identifier, (str, bytes)) and len(identifier) > MAX_IDENTIFIER:
                raise _RefusedError(StatusCodes.BadNodeIdRejected)
            if node.key in space:
                raise _RefusedError(StatusCodes.BadNodeIdExists)
        if not node.browse_name.name or len(node.browse_name.name) > _LONGEST_NAME:
            raise _RefusedError(StatusCodes.BadBrowseNameInvalid)
        if not node.display_name or (node.variable is None) == (node.node_class in VARIABLES):
            raise _RefusedError(StatusCodes.BadNodeAttributesInvalid)
        self._check_ends(item.reference_type, parent.node_class, node.node_class)
        self._check_definition(item)
        if self._has_child(parent, item.reference_type, node):
            raise _RefusedError(StatusCodes.BadBrowseNameDuplicated)

    def _check_definition(self, item: NewNode) -> None:
        """Objects and Variables have a TypeDefinition, the other NodeClasses have not (Part 4 v1.05 5.8.2.2)."""
        definition = self._space.get(item.type_definition)
        node_class = item.node.node_class
        if node_class in DEFINED_BY:
            fits = definition is not None and DEFINED_BY[node_class] is definition.node_class
            if not fits or (definition is not None and definition.flags & Flag.IS_ABSTRACT):
                raise _RefusedError(StatusCodes.BadTypeDefinitionInvalid)
        elif not is_null(item.type_definition):
            raise _RefusedError(StatusCodes.BadTypeDefinitionInvalid)

    def _has_child(self, parent: SpaceNode, kind: NodeKey, node: SpaceNode) -> bool:
        """Properties of one node differ in their BrowseNames (Part 3 v1.05 4.4.2)."""
        if not self._space.is_subtype(kind, _HAS_PROPERTY):
            return False
        for reference, target in parent.forward:
            if self._space.is_subtype(reference, _HAS_PROPERTY):
                child = self._space.get(target)
                if child is not None and child.browse_name == node.browse_name:
                    return True
        return False

    def _check_type(self, kind: NodeKey) -> None:
        node = self._space.get(kind)
        if node is None or node.node_class is not NodeClass.REFERENCE_TYPE:
            raise _RefusedError(StatusCodes.BadReferenceTypeIdInvalid)
        if node.flags & Flag.IS_ABSTRACT:  # Part 3 v1.05 5.3.1
            raise _RefusedError(StatusCodes.BadReferenceNotAllowed)

    def _check_ends(self, kind: NodeKey, source: NodeClass, target: NodeClass) -> None:
        if not may_lead(self._space, kind, source, target):
            raise _RefusedError(StatusCodes.BadReferenceNotAllowed)

    def _ends(self, item: ReferenceItem) -> tuple[SpaceNode, SpaceNode]:
        """Give the node that a reference begins at and the one that it leads to, whoever tells it."""
        source = self._space.get(item.source)
        if source is None:
            raise _RefusedError(StatusCodes.BadSourceNodeIdInvalid)
        kind = self._space.get(item.reference_type)
        if kind is None or kind.node_class is not NodeClass.REFERENCE_TYPE:
            raise _RefusedError(StatusCodes.BadReferenceTypeIdInvalid)
        target = self._space.get(item.target)
        if target is None:
            raise _RefusedError(StatusCodes.BadTargetNodeIdInvalid)
        return (source, target) if item.forward else (target, source)

    def _add_reference(self, item: ReferenceItem) -> None:
        begin, end = self._ends(item)
        self._check_type(item.reference_type)
        target = end if item.forward else begin
        if item.target_class is not None and target.node_class is not item.target_class:
            raise _RefusedError(StatusCodes.BadNodeClassInvalid)
        if begin is end and self._space.is_subtype(item.reference_type, HIERARCHICAL_REFERENCES):
            raise _RefusedError(StatusCodes.BadInvalidSelfReference)
        self._check_ends(item.reference_type, begin.node_class, end.node_class)
        single = item.reference_type in (HAS_TYPE_DEFINITION, HAS_SUBTYPE)
        if single and self._is_told(item.reference_type, begin, end):
            raise _RefusedError(StatusCodes.BadReferenceNotAllowed)
        if not self._space.refer(begin.key, item.reference_type, end.key):
            raise _RefusedError(StatusCodes.BadDuplicateReferenceNotAllowed)

    def _is_told(self, kind: NodeKey, begin: SpaceNode, end: SpaceNode) -> bool:
        """Tell whether a node has another TypeDefinition, or a type another supertype: it has one (Part 3 v1.05 7)."""
        if kind == HAS_TYPE_DEFINITION:
            known = self._space.type_of(begin)
            return known is not None and known != end.key
        if self._space.is_subtype(begin.key, end.key):  # types going round in a circle
            return True
        above = self._space.supertypes(end.key)
        return bool(above) and above[0] != begin.key

    def _delete_nodes(self, keys: Sequence[NodeKey]) -> list[int]:
        results: list[int] = []
        going: set[NodeKey] = set()
        for key in keys:
            if is_null(key):
                results.append(StatusCodes.BadNodeIdInvalid)
            elif key not in self._space or key in going:
                results.append(StatusCodes.BadNodeIdUnknown)
            else:
                going.add(key)
                results.append(StatusCodes.Good)
        if going:
            self._space.remove_all(going)
        return results

    def _delete_reference(self, item: ReferenceItem) -> None:
        begin, end = self._ends(item)
        if not self._space.unrefer(begin.key, item.reference_type, end.key):
            raise _RefusedError(StatusCodes.BadNotFound)
