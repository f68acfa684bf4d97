"""What changed in a node's attributes, and who notices it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from nodesets.built_in_types import BuiltInType, Structure, Variant
from nodesets.datatypes.problems import DataTypeError
from nodesets.differences.definitions import Renamed, definition_changes
from nodesets.differences.difference import Change
from nodesets.differences.state import State
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import DataTypeNode, Node, VariableNode
from nodesets.parsing.attributes import OF_NODE

_APART = frozenset({"name", "references", "position", "definition"})
_LABELS: Mapping[str, str] = {
    **{name: key for _, known in OF_NODE.values() for key, (name, _) in known.items()},
    "display_name": "DisplayName",
    "description": "Description",
    "role_permissions": "RolePermissions",
    "categories": "Category",
    "documentation": "Documentation",
    "extensions": "Extensions",
    "value": "Value",
    "translations": "Translation",
    "arguments": "ArgumentDescription",
    "inverse_name": "InverseName",
}
_CLASS = "clients, bindings and references that expect the old NodeClass"
_TYPE = "bindings and clients that read or write it, and its history"
_ABSTRACT = "instances of it: an abstract type can have none"
_ALWAYS = {
    "value_rank": "bindings and clients that expect the other shape, and its history",
    "browse_name": "browse paths that lead to it or through it",
}
_CALL = "clients that call the method with the old arguments"
_ACCESS = {1: "clients that read it", 2: "clients that write it", 4: "clients that read its history"}
"""By the bit of AccessLevel (Part 3 v1.05 8.57) that is gone."""
_ARGUMENTS = ("InputArguments", "OutputArguments")


def attribute_changes(old: Node, new: Node, before: State, after: State, renamed: Renamed) -> Iterator[Change]:
    """Give the attributes that differ; NodeIds in the old node count under the names that they have now."""
    if old.node_class is not new.node_class:
        yield Change("NodeClass", old.node_class, new.node_class, _CLASS)
    both = {field.name for field in fields(old)} & {field.name for field in fields(new)}
    for field in fields(new):
        if field.name not in both or field.name in _APART:
            continue
        was: object = getattr(old, field.name)
        now: object = getattr(new, field.name)
        if isinstance(was, NodeName):
            was = renamed(was)
        if was != now and repr(was) != repr(now):  # NaN is not equal to itself
            change = Change(_LABELS[field.name], was, now)
            yield change._replace(breaks=_breaks(field.name, change, new, before, after))
    if isinstance(old, DataTypeNode) and isinstance(new, DataTypeNode):
        is_structure = is_structured(old.name, before) or is_structured(new.name, after)
        yield from definition_changes(old.definition, new.definition, renamed, is_structure=is_structure)


def is_structured(name: NodeName, state: State) -> bool:
    """Tell whether a DataType is a structure; one that is not known counts as one."""
    try:
        return state.types.built_in(name) is BuiltInType.ExtensionObject
    except DataTypeError:
        return True


def _breaks(name: str, change: Change, node: Node, before: State, after: State) -> str:
    breaks = _ALWAYS.get(name, "")
    match name, change.old, change.new:
        case "data_type", NodeName() as was, NodeName() as now:
            breaks = "" if _is_narrowed(was, now, before, after) else _TYPE
        case "is_abstract", _, True:
            breaks = _ABSTRACT
        case "access_level", int() as was, int() as now:
            breaks = ", ".join(text for bit, text in _ACCESS.items() if was & bit and not now & bit)
        case "value", was, now if _is_signature(node):
            breaks = _CALL if _signature(was) != _signature(now) else ""
        case _:
            pass
    return breaks


def _is_narrowed(was: NodeName, now: NodeName, before: State, after: State) -> bool:
    """Tell whether values of the new DataType are such of the old one, and look the same: Duration for Double."""
    try:
        same = before.types.built_in(was) is after.types.built_in(now)
    except DataTypeError:
        return False
    return same and not is_structured(now, after) and after.types.is_subtype(now, was)


def _is_signature(node: Node) -> bool:
    return isinstance(node, VariableNode) and node.browse_name in {(STANDARD_NAMESPACE, name) for name in _ARGUMENTS}


def _signature(value: object) -> list[object]:
    """Give what a caller has to know of arguments: their types and shapes, in order (Part 3 v1.05 8.6)."""
    listed: object = value.value if isinstance(value, Variant) else None
    arguments = [one for one in listed if isinstance(one, Structure)] if isinstance(listed, tuple) else []
    return [(one.fields.get("DataType"), one.fields.get("ValueRank")) for one in arguments]
