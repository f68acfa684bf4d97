from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from server.demo.devices.registers import Bits, Registers


@given(st.floats(width=32, allow_nan=False), st.integers(0, 6))
def test_a_float_takes_two_registers_high_word_first(value: float, address: int) -> None:
    registers = Registers(8)
    registers.put_float(address, value)
    assert registers.float(address) == value
    assert registers.raw(address, 2) == struct.pack(">f", value)


@given(st.integers(0, 2**33))
def test_a_counter_has_its_low_word_first_and_rolls_over(value: int) -> None:
    registers = Registers(2)
    registers.put_uint32_low_first(0, value)
    low, high = struct.unpack(">HH", registers.raw(0, 2))
    assert low | high << 16 == value % 2**32


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.data())
def test_bits_come_back_as_they_were_put(bits: list[bool], data: st.DataObject) -> None:
    held = Bits(40)
    address = data.draw(st.integers(0, 40 - len(bits)))
    packed = sum(1 << place for place, bit in enumerate(bits) if bit).to_bytes((len(bits) + 7) // 8, "little")
    held.put_raw(address, len(bits), packed)
    assert [held[address + place] for place in range(len(bits))] == bits
    assert held.raw(address, len(bits)) == packed
    assert sum(held[place] for place in range(40)) == sum(bits)
