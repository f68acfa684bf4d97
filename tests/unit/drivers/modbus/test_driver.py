"""The driver against a device in another process: reading, writing, and pymodbus's server as a second opinion."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from core.datatypes import DataType
from core.errors import AddressError, ConnectionLost, DeviceError, DeviceRefused
from core.image import ProcessImage
from core.quality import Status
from core.time import now
from drivers.modbus.manifest import MANIFEST
from drivers.modbus.settings import ModbusSettings
from tests.modbus_device import ModbusDevice
from tests.modbus_library_device import register_at

from .conftest import OpenDriver, bind, statuses, values


def words_of(form: str, *numbers: float) -> list[int]:
    raw = struct.pack(form, *numbers)
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


async def test_every_kind_and_type_is_read(device: ModbusDevice, open_driver: OpenDriver) -> None:
    device.put("holding", 100, words_of(">fdiIqQhH", 1.5, -2.25, -7, 4_000_000_000, -(1 << 40), 1 << 63, -3, 65535))
    device.put("input", 200, [0x0001, 0x0002, 0x4142, 0x4300, 0, 0])
    wanted = {
        "holding:100/float32": 1.5, "holding:102/float64": -2.25, "holding:106/int32": -7,
        "holding:108/uint32": 4_000_000_000, "holding:110/int64": -(1 << 40), "holding:114/uint64": 1 << 63,
        "holding:118/int16": -3, "holding:119/uint16": 65535, "input:200/uint32@cdab": 0x00020001,
        "input:202/string8": "ABC", "input:30203/string3": "ABC", "input:200.0": True, "input:200.1": False,
        "input:204/bool": False, "coil:3": True, "coil:4": False, "discrete:6": True,
    }  # fmt: skip
    points = bind(list(wanted))
    driver = open_driver(points)
    await driver.connect()
    got = values(await driver.read(driver.plan(points)))
    assert got == list(wanted.values())
    assert driver.counters.requests == 4, "one request a kind: the gaps are bridged"


async def test_the_devices_order_holds_where_the_address_says_none(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    device.put("holding", 0, [0x0201, 0x0403])
    points = bind(
        ["holding:0/uint32", "holding:0/uint32@abcd", "holding:0/uint16", "holding:0/uint16@ab", "holding:0.0"]
    )
    driver = open_driver(points, byte_order="dcba")
    await driver.connect()
    assert values(await driver.read(driver.plan(points))) == [0x03040102, 0x02010403, 0x0102, 0x0201, False]


async def test_offset_base_moves_every_number(device: ModbusDevice, open_driver: OpenDriver) -> None:
    del device
    points = bind(["holding:41/uint16", "holding:0x29/uint16"])
    driver = open_driver(points, offset_base="one")
    await driver.connect()
    assert values(await driver.read(driver.plan(points))) == [40, 41]


async def test_a_meaningless_number_or_a_too_long_value_is_told_when_the_driver_is_made(
    open_driver: OpenDriver,
) -> None:
    with pytest.raises(AddressError, match="input:30001"):
        open_driver(bind(["holding:30001"]))
    with pytest.raises(AddressError, match="max_block"):
        open_driver(bind(["holding:1/string40"]), max_block=16)


def test_check_tells_every_address_that_the_settings_give_no_meaning() -> None:
    wrong = ["holding:30001", "holding:1/string40", "coil:10001"]
    addresses = [point.address for point in bind([*wrong, "holding:1", "input:30001"])]
    settings = ModbusSettings(driver="modbus", url="tcp://meter", max_block=16)
    errors = MANIFEST.check(settings, addresses, Path())
    assert [error.address for error in errors] == wrong == [str(address) for address in addresses[:3]]
    assert all(error.mend for error in errors)


async def test_a_raw_integer_becomes_the_points_double(device: ModbusDevice, open_driver: OpenDriver) -> None:
    device.put("holding", 7, [2315])
    points = bind(["holding:7/uint16", "holding:8/int16", "holding:10/float32"], DataType.DOUBLE)
    driver = open_driver(points)
    await driver.connect()
    batches = await driver.read(driver.plan(points))
    assert [batch.values.dtype for batch in batches] == [np.dtype("<u2"), np.dtype("<i2"), np.dtype("<f4")]
    image = ProcessImage([point.point for point in points], now())
    for batch in batches:
        image.apply(batch)
    assert image.read(0).value == 2315.0


async def test_a_scan_reuses_slots_and_never_values(open_driver: OpenDriver) -> None:
    points = bind([f"holding:{index}/uint16" for index in range(200)])
    driver = open_driver(points)
    await driver.connect()
    plan = driver.plan(points)
    (first,), (second,) = await driver.read(plan), await driver.read(plan)
    assert first.slots is second.slots
    assert not np.shares_memory(first.values, second.values)
    assert first.status == Status.GOOD


@pytest.mark.parametrize("in_flight", [1, 3, 16])
async def test_blocks_may_be_read_with_several_requests_in_flight(open_driver: OpenDriver, in_flight: int) -> None:
    points = bind([f"holding:{2 * index}/uint16" for index in range(1000)])
    driver = open_driver(points, in_flight=in_flight, max_block=100)
    await driver.connect()
    plan = driver.plan(points)
    for _ in range(3):
        assert values(await driver.read(plan)) == [2 * index for index in range(1000)]
    assert driver.counters.requests == 60
    assert driver.counters.late_replies == 0


async def test_replies_out_of_their_order_find_their_requests(device: ModbusDevice, open_driver: OpenDriver) -> None:
    device.switch(backwards=1)
    points = bind([f"holding:{index}/uint16" for index in range(1000)])
    driver = open_driver(points, in_flight=8)
    await driver.connect()
    assert values(await driver.read(driver.plan(points))) == list(range(1000))


async def test_limits_of_the_device_are_kept(device: ModbusDevice, open_driver: OpenDriver) -> None:
    device.switch(longest=20)
    points = bind([f"holding:{index}/uint32" for index in range(0, 100, 2)] + [f"coil:{bit}" for bit in range(60)])
    driver = open_driver(points, max_block=20, max_block_bits=20)
    await driver.connect()
    await driver.read(driver.plan(points))
    assert driver.counters.request_errors == 0
    assert driver.counters.requests == 5 + 3


async def test_strategy_single_asks_for_each_value_alone(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind(["holding:1", "holding:2.0", "holding:2.1", "holding:3"])
    driver = open_driver(points, strategy="single")
    await driver.connect()
    assert values(await driver.read(driver.plan(points))) == [1, False, True, 3]
    assert device.counters()["reads"][-3:] == [["holding", 1, 1], ["holding", 2, 1], ["holding", 3, 1]]


async def test_reading_before_connecting_is_a_lost_connection(open_driver: OpenDriver) -> None:
    points = bind(["holding:1"])
    driver = open_driver(points)
    with pytest.raises(ConnectionLost, match="meter: not connected"):
        await driver.read(driver.plan(points))


async def test_a_listening_modbus_device_does_not_exist(open_driver: OpenDriver) -> None:
    with pytest.raises(DeviceError, match="never send"):
        await open_driver().listen(lambda _: None)


# Writing


@pytest.mark.parametrize("functions", ["fitting", "multiple"])
async def test_every_type_is_written_and_read_back(
    device: ModbusDevice, open_driver: OpenDriver, functions: str
) -> None:
    wanted = {
        "holding:300/uint16": 65535, "holding:301/int16": -5, "holding:302/uint32": 1 << 31, "holding:304/int64": -9,
        "holding:308/float32@cdab": 1.25, "holding:310/float64@dcba": -0.1, "holding:314/string7": "Pumpe",
        "holding:318.9": True, "holding:319/bool": True, "coil:300": False, "coil:301": True,
    }  # fmt: skip
    points = bind(list(wanted))
    driver = open_driver(points, write_functions=functions)
    await driver.connect()
    before = device.counters()["functions"]
    for point, value in zip(points, wanted.values(), strict=True):
        await driver.write(point, value)
    assert values(await driver.read(driver.plan(points))) == list(wanted.values())
    assert device.get("holding", 318) == [318 | 1 << 9]
    counted = device.counters()["functions"]
    used = {code for code in ("5", "6", "15", "16") if counted.get(code, 0) > before.get(code, 0)}
    assert used == ({"5", "6", "16"} if functions == "fitting" else {"15", "16"})


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (1, Status.BAD_NOT_SUPPORTED),
        (2, Status.BAD_CONFIGURATION_ERROR),
        (3, Status.BAD_OUT_OF_RANGE),
        (4, Status.BAD_DEVICE_FAILURE),
        (6, Status.BAD_RESOURCE_UNAVAILABLE),
        (11, Status.BAD_NO_COMMUNICATION),
        (99, Status.BAD_UNEXPECTED_ERROR),
    ],
)
async def test_a_refused_write_carries_the_exceptions_statuscode(
    device: ModbusDevice, open_driver: OpenDriver, code: int, status: Status
) -> None:
    points = bind(["holding:20/uint16"])
    driver = open_driver(points)
    await driver.connect()
    device.refuse("holding", 20, 20, code)
    with pytest.raises(DeviceRefused, match=f"exception {code:02X}") as raised:
        await driver.write(points[0], 1)
    assert raised.value.status == status
    assert device.get("holding", 20) == [20]


async def test_inputs_and_values_that_do_not_fit_are_refused_without_a_request(
    device: ModbusDevice, open_driver: OpenDriver
) -> None:
    points = bind(["input:1/uint16", "discrete:1", "holding:1/int16", "holding:1/string250"])
    driver = open_driver(points)
    await driver.connect()
    before = device.counters()["requests"]
    for point, value, status in zip(
        points,
        (1, True, 40000, "x"),
        (Status.BAD_NOT_WRITABLE, Status.BAD_NOT_WRITABLE, Status.BAD_OUT_OF_RANGE, Status.BAD_NOT_WRITABLE),
        strict=True,
    ):
        with pytest.raises(DeviceRefused) as raised:
            await driver.write(point, value)
        assert raised.value.status == status
    assert device.counters()["requests"] == before


async def test_an_unanswered_write_is_a_lost_connection(device: ModbusDevice, open_driver: OpenDriver) -> None:
    points = bind(["holding:1/uint16"])
    driver = open_driver(points, timeout="300ms")
    await driver.connect()
    device.switch(silent=1)
    with pytest.raises(ConnectionLost, match="function 6"):
        await driver.write(points[0], 1)


# Another implementation


async def test_pymodbus_server_reads_and_writes_the_same(open_driver: OpenDriver) -> None:
    with ModbusDevice(library=True) as library:
        addresses = [f"{kind}:{address}" for kind in ("holding", "input") for address in range(0, 900, 7)]
        bits = [f"{kind}:{address}" for kind in ("coil", "discrete") for address in range(0, 900, 5)]
        points = bind([*addresses, *bits, "holding:950/float32@badc", "holding:960/uint16", "coil:950"])
        driver = open_driver(points, url=library.url, timeout="30s")
        await driver.connect()
        for point, value in zip(points[-3:], (3.5, 99, True), strict=True):
            await driver.write(point, value)
        got = values(await driver.read(driver.plan(points)))
        assert got[: len(addresses)] == [register_at(address) for address in range(0, 900, 7)] * 2
        assert got[len(addresses) : -3] == [bool(register_at(bit) & 1) for bit in range(0, 900, 5)] * 2
        assert got[-3:] == [3.5, 99, True]
        await driver.close()


async def test_pymodbus_server_refuses_what_it_has_not(open_driver: OpenDriver) -> None:
    with ModbusDevice(library=True) as library:
        points = bind(["holding:998", "holding:999", "holding:1000", "holding:1001"])
        driver = open_driver(points, url=library.url, timeout="30s")
        await driver.connect()
        bad = Status.BAD_CONFIGURATION_ERROR
        assert statuses(await driver.read(driver.plan(points))) == [0, 0, bad, bad]
        await driver.close()
