from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datatypes import DataType
from core.errors import AddressError
from drivers.can.address import CanAddress, parse_address

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)


@given(NAMES, NAMES, st.none() | st.integers(0, 253))
def test_what_an_address_writes_is_read_back(message: str, signal: str, source: int | None) -> None:
    address = CanAddress(message, signal, source)
    assert parse_address(str(address), None) == address


def test_the_bindings_type_is_kept() -> None:
    assert parse_address("Engine.Speed", DataType.INT32) == CanAddress("Engine", "Speed", None, DataType.INT32)
    assert parse_address("Engine.Speed@35", None) == CanAddress("Engine", "Speed", 35, DataType.DOUBLE)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        (".Speed", 1),
        ("Engine", 7),
        ("Engine:Speed", 7),
        ("Engine.", 8),
        ("Engine.1", 8),
        ("Engine.Speed ", 13),
        ("Engine.Speed@", 14),
        ("Engine.Speed@0xFE", 14),
        ("Engine.Speed@254", 14),
        ("Engine.Speed@me", 14),
    ],
)
def test_wrong_addresses_say_where(text: str, column: int) -> None:
    with pytest.raises(AddressError) as raised:
        parse_address(text, None)
    assert raised.value.column == column
    assert raised.value.mend


def test_a_signal_is_no_text() -> None:
    with pytest.raises(AddressError, match="cannot be a String"):
        parse_address("Engine.Speed", DataType.STRING)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    try:
        parse_address(text, None)
    except AddressError as error:
        assert 1 <= error.column <= len(text) + 1  # noqa: PT017 - either outcome is right
