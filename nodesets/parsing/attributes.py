"""What the XML attributes of each node element mean: the field of the record, and how its text is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nodesets.built_in_types import NULL_NODE
from nodesets.nodes import (
    DataTypeNode,
    MethodNode,
    Node,
    ObjectNode,
    ObjectTypeNode,
    ReferenceTypeNode,
    VariableNode,
    VariableTypeNode,
    ViewNode,
)
from nodesets.parsing.texts import TextError, Texts, dimensions, number, truth, whole

Convert = Callable[[Texts, str], object]
Attributes = Mapping[str, tuple[str, Convert]]
"""By the XML attribute's name: the field, and how it is read."""

UINT32 = 0xFFFF_FFFF
_PURPOSES = ("Normal", "ServicesOnly", "CodeGenerator")
_RELEASES = ("Released", "Draft", "Deprecated")


def _up_to(most: int, least: int = 0) -> Convert:
    def convert(_texts: Texts, text: str) -> int:
        return whole(text, least, most)

    return convert


def _one_of(*known: str) -> Convert:
    def convert(_texts: Texts, text: str) -> str:
        if text not in known:
            problem = f"{text[:40]!r} is not known"
            raise TextError(problem, f"write one of {', '.join(known)}")
        return text

    return convert


def _node(texts: Texts, text: str) -> object:
    name = texts.node(text)
    if name == NULL_NODE:
        problem = f"{text[:40]!r} is the null NodeId, which names no node"
        raise TextError(problem, "give the node an identifier, and its namespace's index: ns=1;i=1")
    return name


def _named(texts: Texts, text: str) -> object:
    return texts.named(text)


def _parent(texts: Texts, text: str) -> object:
    return texts.named(text) if text else None  # published files have ParentNodeId="" for no parent


def _qualified(texts: Texts, text: str) -> object:
    name = texts.qualified(text) if text else None
    if name is None or not name.name:
        problem = f"{text[:40]!r} has no name" if text else "is empty"
        raise TextError(problem, 'give the node one, such as BrowseName="1:Temperature"')
    return name


def _truth(_texts: Texts, text: str) -> bool:
    return truth(text)


def _number(_texts: Texts, text: str) -> float:
    return number(text)


def _text(_texts: Texts, text: str) -> str:
    return text


def _dimensions(_texts: Texts, text: str) -> tuple[int, ...]:
    return dimensions(text)


_RANK = _up_to(0x7FFF_FFFF, -3)
_BYTE = _up_to(0xFF)
_MASK = _up_to(UINT32)

_NODE: Attributes = {
    "NodeId": ("name", _node),
    "BrowseName": ("browse_name", _qualified),
    "WriteMask": ("write_mask", _MASK),
    "UserWriteMask": ("user_write_mask", _MASK),
    "AccessRestrictions": ("access_restrictions", _up_to(0xFFFF)),
    "HasNoPermissions": ("has_no_permissions", _truth),
    "SymbolicName": ("symbolic_name", _text),
    "ReleaseStatus": ("release_status", _one_of(*_RELEASES)),
    "DesignToolOnly": ("design_tool_only", _truth),
}
_INSTANCE: Attributes = {**_NODE, "ParentNodeId": ("parent", _parent)}
_TYPE: Attributes = {**_NODE, "IsAbstract": ("is_abstract", _truth)}
_TYPED: Attributes = {
    "DataType": ("data_type", _named),
    "ValueRank": ("value_rank", _RANK),
    "ArrayDimensions": ("array_dimensions", _dimensions),
}
_NOTIFIER: Attributes = {"EventNotifier": ("event_notifier", _BYTE)}

OF_NODE: Mapping[str, tuple[type[Node], Attributes]] = {
    "UAObject": (ObjectNode, {**_INSTANCE, **_NOTIFIER}),
    "UAVariable": (
        VariableNode,
        {
            **_INSTANCE,
            **_TYPED,
            "AccessLevel": ("access_level", _MASK),
            "UserAccessLevel": ("user_access_level", _MASK),
            "MinimumSamplingInterval": ("minimum_sampling_interval", _number),
            "Historizing": ("historizing", _truth),
        },
    ),
    "UAMethod": (
        MethodNode,
        {
            **_INSTANCE,
            "Executable": ("executable", _truth),
            "UserExecutable": ("user_executable", _truth),
            "MethodDeclarationId": ("method_declaration", _named),
        },
    ),
    "UAView": (ViewNode, {**_INSTANCE, **_NOTIFIER, "ContainsNoLoops": ("contains_no_loops", _truth)}),
    "UAObjectType": (ObjectTypeNode, _TYPE),
    "UAVariableType": (VariableTypeNode, {**_TYPE, **_TYPED}),
    "UADataType": (DataTypeNode, {**_TYPE, "Purpose": ("purpose", _one_of(*_PURPOSES))}),
    "UAReferenceType": (ReferenceTypeNode, {**_TYPE, "Symmetric": ("symmetric", _truth)}),
}
"""By the element's tag: the class of the record, and its attributes."""

OF_DEFINITION: Attributes = {
    "Name": ("name", _qualified),
    "SymbolicName": ("symbolic_name", _text),
    "IsUnion": ("is_union", _truth),
    "IsOptionSet": ("is_option_set", _truth),
}
OF_FIELD: Attributes = {
    "Name": ("name", _text),
    "SymbolicName": ("symbolic_name", _text),
    **_TYPED,
    "MaxStringLength": ("max_string_length", _MASK),
    "Value": ("value", _up_to(0x7FFF_FFFF_FFFF_FFFF, -0x8000_0000_0000_0000)),
    "IsOptional": ("is_optional", _truth),
    "AllowSubTypes": ("allow_subtypes", _truth),
}
IGNORED = frozenset({"BaseType"})
"""An attribute of DataTypeDefinitions before 1.04, which HasSubtype says as well."""
