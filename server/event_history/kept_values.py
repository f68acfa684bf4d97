"""Encoded Variants with the namespaces' URIs in the place of their indexes, which are of one run only, and back.

What is kept is Part 6's own encoding but for two things: a NodeId of another namespace than the standard's is written
as an ExpandedNodeId is, with its URI, and a QualifiedName of such a namespace has 65535 for the index, then the URI,
then the name. Bodies of structures stay as they are, but for those that tell of changed models.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.encoding import (
    ARRAY,
    HAS_SERVER,
    HAS_SOURCE,
    HAS_STATUS,
    HAS_VALUE,
    MATRIX,
    TYPE,
    encode_bytes,
    encode_node_id,
    encode_qualified_name,
    encode_string,
    encode_uint32,
)
from server.address_space.extents import DEEPEST, SERVER_PICOSECONDS, SOURCE_PICOSECONDS, skip, skip_array, too_deep
from server.address_space.keys import NULL_KEY, NodeKey, identifier_of, namespace_of, numeric_key
from server.events.values import ExpandedKey

_NODE_ID, _EXPANDED, _NAME = BuiltInType.NodeId, BuiltInType.ExpandedNodeId, BuiltInType.QualifiedName
_STRUCTURE, _DATA_VALUE, _VARIANT = BuiltInType.ExtensionObject, BuiltInType.DataValue, BuiltInType.Variant
_HOLDERS: Final = frozenset(map(int, (_NODE_ID, _EXPANDED, _NAME, _STRUCTURE, _DATA_VALUE, _VARIANT)))
"""The built-in types that may name a namespace."""
_HAS_URI, _HAS_SERVER, _FORM = 0x80, 0x40, 0x3F
_KEPT_NAME: Final = 0xFFFF
_BINARY: Final = 1
_AFTER_VALUE: Final = (
    (HAS_STATUS, 4),
    (HAS_SOURCE, 8),
    (SOURCE_PICOSECONDS, 2),
    (HAS_SERVER, 8),
    (SERVER_PICOSECONDS, 2),
)
_TWO_NODES: Final = frozenset(
    numeric_key(0, number)
    for number in (
        ObjectIds.ModelChangeStructureDataType_Encoding_DefaultBinary,
        ObjectIds.SemanticChangeStructureDataType_Encoding_DefaultBinary,
    )
)
"""Structures that begin with two NodeIds (Part 5 v1.05 12.6, 12.7)."""


class _Rewriter(ABC):
    """Walks over a Variant and writes it anew."""

    def __call__(self, variant: bytes) -> bytes:
        """Rewrite a Variant. Raises :class:`DecodingError` for bytes that are none."""
        if not variant:
            message = "a Variant has a byte at least"
            raise DecodingError(message)
        if variant[0] & TYPE not in _HOLDERS:
            return variant
        cursor = Cursor(variant)
        written = self._variant(cursor, 0)
        if cursor.at != len(variant):
            message = "there is more than one Variant"
            raise DecodingError(message)
        return written

    @abstractmethod
    def node(self, held: ExpandedKey, *, is_expanded: bool) -> ExpandedKey:
        """Give what stands for a NodeId, or for an ExpandedNodeId."""

    @abstractmethod
    def name(self, cursor: Cursor) -> bytes:
        """Rewrite a QualifiedName."""

    def _variant(self, cursor: Cursor, depth: int) -> bytes:
        if depth > DEEPEST:
            raise too_deep()
        kind = cursor.byte()
        code = kind & TYPE
        written = bytes((kind,))
        if kind & ARRAY:
            written += self._array(cursor, code, depth)
        elif code:
            written += self._one(cursor, code, depth)
        if kind & MATRIX:
            written += cursor.take(skip_array(cursor.data, cursor.at, BuiltInType.Int32) - cursor.at)
        return written

    def _array(self, cursor: Cursor, code: int, depth: int) -> bytes:
        if code not in _HOLDERS:
            return cursor.take(skip_array(cursor.data, cursor.at, code, depth) - cursor.at)
        begin = cursor.at
        count = cursor.count(1)
        head = cursor.data[begin : cursor.at]
        return head + b"".join([self._one(cursor, code, depth) for _ in range(count)])

    def _one(self, cursor: Cursor, code: int, depth: int) -> bytes:
        if code in (_NODE_ID, _EXPANDED):
            return self._node(cursor, is_expanded=code == _EXPANDED)
        if code == _NAME:
            return self.name(cursor)
        if code == _STRUCTURE:
            return self._structure(cursor)
        if code == _DATA_VALUE:
            return self._data_value(cursor, depth + 1)
        if code == _VARIANT:
            return self._variant(cursor, depth + 1)
        return cursor.take(skip(cursor.data, cursor.at, code, depth) - cursor.at)

    def _node(self, cursor: Cursor, *, is_expanded: bool) -> bytes:
        return _written(self.node(_read_node(cursor), is_expanded=is_expanded))

    def _structure(self, cursor: Cursor) -> bytes:
        held = _read_node(cursor)
        written = _written(self.node(held, is_expanded=False))
        form = cursor.byte()
        if not form:
            return written + bytes((form,))
        body = cursor.bytes()
        if body is not None and form == _BINARY and held == ExpandedKey(held.key) and held.key in _TWO_NODES:
            inner = Cursor(body)
            nodes = self._node(inner, is_expanded=False) + self._node(inner, is_expanded=False)
            body = nodes + body[inner.at :]
        return written + bytes((form,)) + encode_bytes(body)

    def _data_value(self, cursor: Cursor, depth: int) -> bytes:
        mask = cursor.byte()
        value = self._variant(cursor, depth) if mask & HAS_VALUE else b""
        return bytes((mask,)) + value + cursor.take(sum(size for bit, size in _AFTER_VALUE if mask & bit))


class KeptValues(_Rewriter):
    """Writes Variants as they are kept."""

    def __init__(self, uris: Sequence[str]) -> None:
        """Take the NamespaceArray."""
        self._uris = uris

    def node(self, held: ExpandedKey, *, is_expanded: bool) -> ExpandedKey:
        """Name the namespace; a NodeId of a namespace that is not there is null."""
        del is_expanded
        namespace = namespace_of(held.key)
        if held.server or held.uri is not None or not namespace:
            return held
        if namespace >= len(self._uris):
            return ExpandedKey(NULL_KEY)
        return ExpandedKey(_moved(held.key, 0), self._uris[namespace])

    def name(self, cursor: Cursor) -> bytes:
        """Name the namespace; of one that is not there only the name is left."""
        namespace, name = cursor.qualified_name()
        if not 0 < namespace < len(self._uris):
            return encode_qualified_name(0, name)
        return encode_qualified_name(_KEPT_NAME, self._uris[namespace]) + encode_string(name)


class GivenValues(_Rewriter):
    """Writes kept Variants as clients get them."""

    def __init__(self, index_of: Callable[[str], int | None]) -> None:
        """Take what gives a namespace's index by its URI, None for one that is not there."""
        self._index_of = index_of

    def node(self, held: ExpandedKey, *, is_expanded: bool) -> ExpandedKey:
        """Give the index; of a namespace that is gone a NodeId is null, an ExpandedNodeId keeps the URI."""
        if held.uri is None or held.server:
            return held
        index = self._index_of(held.uri)
        if index is None:
            return held if is_expanded else ExpandedKey(NULL_KEY)
        return ExpandedKey(_moved(held.key, index))

    def name(self, cursor: Cursor) -> bytes:
        """Give the index; a name of a namespace that is not there any more is null."""
        namespace, text = cursor.qualified_name()
        if namespace != _KEPT_NAME:
            return encode_qualified_name(namespace, text)
        index, name = self._index_of(text or ""), cursor.string()
        return encode_qualified_name(0, None) if index is None else encode_qualified_name(index, name)


def _moved(key: NodeKey, namespace: int) -> NodeKey:
    identifier = identifier_of(key)
    return numeric_key(namespace, identifier) if isinstance(identifier, int) else (namespace, identifier)


def _read_node(cursor: Cursor) -> ExpandedKey:
    """Read a NodeId that may have a URI and a server as an ExpandedNodeId has (Part 6 v1.05 5.2.2.10)."""
    piece = cursor.take(skip(cursor.data, cursor.at, _NODE_ID) - cursor.at)
    form = piece[0]
    if form <= _FORM:
        return ExpandedKey(Cursor(piece).node_id())
    plain = Cursor(bytes((form & _FORM,)) + piece[1:])
    key = plain.node_id()
    uri = plain.string() if form & _HAS_URI else None
    return ExpandedKey(key, uri, plain.uint32() if form & _HAS_SERVER else 0)


def _written(held: ExpandedKey) -> bytes:
    plain = encode_node_id(held.key)
    flags = (_HAS_URI if held.uri is not None else 0) | (_HAS_SERVER if held.server else 0)
    if not flags:
        return plain
    uri = b"" if held.uri is None else encode_string(held.uri)
    return bytes((plain[0] | flags,)) + plain[1:] + uri + (encode_uint32(held.server) if held.server else b"")
