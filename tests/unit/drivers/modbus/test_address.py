from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datatypes import DataType
from core.errors import AddressError
from drivers.modbus.address import parse_address
from drivers.modbus.encoding import Area, Encoding, Order
from drivers.modbus.numbering import OffsetBase, protocol_address


@pytest.mark.parametrize(
    ("text", "area", "start", "encoding", "bit", "order", "count"),
    [
        ("holding:40001/float32@cdab", Area.HOLDING, 0, Encoding.FLOAT32, None, Order.CDAB, 2),
        ("holding:0x0203", Area.HOLDING, 0x203, Encoding.UINT16, None, None, 1),
        ("input:30010/uint16", Area.INPUT, 9, Encoding.UINT16, None, None, 1),
        ("input:12.5", Area.INPUT, 12, Encoding.BOOL, 5, None, 1),
        ("coil:3", Area.COIL, 3, Encoding.BOOL, None, None, 1),
        ("coil:00003", Area.COIL, 2, Encoding.BOOL, None, None, 1),
        ("discrete:7/bool", Area.DISCRETE, 7, Encoding.BOOL, None, None, 1),
        ("discrete:10008", Area.DISCRETE, 7, Encoding.BOOL, None, None, 1),
        ("holding:40100/string16", Area.HOLDING, 99, Encoding.STRING, None, None, 8),
        ("holding:9/string5@badc", Area.HOLDING, 9, Encoding.STRING, None, Order.BADC, 3),
        ("holding:465536/int16@ba", Area.HOLDING, 65535, Encoding.INT16, None, Order.BADC, 1),
        ("HOLDING:400001/FLOAT64@DCBA", Area.HOLDING, 0, Encoding.FLOAT64, None, Order.DCBA, 4),
        ("holding:10000/int64", Area.HOLDING, 10000, Encoding.INT64, None, None, 4),
        ("holding:5/bool", Area.HOLDING, 5, Encoding.BOOL, None, None, 1),
    ],
)
def test_addresses_mean_what_the_readme_says(
    text: str, area: Area, start: int, encoding: Encoding, bit: int | None, order: Order | None, count: int
) -> None:
    address = parse_address(text, None)
    assert (address.area, address.encoding, address.bit, address.order) == (area, encoding, bit, order)
    assert address.count == count
    assert protocol_address(address, "modicon") == start


@pytest.mark.parametrize(
    ("text", "column", "mend"),
    [
        ("", 1, "holding:40001"),
        ("40001", 1, "holding:40001"),
        ("holding", 8, "holding:40001"),
        ("holdin:1", 1, "write holding"),
        (":1", 1, "coil"),
        ("holding:", 9, "40001"),
        ("holding:0x", 9, "0x0000"),
        ("holding:0x10000", 9, "0xFFFF"),
        ("holding:999999", 9, "465536"),
        ("holding:1.16", 11, ".15"),
        ("holding:1.", 11, ".0"),
        ("coil:1.2", 8, "leave .2 out"),
        ("coil:1/uint16", 8, "bool"),
        ("coil:1@abcd", 8, "leave @abcd out"),
        ("holding:1.3/uint16", 13, "bool"),
        ("holding:1/flaot32", 11, "write float32"),
        ("holding:1/string", 17, "string1"),
        ("holding:1/string251", 17, "string250"),
        ("holding:1/uint16@abdc", 18, "abcd"),
        ("holding:1/uint32@ab", 18, "abcd"),
        ("holding:1/uint16 ", 17, "area:number"),
        ("holding:-1", 9, "area:number"),
    ],
)
def test_a_wrong_address_names_its_column_and_mend(text: str, column: int, mend: str) -> None:
    with pytest.raises(AddressError) as raised:
        parse_address(text, None)
    assert raised.value.column == column
    assert mend in raised.value.mend


@pytest.mark.parametrize(
    ("text", "datatype", "encoding"),
    [
        ("holding:1", DataType.FLOAT, Encoding.FLOAT32),
        ("holding:1", DataType.DOUBLE, Encoding.FLOAT64),
        ("holding:1", DataType.INT32, Encoding.INT32),
        ("holding:1", DataType.BYTE, Encoding.UINT16),
        ("holding:1", DataType.SBYTE, Encoding.INT16),
        ("holding:1/uint16", DataType.DOUBLE, Encoding.UINT16),
        ("holding:1.2", DataType.BOOLEAN, Encoding.BOOL),
        ("coil:1", DataType.BYTE, Encoding.BOOL),
        ("holding:1/uint16", DataType.BOOLEAN, Encoding.UINT16),
    ],
)
def test_the_tables_type_stands_in_for_a_missing_one(text: str, datatype: DataType, encoding: Encoding) -> None:
    assert parse_address(text, datatype).encoding is encoding


@pytest.mark.parametrize(
    ("text", "datatype"),
    [
        ("holding:1", DataType.STRING),
        ("holding:1", DataType.BOOLEAN),
        ("holding:1", DataType.GUID),
        ("holding:1/uint16", DataType.STRING),
        ("holding:1/string8", DataType.DOUBLE),
        ("coil:1", DataType.STRING),
        ("holding:1/uint32", DataType.DATETIME),
    ],
)
def test_types_that_do_not_go_together_are_refused(text: str, datatype: DataType) -> None:
    with pytest.raises(AddressError) as raised:
        parse_address(text, datatype)
    assert raised.value.mend


@pytest.mark.parametrize(
    ("text", "base", "start"),
    [
        ("holding:32080", "zero", 32080),
        ("holding:40001", "zero", 40001),
        ("holding:1", "one", 0),
        ("holding:40001", "one", 40000),
        ("holding:0x10", "one", 16),
        ("holding:0", "modicon", 0),
        ("holding:0x9c41", "modicon", 40001),
    ],
)
def test_offset_base_says_what_numbers_count_from(text: str, base: OffsetBase, start: int) -> None:
    assert protocol_address(parse_address(text, None), base) == start


@pytest.mark.parametrize(
    ("text", "base", "mend"),
    [
        ("holding:30001", "modicon", "write input:30001"),
        ("input:40001", "modicon", "write holding:40001"),
        ("holding:25000", "modicon", "holding:0x61A8"),
        ("holding:25000", "modicon", "offset_base: zero"),
        ("holding:40000", "modicon", "holding:0x9C40"),
        ("coil:00000", "modicon", "coil:0x0000"),
        ("holding:0", "one", "the first is 1"),
        ("holding:0xFFFF/float32", "modicon", "begin at 65534"),
        ("holding:65536", "zero", "begin at 65535"),
        ("holding:465536/uint32", "modicon", "begin at 65534"),
    ],
)
def test_numbers_without_a_meaning_are_refused_with_the_mend(text: str, base: OffsetBase, mend: str) -> None:
    with pytest.raises(AddressError) as raised:
        protocol_address(parse_address(text, None), base)
    assert mend in raised.value.mend
    assert raised.value.column == text.index(":") + 2


@given(st.text(max_size=40) | st.from_regex(r"(holding|input|coil|discrete):[0-9a-fx.]{0,8}[/@a-z0-9]{0,12}"))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    refused: AddressError | None = None
    try:
        assert parse_address(text, None).text == text
    except AddressError as error:
        refused = error
    if refused is not None:
        assert 1 <= refused.column <= len(text) + 1
        assert refused.mend


@given(st.sampled_from(list(Area)), st.integers(1, 65536))
def test_reference_numbers_and_hex_name_the_same_register(area: Area, number: int) -> None:
    digit = {Area.COIL: "0", Area.DISCRETE: "1", Area.INPUT: "3", Area.HOLDING: "4"}[area]
    six = parse_address(f"{area.value}:{digit}{number:05d}", None)
    plain = parse_address(f"{area.value}:0x{number - 1:X}", None)
    assert protocol_address(six, "modicon") == protocol_address(plain, "one") == number - 1
    if number < 10_000:
        five = parse_address(f"{area.value}:{digit}{number:04d}", None)
        assert protocol_address(five, "modicon") == number - 1
