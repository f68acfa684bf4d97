"""Built-in types to bytes of the OPC UA binary encoding (Part 6 v1.05 5.2), straight from the address space's values.

NodeIds are written in the shortest form that holds them, so equal NodeIds are equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any
from uuid import UUID

from core.datatypes import DataType
from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.keys import NodeKey

_MAX_BYTE = 0xFF
_MAX_UINT16 = 0xFFFF
_FOUR_BYTE = Struct("<BBH")
_NUMERIC = Struct("<BHI")
_SPACE = Struct("<BH")
_INT32 = Struct("<i")
_UINT16 = Struct("<H")
_UINT32 = Struct("<I")
_INT64 = Struct("<q")
_DOUBLE = Struct("<d")
_NULL_LENGTH = _INT32.pack(-1)

ARRAY = 0x80
MATRIX = 0x40
"""Bits of a Variant's encoding byte beside its type (Part 6 v1.05 5.2.2.16)."""
TYPE = 0x3F
HAS_VALUE = 0x01
HAS_STATUS = 0x02
HAS_SOURCE = 0x04
HAS_SERVER = 0x08
"""Bits of a DataValue's mask (Part 6 v1.05 5.2.2.17)."""
NULL_VARIANT = b"\x00"


def encode_uint32(value: int) -> bytes:
    """Write a UInt32."""
    return _UINT32.pack(value)


def encode_string(value: str | None) -> bytes:
    """Write a String; None is the null string."""
    if value is None:
        return _NULL_LENGTH
    text = value.encode()
    return _INT32.pack(len(text)) + text


def encode_bytes(value: bytes | None) -> bytes:
    """Write a ByteString; None is the null one."""
    return _NULL_LENGTH if value is None else _INT32.pack(len(value)) + value


def encode_node_id(key: NodeKey) -> bytes:
    """Write a NodeId (Part 6 v1.05 5.2.2.9), which is an ExpandedNodeId of this server, too."""
    if isinstance(key, int):
        namespace, number = key >> 32, key & 0xFFFF_FFFF
        if number <= _MAX_BYTE and not namespace:
            return bytes((0, number))
        if number <= _MAX_UINT16 and namespace <= _MAX_BYTE:
            return _FOUR_BYTE.pack(1, namespace, number)
        return _NUMERIC.pack(2, namespace, number)
    namespace, identifier = key
    if isinstance(identifier, str):
        return _SPACE.pack(3, namespace) + encode_string(identifier)
    if isinstance(identifier, UUID):
        return _SPACE.pack(4, namespace) + identifier.bytes_le
    return _SPACE.pack(5, namespace) + encode_bytes(identifier)


def encode_qualified_name(namespace: int, name: str | None) -> bytes:
    """Write a QualifiedName."""
    return _UINT16.pack(namespace) + encode_string(name)


def encode_localized_text(text: LocalizedText) -> bytes:
    """Write a LocalizedText; what is None is left out (Part 6 v1.05 5.2.2.14)."""
    locale, said = text
    mask = (0x01 if locale is not None else 0) | (0x02 if said is not None else 0)
    written = bytes((mask,))
    if locale is not None:
        written += encode_string(locale)
    return written + encode_string(said) if said is not None else written


def encode_extension_object(encoding: NodeKey, body: bytes) -> bytes:
    """Write an ExtensionObject with a binary body; ``encoding`` is the DataType's Default Binary encoding."""
    return encode_node_id(encoding) + b"\x01" + encode_bytes(body)


def variant(kind: int, encoded: bytes) -> bytes:
    """Make a scalar Variant of an encoded value."""
    return bytes((kind,)) + encoded


def array_variant(kind: int, elements: Sequence[bytes] | None) -> bytes:
    """Make a Variant of an array's encoded elements; None is the null array."""
    if elements is None:
        return bytes((kind | ARRAY,)) + _NULL_LENGTH
    return bytes((kind | ARRAY,)) + _INT32.pack(len(elements)) + b"".join(elements)


def boolean_variant(*, value: bool) -> bytes:
    """Make a Variant of a Boolean."""
    return b"\x01\x01" if value else b"\x01\x00"


def byte_variant(value: int) -> bytes:
    """Make a Variant of a Byte."""
    return bytes((BuiltInType.Byte, value))


def uint16_variant(value: int) -> bytes:
    """Make a Variant of a UInt16."""
    return b"\x05" + _UINT16.pack(value)


def int32_variant(value: int) -> bytes:
    """Make a Variant of an Int32 or an enumeration."""
    return b"\x06" + _INT32.pack(value)


def uint32_variant(value: int) -> bytes:
    """Make a Variant of a UInt32."""
    return b"\x07" + _UINT32.pack(value)


def double_variant(value: float) -> bytes:
    """Make a Variant of a Double."""
    return b"\x0b" + _DOUBLE.pack(value)


def node_id_variant(key: NodeKey) -> bytes:
    """Make a Variant of a NodeId."""
    return b"\x11" + encode_node_id(key)


def uint32_array_variant(values: Iterable[int]) -> bytes:
    """Make a Variant of an array of UInt32."""
    return array_variant(BuiltInType.UInt32, [_UINT32.pack(value) for value in values])


COLUMNS = {
    # numpy's l and L have eight bytes, those of a packed struct four.
    datatype: Struct("<B" + datatype.dtype.char.replace("l", "q").replace("L", "Q"))
    for datatype in DataType
    if not datatype.is_object
}
"""Scalar Variants of what columns hold: the type and the value."""


def encode_object(datatype: DataType, value: Any) -> bytes:  # noqa: ANN401 - any value of a column's type
    """Write what a column holds as a Variant; not :attr:`DataType.VARIANT`, which holds objects of the stack.

    Raises :class:`TypeError` or :class:`struct.error` for a value of another type.
    """
    if datatype is DataType.STRING:
        return b"\x0c" + encode_string(value)
    if datatype is DataType.GUID:
        return b"\x0e" + value.bytes_le
    if datatype is DataType.BYTESTRING:
        return b"\x0f" + encode_bytes(value)
    return COLUMNS[datatype].pack(datatype, value)


def encode_data_value(variant: bytes | None, status: int, source_time: int | None, server_time: int | None) -> bytes:
    """Write a DataValue of an encoded Variant; times are DateTime ticks, None for those not asked for."""
    mask = (HAS_VALUE if variant is not None else 0) | (HAS_STATUS if status else 0)
    tail = b""
    if status:
        tail = _UINT32.pack(status)
    if source_time is not None:
        mask |= HAS_SOURCE
        tail += _INT64.pack(source_time)
    if server_time is not None:
        mask |= HAS_SERVER
        tail += _INT64.pack(server_time)
    return bytes((mask,)) + (variant or b"") + tail


def encode_array(elements: Sequence[bytes]) -> bytes:
    """Write an array of encoded elements."""
    return _INT32.pack(len(elements)) + b"".join(elements)
