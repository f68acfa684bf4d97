"""The driver on a real bus between two processes (python-can's multicast bus), on virtual buses and on logs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import can
import pytest

from core.batch import Batch
from core.errors import AddressError, ConnectionLost, DeviceRefused, InputError
from core.quality import Status
from core.time import TICKS_PER_SECOND, now
from drivers.can.driver import CanDriver
from drivers.can.settings import CanSettings
from drivers.contract import BoundPoint, Driver, DriverContext
from tests.loop_monitor import held_each_time
from tests.unit.drivers.can.dbc import bind, settings, write_dbc
from tests.unit.drivers.can.peer import station
from tests.waiting import until


class Heard:
    """What a driver published: the last value of each slot and how many values came."""

    def __init__(self) -> None:
        self.values: dict[int, object] = {}
        self.history: dict[int, list[object]] = {}
        self.batches: list[Batch] = []

    def __call__(self, batch: Batch) -> None:
        self.batches.append(batch)
        for slot, value in zip(batch.slots.tolist(), batch.values.tolist(), strict=True):
            self.values[slot] = value
            self.history.setdefault(slot, []).append(value)


def make(conf: CanSettings, base: Path, addresses: Sequence[str]) -> tuple[CanDriver, list[BoundPoint]]:
    points = bind(conf, base, addresses)
    return CanDriver(conf, points, DriverContext("line", base, now)), points


@asynccontextmanager
async def listening(driver: Driver) -> AsyncGenerator[tuple[Heard, asyncio.Task[None]]]:
    heard = Heard()
    await driver.connect()
    task = asyncio.create_task(driver.listen(heard))
    try:
        yield heard, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionLost):
            await task
        await driver.close()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_dbc(tmp_path)
    return tmp_path


def log_of(base: Path, *lines: str) -> CanSettings:
    (base / "can.log").write_text("\n".join(lines) + "\n", encoding="ascii")
    return settings(url="log:can.log")


def with_keys(conf: CanSettings, **keys: object) -> CanSettings:
    return CanSettings.model_validate({**conf.model_dump(exclude_unset=True), **keys})


async def test_a_bus_between_two_processes(base: Path) -> None:
    async with station() as peer:
        driver, points = make(settings(url=peer.url), base, ["Engine.Speed", "Engine.Count", "CCVS1.WheelSpeed"])
        async with listening(driver) as (heard, _):
            peer.send("256 2003000000070000", "2566844695 ff00010000000000")
            await until(lambda: heard.values == {0: 100.0, 1: 7, 2: 1.0})
            for batch in heard.batches:
                assert abs(int(batch.received) - now()) < 60 * TICKS_PER_SECOND
            await driver.write(points[0], 250.0)
            await until(lambda: "256 d007000000070000" in peer.heard)
            await until(lambda: heard.values[0] == 250.0)
        assert driver.counters.bus_errors == 0
        assert driver.counters.requests == 3


async def test_fault_08_bus_off_is_a_lost_connection_and_the_bus_returns(base: Path) -> None:
    async with station() as peer:
        driver, _ = make(settings(url=peer.url), base, ["Engine.Count"])
        async with listening(driver) as (heard, task):
            peer.send("256 0000000000010000", "E64 0000000000000000")
            with pytest.raises(ConnectionLost, match="bus-off"):
                await asyncio.wait_for(task, 30)
            assert heard.history[0] == [1]
            assert driver.counters.bus_errors == 1
        async with listening(driver) as (heard, _):
            peer.send("256 0000000000020000")
            await until(lambda: heard.values == {0: 2})


async def test_fault_09_error_frames_and_overruns_are_counted_exactly(base: Path) -> None:
    async with station() as peer:
        driver, _ = make(settings(url=peer.url), base, ["Engine.Count"])
        async with listening(driver) as (heard, _):
            errors = ["E8 0000000000000000"] * 25 + ["E4 0001000000000000"] * 7
            peer.send(*errors, "256 0000000000010000")
            await until(lambda: heard.values == {0: 1})
            assert (driver.counters.bus_errors, driver.counters.overruns) == (32, 7)


async def test_datagrams_that_are_no_frames_end_nothing_and_are_counted(base: Path) -> None:
    async with station() as peer:
        driver, _ = make(settings(url=peer.url), base, ["Engine.Count"])
        async with listening(driver) as (heard, _):
            peer.send("X", "X", "X", "256 0000000000010000")
            await until(lambda: heard.values == {0: 1})
            await until(lambda: driver.counters.request_errors == 3)


def send_all(bus: can.BusABC, count: int) -> None:
    for number in range(count):
        data = bytes(5) + number.to_bytes(3, "little")
        bus.send(can.Message(arbitration_id=0x100, is_extended_id=False, data=data))
        data = b"\0" + number.to_bytes(2, "little") + bytes(5)
        bus.send(can.Message(arbitration_id=0x200, is_extended_id=False, data=data))


async def test_five_thousand_frames_are_all_heard_without_holding_the_loop(base: Path) -> None:
    async def hear() -> None:
        driver, _ = make(settings(url="virtual://many"), base, ["Engine.Count", "Pages.First"])
        async with listening(driver) as (heard, _):
            with can.Bus(interface="virtual", channel="many") as bus:
                await asyncio.to_thread(send_all, bus, 2500)
            await until(lambda: len(heard.history.get(1, [])) == 2500)
            assert heard.history == {0: list(range(2500)), 1: list(range(2500))}
        assert driver.counters.overruns == 0

    assert await held_each_time(hear) == []


async def test_writes_that_cannot_be(base: Path) -> None:
    conf = settings(url="virtual://writes")
    driver, points = make(conf, base, ["Engine.Speed", "CCVS1.WheelSpeed", "Pages.Deep"])
    with pytest.raises(ConnectionLost):
        await driver.write(points[0], 1.0)
    async with listening(driver) as (heard, _):
        with pytest.raises(DeviceRefused) as raised:
            await driver.write(points[0], 1e6)
        assert raised.value.status == Status.BAD_OUT_OF_RANGE
        with pytest.raises(DeviceRefused) as raised:
            await driver.write(points[1], 1.0)
        assert raised.value.status == Status.BAD_NOT_SUPPORTED
        await driver.write(points[2], 4711)
        await until(lambda: heard.values == {2: 4711})


async def test_two_writes_to_one_message_keep_each_other(base: Path) -> None:
    driver, points = make(settings(url="virtual://both"), base, ["Engine.Speed", "Engine.Count"])
    async with listening(driver) as (heard, _):
        await asyncio.gather(driver.write(points[0], 100.0), driver.write(points[1], 9))
        await until(lambda: heard.values == {0: 100.0, 1: 9})


async def test_a_log_replays_at_its_pace_over_and_over(base: Path) -> None:
    conf = log_of(
        base, "(10.0) can0 100#0000000000010000", "(10.2) can0 100#0000000000020000", "(10.4) can0 100#0000000000030000"
    )
    driver, points = make(with_keys(conf, speed=2.0), base, ["Engine.Count"])
    began = now()  # not the first frame's time: that one may be late, and the others are not late with it
    async with listening(driver) as (heard, _):
        await until(lambda: len(heard.history.get(0, [])) >= 5)
        assert heard.history[0][:5] == [1, 2, 3, 1, 2]
        times = [int(batch.source_time[0]) for batch in heard.batches if not isinstance(batch.source_time, int)]
        assert times[2] - began >= 0.19 * TICKS_PER_SECOND
        assert abs(times[-1] - now()) < 60 * TICKS_PER_SECOND  # the moment of the replay, not of the recording
        with pytest.raises(DeviceRefused) as raised:
            await driver.write(points[0], 1)
        assert raised.value.status == Status.BAD_NOT_WRITABLE


async def test_a_log_without_times_takes_the_interval_and_ends_once(base: Path) -> None:
    conf = log_of(
        base, "# made by hand", *(f"<0x18FEF117> [8] 00 00 {n:02x} 00 00 00 00 00" for n in range(20)), "broken"
    )
    driver, _ = make(with_keys(conf, interval="1ms", loop=False), base, ["CCVS1.WheelSpeed"])
    async with listening(driver) as (heard, task):
        await until(lambda: len(heard.history.get(0, [])) == 20)
        await until(lambda: not [t for t in threading.enumerate() if t.name == "can line"])
        assert heard.history[0] == list(range(20))
        assert not task.done()
        assert driver.counters.requests == 20


async def test_a_long_log_is_replayed_whole_at_any_speed(base: Path) -> None:
    lines = [f"({n / 100:.2f}) can0 100#0000000000{n.to_bytes(3, 'little').hex()}" for n in range(3000)]
    driver, _ = make(with_keys(log_of(base, *lines), speed=100_000, loop=False), base, ["Engine.Count"])
    async with listening(driver) as (heard, _):
        await until(lambda: len(heard.history.get(0, [])) == 3000)
        assert heard.history[0] == list(range(3000))
        assert driver.counters.overruns == 0


async def test_a_log_of_a_boat_replays(corpus: Path) -> None:
    folder = corpus / "can"
    conf = settings(url=f"log://{folder}/candumpSample1.txt", dbc=str(folder / "canboat.dbc"), speed=1000, loop=False)
    addresses = ["PGN_129025_positionRapidUpdate.latitude", "PGN_130311_environmentalParameters.sid"]
    driver, _ = make(conf, corpus, addresses)
    async with listening(driver) as (heard, _):
        await until(lambda: driver.counters.requests == 6026, seconds=30)
        assert heard.values[0] == pytest.approx(0x19547E04 * 1e-7)
        assert driver.counters.request_errors < 50


async def test_a_log_that_goes_away_is_a_lost_connection(base: Path) -> None:
    driver, _ = make(log_of(base, "(1.0) can0 100#0000000000010000"), base, ["Engine.Count"])
    (base / "can.log").unlink()
    with pytest.raises(ConnectionLost, match="is not there"):
        await driver.connect()
    (base / "can.log").write_text("# nothing\n", encoding="ascii")
    await driver.connect()
    with pytest.raises(ConnectionLost, match="holds no frames"):
        await asyncio.wait_for(driver.listen(Heard()), 30)
    await driver.close()


async def test_an_interface_that_does_not_exist_is_a_lost_connection(base: Path) -> None:
    driver, _ = make(settings(url="socketcan://nosuchcan0"), base, ["Engine.Count"])
    with pytest.raises(ConnectionLost, match="nosuchcan0"):
        await driver.connect()
    await driver.close()


async def test_a_signal_or_file_that_does_not_exist_fails_when_made(base: Path) -> None:
    driver, points = make(settings(), base, ["Engine.Count"])
    await driver.close()
    context = DriverContext("line", base, now)
    with pytest.raises(InputError):
        CanDriver(settings(dbc="other.dbc"), points, context)
    wrong = [BoundPoint(0, points[0].point, type(points[0].address)("Engine", "Cuont"), 1.0)]
    with pytest.raises(AddressError, match="did you mean 'Count'"):
        CanDriver(settings(), wrong, context)
