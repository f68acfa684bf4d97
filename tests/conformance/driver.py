"""What every driver passes: inherit :class:`DriverConformance`, give a ``device`` fixture, and run.

A test file of a driver reads::

    class TestConformance(DriverConformance):
        @pytest.fixture
        async def device(self) -> AsyncIterator[DeviceUnderTest]:
            async with served_registers() as served:
                yield served  # a DeviceUnderTest

Tests are left out by the capabilities that the manifest declares, by nothing else. Asserts here carry their own
words, because pytest does not rewrite modules that are imported.
"""

from __future__ import annotations

import abc
import asyncio
import importlib
import math
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.batch import Batch
from core.datatypes import DataType
from core.errors import AddressError, ConnectionLost, DeviceRefused
from core.image import ProcessImage
from core.point import Point
from core.quality import Status, is_bad, symbol
from core.time import UNIX_EPOCH_TICKS, now
from drivers.contract import BoundPoint, Capability, DeviceSettings, Driver, DriverContext, Manifest
from drivers.supervision.diagnostics import State
from drivers.supervisor import Supervisor
from tests.waiting import until

_MARGIN = 3.0
"""Seconds that a shared machine may be late."""
_ENDS = 30.0
"""Seconds that tell what ends from what hangs."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A point to bind and the raw value that the device gives; ``value`` None means any value of the type."""

    address: str
    value: Any = None
    status: int = 0
    datatype: DataType | None = None
    """The type the binding table asks for, handed to ``parse_address``."""


@dataclass(frozen=True, slots=True)
class Written:
    """A raw value to write to an address of the device."""

    address: str
    value: Any
    datatype: DataType | None = None


class DeviceUnderTest(abc.ABC):
    """A real device (another process, a real socket, a virtual bus) with what is known of it."""

    manifest: Manifest
    readable: Sequence[Expected]
    """Points with what the device holds; for a listening driver, with what :meth:`speak` sends."""
    unreadable: Sequence[Expected] = ()
    """Points that the device answers with an error, ``status`` being its StatusCode (POLLED, not SIMULATED)."""
    writable: Sequence[Written] = ()
    """Writes that the device takes; each is read back where the driver is POLLED."""
    refused: Sequence[Written] = ()
    """Writes that the device answers with an error; at least one where the driver is WRITABLE."""
    wrong_addresses: Sequence[tuple[str, int]] = ()
    """Texts that are no address, each with the column (from 1) where it goes wrong."""
    base: Path = Path()

    @abc.abstractmethod
    def settings(self) -> DeviceSettings:
        """Give settings that reach the device, with a timeout of some seconds: a busy machine is no dead device."""

    def settings_unreachable(self) -> DeviceSettings:
        """Give settings that reach nothing: a port where no one listens, an interface that does not exist."""
        raise NotImplementedError

    async def die(self) -> None:
        """Stop answering (POLLED): the process killed, the socket closed."""
        raise NotImplementedError

    async def revive(self) -> None:
        """Come back where it was, with the same values (POLLED)."""
        raise NotImplementedError

    async def forget(self) -> None:
        """Acknowledge writes from now on, and throw them away (READ_BACK, not SIMULATED)."""
        raise NotImplementedError

    async def speak(self) -> None:
        """Send every readable point once (LISTENING); called again until all are heard."""
        raise NotImplementedError


def bind(manifest: Manifest, wanted: Sequence[Expected | Written]) -> list[BoundPoint]:
    """Bind addresses to slots 0, 1, … as the gateway's composition does, unscaled and writable."""
    bound: list[BoundPoint] = []
    for slot, expected in enumerate(wanted):
        address = manifest.parse_address(expected.address, expected.datatype)
        point = Point(f"nsu=urn:conformance;s=p{slot}", manifest.datatype_of(address), device="device")
        bound.append(BoundPoint(slot, point, address, scan=0.1, writable=True))
    return bound


@asynccontextmanager
async def connected(device: DeviceUnderTest, points: Sequence[BoundPoint]) -> AsyncGenerator[Driver]:
    """Give a connected driver and close it afterwards."""
    driver = make(device, points)
    await asyncio.wait_for(driver.connect(), _ENDS)
    try:
        yield driver
    finally:
        await driver.close()


@asynccontextmanager
async def supervised(
    device: DeviceUnderTest, points: Sequence[BoundPoint]
) -> AsyncGenerator[tuple[Supervisor, ProcessImage]]:
    """Give a running supervisor of the device and the image it feeds; where it is polled, one scan is done."""
    image = ProcessImage([point.point for point in points], now())
    slow = [replace(point, scan=600.0) for point in points]  # what is shown after a write is no scan's work
    manifest = device.manifest
    supervisor = Supervisor("device", manifest, device.settings(), slow, image.apply, image.mark, base=device.base)
    await supervisor.start()
    try:
        await until(lambda: supervisor.state is State.RUNNING)
        if Capability.POLLED in manifest.capabilities:
            await until(lambda: supervisor.diagnostics().scans > 0)
        yield supervisor, image
    finally:
        await supervisor.stop()


def make(device: DeviceUnderTest, points: Sequence[BoundPoint], settings: DeviceSettings | None = None) -> Driver:
    """Make the driver as the gateway does."""
    context = DriverContext("device", device.base, now)
    return device.manifest.make(settings or device.settings(), points, context)


def check_batch(batch: Batch, points: Sequence[BoundPoint]) -> None:
    """Fail with words where a batch is not what the process image takes."""
    types = {points[int(slot)].point.datatype for slot in batch.slots}
    count = len(batch.slots)
    assert batch.slots.dtype == np.int32, f"slots are {batch.slots.dtype}, int32 is what the image indexes by"
    assert len(types) == 1, f"one batch holds {types}; give one batch a data type"
    datatype = types.pop()
    assert batch.values.shape == (count,), f"{count} slots came with values of shape {batch.values.shape}"
    if datatype.is_object:
        assert batch.values.dtype == np.dtype(object), (
            f"{datatype.symbol} values travel as object, not {batch.values.dtype}"
        )
    else:
        fits = np.can_cast(batch.values.dtype, datatype.dtype, "same_kind")
        assert fits, f"{datatype.symbol} values came as {batch.values.dtype}"
    if not isinstance(batch.status, int):
        assert batch.status.dtype == np.uint32, f"status is {batch.status.dtype}, StatusCodes are uint32"
        assert batch.status.shape == (count,), f"{count} slots came with status of shape {batch.status.shape}"
    if not isinstance(batch.source_time, int):
        assert batch.source_time.dtype == np.int64, (
            f"source_time is {batch.source_time.dtype}, DateTime ticks are int64"
        )
        assert batch.source_time.shape == (count,), f"{count} slots came with times of shape {batch.source_time.shape}"
    assert abs(batch.received - now()) < 3_600 * 10_000_000, "received is not the wall clock in DateTime ticks"
    assert int(np.min(batch.source_time)) > UNIX_EPOCH_TICKS, "source_time is not in DateTime ticks since 1601"


def collect(batches: Sequence[Batch], points: Sequence[BoundPoint]) -> dict[int, tuple[Any, int]]:
    """Give value and status by slot; checks every batch, and fails where a slot comes twice."""
    found: dict[int, tuple[Any, int]] = {}
    for batch in batches:
        check_batch(batch, points)
        statuses = np.broadcast_to(np.asarray(batch.status, np.uint32), batch.slots.shape)
        for slot, value, status in zip(batch.slots.tolist(), batch.values.tolist(), statuses.tolist(), strict=True):
            assert slot not in found, f"slot {slot} was read twice in one scan"
            found[slot] = (value, status)
    return found


def same(value: object, expected: object) -> bool:
    """Compare values; floats by their 32-bit precision."""
    if isinstance(expected, float) and isinstance(value, float | int):
        return math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-9) or (math.isnan(value) and math.isnan(expected))
    return value == expected


def check_values(found: dict[int, tuple[Any, int]], wanted: Sequence[Expected]) -> None:
    """Fail where a point's value or StatusCode is not the device's."""
    for slot, expected in enumerate(wanted):
        value, status = found[slot]
        told = f"{expected.address} gave {value!r} with status 0x{status:08X}"
        assert status == expected.status, f"{told}, not status 0x{expected.status:08X}"
        if expected.value is not None:
            assert same(value, expected.value), f"{told}, not {expected.value!r}"


def _needs(device: DeviceUnderTest, capability: Capability) -> None:
    if capability not in device.manifest.capabilities:
        pytest.skip(f"{device.manifest.name} does not declare {capability.name}")


def _needs_link(device: DeviceUnderTest) -> None:
    if Capability.SIMULATED in device.manifest.capabilities:
        pytest.skip(f"{device.manifest.name} has no link that could fail (SIMULATED)")


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _own_threads() -> set[threading.Thread]:
    # The loop's default executor keeps its idle threads; they are the loop's, not a driver's.
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}


class DriverConformance:
    """The suite. A subclass overrides the ``device`` fixture and adds nothing else."""

    @pytest.fixture
    async def device(self) -> AsyncIterator[DeviceUnderTest]:
        """Give a running device; override this."""
        message = "override the device fixture with one that yields a DeviceUnderTest"
        raise NotImplementedError(message)
        yield  # noqa: PT022 - makes this the generator that overriding fixtures are

    # The card

    async def test_manifest_is_complete(self, device: DeviceUnderTest) -> None:
        manifest = device.manifest
        module = importlib.import_module(f"drivers.{manifest.name}.manifest")
        assert module.MANIFEST is manifest, (
            "drivers/<name>/manifest.py holds the manifest as MANIFEST, under its own name"
        )
        assert manifest.title.strip(), "the title is what people read in lists; give one"
        assert issubclass(manifest.settings, DeviceSettings), "settings derive from DeviceSettings"
        assert manifest.capabilities & (Capability.POLLED | Capability.LISTENING), (
            "a driver is POLLED, LISTENING or both"
        )
        assert manifest.address_examples, "address_examples shows people what an address looks like"

    async def test_readme_tells_every_setting_and_example(self, device: DeviceUnderTest) -> None:
        manifest = device.manifest
        module = importlib.import_module(f"drivers.{manifest.name}.manifest")
        readme = Path(str(module.__file__)).with_name("README.md")
        assert readme.is_file(), f"{readme} is the driver's page; write it"
        text = readme.read_text(encoding="utf-8")
        own = set(manifest.settings.model_fields) - set(DeviceSettings.model_fields)
        untold = sorted(key for key in own if key not in text)
        assert not untold, f"README.md does not say what {', '.join(untold)} does"
        unshown = [example for example in manifest.address_examples if example not in text]
        assert not unshown, f"README.md does not show the addresses {unshown}"

    # Addresses

    async def test_address_examples_parse(self, device: DeviceUnderTest) -> None:
        for text in device.manifest.address_examples:
            address = device.manifest.parse_address(text, None)
            datatype = device.manifest.datatype_of(address)
            assert isinstance(datatype, DataType), f"datatype_of({text!r}) gave {datatype!r}"

    async def test_wrong_addresses_are_named_with_their_column(self, device: DeviceUnderTest) -> None:
        assert device.wrong_addresses, "give a few texts that are no address"
        for text, column in (*device.wrong_addresses, ("", 1)):
            with pytest.raises(AddressError) as raised:
                device.manifest.parse_address(text, None)
            error = raised.value
            assert error.address == text, f"the error of {text!r} names {error.address!r}"
            assert error.problem, f"the error of {text!r} says nothing"
            assert error.column == column, f"{text!r} goes wrong at column {column}, the error says {error.column}"

    async def test_offered_tags_can_be_bound(self, device: DeviceUnderTest) -> None:
        manifest = device.manifest
        offers = manifest.discover(device.settings(), device.base)
        names = [offer.name for offer in offers]
        assert len(set(names)) == len(names), "two tags are offered under one name"
        for offer in offers:
            address = manifest.parse_address(offer.address, offer.datatype)
            assert manifest.datatype_of(address) is offer.datatype, (
                f"{offer.name} is offered as another type than its address"
            )

    # The link

    async def test_close_is_safe_before_connect_and_twice(self, device: DeviceUnderTest) -> None:
        driver = make(device, bind(device.manifest, device.readable))
        await driver.close()
        await driver.connect()
        await driver.close()
        await driver.close()

    async def test_connects_again_after_close(self, device: DeviceUnderTest) -> None:
        driver = make(device, bind(device.manifest, device.readable))
        for _ in range(3):
            await driver.connect()
            await driver.close()

    async def test_nothing_stays_open_after_close(self, device: DeviceUnderTest) -> None:
        points = bind(device.manifest, device.readable)
        async with connected(device, points):
            pass  # what a library opens once for good is open now
        await asyncio.sleep(0)
        files, threads, tasks = _open_files(), _own_threads(), asyncio.all_tasks()
        for _ in range(3):
            async with connected(device, points) as driver:
                if Capability.POLLED in device.manifest.capabilities:
                    await driver.read(driver.plan(points))
        await until(lambda: _open_files() <= files, seconds=30)
        await until(lambda: not (_own_threads() - threads), seconds=30)
        await until(lambda: not [task for task in asyncio.all_tasks() - tasks if not task.done()], seconds=30)

    async def test_a_device_that_is_not_there_is_a_lost_connection(self, device: DeviceUnderTest) -> None:
        _needs_link(device)
        settings = device.settings_unreachable()
        driver = make(device, bind(device.manifest, device.readable), settings)
        began = time.monotonic()
        with pytest.raises(ConnectionLost) as raised:
            await driver.connect()
        took = time.monotonic() - began
        assert took < settings.timeout + _MARGIN, (
            f"connect gave up after {took:.1f} s, its timeout is {settings.timeout} s"
        )
        assert raised.value.problem, "the error says what failed"
        await driver.close()

    async def test_a_device_that_dies_is_a_lost_connection(self, device: DeviceUnderTest) -> None:
        _needs_link(device)
        _needs(device, Capability.POLLED)
        points = bind(device.manifest, device.readable)
        async with connected(device, points) as driver:
            plan = driver.plan(points)
            await driver.read(plan)
            await device.die()
            began = time.monotonic()
            with pytest.raises(ConnectionLost):
                await driver.read(plan)
            took = time.monotonic() - began
            limit = device.settings().timeout + _MARGIN
            assert took < limit, f"read noticed after {took:.1f} s, {limit} s is the most"

    async def test_reads_again_after_the_device_came_back(self, device: DeviceUnderTest) -> None:
        _needs_link(device)
        _needs(device, Capability.POLLED)
        points = bind(device.manifest, device.readable)
        async with connected(device, points) as driver:
            plan = driver.plan(points)
            await device.die()
            with pytest.raises(ConnectionLost):
                await driver.read(plan)
            await driver.close()
            await device.revive()
            await driver.connect()
            check_values(collect(await driver.read(plan), points), device.readable)

    # Reading

    async def test_read_gives_every_planned_point_once_with_its_value(self, device: DeviceUnderTest) -> None:
        _needs(device, Capability.POLLED)
        points = bind(device.manifest, device.readable)
        async with connected(device, points) as driver:
            found = collect(await driver.read(driver.plan(points)), points)
        assert sorted(found) == list(range(len(points))), (
            "read gives every point of the plan, failed ones with their StatusCode"
        )
        check_values(found, device.readable)

    async def test_a_plan_of_some_points_reads_those_alone(self, device: DeviceUnderTest) -> None:
        _needs(device, Capability.POLLED)
        points = bind(device.manifest, device.readable)
        async with connected(device, points) as driver:
            halves = (points[::2], points[1::2])
            for half, plan in [(half, driver.plan(half)) for half in halves if half]:
                found = collect(await driver.read(plan), points)
                assert sorted(found) == [point.slot for point in half], "a plan reads its own points, no others"

    async def test_slots_arrays_are_reused_and_values_are_fresh(self, device: DeviceUnderTest) -> None:
        _needs(device, Capability.POLLED)
        points = bind(device.manifest, device.readable)
        async with connected(device, points) as driver:
            plan = driver.plan(points)
            first, second = await driver.read(plan), await driver.read(plan)
        assert {id(batch.slots) for batch in first} == {id(batch.slots) for batch in second}, (
            "hand out the same slots array each scan: the process image keeps its plan by the array's identity"
        )
        for one in first:
            for other in second:
                assert not np.shares_memory(one.values, other.values), (
                    "a published batch is immutable; use fresh values"
                )

    # Writing

    async def test_what_is_written_is_read_back(self, device: DeviceUnderTest) -> None:
        _needs(device, Capability.WRITABLE)
        assert device.writable, "a WRITABLE device takes at least one write"
        points = bind(device.manifest, device.writable)
        async with connected(device, points) as driver:
            for point, wanted in zip(points, device.writable, strict=True):
                await driver.write(point, wanted.value)
            if Capability.POLLED in device.manifest.capabilities:
                found = collect(await driver.read(driver.plan(points)), points)
                check_values(found, [Expected(wanted.address, wanted.value) for wanted in device.writable])

    async def test_a_refused_read_is_bad_and_explained(self, device: DeviceUnderTest) -> None:
        _needs_link(device)
        _needs(device, Capability.POLLED)
        assert device.unreadable, "give at least one point that the device answers with an error"
        points = bind(device.manifest, (*device.readable, *device.unreadable))
        async with connected(device, points) as driver:
            plan = driver.plan(points)
            check_values(collect(await driver.read(plan), points), (*device.readable, *device.unreadable))
            for expected in device.unreadable:
                assert is_bad(expected.status), f"an error's StatusCode is Bad, not 0x{expected.status:08X}"
                words = driver.explain(plan, expected.status)
                told = f"{expected.address} is Bad, and the driver explains that with {words!r}"
                assert words.strip(), f"{told}; say what the device answered"
                assert len(words.splitlines()) == 1, f"{told}; LastError is one line"
                assert symbol(expected.status) not in words, f"{told}; the supervisor names the StatusCode"

    async def test_a_refused_write_says_why(self, device: DeviceUnderTest) -> None:
        _needs(device, Capability.WRITABLE)
        assert device.refused, "give at least one write that the device refuses"
        points = bind(device.manifest, device.refused)
        async with connected(device, points) as driver:
            for point, wanted in zip(points, device.refused, strict=True):
                with pytest.raises(DeviceRefused) as raised:
                    await driver.write(point, wanted.value)
                told = f"writing {wanted.value!r} to {wanted.address} was refused with 0x{raised.value.status:08X}"
                assert is_bad(raised.value.status), f"{told}; a refusal's StatusCode is Bad"
                assert raised.value.problem, f"{told} and no words"

    async def test_a_write_to_a_dead_device_is_a_lost_connection(self, device: DeviceUnderTest) -> None:
        _needs_link(device)
        _needs(device, Capability.WRITABLE)
        _needs(device, Capability.POLLED)
        points = bind(device.manifest, device.writable)
        async with connected(device, points) as driver:
            await device.die()
            with pytest.raises(ConnectionLost):
                await asyncio.wait_for(driver.write(points[0], device.writable[0].value), _ENDS)

    # Verified writes: what the supervisor makes of the driver

    async def test_a_plan_for_reading_back_leaves_the_scans_plan_alone(self, device: DeviceUnderTest) -> None:
        _needs(device, Capability.READ_BACK)
        _needs(device, Capability.POLLED)
        points = bind(device.manifest, device.writable)
        async with connected(device, points) as driver:
            scanned = driver.plan(points)
            before = {id(batch.slots) for batch in await driver.read(scanned)}
            for point, wanted in zip(points, device.writable, strict=True):
                await driver.write(point, wanted.value)
                found = collect(await driver.read(driver.plan([point])), points)
                assert list(found) == [point.slot], f"a plan of {wanted.address} alone gave the slots {list(found)}"
            batches = await driver.read(scanned)
            assert {id(batch.slots) for batch in batches} == before, "the scan's slots arrays stay the same objects"
            check_values(collect(batches, points), [Expected(one.address, one.value) for one in device.writable])

    async def test_a_verified_write_is_good_when_the_device_holds_it_and_shown_at_once(
        self, device: DeviceUnderTest
    ) -> None:
        _needs(device, Capability.WRITABLE)
        points = bind(device.manifest, device.writable)
        async with supervised(device, points) as (supervisor, image):
            asked = [supervisor.submit(point, one.value) for point, one in zip(points, device.writable, strict=True)]
            for point, wanted, one in zip(points, device.writable, asked, strict=True):
                status = await asyncio.wait_for(one.answer, _ENDS)
                verified = Capability.READ_BACK in device.manifest.capabilities
                good = Status.GOOD if verified else Status.GOOD_COMPLETES_ASYNCHRONOUSLY
                assert status == good, f"writing {wanted.value!r} to {wanted.address} gave {symbol(status)}"
                if verified:
                    shown = image.read(point.slot)
                    told = (
                        f"{wanted.address} shows {shown.value!r} with {symbol(shown.status)} when the write is answered"
                    )
                    assert (shown.status, same(shown.value, wanted.value)) == (Status.GOOD, True), told

    async def test_a_device_that_holds_something_else_is_never_good(self, device: DeviceUnderTest) -> None:
        _needs_link(device)
        _needs(device, Capability.READ_BACK)
        points = bind(device.manifest, device.writable)
        async with supervised(device, points) as (supervisor, image):
            before = [image.read(point.slot).value for point in points]
            await device.forget()
            for point, wanted, held in zip(points, device.writable, before, strict=True):
                assert not same(held, wanted.value), f"let {wanted.address} hold something else than {wanted.value!r}"
                status = await asyncio.wait_for(supervisor.write(point, wanted.value), _ENDS)
                told = f"{wanted.address} was not changed by the device, and the answer is {symbol(status)}"
                assert status == Status.BAD_DEVICE_FAILURE, told
                shown = image.read(point.slot)
                assert same(shown.value, held), f"{wanted.address} shows {shown.value!r}, the device holds {held!r}"

    async def test_refused_writes_in_a_group_are_answered_as_alone(self, device: DeviceUnderTest) -> None:
        _needs(device, Capability.WRITABLE)
        wanted = [*device.writable, *device.refused, *device.writable]
        points = bind(device.manifest, wanted)
        async with supervised(device, points) as (supervisor, _):
            alone = [await supervisor.write(point, one.value) for point, one in zip(points, wanted, strict=True)]
            asked = [supervisor.submit(point, one.value) for point, one in zip(points, wanted, strict=True)]
            together = [await asyncio.wait_for(one.answer, _ENDS) for one in asked]
        assert together == alone, "what is written together is answered as if each had been written alone"

    async def test_a_dead_device_answers_no_write_good_and_holds_none_up(self, device: DeviceUnderTest) -> None:
        _needs_link(device)
        _needs(device, Capability.WRITABLE)
        _needs(device, Capability.POLLED)
        points = bind(device.manifest, device.writable)
        async with supervised(device, points) as (supervisor, _):
            await device.die()
            asked = [supervisor.submit(point, one.value) for point, one in zip(points, device.writable, strict=True)]
            limit = 2 * device.settings().timeout + _MARGIN
            statuses = [await asyncio.wait_for(one.answer, limit) for one in asked]
            allowed = {Status.BAD_TIMEOUT, Status.BAD_COMMUNICATION_ERROR, Status.BAD_NO_COMMUNICATION}
            assert set(statuses) <= allowed, f"a dead device answered {[symbol(status) for status in statuses]}"
            await until(lambda: supervisor.state is not State.RUNNING)
            status = await asyncio.wait_for(supervisor.write(points[0], device.writable[0].value), _MARGIN)
            assert status == Status.BAD_NO_COMMUNICATION, (
                f"a device that is away is refused at once, not {symbol(status)}"
            )

    # Listening

    async def test_what_the_device_sends_is_published(self, device: DeviceUnderTest) -> None:
        _needs(device, Capability.LISTENING)
        points = bind(device.manifest, device.readable)
        async with connected(device, points) as driver:
            for _ in range(2):  # a supervisor listens again after a pause
                heard: dict[int, tuple[Any, int]] = {}

                def publish(batch: Batch, heard: dict[int, tuple[Any, int]] = heard) -> None:
                    heard.update(collect([batch], points))

                listening = asyncio.create_task(driver.listen(publish))

                async def all_heard(heard: dict[int, tuple[Any, int]] = heard) -> bool:
                    await device.speak()
                    return len(heard) == len(points)

                try:
                    await until(all_heard, seconds=30, every=0.1)
                    check_values(heard, device.readable)
                finally:
                    listening.cancel()
                    await asyncio.wait([listening], timeout=30.0)
                assert listening.cancelled(), "listen ends by being cancelled, within seconds"
