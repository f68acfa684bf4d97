"""What is written to a file: the models it holds, and their nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.errors import PlantspaceError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.header import Model as ModelEntry
from nodesets.header import RequiredModel
from nodesets.model import Model
from nodesets.names import STANDARD_NAMESPACE, NodeName, NodeNameError
from nodesets.nodes import DataTypeNode, Node, ReferenceTypeNode, RolePermission
from nodesets.nodeset import NodeSet, nodes_of


class ExportError(PlantspaceError):
    """A model cannot be written; ``problem`` says what XML cannot say, or what is not there."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A model that another one builds on. What is empty or None is not written."""

    uri: str
    version: str = ""
    published: datetime | None = None
    model_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedModel:
    """A model that the file holds (Part 6 v1.05 F.5)."""

    uri: str
    version: str = ""
    published: datetime | None = None
    required: tuple[Requirement, ...] = ()
    model_version: str = ""
    xml_schema_uri: str = ""
    access_restrictions: int = 0
    role_permissions: tuple[RolePermission, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file to be. ``types`` know the DataTypes of all values, also those of other files.

    ``namespaces`` begin the file's table, the standard one first or left out; what else the nodes name goes behind, in
    the order of the alphabet.
    """

    models: tuple[ExportedModel, ...]
    nodes: Collection[Node]
    types: TypeRegistry
    namespaces: tuple[str, ...] = ()
    aliases: Mapping[NodeName, str] = field(default_factory=dict[NodeName, str])
    """Names that may stand for NodeIds; those that the nodes use come into the file."""
    extensions: tuple[str, ...] = ()
    server_uris: tuple[str, ...] = ()
    last_modified: str | None = None


def standard_aliases(nodes: Iterable[Node]) -> dict[NodeName, str]:
    """Give the aliases that files commonly have: standard ReferenceTypes and DataTypes by their BrowseNames."""
    return {
        node.name: node.browse_name.name
        for node in nodes
        if node.name.namespace == STANDARD_NAMESPACE
        and isinstance(node, (ReferenceTypeNode, DataTypeNode))
        and node.browse_name.name
    }


def export_of(model: Model, uri: str) -> Export:
    """Give what the files of a model say of ``uri``. Raises :class:`ExportError` if none of them holds it.

    A file of several models is given whole.
    """
    nodesets = [one for one in model.nodesets if any(entry.uri == uri for entry in one.header.models)]
    if not nodesets:
        message = f"the files read hold no model {uri}"
        raise ExportError(message)
    # What stands in several files of one model goes into one; the entries are those of its main file, read last.
    main = nodesets[-1]
    return Export(
        models=tuple(_entry(entry, main) for entry in main.header.models),
        nodes=nodes_of(nodesets),
        types=model.types,
        namespaces=tuple(dict.fromkeys(one for nodeset in (main, *nodesets) for one in nodeset.namespaces)),
        aliases=standard_aliases(model.nodes.values()),
        extensions=tuple(one for nodeset in nodesets for one in nodeset.extensions),
        server_uris=main.server_uris,
        last_modified=main.last_modified,
    )


def _entry(entry: ModelEntry, nodeset: NodeSet) -> ExportedModel:
    permissions = (RolePermission(_role(role, nodeset), bits) for role, bits in entry.role_permissions)
    return ExportedModel(
        uri=entry.uri,
        version=entry.version,
        published=entry.published,
        required=tuple(_requirement(need) for need in entry.required),
        model_version=entry.model_version,
        xml_schema_uri=entry.xml_schema_uri,
        access_restrictions=entry.access_restrictions,
        role_permissions=tuple(permissions),
    )


def _requirement(need: RequiredModel) -> Requirement:
    return Requirement(need.uri, need.version, need.published, need.model_version)


def _role(text: str, nodeset: NodeSet) -> NodeName:
    try:
        return NodeName.parse_indexed(nodeset.aliases.get(text, text).strip(), nodeset.namespaces)
    except NodeNameError as error:
        message = f"{nodeset.file}: the role of a Model's RolePermission: {error}"
        raise ExportError(message) from error
