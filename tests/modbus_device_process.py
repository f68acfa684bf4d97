"""The process behind :class:`tests.modbus_device.ModbusDevice`: a small Modbus TCP server over numpy register banks.

Written from the MODBUS Application Protocol V1.1b3 and the Messaging on TCP/IP guide V1.0b, apart from the driver.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import sys
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, cast

import numpy as np
import numpy.typing as npt

_HEADER = struct.Struct(">HHHB")
_TWO = struct.Struct(">HH")
_KIND_OF = {1: "coil", 2: "discrete", 3: "holding", 4: "input", 5: "coil", 6: "holding", 15: "coil", 16: "holding"}
_READS_BITS, _READS_REGISTERS = (1, 2), (3, 4)
_WRITES = (5, 6, 15, 16)
_STRAY = b"\xde\xad"


@dataclass(slots=True)
class Switches:
    """Ways to misbehave. Numbers that count go down to 0 as they are used up."""

    byte_by_byte: float = 0
    """1: every byte of a reply goes out in a packet of its own."""
    together: float = 0
    """n: replies are held until n of them go out in one packet."""
    stray_transaction: float = 0
    """n: the next n replies are each preceded by one of another transaction id, filled with 0xDEAD."""
    stray_unit: float = 0
    """n: as before, with another unit id."""
    stray_protocol: float = 0
    """n: the next n replies carry protocol id 7."""
    delay: float = 0
    """Seconds that replies are held back."""
    delayed: float = 0
    """How many replies ``delay`` is for."""
    spared: float = 0
    """How many replies go out in time before ``delay`` begins."""
    backwards: float = 0
    """1: of two requests that arrive together, the later is answered first."""
    short: float = 0
    """n: the next n replies to reads lack their last register."""
    silent: float = 0
    """1: requests are read and never answered."""
    forgetful: float = 0
    """1: writes are acknowledged and thrown away."""
    highest: float = 0
    """n: registers that are written are held at n at most."""
    overwritten: float = 0
    """n: after each of the next n writes another master writes, too: a register one more, a coil the other way."""
    reset_after_write: float = 0
    """n: the connection is reset once each of the next n writes is acknowledged."""
    singles_only: float = 0
    """1: functions 15 and 16 are exception 1."""
    longest: float = 0
    """n: a read of more than n registers or bits is exception 3."""


@dataclass(slots=True)
class Refusal:
    """Requests that touch ``first`` to ``last`` get exception ``code`` (0: no answer at all)."""

    kind: str
    first: int
    last: int
    code: int
    times: int


@dataclass(slots=True)
class Device:
    """Registers, switches and counters."""

    unit: int
    switches: Switches = field(default_factory=Switches)
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    functions: Counter[int] = field(default_factory=Counter[int])
    reads: deque[tuple[str, int, int]] = field(default_factory=lambda: deque[tuple[str, int, int]](maxlen=256))
    writes: deque[tuple[str, int, int]] = field(default_factory=lambda: deque[tuple[str, int, int]](maxlen=256))
    links: set[Link] = field(default_factory=lambda: cast("set[Link]", set()))
    accepted: int = 0
    banks: dict[str, npt.NDArray[np.generic]] = field(
        default_factory=lambda: {
            "coil": np.zeros(65536, np.uint8),
            "discrete": np.zeros(65536, np.uint8),
            "holding": np.zeros(65536, ">u2"),
            "input": np.zeros(65536, ">u2"),
        }
    )

    def answer(self, pdu: bytes) -> bytes | None:
        """Give the reply's PDU, or None for silence."""
        function = pdu[0]
        self.functions[function] += 1
        if self.switches.silent:
            return None
        if function not in _KIND_OF or (function in (15, 16) and self.switches.singles_only):
            return bytes((function | 0x80, 1))
        address, second = _TWO.unpack_from(pdu, 1)
        count = 1 if function in (5, 6) else second
        code = self._refusal(function, address, count)
        if code is not None:
            return bytes((function | 0x80, code)) if code else None
        if function in _READS_BITS or function in _READS_REGISTERS:
            return self._read(function, address, count)
        self.writes.append((_KIND_OF[function], address, count))
        if not self.switches.forgetful:
            self._write(pdu, address, second)
            self._spoil(_KIND_OF[function], address, count)
        return pdu[:5]

    def _refusal(self, function: int, address: int, count: int) -> int | None:
        """Give the exception code that this request gets, 0 for silence."""
        kind = _KIND_OF[function]
        if function in _READS_BITS or function in _READS_REGISTERS:
            self.reads.append((kind, address, count))
            most = self.switches.longest or (2000 if function in _READS_BITS else 125)
            if not 1 <= count <= most:
                return 3
        if address + count > 65536:
            return 2
        for refusal in self.refusals:
            if refusal.kind == kind and refusal.first < address + count and address <= refusal.last:
                if refusal.times == 1:
                    self.refusals.remove(refusal)
                refusal.times -= 1 if refusal.times else 0
                return refusal.code
        return None

    def _read(self, function: int, address: int, count: int) -> bytes:
        chosen = self.banks[_KIND_OF[function]][address : address + count]
        packed = np.packbits(chosen.astype(np.uint8), bitorder="little") if function in _READS_BITS else chosen
        data = packed.tobytes()
        if self.switches.short:
            self.switches.short -= 1
            data = data[:-2]
        return bytes((function, len(data))) + data

    def _write(self, pdu: bytes, address: int, second: int) -> None:
        bank = self.banks[_KIND_OF[pdu[0]]]
        match pdu[0]:
            case 5:
                bank[address] = second == 0xFF00
            case 6:
                bank[address] = second
            case 15:
                bits = np.frombuffer(pdu, np.uint8, offset=6)
                bank[address : address + second] = np.unpackbits(bits, bitorder="little")[:second]
            case _:
                bank[address : address + second] = np.frombuffer(pdu, ">u2", offset=6)

    def _spoil(self, kind: str, address: int, count: int) -> None:
        """Let registers hold something else than what was written."""
        switches, bank = self.switches, self.banks[kind]
        if switches.highest and kind == "holding":
            bank[address : address + count] = np.minimum(bank[address : address + count], int(switches.highest))
        if switches.overwritten:
            switches.overwritten -= 1
            bank[address] = 1 - int(bank[address]) if kind == "coil" else int(bank[address]) + 1


class Link(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, device: Device) -> None:
        """Serve ``device``."""
        self._device = device
        self._waiting = b""
        self._held: list[bytes] = []
        self._wrote = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the client in."""
        self.transport = cast("asyncio.Transport", transport)
        self._device.links.add(self)
        self._device.accepted += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the client out."""
        del exc
        self._device.links.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer the whole requests that have arrived."""
        data = self._waiting + data
        start = 0
        replies: list[bytes] = []
        while len(data) - start >= _HEADER.size:
            transaction, _, length, unit = _HEADER.unpack_from(data, start)
            end = start + 6 + length
            if end > len(data):
                break
            if unit == self._device.unit:
                replies += self._replies(transaction, unit, data[start + 7 : end])
            start = end
        self._waiting = data[start:]
        if replies and self._device.switches.reset_after_write and self._wrote:
            self._device.switches.reset_after_write -= 1
            self._send(replies)
            assert self.transport is not None
            self.transport.close()
        elif replies:
            self._send(replies[::-1] if self._device.switches.backwards else replies)

    def _replies(self, transaction: int, unit: int, request: bytes) -> list[bytes]:
        switches = self._device.switches
        pdu = self._device.answer(request)
        self._wrote = request[0] in _WRITES
        if pdu is None:
            return []
        replies: list[bytes] = []
        stray = pdu[:2] + _STRAY * (len(pdu) // 2 - 1)
        if switches.stray_transaction:
            switches.stray_transaction -= 1
            replies.append(_HEADER.pack((transaction + 1) & 0xFFFF, 0, len(stray) + 1, unit) + stray)
        if switches.stray_unit:
            switches.stray_unit -= 1
            replies.append(_HEADER.pack(transaction, 0, len(stray) + 1, unit ^ 1) + stray)
        protocol = 0
        if switches.stray_protocol:
            switches.stray_protocol -= 1
            protocol = 7
        reply = _HEADER.pack(transaction, protocol, len(pdu) + 1, unit) + pdu
        if switches.delayed and not switches.spared:
            switches.delayed -= 1
            asyncio.get_running_loop().call_later(switches.delay, self._late, reply)
        else:
            switches.spared = max(0, switches.spared - 1)
            replies.append(reply)
        return replies

    def _late(self, reply: bytes) -> None:
        assert self.transport is not None
        if not self.transport.is_closing():
            self.transport.write(reply)

    def _send(self, replies: list[bytes]) -> None:
        assert self.transport is not None
        switches = self._device.switches
        if switches.together:
            self._held += replies
            if len(self._held) < switches.together:
                return
            replies, self._held = self._held, []
        data = b"".join(replies)
        if switches.byte_by_byte:
            for position in range(len(data)):  # Nagle is off: each write is a packet
                self.transport.write(data[position : position + 1])
        else:
            self.transport.write(data)


class Control(asyncio.Protocol):
    """The test's own connection: JSON lines."""

    def __init__(self, device: Device) -> None:
        """Steer ``device``."""
        self._device = device
        self._waiting = b""
        self._transport: asyncio.Transport | None = None
        self._ramp: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Obey whole lines."""
        assert self._transport is not None
        *lines, self._waiting = (self._waiting + data).split(b"\n")
        for line in lines:
            told: dict[str, Any] = json.loads(line)
            action: Callable[..., Any] = getattr(self, f"do_{told.pop('do')}")
            try:
                reply = {"answer": action(**told)}
            except (LookupError, TypeError, ValueError) as error:
                reply = {"error": repr(error)}
            self._transport.write(json.dumps(reply).encode() + b"\n")

    def do_put(self, kind: str, address: int, values: list[int]) -> None:
        """Set registers or bits."""
        self._device.banks[kind][address : address + len(values)] = values

    def do_get(self, kind: str, address: int, count: int) -> list[int]:
        """Give registers or bits."""
        return self._device.banks[kind][address : address + count].tolist()

    def do_refuse(self, kind: str, first: int, last: int, code: int, times: int) -> None:
        """Begin to refuse."""
        self._device.refusals.append(Refusal(kind, first, last, code, times))

    def do_behave(self) -> None:
        """Misbehave no more."""
        self._device.refusals.clear()
        self._device.switches = Switches()

    def do_switch(self, **switches: float) -> None:
        """Turn switches."""
        names = {known.name for known in fields(Switches)}
        for name, value in switches.items():
            if name not in names:
                raise KeyError(name)
            setattr(self._device.switches, name, value)

    def do_ramp(self, points: int, every: float) -> None:
        """Let float32 holding registers change."""
        values = np.arange(points, dtype=np.float32)
        wire = self._device.banks["holding"][: 2 * points].view(">f4")
        loop = asyncio.get_running_loop()

        def step() -> None:
            np.add(values, np.float32(0.25), out=values)
            wire[:] = values
            self._ramp = loop.call_later(every, step)

        if self._ramp is not None:
            self._ramp.cancel()
        step()

    def do_counters(self) -> dict[str, Any]:
        """Tell what happened."""
        device = self._device
        return {
            "requests": device.functions.total(),
            "functions": {str(code): count for code, count in device.functions.items()},
            "reads": list(device.reads),
            "writes": list(device.writes),
            "open": len(device.links),
            "accepted": device.accepted,
        }

    def do_cut(self) -> None:
        """Reset every connection."""
        for link in list(self._device.links):
            assert link.transport is not None
            link.transport.abort()


async def _serve(port: int, unit: int) -> None:
    loop = asyncio.get_running_loop()
    device = Device(unit)
    server = await loop.create_server(lambda: Link(device), "127.0.0.1", port)
    control = await loop.create_server(lambda: Control(device), "127.0.0.1", 0)
    ports = {"port": server.sockets[0].getsockname()[1], "control": control.sockets[0].getsockname()[1]}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    # The starter holds the other end of standard input: when it dies, this process ends with it.
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    arguments = argparse.ArgumentParser(description="A Modbus TCP device for tests; prints its ports as JSON.")
    arguments.add_argument("--port", type=int, default=0, help="TCP port at 127.0.0.1; 0 takes a free one")
    arguments.add_argument("--unit", type=int, default=1, help="unit that answers; requests to others are ignored")
    chosen = arguments.parse_args()
    asyncio.run(_serve(chosen.port, chosen.unit))


if __name__ == "__main__":
    main()
