"""A supervisor over real sockets: a device of one line a question, which the test stops, cuts and freezes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from core.batch import Batch, SlotArray
from core.datatypes import DataType
from core.errors import ConnectionLost
from core.image import ProcessImage
from core.quality import Status
from core.time import now
from drivers.contract import BoundPoint, Capability, DeviceSettings, DriverContext, DriverCounters, Manifest
from drivers.supervision.diagnostics import State
from drivers.supervisor import Supervisor
from tests.broker import free_port
from tests.unit.drivers.supervised import bind
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class LineDevice:
    """Answers each line with a rising number; with ``answering`` False it takes questions and says nothing."""

    def __init__(self) -> None:
        self.answering = True
        self.asked = 0
        self.links = 0
        self.port = free_port()  # nobody takes it while the device is switched off
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            await until(lambda: not self._writers)
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.links += 1
        try:
            while await reader.readline():
                if self.answering:
                    self.asked += 1
                    writer.write(b"%d\n" % self.asked)
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @property
    def open_links(self) -> int:
        return len(self._writers)


class LineDriver:
    def __init__(self, port: Callable[[], int], timeout: float) -> None:
        self.counters = DriverCounters()
        self._port, self._timeout = port, timeout
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def connect(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                self._streams = await asyncio.open_connection("127.0.0.1", self._port())
        except OSError as error:
            raise ConnectionLost(str(error)) from error

    async def close(self) -> None:
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def plan(self, points: Sequence[BoundPoint]) -> object:
        return np.array([point.slot for point in points], np.int32)

    async def read(self, plan: Any) -> list[Batch]:
        assert self._streams is not None
        reader, writer = self._streams
        self.counters.requests += 1
        try:
            async with asyncio.timeout(self._timeout):
                writer.write(b"?\n")
                line = await reader.readline()
        except OSError as error:
            raise ConnectionLost(str(error) or "no answer") from error
        if not line:
            message = "the device closed the link"
            raise ConnectionLost(message)
        moment = now()
        return [Batch(plan, np.full(len(plan), float(line)), 0, moment, moment)]

    def explain(self, plan: Any, status: int) -> str:
        del plan, status
        return ""

    async def write(self, point: BoundPoint, value: Any) -> None:
        raise NotImplementedError

    async def listen(self, publish: Callable[[Batch], None]) -> None:
        raise NotImplementedError


TIMEOUT = 1.0
STALE = 2.0
MACHINE = 10.0
"""Seconds that a shared machine may be late."""


class Watched:
    """A device, its supervisor and its image; every StatusCode given is kept with its moment."""

    def __init__(self, scan: float) -> None:
        self.device = LineDevice()
        self.points = bind([scan, scan])
        self.image = ProcessImage([point.point for point in self.points], now())
        self.marks: list[tuple[float, int]] = []
        self.heard: list[float] = []
        settings = DeviceSettings.model_validate(
            {"driver": "line", "timeout": f"{TIMEOUT:g}s", "stale": f"{STALE:g}s", "retry": "100ms"}
        )

        def make(given: Any, _points: Sequence[BoundPoint], _context: DriverContext) -> LineDriver:
            return LineDriver(lambda: self.device.port, given.timeout)

        manifest = Manifest(
            "line",
            "Line",
            DeviceSettings,
            Capability.POLLED,
            make,
            lambda text, _datatype: text,
            lambda _address: DataType.DOUBLE,
        )
        self.supervisor = Supervisor("line", manifest, settings, self.points, self._publish, self._mark)

    def _publish(self, batch: Batch) -> None:
        self.heard.append(time.monotonic())
        self.image.apply(batch)

    def _mark(self, slots: SlotArray, status: int, moment: int) -> None:
        self.marks.append((time.monotonic(), status))
        self.image.mark(slots, status, moment)

    @property
    def status(self) -> int:
        return self.image.read(0).status


@asynccontextmanager
async def serving(*all_watched: Watched) -> AsyncGenerator[None]:
    try:
        for watched in all_watched:
            await watched.device.start()
            await watched.supervisor.start()
        await until(lambda: all(watched.status == Status.GOOD for watched in all_watched))
        yield
    finally:
        for watched in all_watched:
            await watched.supervisor.stop()
            await watched.device.stop()


async def test_fault_01_a_device_stops_answering_and_the_other_keeps_its_rate() -> None:
    dead, alive = Watched(0.05), Watched(0.05)
    async with serving(dead, alive):
        alive.heard.clear()
        began = time.monotonic()
        dead.device.answering = False
        await until(lambda: dead.status == Status.BAD_NO_COMMUNICATION)
        last = dead.heard[-1]
        (uncertain_at, uncertain), (bad_at, bad) = dead.marks
        assert (uncertain, bad) == (Status.UNCERTAIN_LAST_USABLE_VALUE, Status.BAD_NO_COMMUNICATION)
        assert uncertain_at - last < 0.05 + TIMEOUT + MACHINE  # one scan and the timeout
        assert bad_at - last < 2 * 0.05 + STALE + MACHINE
        assert dead.image.read(0).value > 0
        rate = len(alive.heard) / (time.monotonic() - began)
        assert rate > 20 * 0.2, "two a second at most, where it waited for the other's timeouts"
        assert alive.status == Status.GOOD
        assert not alive.marks
        dead.device.answering = True
        await until(lambda: dead.status == Status.GOOD)


async def test_fault_02_a_half_open_link_is_noticed_and_one_socket_is_there_afterwards() -> None:
    watched = Watched(0.05)
    async with serving(watched):
        watched.device.answering = False
        began = time.monotonic()
        await until(lambda: watched.status == Status.UNCERTAIN_LAST_USABLE_VALUE)
        assert time.monotonic() - began < 0.05 + TIMEOUT + MACHINE
        watched.device.answering = True
        await until(lambda: watched.status == Status.GOOD)
        await until(lambda: watched.device.open_links == 1)
        assert watched.device.links > 1


async def test_a_device_that_is_switched_off_and_on_comes_back_by_itself() -> None:
    watched = Watched(0.05)
    async with serving(watched):
        await watched.device.stop()
        await until(lambda: watched.status == Status.BAD_NO_COMMUNICATION)
        assert watched.supervisor.state in {State.BACKOFF, State.CONNECTING}
        await watched.device.start()
        await until(lambda: watched.status == Status.GOOD)
        assert watched.supervisor.diagnostics().reconnects == 1
