"""Writing built-in types as OPC UA Binary (Part 6 v1.05 5.2.2). What does not fit raises :class:`EncodingError`."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import cast
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
from nodesets.datatypes.binary_reader import FORMATS
from nodesets.datatypes.defaults import NULLABLE
from nodesets.datatypes.namespaces import Namespaces
from nodesets.datatypes.problems import MAX_DEPTH, EncodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE, NodeName

ValueWriter = Callable[["BinaryWriter", Value], None]
_INT32 = struct.Struct("<i")
_INT64 = struct.Struct("<q")
_UINT16 = struct.Struct("<H")
_UINT32 = struct.Struct("<I")
_NULL = b"\xff\xff\xff\xff"
_MAX_BYTE, _MAX_UINT16 = 0xFF, 0xFFFF
_FORMS = {"i": 2, "s": 3, "g": 4, "b": 5}
_HAS_URI, _HAS_SERVER = 0x80, 0x40


class BinaryWriter:
    """Writes values one after another to ``out``."""

    __slots__ = ("depth", "extension_object", "namespaces", "out", "registry")

    def __init__(self, registry: TypeRegistry, namespaces: Namespaces, extension_object: ValueWriter) -> None:
        """Begin with nothing; ``extension_object`` writes the one built-in type that needs descriptions."""
        self.out = bytearray()
        self.registry = registry
        self.namespaces = namespaces
        self.extension_object = extension_object
        self.depth = 0

    def enter(self) -> None:
        """Go one level deeper. Whoever calls counts ``depth`` down afterwards."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            message = f"the value has more than {MAX_DEPTH} levels"
            raise EncodingError(message)

    def index(self, uri: str) -> int:
        """Give a namespace's index."""
        try:
            return self.namespaces.index_of(uri)
        except LookupError:
            message = f"the namespace {uri} is not in the table"
            raise EncodingError(message) from None

    def data(self, value: bytes | None) -> None:
        """Write a ByteString."""
        if value is None:
            self.out += _NULL
            return
        if not isinstance(value, bytes):  # pyright: ignore[reportUnnecessaryIsInstance] - values come from outside
            message = f"{type(value).__name__} is no ByteString"
            raise EncodingError(message)
        self.out += _INT32.pack(len(value))
        self.out += value

    def string(self, value: str | None) -> None:
        """Write a String."""
        if value is None:
            self.out += _NULL
            return
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance] - values come from outside
            message = f"{type(value).__name__} is no String"
            raise EncodingError(message)
        try:
            encoded = value.encode()
        except UnicodeEncodeError:
            message = "a String has half of a surrogate pair"
            raise EncodingError(message) from None
        self.out += _INT32.pack(len(encoded))
        self.out += encoded

    def node(self, name: NodeName, flags: int = 0, index: int | None = None) -> None:
        """Write a NodeId in the shortest form, with flags of an ExpandedNodeId in its first byte."""
        if index is None:
            index = 0 if name.namespace == STANDARD_NAMESPACE else self.index(name.namespace)
        number = name.identifier
        if name.kind == "i" and isinstance(number, int):
            if index == 0 and number <= _MAX_BYTE:
                self.out += bytes((flags, number))
            elif index <= _MAX_BYTE and number <= _MAX_UINT16:
                self.out += bytes((flags | 1, index))
                self.out += _UINT16.pack(number)
            else:
                self.out.append(flags | 2)
                self.out += _UINT16.pack(index)
                self.out += _UINT32.pack(number)
            return
        self.out.append(flags | _FORMS[name.kind])
        self.out += _UINT16.pack(index)
        if name.kind == "s" and isinstance(number, str):
            self.string(number)
        elif name.kind == "g" and isinstance(number, UUID):
            self.out += number.bytes_le
        elif name.kind == "b" and isinstance(number, bytes):
            self.data(number)
        else:
            message = f"{type(number).__name__} is no identifier of the kind {name.kind}"
            raise EncodingError(message)

    def array(self, write: ValueWriter, value: Value) -> None:
        """Write an array with its length; None for null."""
        if value is None:
            self.out += _NULL
            return
        elements = elements_of(value)
        self.out += _INT32.pack(len(elements))
        for one in elements:
            write(self, one)


def elements_of(value: Value) -> tuple[Value, ...]:
    """Give an array's elements. Raises :class:`EncodingError` for what is no array."""
    if type(value) is not tuple:
        message = f"{type(value).__name__} is no array"
        raise EncodingError(message)
    return cast("tuple[Value, ...]", value)


def _fixed(built_in: BuiltInType, code: str) -> ValueWriter:
    form = struct.Struct(f"<{code}")

    def write(writer: BinaryWriter, value: Value) -> None:
        try:
            writer.out += form.pack(value)
        except (struct.error, OverflowError):
            message = f"{str(value)[:40]!r} is no {built_in.name}"
            raise EncodingError(message) from None

    return write


def _boolean(writer: BinaryWriter, value: Value) -> None:
    if value is not True and value is not False:
        message = f"{str(value)[:40]!r} is no Boolean"
        raise EncodingError(message)
    writer.out.append(value)


def _string(writer: BinaryWriter, value: Value) -> None:
    writer.string(cast("str | None", value))  # which refuses others


def _byte_string(writer: BinaryWriter, value: Value) -> None:
    writer.data(cast("bytes | None", value))  # which refuses others


def _guid(writer: BinaryWriter, value: Value) -> None:
    if not isinstance(value, UUID):
        raise _other(value, BuiltInType.Guid)
    writer.out += value.bytes_le


def _node(writer: BinaryWriter, value: Value) -> None:
    if not isinstance(value, NodeName):
        raise _other(value, BuiltInType.NodeId)
    writer.node(value)


def _expanded_node(writer: BinaryWriter, value: Value) -> None:
    if not isinstance(value, ExpandedNodeName):
        raise _other(value, BuiltInType.ExpandedNodeId)
    node, server = value
    flags = _HAS_SERVER if server else 0
    index: int | None = None
    # The table is this server's: a node of another one, or of a namespace that is not in it, has its URI with it.
    if server and node.namespace != STANDARD_NAMESPACE:
        index = 0
    elif node.namespace != STANDARD_NAMESPACE:
        try:
            index = writer.namespaces.index_of(node.namespace)
        except LookupError:
            index = 0
    has_uri = index == 0
    writer.node(node, flags | _HAS_URI if has_uri else flags, index)
    if has_uri:
        writer.string(node.namespace)
    if server:
        writer.out += _UINT32.pack(server)


def _qualified_name(writer: BinaryWriter, value: Value) -> None:
    if not isinstance(value, QualifiedName):
        raise _other(value, BuiltInType.QualifiedName)
    writer.out += _UINT16.pack(0 if value.namespace == STANDARD_NAMESPACE else writer.index(value.namespace))
    writer.string(value.name)


def _localized_text(writer: BinaryWriter, value: Value) -> None:
    if not isinstance(value, LocalizedText):
        raise _other(value, BuiltInType.LocalizedText)
    locale, text = value
    writer.out.append((locale is not None) | (text is not None) << 1)
    if locale is not None:
        writer.string(locale)
    if text is not None:
        writer.string(text)


def _data_value(writer: BinaryWriter, value: Value) -> None:
    if not isinstance(value, DataValue):
        raise _other(value, BuiltInType.DataValue)
    writer.enter()
    parts = (
        (0x01, value.value, _variant),
        (0x02, value.status, WRITERS[BuiltInType.StatusCode]),
        (0x04, value.source_time, WRITERS[BuiltInType.DateTime]),
        (0x10, value.source_picoseconds, WRITERS[BuiltInType.UInt16]),
        (0x08, value.server_time, WRITERS[BuiltInType.DateTime]),
        (0x20, value.server_picoseconds, WRITERS[BuiltInType.UInt16]),
    )
    _masked(writer, parts)
    writer.depth -= 1


def _diagnostic_info(writer: BinaryWriter, value: Value) -> None:
    if not isinstance(value, DiagnosticInfo):
        raise _other(value, BuiltInType.DiagnosticInfo)
    writer.enter()
    number = WRITERS[BuiltInType.Int32]
    parts = (
        (0x01, value.symbolic_id, number),
        (0x02, value.namespace_uri, number),
        (0x08, value.locale, number),
        (0x04, value.localized_text, number),
        (0x10, value.additional_info, _string),
        (0x20, value.inner_status, WRITERS[BuiltInType.StatusCode]),
        (0x40, value.inner, _diagnostic_info),
    )
    _masked(writer, parts)
    writer.depth -= 1


def _masked(writer: BinaryWriter, parts: tuple[tuple[int, Value, ValueWriter], ...]) -> None:
    writer.out.append(sum(bit for bit, value, _ in parts if value is not None))
    for _, value, write in parts:
        if value is not None:
            write(writer, value)


def _variant(writer: BinaryWriter, value: Value) -> None:
    if not isinstance(value, Variant):
        raise _other(value, BuiltInType.Variant)
    built_in, content, dimensions = value
    if built_in is BuiltInType.Null:
        writer.out.append(0)
        return
    is_array = dimensions is not None or type(content) is tuple or (content is None and built_in not in NULLABLE)
    writer.enter()
    if not is_array:
        if built_in is BuiltInType.Variant:
            message = "a Variant has a Variant as its value"
            raise EncodingError(message)
        writer.out.append(built_in)
        WRITERS[built_in](writer, content)
    else:
        writer.out.append(built_in | (0xC0 if dimensions is not None else 0x80))
        write_array(writer, built_in, content)
        if dimensions is not None:
            if math.prod(dimensions) != len(elements_of(content)):
                message = f"a matrix of the dimensions {list(dimensions)} has {len(elements_of(content))} elements"
                raise EncodingError(message)
            write_array(writer, BuiltInType.Int32, dimensions)
    writer.depth -= 1


def write_array(writer: BinaryWriter, built_in: BuiltInType, value: Value) -> None:
    """Write an array of a built-in type; None for null."""
    code = FORMATS.get(built_in)
    if code is None or value is None:
        writer.array(WRITERS[built_in], value)
        return
    elements = elements_of(value)
    writer.out += _INT32.pack(len(elements))
    try:
        writer.out += struct.pack(f"<{len(elements)}{code}", *elements)
    except (struct.error, OverflowError):
        message = f"an element of the array is no {built_in.name}"
        raise EncodingError(message) from None


def _extension_object(writer: BinaryWriter, value: Value) -> None:
    writer.extension_object(writer, value)


def _other(value: Value, wanted: BuiltInType) -> EncodingError:
    return EncodingError(f"{type(value).__name__} is no {wanted.name}")


WRITERS: dict[BuiltInType, ValueWriter] = {
    **{one: _fixed(one, code) for one, code in FORMATS.items()},
    BuiltInType.Boolean: _boolean,
    BuiltInType.String: _string,
    BuiltInType.Guid: _guid,
    BuiltInType.ByteString: _byte_string,
    BuiltInType.XmlElement: _string,
    BuiltInType.NodeId: _node,
    BuiltInType.ExpandedNodeId: _expanded_node,
    BuiltInType.QualifiedName: _qualified_name,
    BuiltInType.LocalizedText: _localized_text,
    BuiltInType.ExtensionObject: _extension_object,
    BuiltInType.DataValue: _data_value,
    BuiltInType.Variant: _variant,
    BuiltInType.DiagnosticInfo: _diagnostic_info,
}
"""How a scalar of each built-in type is written."""
