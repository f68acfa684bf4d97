"""RolePermissionType arrays as bytes and back (Part 3 v1.05 8.55, Part 6 v1.05 5.2)."""

from __future__ import annotations

from collections.abc import Iterable

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.encoding import (
    ARRAY,
    array_variant,
    encode_extension_object,
    encode_node_id,
    encode_uint32,
)
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import RolePermission

_ENCODING = numeric_key(0, ObjectIds.RolePermissionType_Encoding_DefaultBinary)
_LEAST = 9
"""Bytes of the shortest ExtensionObject with such a body."""
_BINARY = 1
ROLE_PERMISSIONS = BuiltInType.ExtensionObject | ARRAY
"""The first byte of such a Variant."""


def encode_role_permissions(permissions: Iterable[tuple[NodeKey, int]]) -> bytes:
    """Write an array of RolePermissionType as a Variant."""
    bodies = (encode_node_id(role) + encode_uint32(bits) for role, bits in permissions)
    elements = [encode_extension_object(_ENCODING, body) for body in bodies]
    return array_variant(BuiltInType.ExtensionObject, elements)


def decode_role_permissions(variant: bytes) -> tuple[RolePermission, ...] | None:
    """Read such a Variant; None for the null array. Raises :class:`DecodingError` for anything else."""
    cursor = Cursor(variant)
    if cursor.byte() != ROLE_PERMISSIONS:
        message = "no array of RolePermissionType"
        raise DecodingError(message)
    if variant[1:5] == b"\xff\xff\xff\xff":
        return None
    return tuple(_permission(cursor) for _ in range(cursor.count(_LEAST)))


def _permission(cursor: Cursor) -> RolePermission:
    encoding, form = cursor.node_id(), cursor.byte()
    body = cursor.bytes() if form == _BINARY else None
    if encoding != _ENCODING or body is None:
        message = "no RolePermissionType"
        raise DecodingError(message)
    inner = Cursor(body)
    return RolePermission(inner.node_id(), inner.uint32())
