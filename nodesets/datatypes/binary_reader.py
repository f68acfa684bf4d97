"""Reading built-in types from OPC UA Binary (Part 6 v1.05 5.2.2), within bounds whatever the bytes are."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import NoReturn
from uuid import UUID

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    ExpandedNodeName,
    LocalizedText,
    QualifiedName,
    Value,
    Variant,
)
from nodesets.datatypes.defaults import NULLABLE
from nodesets.datatypes.namespaces import Namespaces
from nodesets.datatypes.problems import MAX_DEPTH, MAX_DIMENSIONS, DecodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE, NodeName

_SPARE_STRUCTURES = 1000
ValueReader = Callable[["BinaryReader"], Value]
FORMATS = {
    BuiltInType.SByte: "b",
    BuiltInType.Byte: "B",
    BuiltInType.Int16: "h",
    BuiltInType.UInt16: "H",
    BuiltInType.Int32: "i",
    BuiltInType.UInt32: "I",
    BuiltInType.Int64: "q",
    BuiltInType.UInt64: "Q",
    BuiltInType.Float: "f",
    BuiltInType.Double: "d",
    BuiltInType.DateTime: "q",
    BuiltInType.StatusCode: "I",
}
_INT32 = struct.Struct("<i")
_UINT16 = struct.Struct("<H")
_UINT32 = struct.Struct("<I")
_ARRAY, _MATRIX, _TYPE_BITS = 0x80, 0x40, 0x3F
# Numbers 26 to 31 are reserved and read as ByteStrings (Part 6 v1.05 5.2.2.16).
_LAST_RESERVED = 31
_HAS_URI, _HAS_SERVER, _NODE_BITS = 0x80, 0x40, 0x3F


class BinaryReader:
    """Reads values one after another. Raises :class:`DecodingError` for whatever is wrong with the bytes."""

    __slots__ = ("data", "depth", "extension_object", "namespaces", "position", "registry", "structures")

    def __init__(
        self,
        data: bytes,
        registry: TypeRegistry,
        namespaces: Namespaces,
        extension_object: ValueReader,
        position: int = 0,
    ) -> None:
        """Begin at ``position``; ``extension_object`` reads the one built-in type that needs descriptions."""
        self.data = data
        self.registry = registry
        self.namespaces = namespaces
        self.extension_object = extension_object
        self.position = position
        self.depth = 0
        # A structure without fields takes no bytes, so their number is bounded by that of all bytes.
        self.structures = len(data) + _SPARE_STRUCTURES

    def fail(self, problem: str) -> NoReturn:
        """Raise the error for what stands at the position."""
        raise DecodingError(problem, self.position)

    def enter(self) -> None:
        """Go one level deeper. Whoever calls counts ``depth`` down afterwards."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"the value has more than {MAX_DEPTH} levels")

    def take(self, count: int) -> bytes:
        """Take bytes."""
        start = self.position
        end = start + count
        if count < 0 or end > len(self.data):
            self.fail(f"{count} bytes are expected, and {len(self.data) - start} are left")
        self.position = end
        return self.data[start:end]

    def byte(self) -> int:
        """Take one byte."""
        position = self.position
        if position >= len(self.data):
            self.fail("the bytes end within the value")
        self.position = position + 1
        return self.data[position]

    def number(self, form: struct.Struct) -> int:
        """Take a number."""
        position = self.position
        try:
            found: int = form.unpack_from(self.data, position)[0]
        except struct.error:
            self.fail("the bytes end within a number")
        self.position = position + form.size
        return found

    def count(self, least: int = 1) -> int:
        """Take the length of an array whose elements have ``least`` bytes or more; -1 for null."""
        found = self.number(_INT32)
        if found < 0:
            return -1
        if found * least > len(self.data) - self.position:
            self.fail(f"an array of {found} elements is beyond the end of the bytes")
        return found

    def bytes_or_null(self) -> bytes | None:
        """Take a ByteString."""
        length = self.number(_INT32)
        return None if length < 0 else self.take(length)

    def string(self) -> str | None:
        """Take a String."""
        found = self.bytes_or_null()
        try:
            return None if found is None else found.decode()
        except UnicodeDecodeError:
            self.fail("a String is not UTF-8")

    def namespace(self, index: int) -> str:
        """Give the URI of a namespace index."""
        try:
            return self.namespaces.uri_of(index)
        except LookupError:
            self.fail(f"the namespace index {index} is not in the table")

    def node(self, form: int) -> NodeName:
        """Take a NodeId after its first byte (Part 6 v1.05 5.2.2.9)."""
        if form == 0:
            return NodeName(STANDARD_NAMESPACE, "i", self.byte())
        if form == 1:
            namespace = self.namespace(self.byte())
            return NodeName(namespace, "i", self.number(_UINT16))
        if form > 5:  # noqa: PLR2004 - the last form
            self.fail(f"{form} is no form of a NodeId")
        namespace = self.namespace(self.number(_UINT16))
        if form == 2:  # noqa: PLR2004 - forms 2 to 5 are number, String, Guid, ByteString
            return NodeName(namespace, "i", self.number(_UINT32))
        if form == 3:  # noqa: PLR2004 - as above
            return NodeName(namespace, "s", self.string() or "")
        if form == 4:  # noqa: PLR2004 - as above
            return NodeName(namespace, "g", UUID(bytes_le=self.take(16)))
        return NodeName(namespace, "b", self.bytes_or_null() or b"")

    def array(self, read: ValueReader, count: int) -> tuple[Value, ...]:
        """Take elements."""
        return tuple([read(self) for _ in range(count)])

    def end(self) -> None:
        """Require that nothing is left."""
        if self.position != len(self.data):
            self.fail(f"{len(self.data) - self.position} bytes are left after the value")


def _fixed(code: str) -> ValueReader:
    form = struct.Struct(f"<{code}")
    return lambda reader: reader.number(form)


def _fixed_array(code: str) -> Callable[[BinaryReader, int], tuple[Value, ...]]:
    size = struct.calcsize(f"<{code}")

    def read(reader: BinaryReader, count: int) -> tuple[Value, ...]:
        return struct.unpack(f"<{count}{code}", reader.take(count * size))

    return read


def _boolean(reader: BinaryReader) -> bool:
    return reader.byte() != 0


def _guid(reader: BinaryReader) -> UUID:
    return UUID(bytes_le=reader.take(16))


def _node(reader: BinaryReader) -> NodeName:
    return reader.node(reader.byte())


def _expanded_node(reader: BinaryReader) -> ExpandedNodeName:
    mask = reader.byte()
    node = reader.node(mask & _NODE_BITS)
    if mask & _HAS_URI:
        node = NodeName(reader.string() or node.namespace, node.kind, node.identifier)
    return ExpandedNodeName(node, reader.number(_UINT32) if mask & _HAS_SERVER else 0)


def _qualified_name(reader: BinaryReader) -> QualifiedName:
    namespace = reader.namespace(reader.number(_UINT16))
    return QualifiedName(namespace, reader.string())


def _localized_text(reader: BinaryReader) -> LocalizedText:
    mask = reader.byte()
    locale = reader.string() if mask & 0x01 else None
    return LocalizedText(locale, reader.string() if mask & 0x02 else None)


def _data_value(reader: BinaryReader) -> DataValue:
    reader.enter()
    mask = reader.byte()
    value = _variant(reader) if mask & 0x01 else None
    status = reader.number(_UINT32) if mask & 0x02 else None
    source = reader.number(_INT64) if mask & 0x04 else None
    source_picoseconds = reader.number(_UINT16) if mask & 0x10 else None
    server = reader.number(_INT64) if mask & 0x08 else None
    server_picoseconds = reader.number(_UINT16) if mask & 0x20 else None
    reader.depth -= 1
    return DataValue(value, status, source, source_picoseconds, server, server_picoseconds)


def _diagnostic_info(reader: BinaryReader) -> DiagnosticInfo:
    reader.enter()
    mask = reader.byte()
    symbolic = reader.number(_INT32) if mask & 0x01 else None
    namespace = reader.number(_INT32) if mask & 0x02 else None
    locale = reader.number(_INT32) if mask & 0x08 else None
    text = reader.number(_INT32) if mask & 0x04 else None
    additional = reader.string() if mask & 0x10 else None
    status = reader.number(_UINT32) if mask & 0x20 else None
    inner = _diagnostic_info(reader) if mask & 0x40 else None
    reader.depth -= 1
    return DiagnosticInfo(symbolic, namespace, locale, text, additional, status, inner)


def _variant(reader: BinaryReader) -> Variant:
    mask = reader.byte()
    number = mask & _TYPE_BITS
    if number > _LAST_RESERVED:
        reader.fail(f"{number} is no built-in type")
    built_in = BuiltInType(number) if number <= BuiltInType.DiagnosticInfo else BuiltInType.ByteString
    if built_in is BuiltInType.Null:
        if mask:
            reader.fail("an array of nothing")
        return Variant(built_in, None)
    reader.enter()
    found = (
        _scalar(reader, built_in)
        if not mask & _ARRAY
        else _array(reader, built_in, has_dimensions=bool(mask & _MATRIX))
    )
    reader.depth -= 1
    return found


def _scalar(reader: BinaryReader, built_in: BuiltInType) -> Variant:
    if built_in is BuiltInType.Variant:
        reader.fail("a Variant has a Variant as its value")
    return Variant(built_in, READERS[built_in](reader))


def _array(reader: BinaryReader, built_in: BuiltInType, *, has_dimensions: bool) -> Variant:
    count = reader.count()
    value = read_array(reader, built_in, count)
    if value is None and built_in in NULLABLE:
        value = ()
    if not has_dimensions:
        return Variant(built_in, value)
    dimensions = read_dimensions(reader)
    if math.prod(dimensions) != max(count, 0):
        reader.fail(f"a matrix of the dimensions {list(dimensions)} has {count} elements")
    return Variant(built_in, value, dimensions if len(dimensions) > 1 else None)


def read_dimensions(reader: BinaryReader) -> tuple[int, ...]:
    """Take the lengths of a matrix; nothing for null. A length below 0 is 0."""
    count = reader.count(4)
    if count > MAX_DIMENSIONS:
        reader.fail(f"a matrix has {count} dimensions; up to {MAX_DIMENSIONS} are read")
    return tuple(max(reader.number(_INT32), 0) for _ in range(count))


def read_array(reader: BinaryReader, built_in: BuiltInType, count: int) -> tuple[Value, ...] | None:
    """Take ``count`` elements of a built-in type; None for a negative count."""
    if count < 0:
        return None
    fast = _ARRAYS.get(built_in)
    return fast(reader, count) if fast is not None else reader.array(READERS[built_in], count)


def _extension_object(reader: BinaryReader) -> Value:
    return reader.extension_object(reader)


_INT64 = struct.Struct("<q")
_ARRAYS = {one: _fixed_array(code) for one, code in FORMATS.items()}
READERS: dict[BuiltInType, ValueReader] = {
    **{one: _fixed(code) for one, code in FORMATS.items()},
    BuiltInType.Boolean: _boolean,
    BuiltInType.String: BinaryReader.string,
    BuiltInType.Guid: _guid,
    BuiltInType.ByteString: BinaryReader.bytes_or_null,
    BuiltInType.XmlElement: BinaryReader.string,
    BuiltInType.NodeId: _node,
    BuiltInType.ExpandedNodeId: _expanded_node,
    BuiltInType.QualifiedName: _qualified_name,
    BuiltInType.LocalizedText: _localized_text,
    BuiltInType.ExtensionObject: _extension_object,
    BuiltInType.DataValue: _data_value,
    BuiltInType.Variant: _variant,
    BuiltInType.DiagnosticInfo: _diagnostic_info,
}
"""How a scalar of each built-in type is read."""
