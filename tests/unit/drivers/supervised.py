"""A driver that does as a test tells it, and a supervisor around it whose clock the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from core.batch import Batch, SlotArray
from core.datatypes import DataType
from core.errors import ConnectionLost
from core.image import ProcessImage
from core.point import Point
from drivers.contract import BoundPoint, Capability, DeviceSettings, DriverContext, DriverCounters, Manifest
from drivers.supervision.clock import Clock
from drivers.supervisor import Supervisor
from tests.clock import ManualClock, settle

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

POLLED = Capability.POLLED | Capability.WRITABLE
VERIFIED = POLLED | Capability.READ_BACK
LISTENING = Capability.LISTENING | Capability.WRITABLE


@dataclass(eq=False)
class Script:
    """What the driver does next, and what it did. An exception set here is raised by the call of that name."""

    connect: Exception | None = None
    read: BaseException | None = None
    write: Exception | None = None
    close: Exception | None = None
    plan: Exception | None = None
    explain: Exception | None = None
    make: Exception | None = None
    hangs: set[str] = field(default_factory=set[str])
    reading: Callable[[], None] | None = None
    """Called in each read; a slow device moves the clock in it."""
    status: int = 0
    refused: dict[float, int] = field(default_factory=dict[float, int])
    """StatusCodes of the groups of these intervals, instead of ``status``."""
    words: str = ""
    """What the driver explains."""
    extra: list[Batch] = field(default_factory=list[Batch])
    """Given with every read."""
    answer: Any = None
    answers_wrong: bool = False
    """Reads give ``answer`` whatever it is."""
    gate: asyncio.Event | None = None
    """Reads wait for it."""
    connects: list[float] = field(default_factory=list[float])
    closes: int = 0
    reads: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Moment and interval of each read."""
    written: list[tuple[int, Any]] = field(default_factory=list[tuple[int, Any]])
    held: dict[int, Any] | None = None
    """What the device holds by slot: taken from writes, and given by reads instead of their number."""
    keeps: Callable[[Any], Any] = lambda value: value
    """What becomes of a written value in the device."""
    write_gate: asyncio.Event | None = None
    """Writes wait for it."""
    publish: Callable[[Batch], None] | None = None
    ended: asyncio.Future[None] | None = None


class ScriptedDriver:
    """Gives the number of the read as every point's value."""

    def __init__(self, script: Script, context: DriverContext, clock: Clock) -> None:
        self.counters = DriverCounters()
        self._script, self._context, self._clock = script, context, clock
        self._number = 0

    async def connect(self) -> None:
        self._script.connects.append(self._clock.monotonic())
        await self._act("connect", self._script.connect)

    async def close(self) -> None:
        self._script.closes += 1
        await self._act("close", self._script.close)

    def plan(self, points: Sequence[BoundPoint]) -> object:
        if self._script.plan is not None:
            raise self._script.plan
        return points[0].scan, np.array([point.slot for point in points], np.int32)

    async def read(self, plan: Any) -> list[Batch]:
        interval, slots = plan
        script = self._script
        self.counters.requests += 1
        script.reads.append((self._clock.monotonic(), interval))
        if script.reading is not None:
            script.reading()
        if script.gate is not None:
            await script.gate.wait()
        await self._act("read", script.read)
        if script.answers_wrong:
            return script.answer
        self._number += 1
        moment = self._context.now()
        status = script.refused.get(interval, script.status)
        values = np.full(len(slots), self._number, np.float64)
        if script.held is not None:
            values = np.array([script.held.get(slot, 0.0) for slot in slots.tolist()], np.float64)
        return [
            Batch(slots, values, status, moment, moment),
            *script.extra,
        ]

    def explain(self, plan: Any, status: int) -> str:
        del plan, status
        if self._script.explain is not None:
            raise self._script.explain
        return self._script.words

    async def write(self, point: BoundPoint, value: Any) -> None:
        self.counters.requests += 1
        if self._script.write_gate is not None:
            await self._script.write_gate.wait()
        await self._act("write", self._script.write)
        self._script.written.append((point.slot, value))
        if self._script.held is not None:
            self._script.held[point.slot] = self._script.keeps(value)

    async def listen(self, publish: Callable[[Batch], None]) -> None:
        self._script.publish = publish
        self._script.ended = asyncio.get_running_loop().create_future()
        await self._script.ended

    async def _act(self, name: str, error: BaseException | None) -> None:
        if name in self._script.hangs:
            await asyncio.get_running_loop().create_future()
        if error is not None:
            raise error


@dataclass(eq=False)
class Rig:
    """A supervised device: its image, script, clock and supervisor."""

    image: ProcessImage
    script: Script
    clock: ManualClock
    supervisor: Supervisor
    points: list[BoundPoint]
    batches: list[Batch] = field(default_factory=list[Batch])
    marks: list[tuple[float, int, list[int]]] = field(default_factory=list[tuple[float, int, list[int]]])
    """Moment, StatusCode and slots of every mark."""
    refusal: Exception | None = None
    """What the image's side raises instead of taking anything."""

    def statuses(self) -> list[int]:
        return [self.image.read(point.slot).status for point in self.points]

    def status(self) -> int:
        """Give the one StatusCode that all points have."""
        (only,) = set(self.statuses())
        return only

    def send(self, slots: Sequence[int], value: float = 1.0, status: int = 0) -> None:
        """Publish as a listening device does."""
        assert self.script.publish is not None
        moment = self.clock.now()
        self.script.publish(Batch(np.array(slots, np.int32), np.full(len(slots), value), status, moment, moment))


def manifest_of(script: Script, clock: Clock, capabilities: Capability = POLLED) -> Manifest:
    """Make the card of a scripted driver; its addresses are Doubles."""

    def make(_settings: Any, _points: Sequence[BoundPoint], context: DriverContext) -> ScriptedDriver:
        if script.make is not None:
            raise script.make
        return ScriptedDriver(script, context, clock)

    return Manifest(
        "scripted",
        "Scripted",
        DeviceSettings,
        capabilities,
        make,
        lambda text, _datatype: text,
        lambda _address: DataType.DOUBLE,
    )


def bind(scans: Sequence[float], **point: Any) -> list[BoundPoint]:
    """Bind one Double point a scan interval."""
    return [
        BoundPoint(slot, Point(f"nsu=urn:test;s=p{slot}", DataType.DOUBLE, **point), "address", scan, writable=True)
        for slot, scan in enumerate(scans)
    ]


def rig_of(
    scans: Sequence[float] = (1.0, 1.0),
    capabilities: Capability = POLLED,
    settings: dict[str, Any] | None = None,
    clock: ManualClock | None = None,
    **point: Any,
) -> Rig:
    """Make a supervised scripted device, not started; ``stale`` 5 s, ``timeout`` 30 s by the event loop's clock."""
    clock = clock or ManualClock()
    script = Script()
    points = bind(scans, **point)
    image = ProcessImage([each.point for each in points], clock.now())
    rig: Rig

    def publish(batch: Batch) -> None:
        rig.batches.append(batch)
        if rig.refusal is not None:
            raise rig.refusal
        image.apply(batch)

    def mark(slots: SlotArray, status: int, moment: int) -> None:
        rig.marks.append((clock.seconds, status, slots.tolist()))
        assert slots.dtype == np.int32
        if rig.refusal is not None:
            raise rig.refusal
        image.mark(slots, status, moment)

    keys = {"driver": "scripted", "timeout": "30s", "stale": "5s", **(settings or {})}
    supervisor = Supervisor(
        "device",
        manifest_of(script, clock, capabilities),
        DeviceSettings.model_validate(keys),
        points,
        publish,
        mark,
        clock=clock,
    )
    rig = Rig(image, script, clock, supervisor, points)
    return rig


@asynccontextmanager
async def running(rig: Rig) -> AsyncGenerator[Rig]:
    """Start the rig's supervisor and stop it afterwards."""
    await rig.supervisor.start()
    await settle()
    try:
        yield rig
    finally:
        rig.script.hangs.clear()
        if rig.script.gate is not None:
            rig.script.gate.set()
        await rig.supervisor.stop()


def lost(words: str = "no answer") -> ConnectionLost:
    return ConnectionLost(words, device="device")
