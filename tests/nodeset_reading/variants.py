"""Variants, DataValues and ExtensionObjects (Part 6 v1.05 5.3.1.16 to 5.3.1.18, 5.3.2)."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

from tests.nodeset_reading import lexical
from tests.nodeset_reading.built_in import Tell, read_built_in
from tests.nodeset_reading.data_types import BUILT_IN_NAMES, DECIMAL, TypeDictionary, UnknownDataTypeError
from tests.nodeset_reading.identifiers import NULL_NODE_ID, TYPES_XSD, Names
from tests.nodeset_reading.records import Tree
from tests.nodeset_reading.structures import StructureReading
from tests.nodeset_reading.xml_text import canonical_xml, child, is_nil, local_name, namespace, text_of

_NULL_VARIANT: dict[str, Tree] = {"builtin": None, "value": None}
_DATA_VALUE = {
    "SourceTimestamp": "DateTime",
    "SourcePicoseconds": "UInt16",
    "ServerTimestamp": "DateTime",
    "ServerPicoseconds": "UInt16",
}


class VariantReading:
    """Reads the values of one node; `structures` counts the bodies decoded by their definition."""

    def __init__(self, names: Names, types: TypeDictionary, tell: Tell) -> None:
        self.names = names
        self.types = types
        self.tell = tell
        self.structures = 0
        self._structure = StructureReading(types, tell, self.built_in)

    def built_in(self, element: ET.Element, built_in: str) -> Tree:
        """An element of any of the 25 built-in types."""
        if built_in == "Variant":
            return self.variant(element)
        if built_in == "ExtensionObject":
            return self.extension_object(element)
        if built_in == "DataValue":
            return self.data_value(element)
        return read_built_in(element, built_in, self.names, self.tell)

    def variant(self, element: ET.Element) -> Tree:
        """Element of type Variant: its content stands in a Value element (5.3.1.17)."""
        if is_nil(element) or not len(element):
            return None
        value = child(element, "Value")
        if value is None:
            self.tell("variant-without-value", f"<{local_name(element[0])}> directly in {local_name(element)}")
            return self.content_of(element)
        content = self.content_of(value)
        return None if content == _NULL_VARIANT else content

    def content_of(self, holder: ET.Element) -> Tree:
        """Content of a Variant's Value element or a node's: one element named by its built-in type, or none."""
        if is_nil(holder) or not len(holder):
            if text_of(holder).strip():
                msg = f"text {text_of(holder).strip()!r} where an element of a built-in type belongs"
                raise ValueError(msg)
            return dict(_NULL_VARIANT)
        if len(holder) > 1:
            msg = f"{len(holder)} elements where a Variant has one"
            raise ValueError(msg)
        element = holder[0]
        name = local_name(element)
        if namespace(element) != TYPES_XSD:
            self.tell("foreign-namespace", element.tag)
        if name == "Matrix":
            return self.matrix(element)
        built_in = name.removeprefix("ListOf")
        if built_in not in BUILT_IN_NAMES:
            msg = f"<{name}> is no built-in type and no list of one"
            raise ValueError(msg)
        if name == built_in:
            return {"builtin": built_in, "value": self.built_in(element, built_in)}
        if is_nil(element):
            return {"builtin": built_in, "value": None}
        return {"builtin": built_in, "value": self.items(element, built_in)}

    def items(self, element: ET.Element, built_in: str) -> Tree:
        """Elements of an array, each named by the built-in type."""
        for each in element:
            if local_name(each) != built_in:
                msg = f"<{local_name(each)}> in an array of {built_in}"
                raise ValueError(msg)
        return [self.built_in(each, built_in) for each in element]

    def matrix(self, element: ET.Element) -> Tree:
        """Dimensions and flat Elements; the last dimension runs fastest (5.3.1.17)."""
        dimensions, elements = child(element, "Dimensions"), child(element, "Elements")
        if dimensions is None or elements is None:
            msg = "a Matrix without Dimensions or Elements"
            raise ValueError(msg)
        lengths: list[Tree] = [lexical.integer(text_of(each)) for each in dimensions]
        if math.prod(lexical.integer(text_of(each)) for each in dimensions) != len(elements):
            msg = f"a Matrix of dimensions {lengths} with {len(elements)} Elements"
            raise ValueError(msg)
        built_in = local_name(elements[0]) if len(elements) else None
        if built_in is not None and built_in not in BUILT_IN_NAMES:
            msg = f"a Matrix of <{built_in}>"
            raise ValueError(msg)
        items: Tree = self.items(elements, built_in) if built_in else []
        return {"builtin": built_in, "dimensions": lengths, "value": items}

    def data_value(self, element: ET.Element) -> Tree:
        """DataValue with the defaults of what is missing (5.3.1.18)."""
        if is_nil(element):
            return None
        value, status = child(element, "Value"), child(element, "StatusCode")
        read: dict[str, Tree] = {
            "Value": None if value is None else self.variant(value),
            "StatusCode": 0 if status is None else self.built_in(status, "StatusCode"),
        }
        for name, built_in in _DATA_VALUE.items():
            part = child(element, name)
            read[name] = 0 if part is None else self.built_in(part, built_in)
        for each in element:
            if local_name(each) not in read:
                self.tell("unknown-element", f"{local_name(each)} in DataValue")
        return read

    def extension_object(self, element: ET.Element) -> Tree:
        """A body by the definition of its type, or its XML and a problem. None when there is neither type nor body."""
        type_element, body = child(element, "TypeId"), child(element, "Body")
        for each in element:
            if local_name(each) not in {"TypeId", "Body"}:
                self.tell("unknown-element", f"{local_name(each)} in ExtensionObject")
        type_id = NULL_NODE_ID
        try:
            if type_element is not None:
                type_id = str(self.built_in(type_element, "NodeId"))
            if is_nil(element) or (type_id == NULL_NODE_ID and (body is None or not len(body))):
                return None
            return self._body(type_id, body)
        except ValueError as error:
            self.tell("undecodable-body", f"TypeId {type_id}: {error}")
            return {"type": type_id, "xml": canonical_xml(element)}

    def _body(self, type_id: str, body: ET.Element | None) -> Tree:
        data_type, encoding = self.types.of_type_id(type_id)
        if encoding not in {"", "Default XML"}:
            self.tell("type-id-of-another-encoding", f"{encoding!r} of {data_type} with an XML body")
        if body is None or is_nil(body):
            msg = f"no Body, type {data_type}"
            raise ValueError(msg)
        if data_type == DECIMAL:
            return self._structure.decimal(body)
        if len(body) != 1:
            msg = f"{len(body)} elements in the Body, type {data_type}"
            raise ValueError(msg)
        content = body[0]
        if local_name(content) == "ByteString" and namespace(content) == TYPES_XSD:
            msg = f"a body in UA Binary, type {data_type}"
            raise ValueError(msg)
        if self.types.written_as(data_type) != "Structure":
            msg = f"{data_type} is no Structure"
            raise UnknownDataTypeError(msg)
        if local_name(content) not in self.types.element_names(data_type):
            self.tell("body-name", f"<{local_name(content)}> where the TypeId says {data_type}")
        decoded = self._structure.structure(content, data_type)
        self.structures += 1
        return decoded
