"""What the names in a file need in front of it: its table of namespaces, and its aliases."""

from __future__ import annotations

from collections.abc import Iterator

from nodesets.exporting.export import Export
from nodesets.exporting.value_parts import namespaces_in
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import DataTypeNode, InstanceNode, MethodNode, Node, VariableNode, VariableTypeNode
from nodesets.standard import BASE_DATA_TYPE


def table_of_namespaces(export: Export) -> tuple[str, ...]:
    """Give the file's namespaces: those that are asked for, its models', and what the nodes name besides."""
    models = (model.uri for model in export.models)
    used = {one.role.namespace for model in export.models for one in model.role_permissions}
    for node in export.nodes:
        used.update(_namespaces(node))
        if isinstance(node, (VariableNode, VariableTypeNode)):
            used.update(namespaces_in(node.value, export.types))
    return tuple(dict.fromkeys((STANDARD_NAMESPACE, *export.namespaces, *models, *sorted(used))))


def aliases_used(export: Export) -> dict[NodeName, str]:
    """Give the aliases of what stands where an alias may, sorted by NodeId."""
    used: set[NodeName] = set()
    for node in export.nodes:
        used.update(_may_have_alias(node))
    used.discard(BASE_DATA_TYPE)  # the schema's default, which is not written
    known = export.aliases
    by_node = sorted(used & known.keys(), key=lambda name: (name.namespace, name.kind, str(name.identifier).zfill(10)))
    return {name: known[name] for name in by_node}


def _may_have_alias(node: Node) -> Iterator[NodeName]:
    for reference in node.references:
        yield reference.type
    match node:
        case VariableNode() | VariableTypeNode():
            yield node.data_type
        case DataTypeNode() if node.definition is not None:
            for field in node.definition.fields:
                yield field.data_type
        case _:
            pass


def _namespaces(node: Node) -> Iterator[str]:
    yield node.name.namespace
    yield node.browse_name.namespace
    for reference in node.references:
        yield reference.target.namespace
    for permission in node.role_permissions or ():
        yield permission.role.namespace
    for name in _may_have_alias(node):
        yield name.namespace
    if isinstance(node, InstanceNode) and node.parent is not None:
        yield node.parent.namespace
    if isinstance(node, MethodNode) and node.method_declaration is not None:
        yield node.method_declaration.namespace
    if isinstance(node, DataTypeNode) and node.definition is not None:
        yield node.definition.name.namespace
