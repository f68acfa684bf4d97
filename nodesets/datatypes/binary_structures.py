"""ExtensionObjects and structures in OPC UA Binary, by description (Part 6 v1.05 5.2.2.15, 5.2.5 to 5.2.8)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from nodesets.built_in_types import NULL_NODE, BuiltInType, EncodedStructure, Matrix, Structure, Value
from nodesets.datatypes.binary_reader import READERS, BinaryReader, ValueReader, read_array, read_dimensions
from nodesets.datatypes.binary_writer import WRITERS, BinaryWriter, ValueWriter, elements_of, write_array
from nodesets.datatypes.description import FieldDescription
from nodesets.datatypes.problems import DataTypeError, EncodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName

_INT32 = struct.Struct("<i")
_UINT32 = struct.Struct("<I")
_NO_BODY, _BYTES_BODY, _XML_BODY = 0, 1, 2


@dataclass(slots=True)
class _Plan:
    """A structure's fields, flat. ``number``: an optional field's bit (0 for others), or the place of a union's."""

    type: NodeName
    encoding: NodeName
    is_union: bool
    has_mask: bool
    names: frozenset[str]
    writers: list[tuple[str, int, ValueWriter]]
    readers: list[tuple[str, int, ValueReader]]


def write_structure(writer: BinaryWriter, value: Value) -> None:
    """Write the body of a structure."""
    if not isinstance(value, Structure):
        message = f"{type(value).__name__} is no structure"
        raise EncodingError(message)
    try:
        plan = _plan_of(writer.registry, value.type)
    except DataTypeError as error:
        raise EncodingError(str(error)) from None
    _write(writer, value, plan)


def read_structure(reader: BinaryReader, data_type: NodeName) -> Structure:
    """Read the body of a structure. Raises :class:`DataTypeError` for a type that is not described."""
    return _read(reader, _plan_of(reader.registry, data_type))


def write_extension_object(writer: BinaryWriter, value: Value) -> None:
    """Write an ExtensionObject. A type without Default Binary goes by its own NodeId, which decoders look up too."""
    if value is None:
        writer.out += b"\0\0\0"
        return
    if isinstance(value, EncodedStructure):
        _write_encoded(writer, value)
        return
    if not isinstance(value, Structure):
        message = f"{type(value).__name__} is no ExtensionObject"
        raise EncodingError(message)
    try:
        plan = _plan_of(writer.registry, value.type)
    except DataTypeError as error:
        raise EncodingError(str(error)) from None
    writer.node(plan.encoding)
    writer.out.append(_BYTES_BODY)
    start = len(writer.out)
    writer.out += b"\0\0\0\0"
    _write(writer, value, plan)
    _INT32.pack_into(writer.out, start, len(writer.out) - start - 4)


def read_extension_object(reader: BinaryReader) -> Value:
    """Read an ExtensionObject; one of a type that is not known or described stays encoded."""
    name = reader.node(reader.byte())
    form = reader.byte()
    if form == _NO_BODY:
        return None if name == NULL_NODE else EncodedStructure(name, None)
    if form == _XML_BODY:
        return EncodedStructure(name, reader.string())
    if form != _BYTES_BODY:
        reader.fail(f"{form} is no encoding of an ExtensionObject's body")
    start = reader.position
    body = reader.bytes_or_null()
    data_type = reader.registry.data_type_of(name)
    if body is None or data_type is None:
        return EncodedStructure(name, body)
    end = reader.position
    depth = reader.depth
    reader.position = start + 4
    try:
        found = _read(reader, _plan_of(reader.registry, data_type))
    except DataTypeError:
        reader.position, reader.depth = end, depth
        return EncodedStructure(name, body)
    if reader.position != end:
        reader.fail(f"the body of a {data_type} has {len(body)} bytes, and its fields {reader.position - start - 4}")
    return found


def _write_encoded(writer: BinaryWriter, value: EncodedStructure) -> None:
    writer.node(value.encoding)
    if value.body is None:
        writer.out.append(_NO_BODY)
    elif isinstance(value.body, bytes):
        writer.out.append(_BYTES_BODY)
        writer.data(value.body)
    else:
        writer.out.append(_XML_BODY)
        writer.string(value.body)


def _write(writer: BinaryWriter, value: Structure, plan: _Plan) -> None:
    fields = value.fields
    if not plan.names.issuperset(fields):
        message = f"{plan.type} has no field {next(name for name in fields if name not in plan.names)}"
        raise EncodingError(message)
    writer.enter()
    if plan.is_union:
        _write_union(writer, fields, plan)
        writer.depth -= 1
        return
    if plan.has_mask:
        writer.out += _UINT32.pack(sum(bit for name, bit, _ in plan.writers if name in fields))
    name = ""
    try:
        for name, bit, write in plan.writers:
            if bit and name not in fields:
                continue
            write(writer, fields[name])
    except KeyError:
        message = "the field has no value"
        raise EncodingError(message, (name,)) from None
    except EncodingError as error:
        raise error.inside(name) from None
    writer.depth -= 1


def _write_union(writer: BinaryWriter, fields: dict[str, Value], plan: _Plan) -> None:
    if len(fields) > 1:
        message = f"a union has the fields {', '.join(fields)}"
        raise EncodingError(message)
    for name, number, write in plan.writers:
        if name in fields:
            writer.out += _UINT32.pack(number)
            try:
                write(writer, fields[name])
            except EncodingError as error:
                raise error.inside(name) from None
            return
    writer.out += _UINT32.pack(0)


def _read(reader: BinaryReader, plan: _Plan) -> Structure:
    reader.enter()
    reader.structures -= 1
    if reader.structures < 0:
        reader.fail("there are more structures than bytes")
    if plan.is_union:
        number = reader.number(_UINT32)
        if number > len(plan.readers):
            reader.fail(f"the union {plan.type} has {len(plan.readers)} fields, and the number {number} is set")
        chosen = plan.readers[number - 1 : number] if number else []
        fields = {name: read(reader) for name, _, read in chosen}
    elif plan.has_mask:
        mask = reader.number(_UINT32)
        fields = {name: read(reader) for name, bit, read in plan.readers if not bit or mask & bit}
    else:
        fields = {name: read(reader) for name, _, read in plan.readers}
    reader.depth -= 1
    return Structure(plan.type, fields)


def _plan_of(registry: TypeRegistry, name: NodeName) -> _Plan:
    return registry.memo(("binary plan", name), lambda: _make_plan(registry, name))


def _make_plan(registry: TypeRegistry, name: NodeName) -> _Plan:
    described = registry.structure(name)
    plan = _Plan(
        type=name,
        encoding=described.encodings.binary or name,
        is_union=described.is_union,
        has_mask=described.has_mask,
        names=frozenset(one.name for one in described.fields),
        writers=[],
        readers=[],
    )
    bit = 1
    for position, field in enumerate(described.fields, 1):
        number = position if described.is_union else 0
        if described.has_mask and field.is_optional:
            number, bit = bit, bit << 1
        plan.writers.append((field.name, number, _writer_of(registry, field)))
        plan.readers.append((field.name, number, _reader_of(registry, field)))
    return plan


def _writer_of(registry: TypeRegistry, field: FieldDescription) -> ValueWriter:
    built_in = field.built_in
    write = _inline_writer(registry, field.data_type) if field.is_inline else WRITERS[built_in]
    if field.rank == -1:
        return write
    if field.rank > 1:
        return lambda writer, value: _write_matrix(writer, value, write)
    if field.is_inline:
        return lambda writer, value: writer.array(write, value)
    return lambda writer, value: write_array(writer, built_in, value)


def _reader_of(registry: TypeRegistry, field: FieldDescription) -> ValueReader:
    built_in = field.built_in
    read = _inline_reader(registry, field.data_type) if field.is_inline else READERS[built_in]
    least = 0 if field.is_inline else 1
    if field.rank == -1:
        return read
    if field.rank > 1:
        return lambda reader: _read_matrix(reader, read, least)
    if field.is_inline:
        return lambda reader: _read_structures(reader, read)
    return lambda reader: read_array(reader, built_in, reader.count())


def _read_structures(reader: BinaryReader, read: ValueReader) -> tuple[Value, ...] | None:
    count = reader.count(0)
    return None if count < 0 else reader.array(read, count)


def _write_matrix(writer: BinaryWriter, value: Value, write: ValueWriter) -> None:
    """Write the dimensions as an array, and the elements without a length (Part 6 v1.05 5.2.5)."""
    if value is None:
        writer.array(write, None)
        return
    if not isinstance(value, Matrix):
        message = f"{type(value).__name__} is no Matrix"
        raise EncodingError(message)
    elements = elements_of(value.elements)
    if math.prod(value.dimensions) != len(elements) or not value.dimensions:
        message = f"a matrix of the dimensions {list(value.dimensions)} has {len(elements)} elements"
        raise EncodingError(message)
    write_array(writer, BuiltInType.Int32, value.dimensions)
    for one in elements:
        write(writer, one)


def _read_matrix(reader: BinaryReader, read: ValueReader, least: int) -> Matrix | None:
    dimensions = read_dimensions(reader)
    if not dimensions:
        return None
    count = math.prod(dimensions)
    if count * least > len(reader.data) - reader.position:
        reader.fail(f"a matrix of the dimensions {list(dimensions)} is beyond the end of the bytes")
    return Matrix(dimensions, reader.array(read, count))


def _inline_writer(registry: TypeRegistry, data_type: NodeName) -> ValueWriter:
    # Looked up at the first use, since a type may hold arrays of itself.
    plans: list[_Plan] = []

    def write(writer: BinaryWriter, value: Value) -> None:
        if not plans:
            try:
                plans.append(_plan_of(registry, data_type))
            except DataTypeError as error:
                raise EncodingError(str(error)) from None
        if not isinstance(value, Structure) or value.type != data_type:
            what = value.type if isinstance(value, Structure) else type(value).__name__
            message = f"{what} is no {data_type}"
            raise EncodingError(message)
        _write(writer, value, plans[0])

    return write


def _inline_reader(registry: TypeRegistry, data_type: NodeName) -> ValueReader:
    plans: list[_Plan] = []

    def read(reader: BinaryReader) -> Value:
        if not plans:
            plans.append(_plan_of(registry, data_type))
        return _read(reader, plans[0])

    return read
