"""Protocol Buffers' wire format (proto2), as much of it as Sparkplug's payloads need."""

from __future__ import annotations

from typing import Final

from core.errors import PlantspaceError

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5

_LONGEST_VARINT: Final = 10
_MASK64: Final = (1 << 64) - 1
_MORE: Final = 0x80


class PayloadError(PlantspaceError):
    """The bytes are no Sparkplug payload, or one past the limits of what is read."""


def varint(value: int) -> bytes:
    """Encode a number of 64 bits; a negative one as its two's complement."""
    value &= _MASK64
    out = bytearray()
    while value >= _MORE:
        out.append(value & 0x7F | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def key(number: int, wire_type: int) -> bytes:
    """Give what stands in front of a field's value."""
    return varint(number << 3 | wire_type)


def delimited(number: int, content: bytes) -> bytes:
    """Give a field of text, bytes or an embedded message."""
    return key(number, LENGTH) + varint(len(content)) + content


def read_varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    """Decode a number of up to 64 bits; gives it and the place behind it. Raises :class:`PayloadError`."""
    value = shift = 0
    for _ in range(_LONGEST_VARINT):
        if place >= end:
            message = f"a number is cut off at byte {place}"
            raise PayloadError(message)
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value & _MASK64, place
        shift += 7
    message = f"a number at byte {place - _LONGEST_VARINT} has more than {_LONGEST_VARINT} bytes"
    raise PayloadError(message)


def read_field(data: bytes, place: int, end: int) -> tuple[int, int, int, int]:
    """Take the next field: its number, wire type, and where its value begins and ends. Raises :class:`PayloadError`.

    A number's value is decoded anew by whoever wants it.
    """
    tag, start = read_varint(data, place, end)
    number, wire_type = tag >> 3, tag & 7
    if wire_type == VARINT:
        stop = read_varint(data, start, end)[1]
    elif wire_type == LENGTH:
        size, start = read_varint(data, start, end)
        stop = start + size
    elif wire_type == FIXED64:
        stop = start + 8
    elif wire_type == FIXED32:
        stop = start + 4
    else:
        message = f"a field at byte {place} has wire type {wire_type}, which Sparkplug does not use"
        raise PayloadError(message)
    if stop > end or number == 0:
        message = f"the field {number} at byte {place} reaches past its message"
        raise PayloadError(message)
    return number, wire_type, start, stop
