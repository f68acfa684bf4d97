"""Brings a model's nodes into the address space: values and definitions encoded, namespaces described."""

from __future__ import annotations

from collections.abc import Sequence

from asyncua import ua

from core.errors import PlantspaceError
from nodesets.built_in_types import Variant
from nodesets.datatypes.binary import encode_variant
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.problems import DataTypeError, EncodingError
from nodesets.header import Model as ModelEntry
from nodesets.model import Model
from nodesets.names import STANDARD_NAMESPACE, NodeName, NodeNameError
from nodesets.nodes import DataTypeNode
from nodesets.nodeset import NodeSet
from nodesets.type_definitions import definition_of
from server.address_space.encoding import uint16_variant
from server.address_space.keys import NULL_KEY, NodeKey, key_of, nodeid_of, numeric_key
from server.address_space.loading import load_nodes
from server.address_space.namespace_defaults import ACCESS_RESTRICTIONS, ROLE_PERMISSIONS, USER_ROLE_PERMISSIONS
from server.address_space.node import SpaceNode
from server.address_space.role_permissions import encode_role_permissions
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace
from server.address_space.standard_rights import complete_standard_rights
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError
from server.ua_stack.nodes import HAS_COMPONENT, NodeBuilder
from server.users.well_known import ALL_PERMISSIONS

_NULL = b"\x00"
_NAMESPACES = numeric_key(0, ua.ObjectIds.Server_Namespaces)
_ROOT = numeric_key(0, ua.ObjectIds.RootFolder)
_METADATA_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.NamespaceMetadataType))


def namespace_array(model: Model, application_uri: str, *more: str) -> tuple[str, ...]:
    """Give the NamespaceArray: the standard one, the server's own, the model's, ``more`` (Part 5 v1.05 6.3.1)."""
    return tuple(dict.fromkeys((STANDARD_NAMESPACE, application_uri, *model.namespaces, *more)))


def load_model(space: AddressSpace, model: Model, namespaces: Sequence[str]) -> list[str]:
    """Add a model's nodes; give what of it could not be encoded, a line each. Takes 20 us a node.

    What concerns security has RolePermissions then, also where a standard namespace of old says nothing of it.
    """
    encoder = _Encoder(model, namespaces)
    nodes = list(model.nodes.values())
    load_nodes(space, nodes, namespaces, encoder.value, encoder.definition)
    complete_standard_rights(space)
    return encoder.problems


class _Encoder:
    """Encodes values and definitions for one server's NamespaceArray."""

    def __init__(self, model: Model, namespaces: Sequence[str]) -> None:
        self.problems: list[str] = []
        self._types = model.types
        self._namespaces = ListedNamespaces(namespaces)

    def value(self, value: Variant) -> bytes:
        return self._encode(value, "a value")

    def definition(self, node: DataTypeNode) -> bytes | None:
        value = definition_of(node, self._types)
        return None if value is None else self._encode(value, f"the definition of {node.name}")

    def _encode(self, value: Variant, what: str) -> bytes:
        try:
            return encode_variant(value, self._types, self._namespaces)
        except (EncodingError, DataTypeError, LookupError) as error:
            reason = error if isinstance(error, PlantspaceError) else f"the namespace {error} is unknown"
            self.problems.append(f"{what} cannot be encoded and is left empty: {reason}")
            return _NULL


def describe_namespaces(space: AddressSpace, builder: NodeBuilder, model: Model, nodeids: NodeIds) -> None:
    """Give each model's namespace its NamespaceMetadata (Part 5 v1.05 6.3.14) as far as its file brings none."""
    folder = space[_NAMESPACES]
    present = {space[target].browse_name.name: space[target] for _, target in folder.forward}
    entries = {entry.uri: (entry, nodeset) for nodeset in model.nodesets for entry in nodeset.header.models}
    for uri, (entry, nodeset) in entries.items():
        if uri not in present:
            present[uri] = space[key_of(_describe(builder, entry, nodeids))]
        _state_defaults(space, builder, present[uri], entry, nodeset, nodeids)


def _describe(builder: NodeBuilder, entry: ModelEntry, nodeids: NodeIds) -> ua.NodeId:
    identifier = f"NamespaceMetadata/{entry.uri}"
    index = nodeids.index_of(entry.uri)
    node = builder.add_object(
        nodeids.from_name(NodeName.standard(ua.ObjectIds.Server_Namespaces)),
        ua.NodeId(ua.String(identifier), ua.Int16(1)),
        entry.uri,
        reference=HAS_COMPONENT,
        type_definition=_METADATA_TYPE,
        name_namespace=index,
    )
    kinds = ua.VariantType
    values = {
        "NamespaceUri": (ua.Variant(entry.uri, kinds.String), ua.ObjectIds.String),
        "NamespaceVersion": (ua.Variant(entry.version, kinds.String), ua.ObjectIds.String),
        "NamespacePublicationDate": (ua.Variant(entry.published, kinds.DateTime), ua.ObjectIds.DateTime),
        "IsNamespaceSubset": (ua.Variant(Value=False, VariantType=kinds.Boolean), ua.ObjectIds.Boolean),
        "StaticNodeIdTypes": (ua.Variant([], kinds.Int32, is_array=True), ua.ObjectIds.IdType),
        "StaticNumericNodeIdRange": (ua.Variant([], kinds.String, is_array=True), ua.ObjectIds.NumericRange),
        "StaticStringNodeIdPattern": (ua.Variant("", kinds.String), ua.ObjectIds.String),
    }
    for name, (value, kind) in values.items():
        builder.add_property(
            node,
            ua.NodeId(ua.String(f"{identifier}/{name}"), ua.Int16(1)),
            name,
            ua.NodeId(ua.Int32(kind)),
            value if value.Value is not None else ua.Variant(),
            value_rank=1 if value.is_array else -1,
        )
    return node


def _state_defaults(
    space: AddressSpace,
    builder: NodeBuilder,
    metadata: SpaceNode,
    entry: ModelEntry,
    nodeset: NodeSet,
    nodeids: NodeIds,
) -> None:
    """Give a namespace's metadata the Properties that tell its defaults, and those of a Model element their values.

    What the file's own metadata says counts more than its Model element (Part 6 v1.05 F.5). A Property without a value
    tells what holds all the same (:class:`~server.address_space.rights.Rights`).
    """
    permissions = restrictions = None
    if entry.role_permissions:
        permissions = encode_role_permissions(
            (_role(text, nodeset, nodeids), bits & ALL_PERMISSIONS) for text, bits in entry.role_permissions
        )
    if entry.access_restrictions:
        restrictions = uint16_variant(entry.access_restrictions & 0xFFFF)
    properties = {space[target].browse_name.name: space[target] for _, target in metadata.forward}
    for name, kind, rank, value in (
        (ROLE_PERMISSIONS, ua.ObjectIds.RolePermissionType, 1, permissions),
        (USER_ROLE_PERMISSIONS, ua.ObjectIds.RolePermissionType, 1, None),
        (ACCESS_RESTRICTIONS, ua.ObjectIds.AccessRestrictionType, -1, restrictions),
    ):
        held = properties.get(name)
        if held is None:
            nodeid = ua.NodeId(ua.String(f"NamespaceMetadata/{entry.uri}/{name}"), ua.Int16(1))
            builder.add_property(nodeid_of(metadata.key), nodeid, name, ua.NodeId(ua.Int32(kind)), value_rank=rank)
            held = space[key_of(nodeid)]
        if held.value in (None, _NULL):
            held.value = value or _NULL
            space.changed(held)


def _role(text: str, nodeset: NodeSet, nodeids: NodeIds) -> NodeKey:
    """Give a role by its NodeId as the file writes it; one that makes no sense is nobody's."""
    try:
        name = NodeName.parse_indexed(nodeset.aliases.get(text, text).strip(), nodeset.namespaces)
        return key_of(nodeids.from_name(name))
    except (NodeNameError, UnknownNamespaceError):
        return NULL_KEY


def unreached(space: AddressSpace, model: Model, nodeids: NodeIds) -> frozenset[str]:
    """Give the BrowseNames of the model's nodes that no path from Root leads to."""
    types = space.subtypes(HIERARCHICAL_REFERENCES)
    found: set[NodeKey] = {_ROOT}
    queue: list[NodeKey] = [_ROOT]
    for key in queue:
        for kind, target in space[key].forward:
            if kind in types and target not in found:
                found.add(target)
                queue.append(target)
    own = (node for node in model.nodes.values() if node.name.namespace != STANDARD_NAMESPACE)
    return frozenset(node.browse_name.name or "" for node in own if key_of(nodeids.from_name(node.name)) not in found)
