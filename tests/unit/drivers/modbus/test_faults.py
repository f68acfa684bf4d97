"""Faults of the link and the device; the numbers are those of the list of faults that the gateway survives."""

from __future__ import annotations

import asyncio

import pytest

from core.errors import ConnectionLost
from core.quality import Status
from drivers.modbus.scan import EXTRA_REQUESTS
from tests.modbus_device import ModbusDevice
from tests.waiting import until

from .conftest import OpenDriver, bind, by_slot, statuses, values

REGISTERS = [f"holding:{index}/uint16" for index in range(300)]


async def test_fault_02_half_open_tcp_is_noticed_and_leaves_one_socket(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(REGISTERS)
    driver = open_driver(points, timeout="1s")
    await driver.connect()
    plan = driver.plan(points)
    await driver.read(plan)
    clock = asyncio.get_running_loop().time
    device.freeze()  # its kernel goes on acknowledging: nothing but silence tells
    began = clock()
    with pytest.raises(ConnectionLost, match="no answer within"):
        await driver.read(plan)
    assert clock() - began < 2 * 1.0, "one timeout, not one for each of three blocks"
    await driver.close()
    device.thaw()
    await driver.connect()
    assert values(await driver.read(plan)) == list(range(300))
    await until(lambda: device.counters()["open"] == 1)


async def test_fault_02_connecting_twice_leaves_one_socket(device: ModbusDevice, open_driver: OpenDriver) -> None:
    driver = open_driver()
    for _ in range(3):
        await driver.connect()
    await until(lambda: device.counters()["open"] == 1)


async def test_fault_02_a_reset_connection_is_told(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind(REGISTERS)
    driver = open_driver(points, timeout="30s")
    await driver.connect()
    plan = driver.plan(points)
    await driver.read(plan)
    device.switch(silent=1)
    reading = asyncio.create_task(driver.read(plan))
    seen = device.counters()["requests"]
    await until(lambda: device.counters()["requests"] > seen or reading.done())
    device.cut()
    with pytest.raises(ConnectionLost):
        await reading
    with pytest.raises(ConnectionLost):
        await driver.read(plan)


@pytest.mark.parametrize(
    ("code", "status"),
    [(2, Status.BAD_CONFIGURATION_ERROR), (3, Status.BAD_OUT_OF_RANGE), (4, Status.BAD_DEVICE_FAILURE)],
)
async def test_fault_03_a_bad_block_is_split_and_its_neighbours_are_read(
    device: ModbusDevice, open_driver: OpenDriver, code: int, status: Status
) -> None:
    points = bind([*REGISTERS[:100], "coil:9", "coil:10", "coil:11"])
    driver = open_driver(points, busy_retry="10s")
    await driver.connect()
    plan = driver.plan(points)
    device.refuse("holding", 42, 42, code)
    device.refuse("coil", 10, 10, code)
    found = by_slot(await driver.read(plan))
    bad = {slot: state for slot, (_, state) in found.items() if state}
    assert bad == {42: status, 101: status}
    assert [found[slot][0] for slot in (41, 43, 100, 102)] == [41, 43, True, False]
    assert not found[42][0], "a refused value is not the one from before"
    spent = driver.counters.requests
    assert spent <= 2 + EXTRA_REQUESTS
    await driver.read(plan)
    parts = driver.counters.requests - spent
    await driver.read(plan)
    assert driver.counters.requests - spent == 2 * parts, "the split is remembered"
    assert driver.counters.request_errors < 12, "what was refused is left alone for a while"


async def test_fault_03_what_is_answered_again_is_read_whole_again(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(REGISTERS[:100])
    driver = open_driver(points, reprobe="50ms")
    await driver.connect()
    plan = driver.plan(points)
    device.refuse("holding", 42, 43, 4)
    assert statuses(await driver.read(plan))[41:45] == [0, Status.BAD_DEVICE_FAILURE, Status.BAD_DEVICE_FAILURE, 0]
    device.behave()

    async def whole_again() -> bool:
        before = driver.counters.requests
        good = not any(statuses(await driver.read(plan)))
        return good and driver.counters.requests == before + 1

    await until(whole_again)
    assert values(await driver.read(plan)) == list(range(100))


async def test_fault_03_an_unknown_function_is_not_split(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind([*REGISTERS[:10], "input:5"])
    driver = open_driver(points, busy_retry="10s")
    await driver.connect()
    device.refuse("holding", 0, 65535, 1)
    plan = driver.plan(points)
    assert statuses(await driver.read(plan)) == [Status.BAD_NOT_SUPPORTED] * 10 + [0]
    assert driver.counters.requests == 2


async def test_fault_03_a_device_that_refuses_everything_costs_few_requests(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(REGISTERS)
    driver = open_driver(points, busy_retry="10s")
    await driver.connect()
    device.refuse("holding", 0, 65535, 2)
    plan = driver.plan(points)
    for _ in range(40):
        before = driver.counters.requests
        assert set(statuses(await driver.read(plan))) == {Status.BAD_CONFIGURATION_ERROR}
        assert driver.counters.requests - before <= 3 + EXTRA_REQUESTS
    before = driver.counters.requests
    await driver.read(plan)
    assert driver.counters.requests == before, "all of it waits now"


async def test_fault_03_overlapping_values_do_not_spoil_each_other(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(["holding:10/uint64", "holding:11/uint16", "holding:11.0", "holding:13/uint16", "holding:14/uint16"])
    driver = open_driver(points, busy_retry="10s")
    await driver.connect()
    device.refuse("holding", 13, 13, 2)
    plan = driver.plan(points)
    for _ in range(3):
        found = by_slot(await driver.read(plan))
        assert {slot for slot, (_, state) in found.items() if state} == {0, 3}
        assert [found[slot][0] for slot in (1, 2, 4)] == [11, True, 14]


@pytest.mark.parametrize(
    ("code", "status"),
    [(5, Status.BAD_RESOURCE_UNAVAILABLE), (6, Status.BAD_RESOURCE_UNAVAILABLE), (11, Status.BAD_NO_COMMUNICATION)],
)
async def test_fault_04_busy_devices_are_asked_again_with_backoff(
    device: ModbusDevice, open_driver: OpenDriver, code: int, status: Status
) -> None:
    points = bind([*REGISTERS[:10], "input:5"])
    driver = open_driver(points, busy_retry="20ms", busy_retry_longest="80ms")
    await driver.connect()
    plan = driver.plan(points)
    device.refuse("holding", 0, 65535, code, times=4)
    clock = asyncio.get_running_loop().time
    began = clock()
    scans = 0

    async def answered() -> bool:
        nonlocal scans
        scans += 1
        found = statuses(await driver.read(plan))
        assert found[10] == Status.GOOD
        assert set(found[:10]) in ({status}, {0})
        return not any(found)

    await until(answered, every=0.001)
    assert driver.counters.request_errors == 4, "it was asked again until it answered"
    assert clock() - began > 4 * 0.01, "and not before the wait was over"
    assert driver.counters.requests == scans + 5, "one request a wait, however many scans went by: no storm"


async def test_fault_04_waits_grow_and_differ(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind([f"holding:{index * 20}" for index in range(30)])
    driver = open_driver(points, busy_retry="100s", busy_retry_longest="1000s")
    await driver.connect()
    plan = driver.plan(points)
    device.refuse("holding", 0, 65535, 6)
    await driver.read(plan)
    dues = [section.whole.due for section in plan.sections]
    assert len(set(dues)) == 30, "jitter: they do not come back together"
    assert min(dues) - asyncio.get_running_loop().time() > 20.0


async def test_fault_05_strangers_replies_are_thrown_away_and_counted(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(REGISTERS)
    driver = open_driver(points)
    await driver.connect()
    plan = driver.plan(points)
    device.switch(stray_transaction=2, stray_unit=3)
    for _ in range(3):
        assert values(await driver.read(plan)) == list(range(300))
    assert driver.counters.late_replies == 5
    assert driver.counters.request_errors == 0


async def test_fault_05_a_reply_with_the_wrong_transaction_alone_is_no_reply(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(REGISTERS)
    driver = open_driver(points, unit=2, timeout="300ms")  # the device answers unit 1 alone
    await driver.connect()
    with pytest.raises(ConnectionLost, match="unit 2"):
        await driver.read(driver.plan(points))
    del device


async def test_fault_05_a_late_reply_reaches_no_point(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind(["holding:5", "input:1005"])
    driver = open_driver(points, timeout="750ms", busy_retry="10s")
    await driver.connect()
    plan = driver.plan(points)
    device.mute("input", 1005, 1005)
    with pytest.raises(ConnectionLost):
        await driver.read(plan)  # the silent one is found out
    await driver.connect()
    device.behave()
    device.switch(delay=2.0, delayed=1)
    with pytest.raises(ConnectionLost):
        await driver.read(plan)  # now the other is late
    await driver.connect()
    device.mute("holding", 5, 5)
    device.put("holding", 5, [55])

    async def read_again() -> bool:
        try:
            await driver.read(plan)
        except ConnectionLost:
            await driver.connect()
        return True

    await until(read_again)
    device.behave()
    fresh = open_driver(points)
    await fresh.connect()
    assert values(await fresh.read(fresh.plan(points))) == [55, 1005]


async def test_fault_05_a_late_reply_on_the_same_connection_is_thrown_away(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(["holding:5", "input:1005"])
    driver = open_driver(points, timeout="750ms", busy_retry="10s")
    await driver.connect()
    plan = driver.plan(points)
    device.mute("input", 1005, 1005)
    with pytest.raises(ConnectionLost):
        await driver.read(plan)
    await driver.connect()
    device.behave()
    first, last = points[0], points[1]
    reading = driver.plan([first])
    await driver.read(reading)
    device.switch(delay=2.0, delayed=1, spared=1)
    slow = driver.plan([last])
    slow.suspect(slow.sections[0].whole)
    assert statuses(await driver.read(slow)) == [Status.BAD_TIMEOUT], "the link is alive: the first point proved it"

    async def late() -> bool:
        assert values(await driver.read(reading)) == [5]
        return driver.counters.late_replies == 1

    await until(late)


async def test_a_block_that_is_never_answered_does_not_take_its_neighbours_along(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(["holding:5", "holding:6", "holding:7", "holding:8", "input:9"])
    driver = open_driver(points, timeout="750ms", busy_retry="10s")
    await driver.connect()
    plan = driver.plan(points)
    device.mute("holding", 6, 6)
    with pytest.raises(ConnectionLost):
        await driver.read(plan)
    await driver.connect()
    lost = 0

    async def isolated() -> bool:
        nonlocal lost
        try:
            found = by_slot(await driver.read(plan))
        except ConnectionLost:
            lost += 1
            await driver.connect()
            return False
        assert found[4] == (9, 0)
        return [found[slot] for slot in (0, 2, 3)] == [(5, 0), (7, 0), (8, 0)]

    await until(isolated)
    assert lost == 0, "once known, its silence does not end the connection"
    assert by_slot(await driver.read(plan))[1] == (0, Status.BAD_TIMEOUT)


async def test_fault_07_replies_one_byte_at_a_time(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind(REGISTERS)
    driver = open_driver(points, in_flight=2)
    await driver.connect()
    device.switch(byte_by_byte=1)
    plan = driver.plan(points)
    for _ in range(3):
        assert values(await driver.read(plan)) == list(range(300))
    assert driver.counters.late_replies == 0


async def test_fault_07_two_replies_in_one_packet(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind([f"holding:{index}/uint16" for index in range(1000)])
    driver = open_driver(points, in_flight=2)
    await driver.connect()
    device.switch(together=2)
    assert values(await driver.read(driver.plan(points))) == list(range(1000))


async def test_a_reply_of_the_wrong_length_is_no_value(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind(["holding:1", "holding:2", "input:1"])
    driver = open_driver(points)
    await driver.connect()
    plan = driver.plan(points)
    device.switch(short=1)
    found = statuses(await driver.read(plan))
    assert sorted(found) == [0, 0, Status.BAD_COMMUNICATION_ERROR] or sorted(found) == [
        0,
        Status.BAD_COMMUNICATION_ERROR,
        Status.BAD_COMMUNICATION_ERROR,
    ]
    assert driver.counters.bus_errors == 1

    async def good_again() -> bool:
        return not any(statuses(await driver.read(plan)))

    await until(good_again)


async def test_a_stream_that_is_no_modbus_is_given_up(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind(REGISTERS)
    driver = open_driver(points)
    await driver.connect()
    plan = driver.plan(points)
    device.switch(stray_protocol=1)
    with pytest.raises(ConnectionLost, match="no Modbus TCP frame"):
        await driver.read(plan)
    assert driver.counters.bus_errors == 1
    await driver.connect()
    assert values(await driver.read(plan)) == list(range(300))


async def test_a_cancelled_scan_leaves_the_link_in_step(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind(REGISTERS)
    driver = open_driver(points, timeout="30s")
    await driver.connect()
    plan = driver.plan(points)
    device.switch(delay=2.0, delayed=1)
    seen = device.counters()["requests"]
    reading = asyncio.create_task(driver.read(plan))
    await until(lambda: device.counters()["requests"] > seen)
    reading.cancel()
    await asyncio.wait([reading])
    for _ in range(3):
        assert values(await driver.read(plan)) == list(range(300))
    await until(lambda: driver.counters.late_replies == 1)


async def test_scans_and_writes_share_the_connection(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind([*REGISTERS, "holding:1500/uint16"])
    driver = open_driver(points)
    await driver.connect()
    plans = [driver.plan(points[:100]), driver.plan(points[100:300])]

    async def scan(index: int) -> None:
        for _ in range(20):
            expected = list(range(100)) if index == 0 else list(range(100, 300))
            assert values(await driver.read(plans[index])) == expected

    async def write() -> None:
        for value in range(20):
            await driver.write(points[300], value)

    await asyncio.gather(scan(0), scan(1), write())
    assert device.get("holding", 1500) == [19]
    await until(lambda: device.counters()["open"] == 1)
