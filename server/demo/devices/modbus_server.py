"""A Modbus TCP server over a device's tables (MODBUS Application Protocol V1.1b3; Messaging on TCP/IP V1.0b)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from server.demo.devices.registers import Bits, Registers

_MBAP = struct.Struct(">HHHB")  # transaction, protocol, length, unit (Messaging V1.0b, 3.1.3)
_TWO_WORDS = struct.Struct(">HH")
_LONGEST_PDU = 253
_ON, _OFF = 0xFF00, 0x0000
_MOST_BITS_READ, _MOST_BITS_WRITTEN, _MOST_REGISTERS_WRITTEN = 2000, 1968, 123
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3


@dataclass(slots=True)
class Tables:
    """What a device offers. ``most_registers``: how many one request may read."""

    coils: Bits = field(default_factory=lambda: Bits(0))
    discrete: Bits = field(default_factory=lambda: Bits(0))
    inputs: Registers = field(default_factory=lambda: Registers(0))
    holding: Registers = field(default_factory=lambda: Registers(0))
    most_registers: int = 125


class _Refused(Exception):  # noqa: N818 - it is an answer of the protocol
    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class ModbusServer:
    """Serves one unit; requests to others get no answer. ``written`` is called after each write."""

    def __init__(self, tables: Tables, written: Callable[[], None], *, unit: int = 1) -> None:
        """Serve ``tables``; nothing listens before :meth:`start`."""
        self._tables = tables
        self._written = written
        self._unit = unit
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> int:
        """Listen at 127.0.0.1 and give the port (0 takes a free one). Raises :class:`OSError`."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", port)
        taken: int = self._server.sockets[0].getsockname()[1]
        return taken

    def stop(self) -> None:
        """Listen no more; connections end with the process."""
        if self._server is not None:
            self._server.close()

    def reply(self, frame: bytes) -> bytes | None:
        """Answer one whole frame; None for another unit or protocol."""
        transaction, protocol, _, unit = _MBAP.unpack_from(frame)
        if protocol != 0 or unit != self._unit:
            return None
        request = frame[_MBAP.size :]
        try:
            answer = self._answer(request)
        except _Refused as refused:
            answer = bytes((request[0] | 0x80, refused.code))
        return _MBAP.pack(transaction, 0, len(answer) + 1, unit) + answer

    def _answer(self, request: bytes) -> bytes:
        function = request[0]
        if function not in (1, 2, 3, 4, 5, 6, 15, 16):
            raise _Refused(_ILLEGAL_FUNCTION)
        try:
            address, second = _TWO_WORDS.unpack_from(request, 1)
        except struct.error:
            raise _Refused(_ILLEGAL_VALUE) from None
        tables = self._tables
        match function:
            case 1 | 2:
                bits = tables.coils if function == 1 else tables.discrete
                _check(address, second, len(bits), _MOST_BITS_READ)
                data = bits.raw(address, second)
                return bytes((function, len(data))) + data
            case 3 | 4:
                registers = tables.holding if function == 3 else tables.inputs  # noqa: PLR2004 - the protocol's number
                _check(address, second, len(registers), tables.most_registers)
                data = registers.raw(address, second)
                return bytes((function, len(data))) + data
            case 5:
                if second not in (_ON, _OFF):
                    raise _Refused(_ILLEGAL_VALUE)
                _check(address, 1, len(tables.coils), 1)
                tables.coils[address] = second == _ON
            case 6:
                _check(address, 1, len(tables.holding), 1)
                tables.holding.put_raw(address, request[3:5])
            case 15:
                _check(address, second, len(tables.coils), _MOST_BITS_WRITTEN)
                tables.coils.put_raw(address, second, _payload(request, (second + 7) // 8))
            case _:
                _check(address, second, len(tables.holding), _MOST_REGISTERS_WRITTEN)
                tables.holding.put_raw(address, _payload(request, 2 * second))
        self._written()
        return request[:5]


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: ModbusServer) -> None:
        self._server = server
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer the whole frames that have arrived; a stream that is no Modbus is cut."""
        assert self._transport is not None  # noqa: S101 - asyncio calls connection_made first
        waiting = self._waiting + data
        while len(waiting) > _MBAP.size:
            length = int.from_bytes(waiting[4:6], "big")
            if not 2 <= length <= _LONGEST_PDU + 1:  # noqa: PLR2004 - unit and function at least
                self._transport.abort()
                return
            frame, rest = waiting[: 6 + length], waiting[6 + length :]
            if len(frame) < 6 + length:
                break
            if (reply := self._server.reply(frame)) is not None:
                self._transport.write(reply)
            waiting = rest
        self._waiting = waiting


def _check(address: int, count: int, there: int, most: int) -> None:
    """Refuse as V1.1b3's state diagrams do: first the quantity, then the address."""
    if not 1 <= count <= most:
        raise _Refused(_ILLEGAL_VALUE)
    if address + count > there:
        raise _Refused(_ILLEGAL_ADDRESS)


def _payload(request: bytes, size: int) -> bytes:
    data = request[6:]
    if len(data) != size or request[5] != size:
        raise _Refused(_ILLEGAL_VALUE)
    return data
