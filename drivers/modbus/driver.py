"""The driver: one connection, scans, and writes that are read back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from core.batch import Batch
from core.errors import ConnectionLost, DeviceError, DeviceRefused
from core.quality import Status
from drivers.contract import BoundPoint, DriverContext, DriverCounters
from drivers.modbus.encoding import Area, Order
from drivers.modbus.link import Exchange, Link, open_link
from drivers.modbus.pdu import (
    MOST_WRITTEN,
    Request,
    data_of,
    exception_of,
    is_done,
    read_request,
    status_of,
    words_of,
    write_coil,
    write_registers,
)
from drivers.modbus.placing import Placed, place
from drivers.modbus.registers import registers_of, truth_of, with_bit
from drivers.modbus.scan import ScanPlan
from drivers.modbus.sections import Part
from drivers.modbus.settings import ModbusSettings

_ON = 1


class ModbusDriver:
    """One unit behind one TCP connection."""

    def __init__(self, settings: ModbusSettings, points: Sequence[BoundPoint], context: DriverContext) -> None:
        """Check what the settings make of the addresses; opens nothing. Raises :class:`~core.errors.AddressError`."""
        self.counters = DriverCounters()
        self._settings = settings
        self._context = context
        self._link: Link | None = None
        self._writing = asyncio.Lock()
        self._proof: Request | None = None
        """A read that the device answered lately: what shows whether a link is alive."""
        place(points, settings)

    async def connect(self) -> None:
        """Open the connection; one left from before is dropped first. Raises :class:`~core.errors.ConnectionLost`."""
        await self.close()
        settings = self._settings
        host, port = settings.endpoint
        try:
            self._link = await open_link(
                host,
                port,
                unit=settings.unit,
                in_flight=settings.in_flight,
                timeout=settings.timeout,
                counters=self.counters,
                now=self._context.now,
            )
        except ConnectionLost as error:
            raise self._lost(error.problem, error.mend) from error

    async def close(self) -> None:
        """Drop the connection."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def plan(self, points: Sequence[BoundPoint]) -> ScanPlan:
        """Plan the blocks of one scan."""
        return ScanPlan(points, self._settings)

    async def read(self, plan: ScanPlan) -> list[Batch]:
        """Read what is due and give all points of the plan. Raises :class:`~core.errors.ConnectionLost`."""
        clock = asyncio.get_running_loop().time
        parts, suspect = plan.due(clock())
        proven = False
        while parts:
            exchange = await self._exchange([part.request for part in parts])
            more = plan.take(parts, exchange, clock(), self.counters)
            if exchange.silent is not None:
                plan.suspect(parts[exchange.silent])
                raise self._no_answer(parts[exchange.silent])
            self._proof = next((part.request for part in parts if part.status is Status.GOOD), self._proof)
            proven = True
            parts = more
        if suspect is not None:
            await self._ask_suspect(plan, suspect, proven=proven)
        return plan.batches(self._context.now())

    def explain(self, plan: ScanPlan, status: int) -> str:
        """Say what the device answered, and to which request."""
        part = plan.failed(status)
        return f"{self._reading(part)}: {part.why}" if part is not None else ""

    async def write(self, point: BoundPoint, value: Any) -> None:  # noqa: ANN401 - any value of the point's built-in type
        """Write one value and read it back.

        Raises :class:`~core.errors.DeviceRefused` with the StatusCode, or :class:`~core.errors.ConnectionLost`.
        """
        (placed,) = place([point], self._settings)
        if not placed.address.area.is_writable:
            problem = f"{placed.address.text}: Modbus has no way to write a {placed.address.area.noun}"
            raise DeviceRefused(problem, Status.BAD_NOT_WRITABLE, device=self._context.device)
        async with self._writing:  # a bit is written by reading its register first: no other write in between
            try:
                await self._write(placed, value)
            except DeviceRefused as error:
                problem = f"{placed.address.text}: {error.problem}"
                raise DeviceRefused(problem, error.status, device=self._context.device, mend=error.mend) from error

    async def listen(self, publish: Callable[[Batch], None]) -> None:
        """Refuse: a Modbus device never sends on its own (the manifest does not declare LISTENING)."""
        del publish
        problem = "Modbus devices answer and never send on their own"
        raise DeviceError(problem, device=self._context.device)

    async def _ask_suspect(self, plan: ScanPlan, part: Part, *, proven: bool) -> None:
        """Ask what was not answered before; its silence is its own only on a link that is seen to be alive."""
        if not proven and self._proof is not None and self._proof is not part.request:
            if (await self._exchange([self._proof])).silent is not None:
                raise self._no_answer(part)
            proven = True
        clock = asyncio.get_running_loop().time
        exchange = await self._exchange([part.request])
        if exchange.silent is None:
            plan.take([part], exchange, clock(), self.counters)
        elif not proven:
            raise self._no_answer(part)
        else:
            self.counters.request_errors += 1
            plan.stay_silent(part, clock())

    async def _write(self, placed: Placed, value: object) -> None:
        address, order, start = placed.address, placed.order, placed.span.start
        multiple = self._settings.write_functions == "multiple"
        if address.area is Area.COIL:
            state = truth_of(value)
            await self._order(write_coil(start, value=state, multiple=multiple))
            expected = bytes((_ON if state else 0,))
        else:
            if address.bit is None:
                words = registers_of(value, address.encoding, order, address.length)
                if len(words) > MOST_WRITTEN:
                    problem = f"the value takes {len(words)} registers, one write holds {MOST_WRITTEN}"
                    raise DeviceRefused(problem, Status.BAD_NOT_WRITABLE)
            else:
                words = [await self._with_bit(start, address.bit, order, value=truth_of(value))]
            await self._order(write_registers(start, words, multiple=multiple))
            expected = b"".join(word.to_bytes(2, "big") for word in words)
        if self._settings.read_back:
            await self._verify(address.area, start, address.count, expected)

    async def _with_bit(self, start: int, bit: int, order: Order, *, value: bool) -> int:
        register = int.from_bytes(await self._fetch(read_request(Area.HOLDING, start, 1)), "big")
        return with_bit(register, bit, order, value=value)

    async def _verify(self, area: Area, start: int, count: int, expected: bytes) -> None:
        """Compare what the device holds now with what it was given, register by register."""
        data = await self._fetch(read_request(area, start, count))
        if area.is_bits:
            data = bytes((data[0] & _ON,))
        if data != expected:
            problem = f"the device acknowledged the write and holds 0x{data.hex()} instead of 0x{expected.hex()}"
            mend = "it may limit or ignore the value; set read_back: false if it changes it on purpose"
            raise DeviceRefused(problem, Status.BAD_DEVICE_FAILURE, mend=mend)

    async def _order(self, request: Request) -> None:
        reply = await self._ask(request)
        if not is_done(request, reply):
            raise self._refusal(request, reply)

    async def _fetch(self, request: Request) -> bytes:
        reply = await self._ask(request)
        data = data_of(request, reply)
        if data is None:
            raise self._refusal(request, reply)
        return data

    async def _ask(self, request: Request) -> bytes:
        exchange = await self._exchange([request])
        reply = exchange.replies[0]
        if reply is None:
            problem = f"no answer to function {request.pdu[0]} within {self._settings.timeout:g} s"
            raise self._lost(problem, "the device may be off, or may have taken the value without saying so")
        return reply

    async def _exchange(self, requests: Sequence[Request]) -> Exchange:
        if self._link is None:
            problem = "not connected"
            raise self._lost(problem)
        try:
            return await self._link.exchange(requests)
        except ConnectionLost as error:
            raise self._lost(error.problem, error.mend) from error

    def _refusal(self, request: Request, reply: bytes) -> DeviceRefused:
        code = exception_of(request, reply)
        self.counters.request_errors += 1
        self.counters.bus_errors += code is None
        return DeviceRefused(words_of(code), status_of(code))

    def _no_answer(self, part: Part) -> ConnectionLost:
        self.counters.request_errors += 1
        problem = f"no answer within {self._settings.timeout:g} s to {self._reading(part)}"
        return self._lost(problem, "check that the device is on and that the unit number is right")

    def _reading(self, part: Part) -> str:
        block = part.block
        noun = f"{block.count} {block.area.noun}" + ("s" if block.count > 1 else "")
        return f"reading {noun} from protocol address {block.address} of unit {self._settings.unit}"

    def _lost(self, problem: str, mend: str = "") -> ConnectionLost:
        return ConnectionLost(problem, device=self._context.device, mend=mend)
