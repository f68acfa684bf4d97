"""Values that filters compare: an encoded Variant's type and what it holds."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import Cursor
from server.address_space.encoding import ARRAY
from server.address_space.extents import skip_variant
from server.address_space.keys import NodeKey, is_null
from server.address_space.node import BrowseName


class Value(NamedTuple):
    """A value that is not null; null is None everywhere here.

    ``kind``: the built-in type's number, with :data:`ARRAY` for an array or matrix. ``held``: the Python value of
    :mod:`nodesets.built_in_types`, but a key for a NodeId, :class:`ExpandedKey` for an ExpandedNodeId, a BrowseName for
    a QualifiedName, and the encoded bytes of arrays and of types that have no order and no conversion.
    """

    kind: int
    held: Any


class ExpandedKey(NamedTuple):
    """An ExpandedNodeId: the key, the namespace's URI where one is named, and the server's index."""

    key: NodeKey
    uri: str | None = None
    server: int = 0


_NUMBERS = {
    BuiltInType.Boolean: Struct("<?"),
    BuiltInType.SByte: Struct("<b"),
    BuiltInType.Byte: Struct("<B"),
    BuiltInType.Int16: Struct("<h"),
    BuiltInType.UInt16: Struct("<H"),
    BuiltInType.Int32: Struct("<i"),
    BuiltInType.UInt32: Struct("<I"),
    BuiltInType.Int64: Struct("<q"),
    BuiltInType.UInt64: Struct("<Q"),
    BuiltInType.Float: Struct("<f"),
    BuiltInType.Double: Struct("<d"),
    BuiltInType.DateTime: Struct("<q"),
    BuiltInType.StatusCode: Struct("<I"),
}
_NO_STRUCTURE = b"\x16\x00\x00\x00"
"""The Variant of an ExtensionObject without type and body, which is its null."""
_NULL_ARRAY = b"\xff\xff\xff\xff"
_HAS_URI, _HAS_SERVER, _FORM = 0x80, 0x40, 0x3F


def decode(variant: bytes) -> Value | None:
    """Take an encoded Variant apart. Raises :class:`DecodingError` for bytes that are none."""
    kind = variant[0]
    layout = _NUMBERS.get(kind)  # pyright: ignore[reportArgumentType, reportCallIssue] - a number is found by its enum
    if layout is not None and len(variant) == 1 + layout.size:
        return Value(kind, layout.unpack_from(variant, 1)[0])
    skip_variant(variant, 0)
    if not kind or variant == _NO_STRUCTURE or (kind & ARRAY and variant[1:5] == _NULL_ARRAY):
        return None
    read = _READING.get(kind)
    if read is None:
        return Value(kind, variant[1:])
    held = read(Cursor(variant, 1))
    return None if held is None else Value(kind, held)


def _guid(cursor: Cursor) -> UUID:
    return UUID(bytes_le=cursor.take(16))


def _node_id(cursor: Cursor) -> NodeKey | None:
    key = cursor.node_id()
    return None if is_null(key) else key


def _expanded_node_id(cursor: Cursor) -> ExpandedKey | None:
    form = cursor.byte()
    plain = Cursor(bytes((form & _FORM,)) + cursor.data[cursor.at :])
    key = plain.node_id()
    uri = plain.string() if form & _HAS_URI else None
    server = plain.uint32() if form & _HAS_SERVER else 0
    return None if is_null(key) and not uri and not server else ExpandedKey(key, uri or None, server)


def _qualified_name(cursor: Cursor) -> BrowseName | None:
    namespace, name = cursor.qualified_name()
    return BrowseName(namespace, name) if name else None


def _localized_text(cursor: Cursor) -> object:
    text = cursor.localized_text()
    return None if text.text is None else text


_READING: dict[int, Callable[[Cursor], object]] = {
    BuiltInType.String: Cursor.string,
    BuiltInType.Guid: _guid,
    BuiltInType.ByteString: Cursor.bytes,
    BuiltInType.XmlElement: Cursor.string,
    BuiltInType.NodeId: _node_id,
    BuiltInType.ExpandedNodeId: _expanded_node_id,
    BuiltInType.QualifiedName: _qualified_name,
    BuiltInType.LocalizedText: _localized_text,
}
