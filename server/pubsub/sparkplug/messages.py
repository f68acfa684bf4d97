"""Dataclasses as Protocol Buffers messages: each attribute says its field's number and kind."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Final, TypeVar

from server.pubsub.sparkplug.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    PayloadError,
    delimited,
    key,
    read_field,
    read_varint,
    varint,
)

_WIRE_TYPES: Final = {"uint": VARINT, "uint32": VARINT, "bool": VARINT, "float": FIXED32, "double": FIXED64}
_STRUCTS: Final = {"float": struct.Struct("<f"), "double": struct.Struct("<d")}
_MASK32: Final = 0xFFFFFFFF


class WireMessage:
    """Base of the messages."""

    __slots__ = ()


Kind = str | Callable[[], type[WireMessage]]
"""``uint`` (64 bits), ``uint32``, ``bool``, ``float``, ``double``, ``string``, ``bytes``; or the class of a message."""
MessageT = TypeVar("MessageT", bound=WireMessage)


@dataclass(frozen=True, slots=True)
class _Spec:
    number: int
    kind: Kind
    repeated: bool = False
    alternative: bool = False
    name: str = ""


@dataclass(slots=True)
class Limits:
    """How much of a payload is read before it is refused. ``parts``: metrics, properties, cells, all together."""

    parts: int = 100_000
    depth: int = 16


def spec(number: int, kind: Kind, *, repeated: bool = False) -> Any:  # noqa: ANN401 - as dataclasses.field: the attribute's own type
    """Declare a field, None or empty where it is not given."""
    made = _Spec(number, kind, repeated)
    if repeated:
        return field(default_factory=list[object], metadata={"spec": made})
    return field(default=None, metadata={"spec": made})


def one_of(number: int, kind: Kind) -> Any:  # noqa: ANN401 - as dataclasses.field: the attribute's own type
    """Declare a field of which only one of several is given."""
    return field(default=None, metadata={"spec": _Spec(number, kind, alternative=True)})


@cache
def _specs(form: type[WireMessage]) -> dict[int, _Spec]:
    found: dict[int, _Spec] = {}
    for one in fields(form):  # pyright: ignore[reportArgumentType] - every WireMessage is a dataclass
        made: _Spec = one.metadata["spec"]
        found[made.number] = _Spec(made.number, made.kind, made.repeated, made.alternative, one.name)
    return found


def encode_message(message: WireMessage) -> bytes:
    """Encode a message, its fields in the order of their numbers."""
    out: list[bytes] = []
    for one in _specs(type(message)).values():
        value = getattr(message, one.name)
        if value is None:
            continue
        out.extend(_encode(one, item) for item in (value if one.repeated else (value,)))
    return b"".join(out)


def _encode(one: _Spec, value: Any) -> bytes:  # noqa: ANN401 - what the attribute's declaration says
    if not isinstance(one.kind, str):
        return delimited(one.number, encode_message(value))
    if one.kind == "string":
        return delimited(one.number, value.encode("utf-8", "replace"))
    if one.kind == "bytes":
        return delimited(one.number, value)
    front = key(one.number, _WIRE_TYPES[one.kind])
    if one.kind in _STRUCTS:
        return front + _STRUCTS[one.kind].pack(value)
    return front + varint(int(value) & _MASK32 if one.kind == "uint32" else int(value))


def decode_message(form: type[MessageT], data: bytes, limits: Limits) -> MessageT:
    """Decode a message of the class ``form``. Raises :class:`~server.pubsub.sparkplug.wire.PayloadError`."""
    return _Reader(data, limits).read(form, 0, len(data), limits.depth)


class _Reader:
    """Reads one payload; counts what it makes, so that a few bytes never become many objects."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._left = limits.parts

    def read(self, form: type[MessageT], place: int, end: int, depth: int) -> MessageT:
        if depth == 0:
            message = "the payload is nested too deep"
            raise PayloadError(message)
        specs = _specs(form)
        made = form()
        while place < end:
            number, wire_type, start, place = read_field(self._data, place, end)
            one = specs.get(number)
            if one is None:
                continue
            if one.repeated:
                self._count(1)
                self._extend(getattr(made, one.name), one, wire_type, start, place, depth)
                continue
            value = self._value(one, wire_type, start, place, depth)
            if one.alternative:
                for other in specs.values():
                    if other.alternative:
                        setattr(made, other.name, None)
            setattr(made, one.name, value)
        return made

    def _extend(self, items: list[Any], one: _Spec, wire_type: int, start: int, end: int, depth: int) -> None:
        if one.kind == "uint32" and wire_type == LENGTH:
            # Packed, as proto3 would write it; readers of proto2 take both.
            while start < end:
                self._count(1)
                value, start = read_varint(self._data, start, end)
                items.append(value & _MASK32)
            return
        items.append(self._value(one, wire_type, start, end, depth))

    def _count(self, parts: int) -> None:
        self._left -= parts
        if self._left < 0:
            message = "the payload has too many parts"
            raise PayloadError(message)

    def _value(self, one: _Spec, wire_type: int, start: int, end: int, depth: int) -> object:
        kind = one.kind
        wanted = _WIRE_TYPES.get(kind, LENGTH) if isinstance(kind, str) else LENGTH
        if wire_type != wanted:
            message = f"the field {one.name} at byte {start} has wire type {wire_type} instead of {wanted}"
            raise PayloadError(message)
        if not isinstance(kind, str):
            return self.read(kind(), start, end, depth - 1)
        if kind in _STRUCTS:
            return _STRUCTS[kind].unpack_from(self._data, start)[0]
        if kind == "bytes":
            return self._data[start:end]
        if kind == "string":
            return self._text(start, end)
        number = read_varint(self._data, start, end)[0]
        return bool(number) if kind == "bool" else number & _MASK32 if kind == "uint32" else number

    def _text(self, start: int, end: int) -> str:
        try:
            return self._data[start:end].decode()
        except UnicodeDecodeError as error:
            message = f"a text at byte {start} is no UTF-8"
            raise PayloadError(message) from error
