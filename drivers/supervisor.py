"""One device's supervisor: it connects, scans or listens, writes back, and says how the device is.

The supervisor owns the device's state; the driver only talks to the device. One task serves the device, and whatever a
driver raises, a programming error too, ends in a pause and another try: no device can stop another.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.backoff import Backoff
from core.batch import Batch, SlotArray
from core.errors import ConnectionLost, DeviceRefused
from core.quality import Status
from drivers.contract import BoundPoint, Capability, DeviceSettings, Driver, DriverContext, DriverCounters, Manifest
from drivers.health import DeviceHealth, HealthListener
from drivers.supervision.ageing import Ageing
from drivers.supervision.answers import Answers, Extent
from drivers.supervision.asked_writes import AskedWrites
from drivers.supervision.clock import Clock, LoopClock, Pause
from drivers.supervision.condition import Condition
from drivers.supervision.diagnostics import Diagnostics, State
from drivers.supervision.guard import Guard
from drivers.supervision.journal import Journal
from drivers.supervision.schedule import Group, Schedule, group
from drivers.supervision.verified_writes import Surroundings
from drivers.supervision.write_queue import AskedWrite

Publish = Callable[[Batch], object]
"""Takes a batch in, as ``ProcessImage.apply`` does."""
_LARGE_SCAN = 10_000
"""Samples of one scan from which on others have their turn before each of its batches is taken in."""
Mark = Callable[[SlotArray, int, int], None]
"""Gives slots a StatusCode at a moment (DateTime ticks) and leaves their values, as ``ProcessImage.mark`` does."""

_GRACE = 0.25  # seconds that a driver's own timeout, whose error says more, has before the guard steps in


class Supervisor:
    """Serves one device from :meth:`start` to :meth:`stop`.

    ``points``: everything bound to the device. ``publish`` takes every batch; ``mark`` gives slots a StatusCode.
    ``base``: the configuration's folder. All methods run on the event loop.
    """

    def __init__(
        self,
        device: str,
        manifest: Manifest,
        settings: DeviceSettings,
        points: Sequence[BoundPoint],
        publish: Publish,
        mark: Mark,
        *,
        base: Path = Path(),
        clock: Clock | None = None,
    ) -> None:
        """Open nothing yet."""
        self.device = device
        self.points = tuple(points)
        self._manifest, self._settings = manifest, settings
        self._publish, self._mark = publish, mark
        self._clock: Clock = clock or LoopClock()
        self._context = DriverContext(device, base, self._clock.now)
        self._driver: Driver | None = None
        self._diagnostics = Diagnostics()
        self._journal = Journal(device)
        self._condition = Condition(device, self._clock, self._journal)
        polled = Capability.POLLED in manifest.capabilities
        self._listens = Capability.LISTENING in manifest.capabilities
        self._groups: list[Group] = group(self.points) if polled else []
        self._schedule = Schedule(self._groups)
        self._answers = Answers(device, self._groups, settings.retry, settings.retry_longest)
        self._planned = False
        # Only a device that speaks on its own can fall silent on a link that is up; a polled one answers or is lost.
        silence = self._listens and not polled
        self._ageing = Ageing(
            self.points, self._groups, settings.stale, self._give_status, self._clock, watch_silence=silence
        )
        self._backoff = Backoff(settings.retry, settings.retry_longest)
        self._failures = 0
        self._links = 0
        self._contact = False
        self._open = False
        self._broken: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._pause = Pause(self._clock)
        self._life = asyncio.Lock()
        # Scans and writes take it; it is fair, so a write that waits goes before the next scan.
        self._turn = asyncio.Lock()
        around = Surroundings(self._serving, self._guard, self._offer, self._break, self._note)
        self._writes = AskedWrites(
            device, manifest, settings, self._turn, self._clock, self._diagnostics, self._journal, around
        )

    @property
    def state(self) -> State:
        """Give where the supervisor stands."""
        return self._diagnostics.state

    @property
    def health(self) -> DeviceHealth:
        """Give the device's NE107 health."""
        return self._condition.health

    def on_health(self, listener: HealthListener) -> None:
        """Call ``listener`` on every change of health."""
        self._condition.on_change(listener)

    def diagnostics(self) -> Diagnostics:
        """Give the counters as they are now. The object is the supervisor's own: read it, do not change it."""
        counters = self.driver_counters
        self._diagnostics.reads = counters.requests
        self._diagnostics.request_errors = counters.request_errors
        self._diagnostics.late_replies = counters.late_replies
        self._diagnostics.bus_errors = counters.bus_errors
        self._diagnostics.overruns = counters.overruns
        return self._diagnostics

    @property
    def driver_counters(self) -> DriverCounters:
        """Give what only the driver counts; all zero before the first try to connect."""
        return self._driver.counters if self._driver is not None else DriverCounters()

    async def start(self) -> None:
        """Begin to serve the device and return at once: a device that is not there holds nobody up."""
        async with self._life:
            if self._task is None:
                self._begin()

    async def stop(self) -> None:
        """Close the link and mark the points BadOutOfService. Safe before :meth:`start`, and twice."""
        async with self._life:
            if self._task is not None:
                await self._halt(self._task)
                self._ageing.discard()
                self._condition.become(DeviceHealth.CHECK_FUNCTION, "stopped")

    async def restart(self) -> None:
        """Drop the link and connect again at once, whatever the state; start when stopped."""
        async with self._life:
            if self._task is not None:
                await self._halt(self._task)
                self._ageing.lose()
                self._backoff.reset()
                self._failures = 0
            self._begin()

    async def write(self, point: BoundPoint, value: Any) -> int:  # noqa: ANN401 - any value of a built-in type
        """Write ``value`` (engineering units) to the device and give the StatusCode that says how it went.

        Good: the device holds it, and the process image shows so. GoodCompletesAsynchronously: the device, or the bus,
        has taken it, and it was not read back. BadNotWritable, BadTypeMismatch, BadOutOfRange, BadNoCommunication (the
        device is not connected), BadResourceUnavailable (too many writes wait): nothing was sent. BadTimeout: the
        device did not answer, or the write had no turn in time; BadCommunicationError: the link was lost meanwhile.
        BadDeviceFailure: the device holds something else now. Anything else is the device's own answer. Raises nothing,
        but is cancelled: then a write that waits is not sent, and one that has begun is finished.
        """
        asked = self.submit(point, value)
        try:
            return await asyncio.shield(asked.answer)
        except asyncio.CancelledError:
            self.withdraw(asked)
            raise

    def submit(self, point: BoundPoint, value: Any) -> AskedWrite:  # noqa: ANN401 - as write
        """Ask for a write as :meth:`write` does, and wait for nothing: what waits together is written together."""
        return self._writes.submit(point, value)

    def refusal(self, point: BoundPoint, value: Any) -> int:  # noqa: ANN401 - as write
        """Give what a write would be refused with before it is sent; Good where it would be tried."""
        return self._writes.refusal(point, value)

    def withdraw(self, asked: AskedWrite) -> None:
        """Give up a submitted write: it is not sent if it has not begun."""
        self._writes.withdraw(asked)

    def _serving(self) -> Driver | None:
        """Give the driver of a link that is up."""
        return self._driver if self.state is State.RUNNING and self._broken is None else None

    def _note(self, why: str) -> None:
        self._diagnostics.last_error = why

    async def _run(self) -> None:
        """Serve the device, session after session."""
        while True:
            try:
                await self._session()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._failed(ConnectionLost("its driver cancelled itself", device=self.device))
            except Exception as error:  # noqa: BLE001 - no device can stop another, whatever its driver raises
                self._failed(error)
            demoted = self.state is State.DEMOTED
            # Spread also at the longest interval: a thousand demoted devices must not knock together.
            wait = self._settings.retry_longest * random.uniform(0.9, 1.1) if demoted else self._backoff.next()  # noqa: S311 - jitter is no secret
            await self._pause.until(self._clock.monotonic() + wait)

    async def _session(self) -> None:
        """Connect and serve until the link is gone, which is raised."""
        self._broken = None
        self._contact = False
        if self.state is not State.DEMOTED:
            self._diagnostics.state = State.CONNECTING
        if self._driver is None:
            self._driver = self._manifest.make(self._settings, self.points, self._context)
        driver = self._driver
        listening: asyncio.Task[None] | None = None
        self._open = True
        try:
            async with self._guard(driver):
                await driver.connect()
            self._linked(driver)
            if self._listens:
                listening = asyncio.create_task(driver.listen(self._hear), name=f"listen {self.device}")
                listening.add_done_callback(self._listening_ended)
            await self._serve(driver)
        finally:
            if listening is not None:
                listening.cancel()
                await asyncio.wait([listening], timeout=self._settings.timeout + _GRACE)
            await self._close(driver)

    def _linked(self, driver: Driver) -> None:
        if not self._planned:
            for each in self._groups:
                each.plan = driver.plan(each.points)
            self._planned = True
        self._links += 1
        self._diagnostics.reconnects = self._links - 1
        self._diagnostics.state = State.RUNNING
        self._ageing.linked()
        self._answers.restart()
        if not self._groups:
            self._condition.become(DeviceHealth.NORMAL, "connected")

    async def _serve(self, driver: Driver) -> None:
        schedule, clock = self._schedule, self._clock
        schedule.restart(clock.monotonic())
        rested = True
        while self._broken is None:
            now = clock.monotonic()
            due, wake_at = schedule.next(now)
            if due is None:
                await self._pause.until(wake_at)
                rested = True
                continue
            if not rested:
                await asyncio.sleep(0)  # a driver that never waits, scanned too often, must not hold up the others
            missed = due.begin(now)
            await self._scan(driver, due)
            rested = False
            self._diagnostics.missed_scans += missed
            self._condition.pace(missed)
        raise self._broken

    async def _scan(self, driver: Driver, due: Group) -> None:
        clock, known = self._clock, self._diagnostics
        async with self._turn:
            if self._broken is not None:
                return
            began = clock.monotonic()
            try:
                async with self._guard(driver):
                    batches = await driver.read(due.plan)
            except Exception as error:
                known.read_errors += 1
                self._broken = error  # a write that waits must not try the same link once more
                raise
            ended = clock.monotonic()
            large = sum(map(len, batches)) > _LARGE_SCAN
            known.scans += 1
            known.last_scan_duration = (ended - began) * 1e3
            due.last, due.last_at = [], ended
            # Still in turn: what was scanned before a write must not be shown after what the write has read back.
            for batch in batches:
                if large:
                    await asyncio.sleep(0)
                if self._offer(batch):
                    due.last.append(batch)
        if not self._contact:
            self._met()
        changed, refusal = self._answers.judge(due, batches, driver.explain, ended), self._answers.refusal
        if refusal is not None:
            known.last_error = str(refusal)
        if changed:
            self._judged(refusal)

    def _judged(self, refusal: DeviceRefused | None) -> None:
        """Take on what the device's answers are worth now; the log has each change once."""
        if refusal is None:
            self._journal.back("answers")
            self._condition.become(DeviceHealth.NORMAL, "answers")
        else:
            self._journal.lost(refusal)
            # Some groups give values: NE 107 calls a device that does its work, and that someone has to see to,
            # MAINTENANCE_REQUIRED. CHECK_FUNCTION would say that no value of it counts while someone works on it.
            all_refused = self._answers.extent is Extent.ALL
            health = DeviceHealth.FAILURE if all_refused else DeviceHealth.MAINTENANCE_REQUIRED
            self._condition.become(health, refusal.problem)

    def _hear(self, batch: Batch) -> None:
        """Take what a listening device sent."""
        self._ageing.hear(batch)
        self._offer(batch)
        if not self._contact:
            self._reached("sends")

    def _offer(self, batch: Batch) -> bool:
        """Publish; false when it was not taken."""
        self._diagnostics.samples_acquired += len(batch.slots)
        try:
            self._publish(batch)
        except Exception as error:  # noqa: BLE001 - what others do with values must not stop the scans
            self._diagnostics.publish_errors += 1
            self._journal.fault("its values were not taken", error)
            return False
        return True

    def _give_status(self, slots: SlotArray, status: Status) -> None:
        try:
            self._mark(slots, int(status), self._clock.now())
        except Exception as error:  # noqa: BLE001 - as in _offer
            self._diagnostics.publish_errors += 1
            self._journal.fault("its StatusCodes were not taken", error)
        if not self._groups and self.state is State.RUNNING and not self._ageing.any_fresh:
            self._contact = False
            self._condition.become(DeviceHealth.FAILURE, f"nothing heard for {self._settings.stale:g} s")

    def _reached(self, how: str) -> None:
        """Note the first values that a listening device sends in a session, or after a silence."""
        self._met()
        self._journal.back(how)
        self._condition.become(DeviceHealth.NORMAL, how)

    def _met(self) -> None:
        """Note a session's first sign of life: the link works."""
        self._contact = True
        self._failures = 0
        self._backoff.reset()

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._diagnostics.last_error = str(error) or repr(error)
        self._diagnostics.state = State.DEMOTED if self._failures >= self._settings.demote_after else State.BACKOFF
        self._journal.lost(error)
        self._ageing.lose()
        self._condition.become(DeviceHealth.FAILURE, self._diagnostics.last_error)

    def _break(self, error: Exception) -> None:
        """End the session with ``error`` as soon as the device's task runs."""
        if self.state is State.RUNNING and self._broken is None:
            self._broken = error
            self._pause.wake()

    def _listening_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        ended = ConnectionLost("its driver stopped listening", device=self.device)
        self._break(error if isinstance(error, Exception) else ended)

    def _guard(self, driver: Driver) -> Guard:
        counters = driver.counters
        return Guard(self._settings.timeout + _GRACE, lambda: counters.requests)

    async def _close(self, driver: Driver) -> None:
        try:
            async with self._guard(driver):
                await driver.close()
        except Exception as error:  # noqa: BLE001 - by contract it never raises; one that does is told of once
            self._journal.fault("its driver did not close cleanly", error)
        self._open = False

    def _begin(self) -> None:
        self._diagnostics.state = State.CONNECTING
        self._ageing.start()
        self._task = asyncio.create_task(self._run(), name=f"device {self.device}")

    async def _halt(self, task: asyncio.Task[None]) -> None:
        self._ageing.stop()
        self._diagnostics.state = State.STOPPED  # no other write is begun
        await self._writes.stop()
        task.cancel()
        await asyncio.wait([task])
        if self._open and self._driver is not None:  # cancelled while it was closing
            await self._close(self._driver)
        self._task = None
        self._diagnostics.state = State.STOPPED
