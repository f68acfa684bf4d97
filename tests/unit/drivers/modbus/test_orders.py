"""Which request writes what; the device is a dictionary here, since nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DeviceRefused
from core.quality import Status
from drivers.modbus.encoding import Area
from drivers.modbus.orders import WriteOrder, merge, order_of
from drivers.modbus.pdu import MOST_WRITTEN
from drivers.modbus.placing import place
from drivers.modbus.settings import ModbusSettings
from tests.unit.drivers.modbus.conftest import bind


def settings(**keys: Any) -> ModbusSettings:
    return ModbusSettings.model_validate({"driver": "modbus", "url": "tcp://127.0.0.1:502", **keys})


def orders(*writes: tuple[str, Any], **keys: Any) -> list[WriteOrder]:
    chosen = settings(**keys)
    placed = place(bind([address for address, _ in writes]), chosen)
    values = [value for _, value in writes]
    singles = [order_of(at, one, value) for at, (one, value) in enumerate(zip(placed, values, strict=True))]
    return merge(singles, chosen)


def test_neighbours_share_a_request_whichever_end_they_meet_at() -> None:
    (one,) = orders(("holding:10/float32", 1.5), ("holding:12/uint16", 7), ("holding:9/int16", -1))
    assert (one.start, one.content, one.members) == (9, (0xFFFF, 0x3FC0, 0, 7), (0, 1, 2))
    (coils,) = orders(("coil:5", True), ("coil:6", False), ("coil:4", True))
    assert (coils.area, coils.start, coils.content) == (Area.COIL, 4, (1, 1, 0))


@pytest.mark.parametrize(
    "writes",
    [
        [("holding:10", 1), ("holding:12", 2)],  # a gap is never written
        [("holding:10", 1), ("coil:11", True)],
        [("holding:10", 1), ("holding:11.3", True)],  # a bit needs its register's other bits
        [("holding:10/uint32", 1), ("holding:11", 2)],  # one upon the other: both, in their order
        [("holding:10", 1), ("holding:20", 2), ("holding:11", 3)],  # the order is kept
    ],
)
def test_what_does_not_stand_side_by_side_has_a_request_of_its_own(writes: list[tuple[str, Any]]) -> None:
    assert [one.members for one in orders(*writes)] == [(at,) for at in range(len(writes))]


def test_a_device_that_wants_single_or_short_requests_has_them() -> None:
    writes = [(f"holding:{at}", at) for at in range(6)]
    assert len(orders(*writes, strategy="single")) == 6
    assert [one.members for one in orders(*writes, max_block=4)] == [(0, 1, 2, 3), (4, 5)]


@pytest.mark.parametrize(
    ("address", "value", "status"),
    [
        ("input:1", 1, Status.BAD_NOT_WRITABLE),
        ("discrete:1", True, Status.BAD_NOT_WRITABLE),
        ("holding:1/string250", "x", Status.BAD_NOT_WRITABLE),
        ("holding:1/string4", "five!", Status.BAD_OUT_OF_RANGE),
        ("holding:1/string4", "\ud800", Status.BAD_OUT_OF_RANGE),
        ("holding:1/string4", 4, Status.BAD_TYPE_MISMATCH),
        ("holding:1/float32", 1e39, Status.BAD_OUT_OF_RANGE),
        ("holding:1/uint16", -1, Status.BAD_OUT_OF_RANGE),
        ("holding:1/uint16", float("nan"), Status.BAD_OUT_OF_RANGE),
        ("holding:1.2", 2, Status.BAD_TYPE_MISMATCH),
    ],
)
def test_what_has_no_place_is_refused(address: str, value: Any, status: Status) -> None:
    (one,) = place(bind([address]), settings())
    with pytest.raises(DeviceRefused) as raised:
        order_of(0, one, value)
    assert raised.value.status == status


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["uint16", "uint32", "float64"])), max_size=150))
def test_merged_requests_leave_the_same_registers_as_single_ones(places: list[tuple[int, str]]) -> None:
    writes = [(f"holding:0x{start:04x}/{kind}", at + 1) for at, (start, kind) in enumerate(places)]
    merged, single = orders(*writes), orders(*writes, strategy="single")
    assert [member for one in merged for member in one.members] == list(range(len(writes)))
    assert all(len(one.content) <= MOST_WRITTEN for one in merged)
    assert _written(merged) == _written(single)


def _written(requests: list[WriteOrder]) -> dict[int, int]:
    held: dict[int, int] = {}
    for one in requests:
        held |= {one.start + at: word for at, word in enumerate(one.content)}
    return held
