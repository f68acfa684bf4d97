"""Writing attributes other than Value, where WriteMask lets clients (Part 3 v1.05 8.60, Part 4 v1.05 5.11.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.attributes import AttributeRefused, has_attribute
from server.address_space.decoding import Cursor
from server.address_space.encoding import ARRAY
from server.address_space.node import (
    EVENT_NOTIFIER,
    AccessAttributes,
    BrowseName,
    Flag,
    SpaceNode,
    VariableAttributes,
)
from server.address_space.role_permissions import ROLE_PERMISSIONS, decode_role_permissions
from server.users.well_known import ALL_PERMISSIONS

_ids = AttributeIds
WRITE_MASK_BITS: dict[int, int] = {
    _ids.AccessLevel: 0,
    _ids.ArrayDimensions: 1,
    _ids.BrowseName: 2,
    _ids.ContainsNoLoops: 3,
    _ids.DataType: 4,
    _ids.Description: 5,
    _ids.DisplayName: 6,
    _ids.EventNotifier: 7,
    _ids.Executable: 8,
    _ids.Historizing: 9,
    _ids.InverseName: 10,
    _ids.IsAbstract: 11,
    _ids.MinimumSamplingInterval: 12,
    _ids.NodeClass: 13,
    _ids.NodeId: 14,
    _ids.Symmetric: 15,
    _ids.UserAccessLevel: 16,
    _ids.UserExecutable: 17,
    _ids.UserWriteMask: 18,
    _ids.ValueRank: 19,
    _ids.WriteMask: 20,
    _ids.Value: 21,
    _ids.DataTypeDefinition: 22,
    _ids.RolePermissions: 23,
    _ids.AccessRestrictions: 24,
    _ids.AccessLevelEx: 25,
}
"""Bit of WriteMask by attribute (Part 3 v1.05 8.60); that of Value is a VariableType's alone."""
_BYTE = 0xFF
_FIRST_RANK = -3


def may_write(node: SpaceNode, attribute: int) -> bool:
    """Tell whether a node's WriteMask has an attribute's bit."""
    bit = WRITE_MASK_BITS.get(attribute)
    return bit is not None and node.access is not None and bool(node.access.write_mask & 1 << bit)


def write_attribute(node: SpaceNode, attribute: int, variant: bytes) -> None:
    """Give an attribute another value; who may is not looked at here.

    Raises :class:`AttributeRefused`; then nothing has changed.
    """
    if not has_attribute(node, attribute):
        raise AttributeRefused(StatusCodes.BadAttributeIdInvalid)
    known = _WRITERS.get(attribute)
    if known is None:
        raise AttributeRefused(StatusCodes.BadNotWritable)
    code, write = known
    if variant[0] != code:
        raise AttributeRefused(StatusCodes.BadTypeMismatch)
    write(node, Cursor(variant, 1))


def _variable(node: SpaceNode, **changes: object) -> None:
    # has_attribute has seen that the node is a Variable or VariableType.
    node.variable = cast("VariableAttributes", node.variable)._replace(**changes)


def _replaced(texts: tuple[LocalizedText, ...], given: LocalizedText) -> tuple[LocalizedText, ...]:
    """Part 4 v1.05 5.11.4.1: a text replaces that of its locale; none takes it away; no locale either, all of them."""
    if not given.text and not given.locale:
        return ()
    rest = [text for text in texts if (text.locale or "") != (given.locale or "")]
    if not given.text:
        return tuple(rest)
    if len(rest) == len(texts):
        return (*texts, given)
    return tuple(given if (text.locale or "") == (given.locale or "") else text for text in texts)


def _display_name(node: SpaceNode, cursor: Cursor) -> None:
    texts = _replaced(node.display_name, cursor.localized_text())
    if not texts:  # every node has one
        raise AttributeRefused(StatusCodes.BadOutOfRange)
    node.display_name = texts


def _description(node: SpaceNode, cursor: Cursor) -> None:
    node.description = _replaced(node.description, cursor.localized_text())


def _inverse_name(node: SpaceNode, cursor: Cursor) -> None:
    node.definition = _replaced(cast("tuple[LocalizedText, ...]", node.definition or ()), cursor.localized_text())


def _browse_name(node: SpaceNode, cursor: Cursor) -> None:
    namespace, name = cursor.qualified_name()
    if not name:
        raise AttributeRefused(StatusCodes.BadOutOfRange)
    node.browse_name = BrowseName(namespace, name)


def _event_notifier(node: SpaceNode, cursor: Cursor) -> None:
    node.flags = node.flags & ~EVENT_NOTIFIER | cursor.byte()


def _flag(flag: int) -> Callable[[SpaceNode, Cursor], None]:
    def write(node: SpaceNode, cursor: Cursor) -> None:
        node.flags = node.flags | flag if cursor.byte() else node.flags & ~flag

    return write


def _access_level(node: SpaceNode, cursor: Cursor) -> None:
    held = cast("VariableAttributes", node.variable)
    _variable(node, access_level=held.access_level & ~_BYTE | cursor.byte())


def _user_access_level(node: SpaceNode, cursor: Cursor) -> None:
    held = cast("VariableAttributes", node.variable)
    _variable(node, user_access_level=held.user_access_level & ~_BYTE | cursor.byte())


def _access_level_ex(node: SpaceNode, cursor: Cursor) -> None:
    _variable(node, access_level=cursor.uint32())


def _data_type(node: SpaceNode, cursor: Cursor) -> None:
    _variable(node, data_type=cursor.node_id())


def _value_rank(node: SpaceNode, cursor: Cursor) -> None:
    rank = cursor.int32()
    if rank < _FIRST_RANK:
        raise AttributeRefused(StatusCodes.BadOutOfRange)
    _variable(node, value_rank=rank)


def _array_dimensions(node: SpaceNode, cursor: Cursor) -> None:
    _variable(node, array_dimensions=tuple(cursor.uint32() for _ in range(cursor.count(4))))


def _minimum_sampling_interval(node: SpaceNode, cursor: Cursor) -> None:
    _variable(node, minimum_sampling_interval=cursor.double())


def _historizing(node: SpaceNode, cursor: Cursor) -> None:
    _variable(node, historizing=bool(cursor.byte()))


def _write_mask(node: SpaceNode, cursor: Cursor) -> None:
    node.access = (node.access or AccessAttributes())._replace(write_mask=cursor.uint32())


def _access_restrictions(node: SpaceNode, cursor: Cursor) -> None:
    node.access = (node.access or AccessAttributes())._replace(access_restrictions=cursor.uint16())


def _role_permissions(node: SpaceNode, cursor: Cursor) -> None:
    said = decode_role_permissions(cursor.data)
    if said is None:  # what else would hold is the namespace's to say, and perhaps more than is meant
        raise AttributeRefused(StatusCodes.BadTypeMismatch)
    if any(bits > ALL_PERMISSIONS for _, bits in said):
        raise AttributeRefused(StatusCodes.BadOutOfRange)
    node.access = (node.access or AccessAttributes())._replace(role_permissions=said)


def _data_type_definition(node: SpaceNode, cursor: Cursor) -> None:
    node.definition = cursor.data


_Writer = tuple[int, Callable[[SpaceNode, Cursor], None]]
_WRITERS: dict[int, _Writer] = {
    _ids.BrowseName: (BuiltInType.QualifiedName, _browse_name),
    _ids.DisplayName: (BuiltInType.LocalizedText, _display_name),
    _ids.Description: (BuiltInType.LocalizedText, _description),
    _ids.InverseName: (BuiltInType.LocalizedText, _inverse_name),
    _ids.WriteMask: (BuiltInType.UInt32, _write_mask),
    _ids.RolePermissions: (ROLE_PERMISSIONS, _role_permissions),
    _ids.AccessRestrictions: (BuiltInType.UInt16, _access_restrictions),
    _ids.IsAbstract: (BuiltInType.Boolean, _flag(Flag.IS_ABSTRACT)),
    _ids.Symmetric: (BuiltInType.Boolean, _flag(Flag.SYMMETRIC)),
    _ids.ContainsNoLoops: (BuiltInType.Boolean, _flag(Flag.CONTAINS_NO_LOOPS)),
    _ids.Executable: (BuiltInType.Boolean, _flag(Flag.EXECUTABLE)),
    _ids.EventNotifier: (BuiltInType.Byte, _event_notifier),
    _ids.DataType: (BuiltInType.NodeId, _data_type),
    _ids.ValueRank: (BuiltInType.Int32, _value_rank),
    _ids.ArrayDimensions: (BuiltInType.UInt32 | ARRAY, _array_dimensions),
    _ids.AccessLevel: (BuiltInType.Byte, _access_level),
    _ids.UserAccessLevel: (BuiltInType.Byte, _user_access_level),
    _ids.AccessLevelEx: (BuiltInType.UInt32, _access_level_ex),
    _ids.MinimumSamplingInterval: (BuiltInType.Double, _minimum_sampling_interval),
    _ids.Historizing: (BuiltInType.Boolean, _historizing),
    _ids.DataTypeDefinition: (BuiltInType.ExtensionObject, _data_type_definition),
}
"""The type that an attribute is written with, and who writes it. Those left out say what a node is, or are derived."""
