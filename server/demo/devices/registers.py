"""A device's Modbus tables: what stands at which protocol address, counted from 0."""

from __future__ import annotations

import struct


class Registers:
    """16-bit registers, high byte first (MODBUS Application Protocol V1.1b3, 4.2)."""

    def __init__(self, count: int) -> None:
        """Begin with ``count`` registers of 0."""
        self._bytes = bytearray(2 * count)

    def __len__(self) -> int:
        return len(self._bytes) // 2

    def raw(self, address: int, count: int) -> bytes:
        """Give ``count`` registers as they go over the wire."""
        return bytes(self._bytes[2 * address : 2 * (address + count)])

    def put_raw(self, address: int, data: bytes) -> None:
        """Take registers as they come over the wire."""
        self._bytes[2 * address : 2 * address + len(data)] = data

    def put_float(self, address: int, value: float) -> None:
        """Hold a 32-bit float, high word first."""
        struct.pack_into(">f", self._bytes, 2 * address, value)

    def put_uint16(self, address: int, value: int) -> None:
        """Hold a whole number modulo 2^16."""
        struct.pack_into(">H", self._bytes, 2 * address, value & 0xFFFF)

    def put_uint32_low_first(self, address: int, value: int) -> None:
        """Hold a whole number modulo 2^32, low word first, as many PLCs keep their counters."""
        struct.pack_into(">HH", self._bytes, 2 * address, value & 0xFFFF, (value >> 16) & 0xFFFF)

    def float(self, address: int) -> float:
        """Read a 32-bit float, high word first."""
        value: float = struct.unpack_from(">f", self._bytes, 2 * address)[0]
        return value


class Bits:
    """Coils or discrete inputs."""

    def __init__(self, count: int) -> None:
        """Begin with ``count`` bits of 0."""
        self._bits = [False] * count

    def __len__(self) -> int:
        return len(self._bits)

    def __getitem__(self, address: int) -> bool:
        return self._bits[address]

    def __setitem__(self, address: int, value: bool) -> None:
        self._bits[address] = value

    def raw(self, address: int, count: int) -> bytes:
        """Give ``count`` bits as they go over the wire: the first one lowest in the first byte."""
        packed = sum(1 << place for place, bit in enumerate(self._bits[address : address + count]) if bit)
        return packed.to_bytes((count + 7) // 8, "little")

    def put_raw(self, address: int, count: int, data: bytes) -> None:
        """Take ``count`` bits as they come over the wire."""
        packed = int.from_bytes(data, "little")
        self._bits[address : address + count] = [bool(packed >> place & 1) for place in range(count)]
