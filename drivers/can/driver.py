"""The CAN driver: listens to a bus or a log, publishes bound signals, and sends those that are written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from core.batch import Batch
from core.errors import ConnectionLost, DeviceRefused
from core.quality import Status
from drivers.can.address import CanAddress
from drivers.can.bits import size_of
from drivers.can.database import Database, load
from drivers.can.decoder import MessageDecoder, Wanted
from drivers.can.discovery import problem_of
from drivers.can.encoder import encode
from drivers.can.frame import Frame, is_bus_off, is_overrun
from drivers.can.gathering import Gatherer
from drivers.can.links import Link, LiveLink, ReplayLink
from drivers.can.routing import Route, Router
from drivers.can.settings import CanSettings
from drivers.can.url import LogUrl
from drivers.contract import BoundPoint, DriverContext, DriverCounters

_FRAMES_AT_ONCE = 200
"""Frames decoded before the event loop gets its turn: about a millisecond."""
_TURN = 0.002
"""Seconds of publishing after which it gets its turn."""
_CLASSIC_BYTES = 8
_FD_SIZES = (12, 16, 20, 24, 32, 48, 64)


class CanDriver:
    """One bus or log. ``counters``: see the README for what each one counts here."""

    def __init__(self, settings: CanSettings, points: Sequence[BoundPoint], context: DriverContext) -> None:
        """Read the DBC and work out the decoders; nothing is opened.

        Raises :class:`~core.errors.InputError` for a DBC that cannot be used and :class:`~core.errors.AddressError` for
        a signal that it does not have.
        """
        self.counters = DriverCounters()
        self._settings = settings
        self._context = context
        self._database = load(settings, context.base)
        self._router, self._decoders = _routes(self._database, points)
        self._gatherer = Gatherer(self._router)
        self._link: Link | None = None
        self._seen = (0, 0, 0)

    async def connect(self) -> None:
        """Open the bus, or begin the log anew."""
        await self.close()
        source, context = self._settings.source, self._context
        link: LiveLink | ReplayLink
        if isinstance(source, LogUrl):
            link = ReplayLink(context.base / source.path, self._settings, context.device, context.now)
        else:
            link = LiveLink(source, context.device, context.now)
        try:
            async with asyncio.timeout(self._settings.timeout):
                await link.open()
        except TimeoutError:
            await link.close()
            problem = f"{self._settings.url} did not open within {self._settings.timeout} s"
            raise ConnectionLost(problem, device=context.device) from None
        self._seen = (0, self._router.dropped, self._router.short)
        self._link = link

    async def close(self) -> None:
        """End the reader and free the bus."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def plan(self, points: Sequence[BoundPoint]) -> object:  # noqa: ARG002 - the contract's signature
        """Give nothing to plan: a bus is listened to."""
        return None

    async def read(self, plan: object) -> list[Batch]:  # noqa: ARG002 - the contract's signature
        """Give nothing: a bus is listened to."""
        return []

    def explain(self, plan: object, status: int) -> str:  # noqa: ARG002 - the contract's signature
        """Give nothing: a bus is not read."""
        return ""

    async def listen(self, publish: Callable[[Batch], None]) -> None:
        """Publish what arrives until cancelled. Raises :class:`~core.errors.ConnectionLost`: the bus is off or gone."""
        link = self._require()
        while True:
            await link.queue.wait()
            await asyncio.sleep(self._settings.gather)  # what comes meanwhile shares the batch
            while frames := link.queue.take(_FRAMES_AT_ONCE):
                await self._publish(link, frames, publish)
            if link.queue.failure is not None:
                raise ConnectionLost(link.queue.failure, device=self._context.device)

    async def _publish(self, link: Link, frames: Sequence[Frame], publish: Callable[[Batch], None]) -> None:
        bus_off = False
        data: list[Frame] = []
        for frame in frames:
            if not frame.is_error:
                data.append(frame)
                continue
            self.counters.bus_errors += 1
            self.counters.overruns += is_overrun(frame)
            bus_off = bus_off or is_bus_off(frame)
        self.counters.requests += len(data)
        began = time.monotonic()
        for batch in self._gatherer.batches(data, self._context.now()):
            publish(batch)
            if time.monotonic() - began > _TURN:
                await asyncio.sleep(0)
                began = time.monotonic()
        self._count(link)
        await asyncio.sleep(0)
        if bus_off and isinstance(link, LiveLink):
            problem = "the controller is bus-off: it sent too many faulty frames and left the bus"
            mend = "check bit rate, termination and wiring; 'ip link set can0 type can restart-ms 100' lets it return"
            raise ConnectionLost(problem, device=self._context.device, mend=mend)

    def _count(self, link: Link) -> None:
        """Add what link and router counted since the last look."""
        strays, dropped, short = self._seen
        self._seen = (link.strays, self._router.dropped, self._router.short)
        self.counters.request_errors += sum(self._seen) - strays - dropped - short
        self.counters.overruns += link.queue.dropped
        link.queue.dropped = 0

    async def write(self, point: BoundPoint, value: object) -> None:
        """Send the point's message with ``value`` in its signal and the other signals as they were last, else zero.

        Raises :class:`~core.errors.DeviceRefused` or :class:`~core.errors.ConnectionLost`.
        """
        address: CanAddress = point.address
        if isinstance(self._settings.source, LogUrl):
            problem = f"{address} comes from a recorded log; there is no one to write to"
            raise DeviceRefused(problem, Status.BAD_NOT_WRITABLE, device=self._context.device)
        link = self._require()
        message = self._database.messages[address.message]
        if message.by_pgn:
            problem = f"{address} is a J1939 or NMEA 2000 parameter group; sending one takes a claimed address"
            raise DeviceRefused(problem, Status.BAD_NOT_SUPPORTED, device=self._context.device)
        decoder = self._decoders[address.message, address.source]
        payload = decoder.last or bytes(size_of(message.signals.values(), message.length))
        data = encode(message, message.signals[address.signal], value, payload)[: max(message.length, 1)]
        if len(data) > _CLASSIC_BYTES and len(data) not in _FD_SIZES:
            problem = f"{message.name} has {len(data)} bytes, which no CAN frame has"
            raise DeviceRefused(problem, Status.BAD_NOT_SUPPORTED, device=self._context.device)
        if isinstance(link, LiveLink):
            before, sent = decoder.last, data.ljust(len(payload), b"\0")
            decoder.last = sent
            try:
                await link.send(message.key, data)
            except BaseException:
                if decoder.last is sent:  # what was not sent must not go out with the next write
                    decoder.last = before
                raise

    def _require(self) -> Link:
        if self._link is None:
            problem = "the bus is not open"
            raise ConnectionLost(problem, device=self._context.device)
        return self._link


def _routes(
    database: Database, points: Sequence[BoundPoint]
) -> tuple[Router, dict[tuple[str, int | None], MessageDecoder]]:
    wanted: dict[tuple[str, int | None], list[Wanted]] = {}
    for point in points:
        address: CanAddress = point.address
        problem = problem_of(database, address)
        if problem is not None:
            raise problem
        signal = database.messages[address.message].signals[address.signal]
        bound = Wanted(point.slot, point.point.datatype, signal)
        wanted.setdefault((address.message, address.source), []).append(bound)
    decoders = {
        (message, source): MessageDecoder(database.messages[message], members, database.not_available)
        for (message, source), members in wanted.items()
    }
    router = Router(Route(decoder, source) for (_, source), decoder in decoders.items())
    return router, decoders
