"""The Attribute and NodeManagement services as asyncua's own code calls them, with its structures.

Seams: ``InternalServer.attribute_service`` and ``node_mgt_service``. Clients' requests do not come this way: they stay
encoded (:mod:`~server.address_space.batch_read`, :mod:`~server.address_space.writing`).
"""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import (
    struct_from_binary,  # pyright: ignore[reportUnknownVariableType] - asyncua leaves the type of its streams open
)

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import encode_variant, given_value
from server.address_space.attributes import Attributes
from server.address_space.keys import key_of, nodeid_of
from server.address_space.node import AccessAttributes, BrowseName, Flag, SpaceNode, VariableAttributes
from server.address_space.node_management import NewNode, NodeManagement, ReferenceItem
from server.address_space.read_request import ReadItem, check_read, read_item, timestamps_of
from server.address_space.session_context import GATEWAY, SessionContext
from server.address_space.writing import WriteItem, Writing
from server.users.well_known import ANONYMOUS, WELL_KNOWN

_ADMIN = User(role=UserRole.Admin)
_CLIENTS = {
    role: SessionContext(roles=frozenset((WELL_KNOWN[ANONYMOUS], WELL_KNOWN[name])))
    for role, name in ((UserRole.User, "Operator"), (UserRole.Anonymous, "Observer"))
}


def context_of(user: User) -> SessionContext:
    """Give the rights of asyncua's users: an Admin is the gateway itself, an Anonymous one only reads."""
    return GATEWAY if user.role is UserRole.Admin else _CLIENTS.get(user.role, _CLIENTS[UserRole.Anonymous])


class UaAttributeService:
    """Read and Write."""

    def __init__(self, attributes: Attributes, writing: Writing) -> None:
        """Serve by ``attributes`` and ``writing``."""
        self._attributes = attributes
        self._writing = writing

    def read(self, params: ua.ReadParameters, context: SessionContext = GATEWAY) -> list[ua.DataValue]:
        """Read. Raises :class:`ServiceError` where the whole service is refused."""
        count = len(params.NodesToRead)
        check_read(float(params.MaxAge), int(params.TimestampsToReturn), count, count)
        timestamps = timestamps_of(int(params.TimestampsToReturn))
        return [
            struct_from_binary(ua.DataValue, Buffer(read_item(self._attributes, _read_item(item), timestamps, context)))
            for item in params.NodesToRead
        ]

    async def write(self, params: ua.WriteParameters, user: User = _ADMIN) -> list[ua.StatusCode]:
        """Write with a user's rights. Raises :class:`ServiceError` for nothing, or too much."""
        items = [
            WriteItem(key_of(one.NodeId), int(one.AttributeId), given_value(one.Value), one.IndexRange)
            for one in params.NodesToWrite
        ]
        return [_status(status) for status in await self._writing.write(items, context_of(user))]


class UaNodeManagement:
    """AddNodes, AddReferences, DeleteNodes, DeleteReferences; for the gateway's own code alone.

    asyncua asks for nothing, too, where it has nothing to change.
    """

    def __init__(self, management: NodeManagement) -> None:
        """Serve by ``management``."""
        self._management = management

    def add_nodes(self, addnodeitems: Sequence[ua.AddNodesItem], user: User = _ADMIN) -> list[ua.AddNodesResult]:
        """Add nodes."""
        if user.role is not UserRole.Admin or not addnodeitems:
            return [_added(StatusCodes.BadUserAccessDenied) for _ in addnodeitems]
        made = self._management.add_nodes([_new_node(item) for item in addnodeitems])
        return [_added(one.status, nodeid_of(one.key)) for one in made]

    def add_references(self, refs: Sequence[ua.AddReferencesItem], user: User = _ADMIN) -> list[ua.StatusCode]:
        """Add references. asyncua adds each at both of its ends, so one that is there is as good as new."""
        if user.role is not UserRole.Admin or not refs:
            return [_status(StatusCodes.BadUserAccessDenied) for _ in refs]
        results = self._management.add_references([_reference(item) for item in refs])
        known = StatusCodes.BadDuplicateReferenceNotAllowed
        return [_status(StatusCodes.Good if status == known else status) for status in results]

    def delete_nodes(self, deletenodeitems: ua.DeleteNodesParameters, user: User = _ADMIN) -> list[ua.StatusCode]:
        """Delete nodes, with the references to them too."""
        items = deletenodeitems.NodesToDelete
        if user.role is not UserRole.Admin or not items:
            return [_status(StatusCodes.BadUserAccessDenied) for _ in items]
        return [_status(one) for one in self._management.delete_nodes([key_of(item.NodeId) for item in items])]

    def delete_references(self, refs: Sequence[ua.DeleteReferencesItem], user: User = _ADMIN) -> list[ua.StatusCode]:
        """Delete references."""
        if user.role is not UserRole.Admin or not refs:
            return [_status(StatusCodes.BadUserAccessDenied) for _ in refs]
        return [_status(status) for status in self._management.delete_references([_reference(one) for one in refs])]


def _status(status: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(status))


def _added(status: int, nodeid: ua.NodeId | None = None) -> ua.AddNodesResult:
    result = ua.AddNodesResult()
    result.StatusCode = _status(status)
    if nodeid is not None:
        result.AddedNodeId = nodeid
    return result


def _read_item(item: ua.ReadValueId) -> ReadItem:
    encoding = item.DataEncoding
    name = (int(encoding.NamespaceIndex), encoding.Name)
    return ReadItem(key_of(item.NodeId), int(item.AttributeId), item.IndexRange, name)


def _reference(item: ua.AddReferencesItem | ua.DeleteReferencesItem) -> ReferenceItem:
    return ReferenceItem(
        key_of(item.SourceNodeId), key_of(item.ReferenceTypeId), key_of(item.TargetNodeId), bool(item.IsForward)
    )


def _text(text: ua.LocalizedText) -> tuple[LocalizedText, ...]:
    return (LocalizedText(text.Locale, text.Text),) if text.Text is not None else ()


def _new_node(item: ua.AddNodesItem) -> NewNode:
    given: Any = item.NodeAttributes  # one of asyncua's eight classes of attributes
    mask = ua.NodeAttributesMask
    specified = int(given.SpecifiedAttributes)

    def attribute(name: str, default: Any) -> Any:  # noqa: ANN401 - a field of any type
        return getattr(given, name) if specified & getattr(mask, name) and hasattr(given, name) else default

    node_class = NodeClass(int(item.NodeClass))
    name = item.BrowseName
    node = SpaceNode(
        key_of(item.RequestedNewNodeId),
        node_class,
        BrowseName(int(name.NamespaceIndex), str(name.Name or "")),
        _text(attribute("DisplayName", ua.LocalizedText())) or (LocalizedText(None, name.Name),),
        _text(attribute("Description", ua.LocalizedText())),
    )
    write_mask = int(attribute("WriteMask", 0))
    if write_mask:
        node.access = AccessAttributes(write_mask)
    if node_class in (NodeClass.VARIABLE, NodeClass.VARIABLE_TYPE):
        node.variable = VariableAttributes(
            key_of(attribute("DataType", ua.NodeId(ua.Int32(ua.ObjectIds.BaseDataType)))),
            int(attribute("ValueRank", -1)),
            tuple(int(size) for size in attribute("ArrayDimensions", None) or ()),
            int(attribute("AccessLevel", 1)),
            int(attribute("UserAccessLevel", 1)),
            float(attribute("MinimumSamplingInterval", 0.0)),
            bool(attribute("Historizing", default=False)),
        )
        value = attribute("Value", None)
        node.value = None if value is None else encode_variant(value)
    flags = {
        "IsAbstract": Flag.IS_ABSTRACT,
        "Symmetric": Flag.SYMMETRIC,
        "Executable": Flag.EXECUTABLE,
        "ContainsNoLoops": Flag.CONTAINS_NO_LOOPS,
    }
    node.flags = int(attribute("EventNotifier", 0))
    node.flags |= sum(flag for told, flag in flags.items() if attribute(told, default=False))
    if node_class is NodeClass.REFERENCE_TYPE:
        node.definition = _text(attribute("InverseName", ua.LocalizedText()))
    definition = attribute("DataTypeDefinition", None)
    if node_class is NodeClass.DATA_TYPE and isinstance(definition, ua.DataTypeDefinition):
        node.definition = encode_variant(ua.Variant(definition, ua.VariantType.ExtensionObject))
    return NewNode(node, key_of(item.ParentNodeId), key_of(item.ReferenceTypeId), key_of(item.TypeDefinition))
