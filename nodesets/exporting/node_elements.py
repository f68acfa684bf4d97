"""Makes the XML element of a node: what :mod:`nodesets.parsing` reads, in the order of UANodeSet.xsd."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, cast

from lxml import etree

from nodesets.built_in_types import QualifiedName
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.problems import EncodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import TYPES_NAMESPACE
from nodesets.datatypes.xml_writing import write_value
from nodesets.exporting.elements import extensions, localized, part, role_permissions, top, translation
from nodesets.exporting.export import ExportError
from nodesets.exporting.indenting import indent
from nodesets.exporting.texts import TextWriter
from nodesets.exporting.value_parts import holds_xml
from nodesets.names import STANDARD_NAMESPACE
from nodesets.nodes import (
    DataTypeDefinition,
    DataTypeField,
    DataTypeNode,
    MethodNode,
    Node,
    ReferenceTypeNode,
    VariableNode,
    VariableTypeNode,
)
from nodesets.parsing.attributes import OF_DEFINITION, OF_FIELD, OF_NODE, Attributes
from nodesets.parsing.elements import Element

_TAGS: Mapping[type[Node], tuple[str, Attributes]] = {kind: (tag, known) for tag, (kind, known) in OF_NODE.items()}
_ALIASED = "DataType"
"""The attribute in which an alias stands."""


class NodeElements:
    """Makes the elements of one file's nodes."""

    def __init__(self, texts: TextWriter, types: TypeRegistry, namespaces: Collection[str]) -> None:
        """``namespaces`` is the file's table, the standard namespace first."""
        self._texts = texts
        self._types = types
        self._namespaces = ListedNamespaces(tuple(namespaces))

    def element(self, node: Node) -> Element:
        """Make a node's element, indented. Raises :class:`ExportError` for what XML cannot say."""
        tag, known = _TAGS[type(node)]
        element = top(tag)
        try:
            self._attributes(element, node, known)
            self._common(element, node)
            kept = self._particular(element, node)
        except (EncodingError, ValueError, etree.XMLSyntaxError) as error:
            # lxml's ValueError: a character that XML 1.0 does not have.
            message = f"the node {node.name} ({node.browse_name.name}) cannot be written: {error}"
            raise ExportError(message) from error
        indent(element, 1, kept)
        return element

    def _attributes(
        self, element: Element, record: Node | DataTypeDefinition | DataTypeField, known: Attributes
    ) -> None:
        """Write what differs from the schema's default; what has none always."""
        defaults = _defaults(type(record))
        for key, (name, _) in known.items():
            value: object = getattr(record, name)
            if name not in defaults or value != defaults[name]:
                alias = self._texts.alias if key == _ALIASED else self._texts.attribute
                element.set(key, alias(cast("Any", value)))

    def _common(self, element: Element, node: Node) -> None:
        localized(element, "DisplayName", node.display_name)
        localized(element, "Description", node.description)
        for category in node.categories:
            part(element, "Category").text = category
        if node.documentation is not None:
            part(element, "Documentation").text = node.documentation
        if node.references:
            listed = part(element, "References")
            for reference in dict.fromkeys(node.references):
                one = part(listed, "Reference")
                one.set("ReferenceType", self._texts.alias(reference.type))
                if not reference.forward:
                    one.set("IsForward", "false")
                one.text = self._texts.node(reference.target)
        if node.role_permissions is not None:
            role_permissions(element, node.role_permissions, self._texts)
        extensions(element, node.extensions)

    def _particular(self, element: Element, node: Node) -> Element | None:
        """Write what nodes of one class have; give the element in which white space may count."""
        match node:
            case VariableNode() | VariableTypeNode():
                return self._variable(element, node)
            case MethodNode():
                for argument in node.arguments:
                    described = part(element, "ArgumentDescription")
                    part(described, "Name").text = argument.name
                    localized(described, "Description", argument.descriptions)
            case ReferenceTypeNode():
                localized(element, "InverseName", node.inverse_name)
            case DataTypeNode() if node.definition is not None:
                self._definition(part(element, "Definition"), node.definition)
            case _:
                pass
        return None

    def _variable(self, element: Element, node: VariableNode | VariableTypeNode) -> Element | None:
        kept: Element | None = None
        if node.value is not None:
            value = part(element, "Value")
            _put_value(value, write_value(node.value, self._types, self._namespaces))
            kept = value[0] if holds_xml(node.value, self._types) else None
        for one in node.translations if isinstance(node, VariableNode) else ():
            translation(element, one)
        return kept

    def _definition(self, element: Element, definition: DataTypeDefinition) -> None:
        self._attributes(element, definition, OF_DEFINITION)
        for field in definition.fields:
            one = part(element, "Field")
            self._attributes(one, field, OF_FIELD)
            localized(one, "DisplayName", field.display_name)
            localized(one, "Description", field.description)


def _put_value(parent: Element, written: Element) -> None:
    """Put a value where it says its XML namespace itself; moved as it is, each of its elements would get a prefix."""
    value = etree.SubElement(parent, written.tag, dict(written.attrib), nsmap={None: TYPES_NAMESPACE})
    value.text = written.text
    value.extend(list(written))


@cache
def _defaults(kind: type[Node | DataTypeDefinition | DataTypeField]) -> Mapping[str, object]:
    """Give the defaults of a record's fields, which are the schema's."""
    found = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    if kind is DataTypeDefinition:
        found["name"] = QualifiedName(STANDARD_NAMESPACE, "")  # some files leave it out, and the reader says so
    return found
