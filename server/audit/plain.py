"""Encoded Variants as plain values that JSON can hold, and the fields of records by them."""

from __future__ import annotations

import math
from struct import Struct
from typing import Any
from uuid import UUID

from asyncua import ua

from core.time import to_iso
from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.decoding import Cursor, GivenValue
from server.address_space.encoding import ARRAY, TYPE
from server.address_space.extents import skip
from server.address_space.keys import NodeKey, identifier_of
from server.address_space.node import BrowseName
from server.audit.kinds import ANONYMOUS_TOKEN, ISSUED_TOKEN, USER_NAME_TOKEN, X509_TOKEN
from server.events.node_id_text import expanded_to_text, node_id_to_text
from server.events.values import ExpandedKey, decode

Plain = Any
"""What :mod:`json` writes."""
_INT32 = Struct("<i")
_WIDE = (BuiltInType.Int64, BuiltInType.UInt64)
_TOKENS = {
    ANONYMOUS_TOKEN: "AnonymousIdentityToken",
    USER_NAME_TOKEN: "UserNameIdentityToken",
    X509_TOKEN: "X509IdentityToken",
    ISSUED_TOKEN: "IssuedIdentityToken",
}


def plain(variant: bytes) -> Plain:
    """Give a Variant's value: None, a Boolean, number, text, list or object.

    Bytes are hexadecimal; times RFC 3339; 64-bit integers, NaN and infinity are texts; NodeIds are ``nsu=…;s=…``, or
    ``ns=…`` where only the index is known; StatusCodes are named. A matrix is its elements in row-major order. Raises
    :class:`~server.address_space.extents.DecodingError`.
    """
    kind = variant[0]
    if kind & ARRAY:
        return _elements(variant, kind & TYPE)
    if kind == BuiltInType.DataValue:
        return _data_value(Cursor(variant, 1).data_value())
    if kind == BuiltInType.ExtensionObject:
        return _structure(Cursor(variant, 1))
    if kind == BuiltInType.Variant:
        return plain(variant[1:])
    value = decode(variant)
    return None if value is None else _scalar(value.kind, value.held)


def status_name(status: int) -> str:
    """Name a StatusCode as Part 6 v1.05 A.2 does; an unknown one is given in hexadecimal."""
    known = ua.status_codes.code_to_name_doc.get(status & 0xFFFF0000)
    return f"0x{status:08X}" if known is None else known[0]


def _elements(variant: bytes, code: int) -> list[Plain] | None:
    (count,) = _INT32.unpack_from(variant, 1)
    if count < 0:
        return None
    found: list[Plain] = []
    at = 5
    for _ in range(count):
        end = skip(variant, at, code)
        found.append(plain(bytes((code,)) + variant[at:end]))
        at = end
    return found


def _scalar(kind: int, held: Any) -> Plain:  # noqa: ANN401, PLR0911 - each type has a form of its own
    if kind == BuiltInType.DateTime:
        return to_iso(held)
    if kind == BuiltInType.StatusCode:
        return status_name(held)
    if kind in _WIDE:
        return str(held)
    if kind == BuiltInType.NodeId:
        return node_id_to_text(held)
    if isinstance(held, float) and not math.isfinite(held):
        return "NaN" if math.isnan(held) else "Infinity" if held > 0 else "-Infinity"
    if isinstance(held, ExpandedKey):
        return expanded_to_text(held)
    if isinstance(held, LocalizedText):
        return held.text
    if isinstance(held, BrowseName):
        return f"{held.namespace}:{held.name}"
    if isinstance(held, bytes):
        return held.hex()
    return str(held) if isinstance(held, UUID) else held


def _data_value(value: GivenValue) -> dict[str, Plain]:
    told: dict[str, Plain] = {"Value": None if value.variant is None else plain(value.variant)}
    if value.status is not None:
        told["Status"] = status_name(value.status)
    if value.source_time is not None:
        told["SourceTimestamp"] = to_iso(value.source_time)
    if value.server_time is not None:
        told["ServerTimestamp"] = to_iso(value.server_time)
    return told


def _structure(cursor: Cursor) -> dict[str, Plain] | None:
    encoding: NodeKey = cursor.node_id()
    body = cursor.bytes() if cursor.byte() else None
    if body is None:
        return None
    name = _TOKENS.get(encoding) if isinstance(encoding, int) else None
    if name is None:
        return {"TypeId": node_id_to_text(encoding), "Body": body.hex()}
    inner = Cursor(body)
    told: dict[str, Plain] = {"Type": name, "PolicyId": inner.string()}
    if identifier_of(encoding) == USER_NAME_TOKEN:
        told["UserName"] = inner.string()
    elif identifier_of(encoding) == X509_TOKEN:
        told["CertificateData"] = (inner.bytes() or b"").hex()
    return told
