"""The driver: one connection, scans, and writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from core.batch import Batch
from core.errors import AnswerOverdue, ConnectionLost, DeviceError, DeviceRefused
from core.quality import Status
from drivers.contract import BoundPoint, DriverContext, DriverCounters
from drivers.modbus.encoding import Area
from drivers.modbus.link import Exchange, Link, open_link
from drivers.modbus.orders import WriteOrder, merge, order_of
from drivers.modbus.pdu import (
    DIVISIBLE,
    Request,
    data_of,
    exception_of,
    is_done,
    read_request,
    status_of,
    words_of,
)
from drivers.modbus.placing import Placed, place
from drivers.modbus.registers import with_bit
from drivers.modbus.scan import ScanPlan
from drivers.modbus.sections import Part
from drivers.modbus.settings import ModbusSettings

_ABOUT_A_PART = DIVISIBLE | {1}
"""Exceptions to a block's write after which its values are written one by one: 01 may mean function 16 alone."""


class _Refusal(DeviceRefused):
    """What a device answered with an exception; ``code`` None: with what is no reply to the request."""

    def __init__(self, problem: str, status: int, code: int | None) -> None:
        super().__init__(problem, status)
        self.code = code


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
        """Write one value by one request.

        Raises :class:`~core.errors.DeviceRefused` with the StatusCode, :class:`~core.errors.AnswerOverdue` or
        :class:`~core.errors.ConnectionLost`.
        """
        (error,) = await self.write_group([(point, value)])
        if error is not None:
            raise error

    async def write_group(self, writes: Sequence[tuple[BoundPoint, Any]]) -> list[DeviceError | None]:
        """Write values in their order, neighbours by one request; see :class:`~drivers.contract.GroupWriter`."""
        placed = place([point for point, _ in writes], self._settings)
        answers: dict[int, DeviceError | None] = {}
        orders: list[WriteOrder] = []
        for member, (one, (_, value)) in enumerate(zip(placed, writes, strict=True)):
            try:
                orders.append(order_of(member, one, value))
            except DeviceRefused as error:
                answers[member] = self._about(one, error)
        async with self._writing:  # a bit is written by reading its register first: no other write in between
            for order in merge(orders, self._settings):
                try:
                    await self._send(order, orders, placed, answers)
                except ConnectionLost as error:
                    answers |= dict.fromkeys(order.members, error)
                    return [answers.get(member) for member in range(order.members[-1] + 1)]
        return [answers.get(member) for member in range(len(writes))]

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

    async def _send(
        self,
        order: WriteOrder,
        singles: Sequence[WriteOrder],
        placed: Sequence[Placed],
        answers: dict[int, DeviceError | None],
    ) -> None:
        """Send one request and note what it means for its members."""
        multiple = self._settings.write_functions == "multiple"
        try:
            if order.bit is not None:
                order = await self._with_bit(order, order.bit)
            await self._order(order.request(multiple=multiple))
        except _Refusal as error:
            if len(order.members) > 1 and error.code in _ABOUT_A_PART:
                # Whom it concerns is only known once each is asked for alone: the answers are those of single writes.
                for single in singles:
                    if single.members[0] in order.members:
                        await self._send(single, singles, placed, answers)
                return
            for member in order.members:
                answers[member] = self._about(placed[member], error)

    def _about(self, placed: Placed, error: DeviceRefused) -> DeviceRefused:
        problem = f"{placed.address.text}: {error.problem}"
        return DeviceRefused(problem, error.status, device=self._context.device, mend=error.mend)

    async def _with_bit(self, order: WriteOrder, placed: Placed) -> WriteOrder:
        bit = placed.address.bit
        assert bit is not None  # noqa: S101 - the order is a bit's
        register = int.from_bytes(await self._fetch(read_request(Area.HOLDING, order.start, 1)), "big")
        word = with_bit(register, bit, placed.order, value=bool(order.content[0]))
        return replace(order, content=(word,), bit=None)

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
            self.counters.request_errors += 1
            problem = f"no answer to function {request.pdu[0]} within {self._settings.timeout:g} s"
            mend = "the device may be off, or may have taken the value without saying so"
            raise AnswerOverdue(problem, device=self._context.device, mend=mend)
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
        return _Refusal(words_of(code), status_of(code), code)

    def _no_answer(self, part: Part) -> AnswerOverdue:
        self.counters.request_errors += 1
        problem = f"no answer within {self._settings.timeout:g} s to {self._reading(part)}"
        mend = "check that the device is on and that the unit number is right"
        return AnswerOverdue(problem, device=self._context.device, mend=mend)

    def _reading(self, part: Part) -> str:
        block = part.block
        noun = f"{block.count} {block.area.noun}" + ("s" if block.count > 1 else "")
        return f"reading {noun} from protocol address {block.address} of unit {self._settings.unit}"

    def _lost(self, problem: str, mend: str = "") -> ConnectionLost:
        return ConnectionLost(problem, device=self._context.device, mend=mend)
