"""DataTypeDefinition and its fields (Part 6 v1.05 F.12, F.13)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable

from tests.nodeset_reading import lexical
from tests.nodeset_reading.identifiers import Names, ua
from tests.nodeset_reading.records import DataTypeDefinition, DataTypeField, LocalizedTexts
from tests.nodeset_reading.xml_text import local_name, text_of

Tell = Callable[[str, str], None]

_DEFINITION_ATTRIBUTES = {"Name", "SymbolicName", "IsUnion", "IsOptionSet", "BaseType"}
_FIELD_ATTRIBUTES = {
    "Name",
    "SymbolicName",
    "DataType",
    "ValueRank",
    "ArrayDimensions",
    "MaxStringLength",
    "Value",
    "IsOptional",
    "AllowSubTypes",
}


def read_localized_texts(element: ET.Element, name: str) -> LocalizedTexts:
    """(locale, text) of every child of that name, in order; Locale is '' by default."""
    return tuple((each.get("Locale", ""), text_of(each)) for each in element if local_name(each) == name)


def read_definition(element: ET.Element, names: Names, tell: Tell) -> DataTypeDefinition:
    """Own fields in order. Raises KeyError without a Name and ValueError for an unreadable attribute."""
    for name in element.attrib.keys() - _DEFINITION_ATTRIBUTES:
        tell("unknown-attribute", f"{name}={element.attrib[name]!r} of a Definition")
    fields: list[DataTypeField] = []
    for each in element:
        if local_name(each) == "Field":
            fields.append(_field(each, names, tell))
        else:
            tell("unknown-element", f"{local_name(each)} of a Definition")
    return DataTypeDefinition(
        name=names.qualified_name(element.attrib["Name"]),
        symbolic_name=element.get("SymbolicName"),
        is_union=lexical.boolean(element.get("IsUnion", "false")),  # xs default false
        is_option_set=lexical.boolean(element.get("IsOptionSet", "false")),  # xs default false
        base_type=element.get("BaseType", ""),  # xs default '', not used
        fields=tuple(fields),
    )


def _field(element: ET.Element, names: Names, tell: Tell) -> DataTypeField:
    for name in element.attrib.keys() - _FIELD_ATTRIBUTES:
        tell("unknown-attribute", f"{name}={element.attrib[name]!r} of a Field")
    for each in element:
        if local_name(each) not in {"DisplayName", "Description"}:
            tell("unknown-element", f"{local_name(each)} of a Field")
    data_type = element.get("DataType")
    return DataTypeField(
        name=element.attrib["Name"],
        symbolic_name=element.get("SymbolicName"),
        display_name=read_localized_texts(element, "DisplayName"),
        description=read_localized_texts(element, "Description"),
        data_type=ua(24) if data_type is None else names.resolve(data_type),  # xs default i=24
        value_rank=lexical.integer(element.get("ValueRank", "-1")),  # xs default -1
        array_dimensions=lexical.array_dimensions(element.get("ArrayDimensions", "")),  # xs default ''
        max_string_length=lexical.integer(element.get("MaxStringLength", "0"), "UInt32"),  # xs default 0
        value=lexical.integer(element.get("Value", "-1")),  # xs default -1
        is_optional=lexical.boolean(element.get("IsOptional", "false")),  # xs default false
        allow_sub_types=lexical.boolean(element.get("AllowSubTypes", "false")),  # xs default false
    )
