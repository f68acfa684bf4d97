"""Records in words: NodeClasses, names of nodes, values."""

from __future__ import annotations

from collections.abc import Mapping

from nodesets.built_in_types import LocalizedText, QualifiedName, Structure, Variant
from nodesets.differences.difference import Arc
from nodesets.names import NodeName
from nodesets.nodes import DataTypeDefinition, DataTypeField, Node, NodeClass

NODE_CLASSES = {
    NodeClass.OBJECT: "Object",
    NodeClass.VARIABLE: "Variable",
    NodeClass.METHOD: "Method",
    NodeClass.VIEW: "View",
    NodeClass.OBJECT_TYPE: "ObjectType",
    NodeClass.VARIABLE_TYPE: "VariableType",
    NodeClass.REFERENCE_TYPE: "ReferenceType",
    NodeClass.DATA_TYPE: "DataType",
}
_LONGEST = 100
"""Characters of a value that are shown."""


class Words:
    """Says what records hold; nodes that are known by their BrowseNames."""

    def __init__(self, nodes: Mapping[NodeName, Node]) -> None:
        """Know nodes."""
        self._nodes = nodes

    def name(self, name: NodeName) -> str:
        """Give a node's BrowseName, or its NodeId where it is not known."""
        node = self._nodes.get(name)
        return str(name) if node is None else str(node.browse_name.name)

    def said(self, value: object) -> str:
        """Give a value in words, cut where it is long."""
        text = self._of_model(value)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"

    def _of_model(self, value: object) -> str:
        match value:
            case NodeClass():
                return NODE_CLASSES[value]
            case NodeName():
                return self.name(value)
            case Arc():
                return f"{self.name(value.source)} {self.name(value.type)} {self.name(value.target)}"
            case DataTypeField():
                data_type = self.name(value.data_type)
                return f"{data_type} = {value.value}" if value.value >= 0 else data_type
            case DataTypeDefinition():
                return ", ".join(field.name for field in value.fields)
            case _:
                return self._of_value(value)

    def _of_value(self, value: object) -> str:
        match value:
            case Variant():
                return self.said(value.value)
            case LocalizedText():
                return f"{value.text!r}" + (f" ({value.locale})" if value.locale else "")
            case QualifiedName():
                return str(value.name)
            case Structure():
                fields = ", ".join(f"{name}={self.said(field)}" for name, field in value.fields.items())
                return f"{{{fields}}}"
            case tuple():
                return self._listed(value)  # pyright: ignore[reportUnknownArgumentType] - any of the records' tuples
            case _:
                return repr(value)

    def _listed(self, values: tuple[object, ...]) -> str:
        return ", ".join(one if isinstance(one, str) else self.said(one) for one in values) or "nothing"
