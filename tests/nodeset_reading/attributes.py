"""XML attributes of every NodeClass: how each is read, its default, and the clause that gives the default.

The defaults are those of UANodeSet.xsd 1.05 (Part 6 v1.05 F.1 calls the schema the formal definition); None says
that the schema has no default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.nodeset_reading import lexical
from tests.nodeset_reading.identifiers import Names, ua
from tests.nodeset_reading.records import Tree

Reader = Callable[[str, Names], Tree]


class Attribute(NamedTuple):
    """One XML attribute of a node element."""

    read: Reader
    default: Tree
    clause: str


def _text(text: str, _: Names) -> Tree:
    return text


def _boolean(text: str, _: Names) -> Tree:
    return lexical.boolean(text)


def _double(text: str, _: Names) -> Tree:
    return lexical.double(text)


def _dimensions(text: str, _: Names) -> Tree:
    return lexical.array_dimensions(text)


def _node_id(text: str, names: Names) -> Tree:
    return names.resolve(text)


def _node_id_or_none(text: str, names: Names) -> Tree:
    return names.resolve(text) if text.strip() else None


def _integer(built_in: str) -> Reader:
    def read(text: str, _: Names) -> Tree:
        return lexical.integer(text, built_in)

    return read


BASE_DATA_TYPE = ua(24)

_NODE = {
    "WriteMask": Attribute(_integer("UInt32"), 0, "F.3 UANode: xs default 0"),
    "UserWriteMask": Attribute(_integer("UInt32"), 0, "F.3 UANode: xs default 0, not used"),
    "AccessRestrictions": Attribute(_integer("UInt16"), None, "F.3: if not specified those of the Model apply"),
    "HasNoPermissions": Attribute(_boolean, default=False, clause="F.3 UANode: xs default false"),
    "SymbolicName": Attribute(_text, None, "F.3 UANode: optional"),
    "ReleaseStatus": Attribute(_text, "Released", "F.3 UANode: xs default Released"),
}
_INSTANCE = {
    **_NODE,
    "ParentNodeId": Attribute(_node_id_or_none, None, "UAInstance: optional"),
    "DesignToolOnly": Attribute(_boolean, default=False, clause="UAInstance: xs default false"),
}
_TYPE = {**_NODE, "IsAbstract": Attribute(_boolean, default=False, clause="UAType: xs default false")}
_VARIABLE_TYPE = {
    "DataType": Attribute(_node_id, BASE_DATA_TYPE, "F.8 UAVariable, UAVariableType: xs default i=24"),
    "ValueRank": Attribute(_integer("Int32"), -1, "F.8 UAVariable, UAVariableType: xs default -1, Scalar"),
    "ArrayDimensions": Attribute(_dimensions, (), "F.8 UAVariable, UAVariableType: xs default ''"),
}
_EVENT_NOTIFIER = {"EventNotifier": Attribute(_integer("Byte"), 0, "UAObject, UAView: xs default 0")}

BY_NODE_CLASS: dict[str, dict[str, Attribute]] = {
    "Object": {**_INSTANCE, **_EVENT_NOTIFIER},
    "Variable": {
        **_INSTANCE,
        **_VARIABLE_TYPE,
        "AccessLevel": Attribute(_integer("UInt32"), 1, "F.8 UAVariable: xs default 1, CurrentRead"),
        "UserAccessLevel": Attribute(_integer("UInt32"), 1, "F.8 UAVariable: xs default 1, not used"),
        "MinimumSamplingInterval": Attribute(_double, 0.0, "F.8 UAVariable: xs default 0"),
        "Historizing": Attribute(_boolean, default=False, clause="F.8 UAVariable: xs default false"),
    },
    "Method": {
        **_INSTANCE,
        "Executable": Attribute(_boolean, default=True, clause="UAMethod: xs default true"),
        "UserExecutable": Attribute(_boolean, default=True, clause="UAMethod: xs default true, not used"),
        "MethodDeclarationId": Attribute(_node_id_or_none, None, "UAMethod: optional"),
    },
    "View": {
        **_INSTANCE,
        **_EVENT_NOTIFIER,
        "ContainsNoLoops": Attribute(_boolean, default=False, clause="UAView: xs default false"),
    },
    "ObjectType": _TYPE,
    "VariableType": {**_TYPE, **_VARIABLE_TYPE},
    "DataType": {**_TYPE, "Purpose": Attribute(_text, "Normal", "F.11 UADataType: xs default Normal")},
    "ReferenceType": {
        **_TYPE,
        "Symmetric": Attribute(_boolean, default=False, clause="UAReferenceType: xs default false"),
    },
}
