"""Structured variables whose fields are points: composed of the image's columns when read, taken apart when written."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from core.image import Column
from core.quality import NO_VALUE, SHOWN, is_bad, worst
from nodesets.built_in_types import BuiltInType, Structure, Variant
from nodesets.datatypes.binary import decode_variant, encode_variant
from nodesets.datatypes.composing import ABSENT, FieldTree, Part
from nodesets.datatypes.namespaces import Namespaces
from nodesets.datatypes.problems import DataTypeError, DecodingError, EncodingError
from nodesets.datatypes.registry import TypeRegistry
from server.address_space import asyncua_values
from server.address_space.decoding import Cursor, GivenValue
from server.address_space.keys import nodeid_of

if TYPE_CHECKING:
    from server.address_space.points import Points, WritePoint


class StructureCodec(NamedTuple):
    """A model's DataTypes with the NamespaceArray: structures to bytes and back by their descriptions."""

    types: TypeRegistry
    namespaces: Namespaces

    def encode(self, structure: Structure) -> bytes:
        """Write a structure as a Variant. Raises :class:`EncodingError`, or TypeError and the like for what is none."""
        return encode_variant(Variant(BuiltInType.ExtensionObject, structure), self.types, self.namespaces)

    def decode(self, variant: bytes) -> Structure | None:
        """Read a Variant; None where it holds anything but one structure of a described type."""
        try:
            value = decode_variant(variant, self.types, self.namespaces).value
        except (DecodingError, DataTypeError, LookupError):
            return None
        return value if isinstance(value, Structure) else None

    def kept(self, structure: Structure) -> ua.Variant:
        """Give a structure as a column of objects keeps it: encoded. Raises as :meth:`encode`."""
        cursor = Cursor(self.encode(structure), 1)
        type_id = nodeid_of(cursor.node_id())
        cursor.byte()
        body = cursor.bytes() or b""
        held = ua.ExtensionObject(TypeId=type_id, Body=ua.ByteString(body))
        return ua.Variant(held, ua.VariantType.ExtensionObject)


@dataclass(frozen=True, slots=True)
class BoundField:
    """One field's point. ``is_optional``: the structure may go without it; ``writable``: its device takes writes."""

    slot: int
    is_optional: bool
    writable: bool


class _Parts(NamedTuple):
    """The bound fields as the image has them. ``statuses`` have NO_VALUE where there is none."""

    values: list[Part]
    statuses: list[int]
    source_time: int
    server_time: int


class StructuredVariable:
    """One variable. What no device gives is kept in the image at the slot ``memory``, as a whole structure."""

    def __init__(
        self, codec: StructureCodec, tree: FieldTree, fields: Sequence[BoundField], memory: int, initial: Structure
    ) -> None:
        """``fields`` are in the order of the tree's parts. ``initial`` is complete: what the memory begins with."""
        self.fields = tuple(fields)
        self.memory = memory
        self._codec = codec
        self._tree = tree
        self._initial = initial
        self.initial = codec.kept(initial)
        """What the memory's slot is to hold first."""
        self._neutral = tree.take_apart(initial)
        self._held: tuple[object, Structure] = (self.initial, initial)

    def read(self, points: Points) -> GivenValue:
        """Compose the value. Its status is the worst of the fields', its source time the newest.

        It has no value while one of the fields has none; an optional one is left out instead.
        """
        parts = self._parts(points)
        status = worst(*parts.statuses) & SHOWN
        composed: list[Part] = []
        for field, value, one in zip(self.fields, parts.values, parts.statuses, strict=True):
            if one & NO_VALUE and not field.is_optional:
                return GivenValue(None, status, parts.source_time, parts.server_time)
            composed.append(ABSENT if one & NO_VALUE else value)
        try:
            encoded = self._codec.encode(self._tree.compose(self._base(points), composed))
        except (EncodingError, struct.error, LookupError, TypeError, ValueError, AttributeError):
            # What a driver gave is not of the field's type.
            return GivenValue(None, StatusCodes.BadEncodingError, parts.source_time, parts.server_time)
        return GivenValue(encoded, status, parts.source_time, parts.server_time)

    async def write(self, points: Points, variant: bytes, write_point: WritePoint) -> int:
        """Write the fields that differ from what is shown to their devices, the others to memory.

        Gives the worst StatusCode. Memory is left as it was where that is Bad. A field that no device takes is passed
        over, for a client that writes a whole structure back cannot hold still what a device measures; where nothing
        else differs the write is BadNotWritable.
        """
        given = self._codec.decode(variant)
        if given is None or given.type != self._tree.data_type:
            return StatusCodes.BadTypeMismatch
        shown = self._parts(points)
        base, complete = self._base(points), self._tree.complete(given)
        changed = [
            (field, value)
            for field, value, held, status in zip(
                self.fields, self._tree.take_apart(given), shown.values, shown.statuses, strict=True
            )
            # What is shown with a Bad status is not what the device has: to write the same again is no empty wish.
            if value is not ABSENT and (is_bad(status) or _comparable(value) != _comparable(held))
        ]
        writable = [(field, value) for field, value in changed if field.writable]
        remembers = self._rest(complete) != self._rest(base)
        if changed and not writable and not remembers:
            return StatusCodes.BadNotWritable
        status = worst(*[await write_point(field.slot, value) for field, value in writable])
        if remembers and not is_bad(status):
            status = worst(status, await write_point(self.memory, self._codec.kept(complete)))
        return status

    def _rest(self, complete: Structure) -> bytes:
        """Give what of a value no device gives, to be compared: the bytes tell -0 from 0, and no NaN from itself."""
        return self._codec.encode(self._tree.compose(complete, self._neutral))

    def _parts(self, points: Points) -> _Parts:
        values: list[Part] = []
        statuses: list[int] = []
        source_time = server_time = 0
        for field in self.fields:
            column, row = points.place(field.slot)
            statuses.append(column.status.item(row))
            values.append(_value(column, row))
            source_time = max(source_time, column.source_time.item(row))
            server_time = max(server_time, column.server_time.item(row))
        column, row = points.place(self.memory)
        if column.values[row] is not None and column.values[row] is not self.initial:  # a client wrote it, some time
            source_time = max(source_time, column.source_time.item(row))
            server_time = max(server_time, column.server_time.item(row))
        return _Parts(values, statuses, source_time, server_time)

    def _base(self, points: Points) -> Structure:
        """Give what the memory holds; the initial value where that is of another type, from before a change of it."""
        column, row = points.place(self.memory)
        held = column.values[row]
        if held is not self._held[0]:
            found = self._codec.decode(asyncua_values.encode_variant(held)) if held is not None else None
            known = found is not None and found.type == self._tree.data_type
            self._held = (held, self._tree.complete(found) if known else self._initial)
        return self._held[1]


def _value(column: Column, row: int) -> Any:  # noqa: ANN401 - any value of a column's type
    return column.values[row] if column.datatype.is_object else column.values.item(row)


def _comparable(value: Part) -> object:
    """Give what equals itself, which no NaN does, and tells -0 from 0."""
    return repr(value) if isinstance(value, float) else value
