"""Values in OPC UA Binary (Part 6 v1.05 5.2), structures by their descriptions.

A description is turned once into a flat list of fields with their codecs, which a registry keeps until its types
change. Encoding raises :class:`~nodesets.datatypes.problems.EncodingError`, decoding
:class:`~nodesets.datatypes.problems.DecodingError`, whatever the bytes are.
"""

from __future__ import annotations

from nodesets.built_in_types import BuiltInType, DataValue, Structure, Value, Variant
from nodesets.datatypes.binary_reader import READERS, BinaryReader
from nodesets.datatypes.binary_structures import (
    read_extension_object,
    read_structure,
    write_extension_object,
    write_structure,
)
from nodesets.datatypes.binary_writer import WRITERS, BinaryWriter
from nodesets.datatypes.namespaces import Namespaces
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName


def reader_of(data: bytes, registry: TypeRegistry, namespaces: Namespaces, position: int = 0) -> BinaryReader:
    """Make a reader of a stream of values, which :func:`read` takes one after another."""
    return BinaryReader(data, registry, namespaces, read_extension_object, position)


def read(reader: BinaryReader, built_in: BuiltInType) -> Value:
    """Read the next value of a stream, a scalar of a built-in type."""
    return READERS[built_in](reader)


def writer_of(registry: TypeRegistry, namespaces: Namespaces) -> BinaryWriter:
    """Make a writer of a stream of values, whose bytes are in its ``out``."""
    return BinaryWriter(registry, namespaces, write_extension_object)


def write(writer: BinaryWriter, built_in: BuiltInType, value: Value) -> None:
    """Write a scalar of a built-in type to a stream."""
    WRITERS[built_in](writer, value)


def encode_value(built_in: BuiltInType, value: Value, registry: TypeRegistry, namespaces: Namespaces) -> bytes:
    """Encode a scalar of a built-in type. Raises :class:`EncodingError`."""
    writer = writer_of(registry, namespaces)
    WRITERS[built_in](writer, value)
    return bytes(writer.out)


def decode_value(data: bytes, built_in: BuiltInType, registry: TypeRegistry, namespaces: Namespaces) -> Value:
    """Decode a scalar of a built-in type that is all of ``data``. Raises :class:`DecodingError`."""
    reader = reader_of(data, registry, namespaces)
    found = READERS[built_in](reader)
    reader.end()
    return found


def encode_variant(variant: Variant, registry: TypeRegistry, namespaces: Namespaces) -> bytes:
    """Encode a Variant. Raises :class:`EncodingError`."""
    return encode_value(BuiltInType.Variant, variant, registry, namespaces)


def decode_variant(data: bytes, registry: TypeRegistry, namespaces: Namespaces) -> Variant:
    """Decode a Variant that is all of ``data``. Raises :class:`DecodingError`."""
    found = decode_value(data, BuiltInType.Variant, registry, namespaces)
    assert isinstance(found, Variant)  # noqa: S101 - tells the checker what that reader gives
    return found


def encode_data_value(value: DataValue, registry: TypeRegistry, namespaces: Namespaces) -> bytes:
    """Encode a DataValue. Raises :class:`EncodingError`."""
    return encode_value(BuiltInType.DataValue, value, registry, namespaces)


def decode_data_value(data: bytes, registry: TypeRegistry, namespaces: Namespaces) -> DataValue:
    """Decode a DataValue that is all of ``data``. Raises :class:`DecodingError`."""
    found = decode_value(data, BuiltInType.DataValue, registry, namespaces)
    assert isinstance(found, DataValue)  # noqa: S101 - tells the checker what that reader gives
    return found


def encode_extension_object(value: Value, registry: TypeRegistry, namespaces: Namespaces) -> bytes:
    """Encode a structure, also one encoded already, or None as an ExtensionObject. Raises :class:`EncodingError`."""
    return encode_value(BuiltInType.ExtensionObject, value, registry, namespaces)


def decode_extension_object(data: bytes, registry: TypeRegistry, namespaces: Namespaces) -> Value:
    """Decode an ExtensionObject that is all of ``data``. Raises :class:`DecodingError`.

    One whose type the registry does not know or describe is an
    :class:`~nodesets.built_in_types.EncodedStructure`.
    """
    return decode_value(data, BuiltInType.ExtensionObject, registry, namespaces)


def encode_structure(structure: Structure, registry: TypeRegistry, namespaces: Namespaces) -> bytes:
    """Encode the body of a structure. Raises :class:`EncodingError`, also for a type that is not described."""
    writer = writer_of(registry, namespaces)
    write_structure(writer, structure)
    return bytes(writer.out)


def decode_structure(data: bytes, data_type: NodeName, registry: TypeRegistry, namespaces: Namespaces) -> Structure:
    """Decode a body that is all of ``data``. Raises :class:`DecodingError`.

    Raises :class:`~nodesets.datatypes.problems.DataTypeError` for a type that is not described.
    """
    reader = reader_of(data, registry, namespaces)
    found = read_structure(reader, data_type)
    reader.end()
    return found
