from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datatypes import DataType
from core.errors import AddressError
from drivers.simulator.codec import TYPES, Signal, SimulatorAddress, parse_address

finite = st.floats(-1e12, 1e12)
addresses = st.builds(
    SimulatorAddress,
    signal=st.sampled_from([signal for signal in Signal if signal is not Signal.HOLD]),
    datatype=st.sampled_from(TYPES),
    period=st.integers(1, 10**9).map(lambda us: us / 1e6),
    amplitude=finite,
    offset=finite,
    noise=st.floats(0, 1e6),
    phase=finite,
    change=st.floats(1e-6, 1.0),
)


@given(addresses)
def test_what_is_written_is_parsed_back(address: SimulatorAddress) -> None:
    assert parse_address(str(address), address.datatype) == address


def column_of_error(text: str, datatype: DataType | None) -> int:
    """Give where the address goes wrong, 1 where it does not."""
    try:
        parse_address(text, datatype)
    except AddressError as error:
        return error.column
    return 1


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_an_error_with_a_place_in_it(text: str) -> None:
    assert 1 <= column_of_error(text, None) <= len(text) + 1


@given(st.text(alphabet="ramphold(=,).15se- periodchange", max_size=40))
def test_near_misses_are_told_too(tail: str) -> None:
    text = "ramp(" + tail
    assert 1 <= column_of_error(text, DataType.INT16) <= len(text) + 1


def test_a_register_must_be_able_to_hold_its_offset() -> None:
    with pytest.raises(AddressError, match="Byte cannot hold 300"):
        parse_address("hold(offset=300)", DataType.BYTE)
    assert parse_address("hold(offset=255)", DataType.BYTE).offset == 255


def test_a_misspelt_signal_names_the_nearest() -> None:
    with pytest.raises(AddressError, match="did you mean ramp"):
        parse_address("ramb", None)


def test_texts_are_not_simulated() -> None:
    with pytest.raises(AddressError, match="no String"):
        parse_address("ramp", DataType.STRING)


def test_the_span_is_what_the_signal_can_show() -> None:
    assert parse_address("ramp(offset=5,amplitude=10)", None).span == (5, 15)
    assert parse_address("sine(offset=5,amplitude=10)", None).span == (-5, 15)
    assert parse_address("constant(offset=5)", None).span == (5, 5)
    assert parse_address("ramp(noise=1)", None).span is None
    assert parse_address("hold", None).span is None
