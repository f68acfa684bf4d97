"""Reads one UANodeSet file into records (Part 6 v1.05 Annex F)."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.nodeset_reading.attributes import BY_NODE_CLASS
from tests.nodeset_reading.definitions import read_definition, read_localized_texts
from tests.nodeset_reading.header import read_models, read_names, read_role_permissions, read_time
from tests.nodeset_reading.identifiers import Names
from tests.nodeset_reading.records import FileContent, Node, Problem, Reference
from tests.nodeset_reading.xml_text import canonical_xml, child, children, local_name, namespace, text_of

NODE_SET_XSD = "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"

_HEADER = {"NamespaceUris", "ServerUris", "Models", "Aliases", "Extensions"}
_NODE_ELEMENTS = {
    "DisplayName",
    "Description",
    "Category",
    "Documentation",
    "References",
    "RolePermissions",
    "Extensions",
}
_ELEMENTS_OF_CLASS = {
    "Variable": {"Value", "Translation"},
    "VariableType": {"Value"},
    "Method": {"ArgumentDescription"},
    "DataType": {"Definition"},
    "ReferenceType": {"InverseName"},
}


def read_file(file: Path | bytes, source: str | None = None) -> FileContent:
    """Read a file or its bytes; `source` names it in problems.

    Raises xml.etree.ElementTree.ParseError when it is no XML and ValueError when it is no UANodeSet.
    """
    name = source or (file.name if isinstance(file, Path) else "bytes")
    octets = file.read_bytes() if isinstance(file, Path) else file
    root = ET.parse(io.BytesIO(octets)).getroot()  # noqa: S314  published files and the tests' own
    if local_name(root) != "UANodeSet" or namespace(root) != NODE_SET_XSD:
        msg = f"{name}: the root is {root.tag}, not a UANodeSet of {NODE_SET_XSD}"
        raise ValueError(msg)
    return _FileReading(root, name).content


class _FileReading:
    def __init__(self, root: ET.Element, source: str) -> None:
        self.here = ""
        self.content = FileContent(source=source, names=Names())
        self.names = self.content.names = read_names(root, self.problem)
        try:
            self.content.models = read_models(root, self.names, self.problem)
            self.content.last_modified = read_time(root.get("LastModified"), self.problem)
        except ValueError as error:
            self.problem("header", str(error))
        for alias, text in self.names.aliases.items():
            try:
                self.content.aliases[alias] = self.names.node_id(text)
            except ValueError as error:
                self.problem("alias", f"{alias}: {error}")
        self.content.extensions = tuple(canonical_xml(each) for each in children(root, "Extensions"))
        for element in root:
            self.element_of_root(element)

    def problem(self, kind: str, detail: str) -> None:
        self.content.problems.append(Problem(kind, self.content.source, self.here, detail))

    def element_of_root(self, element: ET.Element) -> None:
        name = local_name(element)
        node_class = name.removeprefix("UA")
        self.here = ""
        if namespace(element) != NODE_SET_XSD:
            self.problem("foreign-element", element.tag)
        elif name.startswith("UA") and node_class in BY_NODE_CLASS:
            self.node(element, node_class)
        elif name not in _HEADER:
            self.problem("unknown-element", name)

    def node(self, element: ET.Element, node_class: str) -> None:
        try:
            node_id = self.names.node_id(element.attrib["NodeId"])
            browse_name = self.names.qualified_name(element.attrib["BrowseName"])
        except (KeyError, ValueError) as error:
            self.problem("unreadable-node", f"{element.attrib}: {error}")
            return
        self.here = node_id
        node = Node(node_id, node_class, browse_name, {})
        self.attributes(element, node)
        self.common_elements(element, node)
        self.class_elements(element, node)
        if node_id in self.content.nodes:
            self.problem("duplicate-node", "the first one counts")
        else:
            self.content.nodes[node_id] = node

    def attributes(self, element: ET.Element, node: Node) -> None:
        known = BY_NODE_CLASS[node.node_class]
        for name, attribute in known.items():
            text = element.get(name)
            try:
                node.attributes[name] = attribute.default if text is None else attribute.read(text, self.names)
            except ValueError as error:
                node.attributes[name] = text
                self.problem("unreadable-attribute", f"{name}: {error}")
        for name in element.attrib.keys() - known.keys() - {"NodeId", "BrowseName"}:
            self.problem("unknown-attribute", f"{name}={element.attrib[name]!r} of {node.node_class}")

    def common_elements(self, element: ET.Element, node: Node) -> None:
        node.display_name = read_localized_texts(element, "DisplayName")
        node.description = read_localized_texts(element, "Description")
        node.category = tuple(text_of(each) for each in element if local_name(each) == "Category")
        documentation = child(element, "Documentation")
        node.documentation = None if documentation is None else text_of(documentation)
        node.extensions = tuple(canonical_xml(each) for each in children(element, "Extensions"))
        try:
            node.role_permissions = read_role_permissions(element, self.names)
        except ValueError as error:
            self.problem("role-permissions", str(error))
        for reference in children(element, "References"):
            self.reference(node.node_id, reference)
        allowed = _NODE_ELEMENTS | _ELEMENTS_OF_CLASS.get(node.node_class, set())
        for each in element:
            if local_name(each) not in allowed:
                self.problem("unknown-element", f"{local_name(each)} of {node.node_class}")

    def reference(self, here: str, element: ET.Element) -> None:
        try:
            reference_type = self.names.resolve(element.attrib["ReferenceType"])
            there = self.names.resolve(text_of(element))
            forward = element.get("IsForward", "true").strip() in {"true", "1"}
        except (KeyError, ValueError) as error:
            self.problem("unreadable-reference", f"{element.attrib} {text_of(element)!r}: {error}")
            return
        ends = (here, reference_type, there) if forward else (there, reference_type, here)
        self.content.references.add(Reference(*ends))

    def class_elements(self, element: ET.Element, node: Node) -> None:
        node.inverse_name = read_localized_texts(element, "InverseName")
        node.value_element = child(element, "Value")
        node.translations = tuple(canonical_xml(each) for each in element if local_name(each) == "Translation")
        node.argument_descriptions = tuple(
            (
                None if (name := child(each, "Name")) is None else text_of(name),
                read_localized_texts(each, "Description"),
            )
            for each in element
            if local_name(each) == "ArgumentDescription"
        )
        definition = child(element, "Definition")
        if definition is not None:
            try:
                node.definition = read_definition(definition, self.names, self.problem)
            except (KeyError, ValueError) as error:
                self.problem("unreadable-definition", str(error))
