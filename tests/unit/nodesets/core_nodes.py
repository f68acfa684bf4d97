"""The standard namespace, but for nearly all of it: what small models refer to."""

from __future__ import annotations

from nodesets.names import STANDARD_NAMESPACE
from tests.unit.nodesets.written import document

_SUBTYPES = {
    "UAReferenceType": {
        31: ("References", None),
        32: ("NonHierarchicalReferences", 31),
        33: ("HierarchicalReferences", 31),
        34: ("HasChild", 33),
        35: ("Organizes", 33),
        38: ("HasEncoding", 32),
        40: ("HasTypeDefinition", 32),
        44: ("Aggregates", 34),
        45: ("HasSubtype", 34),
        46: ("HasProperty", 44),
        47: ("HasComponent", 44),
        17597: ("HasDictionaryEntry", 32),
    },
    "UADataType": {
        24: ("BaseDataType", None),
        1: ("Boolean", 24),
        12: ("String", 24),
        26: ("Number", 24),
        6: ("Int32", 26),
        11: ("Double", 26),
        22: ("Structure", 24),
        29: ("Enumeration", 24),
    },
    "UAObjectType": {58: ("BaseObjectType", None), 61: ("FolderType", 58), 76: ("DataTypeEncodingType", 58)},
    "UAVariableType": {62: ("BaseVariableType", None), 63: ("BaseDataVariableType", 62)},
}


def _type(tag: str, number: int, name: str, supertype: int | None) -> str:
    reference = f'<Reference ReferenceType="i=45" IsForward="false">i={supertype}</Reference>' if supertype else ""
    return f'<{tag} NodeId="i={number}" BrowseName="{name}"><References>{reference}</References></{tag}>'


CORE = document(
    "\n".join(
        _type(tag, number, name, supertype)
        for tag, types in _SUBTYPES.items()
        for number, (name, supertype) in types.items()
    )
    + '<UAObject NodeId="i=85" BrowseName="Objects"><References><Reference ReferenceType="i=40">i=61</Reference>'
    "</References></UAObject>",
    uri=STANDARD_NAMESPACE,
    required="",
)
