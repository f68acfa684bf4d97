"""Attributes other than Value as encoded Variants, by NodeClass (Part 3 v1.05 5.2 to 5.8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from asyncua.ua.attribute_ids import AttributeIds

from nodesets.built_in_types import BuiltInType, LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.encoding import (
    array_variant,
    boolean_variant,
    byte_variant,
    double_variant,
    encode_localized_text,
    encode_qualified_name,
    int32_variant,
    node_id_variant,
    uint16_variant,
    uint32_array_variant,
    uint32_variant,
    variant,
)
from server.address_space.node import EVENT_NOTIFIER, Flag, SpaceNode
from server.address_space.rights import user_access_level, user_executable, user_write_mask
from server.address_space.role_permissions import encode_role_permissions
from server.address_space.session_context import SessionContext, localized

EncodeAttribute = Callable[[SpaceNode, SessionContext, int], bytes | None]
"""Gives an attribute as an encoded Variant, None for an optional one that the node has not got.

The number is the permissions that the session has on the node.
"""
_BYTE = 0xFF


def _text(texts: Sequence[LocalizedText], context: SessionContext) -> bytes | None:
    if not texts:
        return None
    return variant(BuiltInType.LocalizedText, encode_localized_text(localized(texts, context.locales)))


def _description(node: SpaceNode, context: SessionContext, _permissions: int) -> bytes | None:
    return _text(node.description, context)


def _display_name(node: SpaceNode, context: SessionContext, _permissions: int) -> bytes | None:
    return _text(node.display_name, context)


def _node_id(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return node_id_variant(node.key)


def _node_class(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return int32_variant(node.node_class)


def _browse_name(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return variant(BuiltInType.QualifiedName, encode_qualified_name(*node.browse_name))


def _write_mask(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return uint32_variant(node.access.write_mask if node.access is not None else 0)


def _user_write_mask(node: SpaceNode, _context: SessionContext, permissions: int) -> bytes:
    return uint32_variant(user_write_mask(node, permissions))


def _access_restrictions(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    if node.access is None or node.access.access_restrictions is None:
        return None
    return uint16_variant(node.access.access_restrictions)


def _role_permissions(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    if node.access is None or node.access.role_permissions is None:
        return None
    return encode_role_permissions(node.access.role_permissions)


def _user_role_permissions(node: SpaceNode, context: SessionContext, _permissions: int) -> bytes | None:
    if node.access is None or node.access.role_permissions is None:
        return None
    roles = context.roles
    return encode_role_permissions(one for one in node.access.role_permissions if roles is None or one.role in roles)


def _is_abstract(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return boolean_variant(value=bool(node.flags & Flag.IS_ABSTRACT))


def _symmetric(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return boolean_variant(value=bool(node.flags & Flag.SYMMETRIC))


def _inverse_name(node: SpaceNode, context: SessionContext, _permissions: int) -> bytes | None:
    return _text(cast("tuple[LocalizedText, ...]", node.definition or ()), context)


def _contains_no_loops(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return boolean_variant(value=bool(node.flags & Flag.CONTAINS_NO_LOOPS))


def _event_notifier(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return byte_variant(node.flags & EVENT_NOTIFIER)


def _executable(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes:
    return boolean_variant(value=bool(node.flags & Flag.EXECUTABLE))


def _user_executable(node: SpaceNode, _context: SessionContext, permissions: int) -> bytes:
    return boolean_variant(value=user_executable(node, permissions))


def _data_type_definition(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    return node.definition if isinstance(node.definition, bytes) else None


def _data_type(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    return None if node.variable is None else node_id_variant(node.variable.data_type)


def _value_rank(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    return None if node.variable is None else int32_variant(node.variable.value_rank)


def _array_dimensions(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    """Part 3 v1.05 5.6.2: null for values that have no fixed number of dimensions, 0 for a length without a limit."""
    if node.variable is None:
        return None
    rank, dimensions = node.variable.value_rank, node.variable.array_dimensions
    if dimensions:
        return uint32_array_variant(dimensions)
    return uint32_array_variant([0] * rank) if rank > 0 else array_variant(BuiltInType.UInt32, None)


def _access_level(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    return None if node.variable is None else byte_variant(node.variable.access_level & _BYTE)


def _user_access_level(node: SpaceNode, _context: SessionContext, permissions: int) -> bytes | None:
    return None if node.variable is None else byte_variant(user_access_level(node, permissions) & _BYTE)


def _access_level_ex(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    return None if node.variable is None else uint32_variant(node.variable.access_level)


def _minimum_sampling_interval(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    return None if node.variable is None else double_variant(node.variable.minimum_sampling_interval)


def _historizing(node: SpaceNode, _context: SessionContext, _permissions: int) -> bytes | None:
    return None if node.variable is None else boolean_variant(value=node.variable.historizing)


_ids = AttributeIds
_BASE: dict[int, EncodeAttribute] = {
    _ids.NodeId: _node_id,
    _ids.NodeClass: _node_class,
    _ids.BrowseName: _browse_name,
    _ids.DisplayName: _display_name,
    _ids.Description: _description,
    _ids.WriteMask: _write_mask,
    _ids.UserWriteMask: _user_write_mask,
    _ids.RolePermissions: _role_permissions,
    _ids.UserRolePermissions: _user_role_permissions,
    _ids.AccessRestrictions: _access_restrictions,
}
_TYPED: dict[int, EncodeAttribute] = {
    _ids.DataType: _data_type,
    _ids.ValueRank: _value_rank,
    _ids.ArrayDimensions: _array_dimensions,
}
ATTRIBUTES: dict[NodeClass, dict[int, EncodeAttribute]] = {
    NodeClass.OBJECT: _BASE | {_ids.EventNotifier: _event_notifier},
    NodeClass.VARIABLE: _BASE
    | _TYPED
    | {
        _ids.AccessLevel: _access_level,
        _ids.UserAccessLevel: _user_access_level,
        _ids.MinimumSamplingInterval: _minimum_sampling_interval,
        _ids.Historizing: _historizing,
        _ids.AccessLevelEx: _access_level_ex,
    },
    NodeClass.METHOD: _BASE | {_ids.Executable: _executable, _ids.UserExecutable: _user_executable},
    NodeClass.OBJECT_TYPE: _BASE | {_ids.IsAbstract: _is_abstract},
    NodeClass.VARIABLE_TYPE: _BASE | _TYPED | {_ids.IsAbstract: _is_abstract},
    NodeClass.REFERENCE_TYPE: _BASE
    | {_ids.IsAbstract: _is_abstract, _ids.Symmetric: _symmetric, _ids.InverseName: _inverse_name},
    NodeClass.DATA_TYPE: _BASE | {_ids.IsAbstract: _is_abstract, _ids.DataTypeDefinition: _data_type_definition},
    NodeClass.VIEW: _BASE | {_ids.ContainsNoLoops: _contains_no_loops, _ids.EventNotifier: _event_notifier},
}
"""Part 3 v1.05, tables of 5.2 to 5.8; the Value attribute is apart, since it has a status and times of its own."""
