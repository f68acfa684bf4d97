"""What the properties of roles and of UserManagement hold, as encoded Variants (Part 18 v1.05 4.4, 5.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.encoding import (
    array_variant,
    boolean_variant,
    encode_extension_object,
    encode_localized_text,
    encode_node_id,
    encode_string,
    uint32_variant,
    variant,
)
from server.address_space.keys import numeric_key
from server.users.passwords import PasswordRules
from server.users.roles import Role

_STRUCTURE: Final = BuiltInType.ExtensionObject
_INT32: Final = struct.Struct("<i")
_UINT32: Final = struct.Struct("<I")
_RANGE: Final = struct.Struct("<dd")
_RULE_ENCODING, _ENDPOINT_ENCODING, _USER_ENCODING = (
    encode_node_id(numeric_key(0, number)) + b"\x01"
    for number in (
        ObjectIds.IdentityMappingRuleType_Encoding_DefaultBinary,
        ObjectIds.EndpointType_Encoding_DefaultBinary,
        ObjectIds.UserManagementDataType_Encoding_DefaultBinary,
    )
)
"""What an ExtensionObject with a binary body begins with."""
_RANGE_ENCODING: Final = numeric_key(0, ObjectIds.Range_Encoding_DefaultBinary)
PASSWORD_OPTIONS: Final = 0x1F
"""PasswordOptionsMask (Part 18 v1.05 5.2.2): all that can be configured of a user is; no kinds of letters are asked."""

UserRow = tuple[str, int, str]
"""Name, UserConfigurationMask and description."""


def identities(role: Role) -> bytes:
    """Write the rules as IdentityMappingRuleType[]."""
    bodies = (_INT32.pack(rule.criterion) + encode_string(rule.criteria or None) for rule in role.identities)
    return _structures(_RULE_ENCODING, bodies)


def applications(role: Role) -> bytes:
    """Write the ApplicationUris as String[]."""
    return array_variant(BuiltInType.String, [encode_string(uri) for uri in role.applications])


def endpoints(role: Role) -> bytes:
    """Write the endpoints as EndpointType[]."""
    bodies = (
        encode_string(rule.url or None)
        + _INT32.pack(rule.security_mode)
        + encode_string(rule.security_policy or None)
        + encode_string(rule.transport or None)
        for rule in role.endpoints
    )
    return _structures(_ENDPOINT_ENCODING, bodies)


def applications_exclude(role: Role) -> bytes:
    """Write ApplicationsExclude."""
    return boolean_variant(value=role.applications_exclude)


def endpoints_exclude(role: Role) -> bytes:
    """Write EndpointsExclude."""
    return boolean_variant(value=role.endpoints_exclude)


def users(rows: Iterable[UserRow]) -> bytes:
    """Write users as UserManagementDataType[]; of passwords it has nothing. Takes half a microsecond a user."""
    bodies = (
        encode_string(name) + _UINT32.pack(options) + encode_string(description or None)
        for name, options, description in rows
    )
    return _structures(_USER_ENCODING, bodies)


def password_length(rules: PasswordRules) -> bytes:
    """Write PasswordLength as a Range, in characters."""
    return variant(
        _STRUCTURE, encode_extension_object(_RANGE_ENCODING, _RANGE.pack(float(rules.shortest), float(rules.longest)))
    )


def password_options() -> bytes:
    """Write PasswordOptions."""
    return uint32_variant(PASSWORD_OPTIONS)


def password_restrictions() -> bytes:
    """Write PasswordRestrictions: what :class:`~server.users.passwords.PasswordRules` asks beside the length."""
    text = "At least 5 different characters, and not the user's name"
    return variant(BuiltInType.LocalizedText, encode_localized_text(LocalizedText("en", text)))


def _structures(encoding: bytes, bodies: Iterable[bytes]) -> bytes:
    length = _INT32.pack
    return array_variant(_STRUCTURE, [encoding + length(len(body)) + body for body in bodies])
