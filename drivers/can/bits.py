"""Where a signal's bits stand in a payload, how they are taken out and put back (DBC bit numbering)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from drivers.can.database import SignalSpec

_FLOATS = {16: struct.Struct("<e"), 32: struct.Struct("<f"), 64: struct.Struct("<d")}


@dataclass(frozen=True, slots=True)
class Place:
    """Bits of a payload read as one whole number, little or big endian; ``end`` is how many payload bits that takes.

    raw = ((number >> ``shift`` & ``mask``) ^ ``sign``) - ``sign``, ``sign`` being the sign bit, or 0 for unsigned ones.
    """

    big_endian: bool
    shift: int
    mask: int
    sign: int
    end: int


def place_of(signal: SignalSpec, size: int) -> Place:
    """Work out the place of ``signal`` in payloads of ``size`` bytes (:func:`size_of` says how many it takes)."""
    mask = (1 << signal.length) - 1
    sign = 1 << (signal.length - 1) if signal.signed else 0
    end = end_of(signal)
    return Place(signal.big_endian, size * 8 - end if signal.big_endian else signal.start, mask, sign, end)


def end_of(signal: SignalSpec) -> int:
    """Give the number of payload bits up to the signal's last one.

    A big-endian signal starts at its most significant bit and runs to lower ones, then on in the next byte.
    """
    first = 8 * (signal.start // 8) + 7 - signal.start % 8 if signal.big_endian else signal.start
    return first + signal.length


def size_of(signals: Iterable[SignalSpec], declared: int) -> int:
    """Give the bytes that a payload needs to hold all ``signals``; not less than the message's declared length."""
    return max([declared, *((end_of(signal) + 7) // 8 for signal in signals)])


def take(place: Place, payload: bytes) -> int:
    """Take one raw value out of a payload of the size that the place was made for."""
    number = int.from_bytes(payload, "big" if place.big_endian else "little")
    return ((number >> place.shift & place.mask) ^ place.sign) - place.sign


def put(place: Place, payload: bytes, raw: int) -> bytes:
    """Give the payload with the raw value in its place and all other bits as they were."""
    order = "big" if place.big_endian else "little"
    number = int.from_bytes(payload, order) & ~(place.mask << place.shift)
    return (number | (raw & place.mask) << place.shift).to_bytes(len(payload), order)


def float_of(raw: int, length: int) -> float:
    """Read a raw value of 16, 32 or 64 bits as an IEEE 754 number."""
    return float(_FLOATS[length].unpack(raw.to_bytes(length // 8, "little"))[0])


def raw_of_float(value: float, length: int) -> int:
    """Write an IEEE 754 number of 16, 32 or 64 bits as a raw value. Raises :class:`OverflowError` for one too large."""
    return int.from_bytes(_FLOATS[length].pack(value), "little")
