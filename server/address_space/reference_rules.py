"""Which nodes a reference may lead from and to (Part 3 v1.05 7)."""

from __future__ import annotations

from asyncua.ua.object_ids import ObjectIds

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.space import HAS_SUBTYPE, HAS_TYPE_DEFINITION, AddressSpace

_TYPES = frozenset({NodeClass.OBJECT_TYPE, NodeClass.VARIABLE_TYPE, NodeClass.DATA_TYPE, NodeClass.REFERENCE_TYPE})
_OBJECTS = frozenset({NodeClass.OBJECT, NodeClass.OBJECT_TYPE})
VARIABLES = frozenset({NodeClass.VARIABLE, NodeClass.VARIABLE_TYPE})
_ANY = frozenset(NodeClass)
_Classes = frozenset[NodeClass]
_ENDS: dict[NodeKey, tuple[_Classes, _Classes]] = {
    numeric_key(0, number): ends
    for number, ends in {
        ObjectIds.HasTypeDefinition: (frozenset({NodeClass.OBJECT, NodeClass.VARIABLE}), _TYPES),
        ObjectIds.HasSubtype: (_TYPES, _TYPES),
        ObjectIds.HasProperty: (_ANY, frozenset({NodeClass.VARIABLE})),
        ObjectIds.HasComponent: (
            _OBJECTS | VARIABLES,
            frozenset({NodeClass.OBJECT, NodeClass.VARIABLE, NodeClass.METHOD}),
        ),
        ObjectIds.Organizes: (frozenset({NodeClass.OBJECT, NodeClass.OBJECT_TYPE, NodeClass.VIEW}), _ANY),
        ObjectIds.HasModellingRule: (
            frozenset({NodeClass.OBJECT, NodeClass.VARIABLE, NodeClass.METHOD}),
            frozenset({NodeClass.OBJECT}),
        ),
        ObjectIds.HasEncoding: (frozenset({NodeClass.DATA_TYPE}), frozenset({NodeClass.OBJECT})),
        ObjectIds.HasEventSource: (frozenset({NodeClass.OBJECT, NodeClass.OBJECT_TYPE, NodeClass.VIEW}), _ANY),
    }.items()
}
"""The NodeClasses that a ReferenceType and its subtypes may lead from and to (Part 3 v1.05 7)."""
DEFINED_BY = {NodeClass.OBJECT: NodeClass.OBJECT_TYPE, NodeClass.VARIABLE: NodeClass.VARIABLE_TYPE}
"""The NodeClass of the TypeDefinitions of Objects and of Variables."""


def may_lead(space: AddressSpace, kind: NodeKey, source: NodeClass, target: NodeClass) -> bool:
    """Tell whether a reference of a type, or of a supertype with rules of its own, may join two NodeClasses."""
    for known in (kind, *space.supertypes(kind)):
        ends = _ENDS.get(known)
        if ends is None:
            continue
        if known == HAS_SUBTYPE and source is not target:
            return False
        if known == HAS_TYPE_DEFINITION and DEFINED_BY.get(source) is not target:
            return False
        return source in ends[0] and target in ends[1]
    return True
