"""DataSetMetaDataType in the binary encoding, both ways (Part 14 v1.05 6.2.3.2.3): what a reader has to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, TypeVar
from uuid import UUID

from nodesets import units
from nodesets.built_in_types import LocalizedText
from nodesets.names import STANDARD_NAMESPACE, Kind, NodeName
from server.address_space.decoding import Cursor
from server.address_space.encoding import (
    encode_array,
    encode_extension_object,
    encode_localized_text,
    encode_node_id,
    encode_qualified_name,
    encode_string,
    encode_uint32,
    node_id_variant,
    variant,
)
from server.address_space.keys import NodeKey, numeric_key
from server.pubsub.fields import DataSetField
from server.pubsub.frames import WriterIdentity
from server.pubsub.uadp.errors import MalformedMessage
from server.pubsub.uadp.settings import UadpSettings

_EU_INFORMATION: Final = 889
_RANGE: Final = 886
"""The Default Binary encodings of EUInformation and Range."""
_EXTENSION_OBJECT: Final = 22
_PROMOTED: Final = 0x0001
"""DataSetFieldFlags.PromotedField (Part 14 v1.05 6.2.3.2.5)."""
_NO_CODE: Final = -1
"""UnitId of a unit that has no UNECE code (Part 8 v1.05 5.6.3)."""
_NONE: Final = encode_array([])
_DOUBLES: Final = Struct("<dd")
_Element = TypeVar("_Element")


class _Namespaces:
    """Namespaces by number: those of values first, and others as they are met (Part 5 v1.05 12.31)."""

    def __init__(self, known: Sequence[str]) -> None:
        self.uris = list(known)

    def key(self, text: str) -> NodeKey:
        """Give the key of a NodeId's text."""
        name = NodeName.parse(text)
        index = 0
        if name.namespace != STANDARD_NAMESPACE:
            if name.namespace not in self.uris:
                self.uris.append(name.namespace)
            index = self.uris.index(name.namespace) + 1
        return numeric_key(index, name.identifier) if isinstance(name.identifier, int) else (index, name.identifier)


def encode_metadata(
    identity: WriterIdentity,
    description: str,
    fields: Sequence[DataSetField],
    kinds: Sequence[int],
    settings: UadpSettings,
    known: Sequence[str] = (),
) -> bytes:
    """Give the DataSetMetaDataType of a DataSetWriter's DataSet.

    ``kinds``: the fields' built-in types; ``known``: namespaces by their indexes in values, from 1 on.
    """
    namespaces = _Namespaces(known)
    encoded = [
        _field(field, kind, namespaces, promoted=field.name in settings.promoted)
        for field, kind in zip(fields, kinds, strict=True)
    ]
    major, minor = identity.version
    class_id = bytes(16) if settings.dataset_class is None else settings.dataset_class.bytes_le
    return b"".join(
        (
            encode_array([encode_string(uri) for uri in namespaces.uris]),
            # No DataType is described: fields are of built-in types.
            _NONE * 3,
            encode_string(identity.writer),
            _text(description),
            encode_array(encoded),
            class_id,
            encode_uint32(major),
            encode_uint32(minor),
        )
    )


def _text(text: str) -> bytes:
    return encode_localized_text(LocalizedText(None, text or None))


def _field(field: DataSetField, kind: int, namespaces: _Namespaces, *, promoted: bool) -> bytes:
    # A field of an event is no node's.
    properties = [_property("NodeId", node_id_variant(namespaces.key(field.node)))] if field.slot >= 0 else []
    if field.unit:
        properties.append(_property("EngineeringUnits", _structure(_EU_INFORMATION, _unit(field.unit))))
    if field.range is not None:
        low, high = field.range
        properties.append(_property("EURange", _structure(_RANGE, _DOUBLES.pack(low, high))))
    dimensions = encode_array([encode_uint32(0)] * field.value_rank) if field.value_rank > 0 else _NONE
    return b"".join(
        (
            encode_string(field.name),
            _text(field.description),
            (_PROMOTED if promoted else 0).to_bytes(2, "little"),
            bytes((kind,)),
            encode_node_id(namespaces.key(field.data_type) if field.data_type else kind),
            field.value_rank.to_bytes(4, "little", signed=True),
            dimensions,
            encode_uint32(0),
            UUID(field.field_id).bytes_le,
            encode_array(properties),
        )
    )


def _property(name: str, value: bytes) -> bytes:
    return encode_qualified_name(0, name) + value


def _structure(encoding: int, body: bytes) -> bytes:
    return variant(_EXTENSION_OBJECT, encode_extension_object(encoding, body))


def _unit(written: str) -> bytes:
    unit = units.by_code(written) or units.by_symbol(written)
    if unit is None:
        return encode_string(None) + _NO_CODE.to_bytes(4, "little", signed=True) + _text(written) + _text("")
    number = unit.unit_id.to_bytes(4, "little", signed=True)
    return encode_string(units.UNECE_URI) + number + _text(unit.symbol) + _text(unit.description)


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One field of a received DataSet. ``built_in``: number of the built-in type; ``data_type``: its NodeId's text.

    ``value_rank``: -1 for a scalar; ``longest``: bytes to which Strings and ByteStrings are padded, 0 for none;
    ``dimensions``: elements to which arrays are, 0 for none.
    """

    name: str
    built_in: int
    value_rank: int
    data_type: str
    field_id: UUID
    longest: int = 0
    dimensions: tuple[int, ...] = ()
    promoted: bool = False


@dataclass(frozen=True, slots=True)
class DataSetMetaData:
    """A received DataSetMetaDataType, as far as a reader of the data needs it."""

    name: str
    version: tuple[int, int]
    fields: tuple[FieldDescription, ...]
    class_id: UUID


def read_metadata(cursor: Cursor) -> DataSetMetaData:
    """Read a DataSetMetaDataType.

    Raises :class:`~server.address_space.decoding.DecodingError` or :class:`~.errors.MalformedMessage`.
    """
    namespaces = [STANDARD_NAMESPACE, *_array(cursor, _string, 4)]
    _array(cursor, _skip_structure, 10)
    _array(cursor, _skip_enumeration, 10)
    _array(cursor, _skip_simple, 10)
    name = _string(cursor)
    cursor.localized_text()
    fields = _array(cursor, lambda inner: _read_field(inner, namespaces), 40)
    class_id = UUID(bytes_le=cursor.take(16))
    return DataSetMetaData(name, (cursor.uint32(), cursor.uint32()), tuple(fields), class_id)


def _array(cursor: Cursor, read: Callable[[Cursor], _Element], least: int) -> list[_Element]:
    """Read an array; each element takes ``least`` bytes, so that a length alone makes nobody wait."""
    return [read(cursor) for _ in range(cursor.count(least))]


def _string(cursor: Cursor) -> str:
    return cursor.string() or ""


def _read_field(cursor: Cursor, namespaces: Sequence[str]) -> FieldDescription:
    name = _string(cursor)
    cursor.localized_text()
    flags, built_in, data_type = cursor.uint16(), cursor.byte(), cursor.node_id()
    rank, dimensions = cursor.int32(), _array(cursor, Cursor.uint32, 4)
    longest, field_id = cursor.uint32(), UUID(bytes_le=cursor.take(16))
    for _ in range(cursor.count(6)):
        cursor.qualified_name()
        cursor.variant()
    text = _node_text(data_type, namespaces)
    return FieldDescription(name, built_in, rank, text, field_id, longest, tuple(dimensions), bool(flags & _PROMOTED))


def _node_text(key: NodeKey, namespaces: Sequence[str]) -> str:
    index, identifier = (key >> 32, key & 0xFFFF_FFFF) if isinstance(key, int) else key
    if index >= len(namespaces):
        message = f"the metadata has no namespace {index}"
        raise MalformedMessage(message)
    return str(NodeName(namespaces[index], _kind(identifier), identifier))


def _kind(identifier: int | str | UUID | bytes) -> Kind:
    if isinstance(identifier, int):
        return "i"
    if isinstance(identifier, str):
        return "s"
    return "g" if isinstance(identifier, UUID) else "b"


def _skip_description(cursor: Cursor) -> None:
    cursor.node_id()
    cursor.qualified_name()


def _skip_structure(cursor: Cursor) -> None:
    _skip_description(cursor)
    cursor.node_id()
    cursor.node_id()
    cursor.int32()
    for _ in range(cursor.count(20)):
        cursor.string()
        cursor.localized_text()
        cursor.node_id()
        cursor.int32()
        _array(cursor, Cursor.uint32, 4)
        cursor.uint32()
        cursor.byte()


def _skip_enumeration(cursor: Cursor) -> None:
    _skip_description(cursor)
    for _ in range(cursor.count(14)):
        cursor.int64()
        cursor.localized_text()
        cursor.localized_text()
        cursor.string()
    cursor.byte()


def _skip_simple(cursor: Cursor) -> None:
    _skip_description(cursor)
    cursor.node_id()
    cursor.byte()
