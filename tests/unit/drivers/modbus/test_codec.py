"""Gathering values from registers, and registers from values, against struct."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DeviceRefused
from core.quality import Status
from drivers.modbus.encoding import Encoding, Order, significance
from drivers.modbus.gather import Bits, Numbers, Strings, Truths, bit_place, text_of
from drivers.modbus.registers import registers_of, truth_of, with_bit

FORMS = {
    Encoding.INT16: "h",
    Encoding.UINT16: "H",
    Encoding.INT32: "i",
    Encoding.UINT32: "I",
    Encoding.INT64: "q",
    Encoding.UINT64: "Q",
    Encoding.FLOAT32: "f",
    Encoding.FLOAT64: "d",
}
ORDERS = st.sampled_from(list(Order))


def rearranged(big: bytes, order: Order) -> bytes:
    """The orders as manuals draw them, worked out with words and not with bytes."""
    words = [big[place : place + 2] for place in range(0, len(big), 2)]
    if order in (Order.CDAB, Order.DCBA):
        words.reverse()
    if order in (Order.BADC, Order.DCBA):
        words = [word[::-1] for word in words]
    return b"".join(words)


def numbers(encoding: Encoding) -> st.SearchStrategy[Any]:
    if encoding.dtype.kind == "f":
        return st.floats(width=32 if encoding is Encoding.FLOAT32 else 64)
    limits = np.iinfo(encoding.dtype.newbyteorder("="))  # type: ignore[type-var]  # the kind says that it is whole
    return st.integers(int(limits.min), int(limits.max))


ITEMS = st.sampled_from(list(FORMS)).flatmap(
    lambda encoding: st.tuples(st.just(encoding), st.lists(st.tuples(numbers(encoding), ORDERS), min_size=1))
)


@given(ITEMS)
def test_numbers_are_gathered_as_struct_reads_them(item: tuple[Encoding, list[tuple[Any, Order]]]) -> None:
    encoding, wanted = item
    form = ">" + FORMS[encoding]
    rows = [rearranged(struct.pack(form, value), order) for value, order in wanted]
    image = np.frombuffer(b"".join(rows), np.uint8)
    size = struct.calcsize(form)
    gather = Numbers(encoding, [(place * size, order) for place, (_, order) in enumerate(wanted)])
    got = gather(image)
    assert got.dtype == encoding.dtype
    assert got.astype(got.dtype.newbyteorder(">")).tobytes() == b"".join(
        struct.pack(form, value) for value, _ in wanted
    )


@given(ITEMS)
def test_numbers_are_written_as_struct_packs_them(item: tuple[Encoding, list[tuple[Any, Order]]]) -> None:
    encoding, wanted = item
    for value, order in wanted:
        words = registers_of(value, encoding, order)
        raw = struct.pack(f">{len(words)}H", *words)
        if isinstance(value, float) and math.isnan(value):
            (back,) = struct.unpack(">" + FORMS[encoding], rearranged(raw, order))
            assert math.isnan(back)
        else:
            assert raw == rearranged(struct.pack(">" + FORMS[encoding], value), order)


def test_the_four_orders_are_those_of_the_manuals() -> None:
    for order in Order:
        places = significance(2, order)
        assert "".join("abcd"[place] for place in significance(2, Order(order))) == "".join("abcd"[p] for p in places)
        wire = rearranged(b"abcd", order)
        assert wire.decode() == order.value
        assert bytes(wire[place] for place in places) == b"abcd"


@given(st.integers(0, 0xFFFF), st.integers(0, 15), ORDERS)
def test_bits_of_registers_are_found_and_set(register: int, bit: int, order: Order) -> None:
    wire = rearranged(register.to_bytes(2, "big"), order)
    image = np.frombuffer(b"\xaa" + wire, np.uint8)
    assert Bits([bit_place(1, bit, order)])(image).tolist() == [bool(register >> bit & 1)]
    for state in (True, False):
        changed = with_bit(int.from_bytes(wire, "big"), bit, order, value=state)
        meant = int.from_bytes(rearranged(changed.to_bytes(2, "big"), order), "big")
        assert meant == (register | 1 << bit if state else register & ~(1 << bit))


def test_a_register_is_true_when_it_is_not_zero() -> None:
    image = np.frombuffer(struct.pack(">4H", 0, 1, 0x0100, 0), np.uint8)
    assert Truths([0, 2, 4, 6])(image).tolist() == [False, True, True, False]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(TEXTS, ORDERS)
def test_texts_come_back_without_their_filling(text: str, order: Order) -> None:
    length = max(1, len(text.encode()))
    words = registers_of(text, Encoding.STRING, order, length)
    image = np.frombuffer(struct.pack(f">{len(words)}H", *words), np.uint8)
    assert Strings([(0, length, order)])(image).tolist() == [text.rstrip(" ")]


def test_texts_end_at_nul_and_never_fail() -> None:
    assert text_of(b"Pump 3\0\0rest") == "Pump 3"
    assert text_of(b"Pump 3    ") == "Pump 3"
    assert text_of(b"\xff\xfe") == "\ufffd\ufffd"


@pytest.mark.parametrize(
    ("value", "encoding", "status"),
    [
        (70000, Encoding.UINT16, Status.BAD_OUT_OF_RANGE),
        (-1, Encoding.UINT32, Status.BAD_OUT_OF_RANGE),
        (math.nan, Encoding.INT16, Status.BAD_OUT_OF_RANGE),
        (math.inf, Encoding.INT64, Status.BAD_OUT_OF_RANGE),
        (1e300, Encoding.FLOAT32, Status.BAD_OUT_OF_RANGE),
        ("7", Encoding.INT16, Status.BAD_TYPE_MISMATCH),
        (7, Encoding.STRING, Status.BAD_TYPE_MISMATCH),
        ("much too long", Encoding.STRING, Status.BAD_OUT_OF_RANGE),
        ("a\0b", Encoding.STRING, Status.BAD_OUT_OF_RANGE),
        (2, Encoding.BOOL, Status.BAD_TYPE_MISMATCH),
        ("x", Encoding.BOOL, Status.BAD_TYPE_MISMATCH),
    ],
)
def test_values_without_a_place_in_the_encoding_are_refused(value: object, encoding: Encoding, status: Status) -> None:
    with pytest.raises(DeviceRefused) as raised:
        registers_of(value, encoding, Order.ABCD, 4)
    assert raised.value.status == status


def test_scaled_values_are_rounded_to_whole_registers() -> None:
    assert registers_of(11.999999999, Encoding.UINT16, Order.ABCD) == [12]
    assert registers_of(np.float32(3.0), Encoding.INT16, Order.ABCD) == [3]
    assert registers_of(True, Encoding.UINT16, Order.ABCD) == [1]  # noqa: FBT003 - a value, no flag
    assert truth_of(np.bool_(True)) is True  # noqa: FBT003 - a value, no flag
    assert truth_of(1.0) is True
