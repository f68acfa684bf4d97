"""OPC UA Binary written down as Part 6 v1.05 5.2 says it: slow, obvious, and without anything of the codec."""

from __future__ import annotations

import struct
from uuid import UUID

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.description import FieldDescription
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE, NodeName
from tests.unit.nodesets.datatypes.described import NAMESPACES

_CODES = {2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 13: "q", 19: "I"}


def u4(number: int) -> bytes:
    return number.to_bytes(4, "little")


def i4(number: int) -> bytes:
    return number.to_bytes(4, "little", signed=True)


def u2(number: int) -> bytes:
    return number.to_bytes(2, "little")


def data(value: bytes | None) -> bytes:
    return i4(-1) if value is None else i4(len(value)) + value


def text(value: str | None) -> bytes:
    return data(None if value is None else value.encode())


def node(name: NodeName, index: int, flags: int = 0) -> bytes:
    identifier = name.identifier
    if isinstance(identifier, int):
        if index == 0 and identifier < 256:
            return bytes([flags, identifier])
        if index < 256 and identifier < 65536:
            return bytes([flags | 1, index]) + u2(identifier)
        return bytes([flags | 2]) + u2(index) + u4(identifier)
    if isinstance(identifier, str):
        return bytes([flags | 3]) + u2(index) + text(identifier)
    if isinstance(identifier, UUID):
        return bytes([flags | 4]) + u2(index) + identifier.bytes_le
    return bytes([flags | 5]) + u2(index) + data(identifier)


def masked(*parts: tuple[int, bytes | None]) -> bytes:
    mask = sum(bit for bit, part in parts if part is not None)
    return bytes([mask]) + b"".join(part for _, part in parts if part is not None)


def scalar(built_in: int, value: Value, registry: TypeRegistry) -> bytes:  # noqa: C901, PLR0911, PLR0912 - one case a type
    def part(number: int, one: Value) -> bytes | None:
        return None if one is None else scalar(number, one, registry)

    match value:
        case NodeName():
            return node(value, NAMESPACES.index_of(value.namespace))
        case ExpandedNodeName(one, server):
            if server == 0 or one.namespace == STANDARD_NAMESPACE:
                found = node(one, NAMESPACES.index_of(one.namespace), 0x40 if server else 0)
            else:
                found = node(one, 0, 0xC0) + text(one.namespace)
            return found + (u4(server) if server else b"")
        case QualifiedName(namespace, name):
            return u2(NAMESPACES.index_of(namespace)) + text(name)
        case LocalizedText(locale, written):
            return masked((1, part(12, locale)), (2, part(12, written)))
        case DataValue():
            return masked(
                (1, part(24, value.value)),
                (2, part(19, value.status)),
                (4, part(13, value.source_time)),
                (16, part(5, value.source_picoseconds)),
                (8, part(13, value.server_time)),
                (32, part(5, value.server_picoseconds)),
            )
        case DiagnosticInfo():
            return masked(
                (1, part(6, value.symbolic_id)),
                (2, part(6, value.namespace_uri)),
                (8, part(6, value.locale)),
                (4, part(6, value.localized_text)),
                (16, part(12, value.additional_info)),
                (32, part(19, value.inner_status)),
                (64, part(25, value.inner)),
            )
        case Variant():
            return variant(value, registry)
        case EncodedStructure(encoding, body):
            head = node(encoding, NAMESPACES.index_of(encoding.namespace))
            return head + (
                b"\0" if body is None else b"\2" + text(body) if isinstance(body, str) else b"\1" + data(body)
            )
        case Structure():
            encoding = registry.structure(value.type).encodings.binary
            assert encoding is not None
            body = structure(value, registry)
            return node(encoding, NAMESPACES.index_of(encoding.namespace)) + b"\1" + data(body)
        case UUID():
            return value.bytes_le
        case bool():
            return bytes([value])
        case str():
            return text(value)
        case bytes():
            return data(value)
        case None:
            return b"\0\0\0" if built_in == BuiltInType.ExtensionObject else i4(-1)
        case int() | float():
            return struct.pack("<" + _CODES[built_in], value)
        case _:
            raise AssertionError(value)


def variant(value: Variant, registry: TypeRegistry) -> bytes:
    if value.type is BuiltInType.Null:
        return b"\0"
    if type(value.value) is not tuple:
        return bytes([value.type]) + scalar(value.type, value.value, registry)
    found = i4(len(value.value)) + b"".join(scalar(value.type, one, registry) for one in value.value)
    if value.dimensions is None:
        return bytes([value.type | 0x80]) + found
    return bytes([value.type | 0xC0]) + found + i4(len(value.dimensions)) + b"".join(map(i4, value.dimensions))


def structure(value: Structure, registry: TypeRegistry) -> bytes:
    described = registry.structure(value.type)
    if described.is_union:
        for place, one in enumerate(described.fields, 1):
            if one.name in value.fields:
                return u4(place) + described_field(one, value.fields[one.name], registry)
        return u4(0)
    found = b""
    bit = mask = 0
    for one in described.fields:
        if one.is_optional:
            mask |= (one.name in value.fields) << bit
            bit += 1
        if one.name in value.fields:
            found += described_field(one, value.fields[one.name], registry)
    return (u4(mask) if bit else b"") + found


def described_field(one: FieldDescription, value: Value, registry: TypeRegistry) -> bytes:
    def element(item: Value) -> bytes:
        if one.is_inline:
            assert isinstance(item, Structure)
            return structure(item, registry)
        return scalar(one.built_in, item, registry)

    if one.rank == -1:
        return element(value)
    if value is None:
        return i4(-1)
    if isinstance(value, Matrix):
        dimensions = i4(len(value.dimensions)) + b"".join(map(i4, value.dimensions))
        return dimensions + b"".join(map(element, value.elements))
    assert type(value) is tuple
    return i4(len(value)) + b"".join(map(element, value))
