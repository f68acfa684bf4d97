"""What a store keeps of a Variant comes back as that Variant (Part 6 v1.05 5.2.2.16)."""

# asyncua's annotations are partial.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, variant_to_binary

from core.datatypes import DataType
from core.quality import NO_VALUE
from historian.contract import RawPage
from historian.objects import decode, encode
from server.address_space.index_range import parse_index_range
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.values import NotKept, column, column_value, encode_page

_kinds = ua.VariantType
KEPT: list[tuple[Any, ua.VariantType]] = [
    (1.5, _kinds.Double),
    (True, _kinds.Boolean),
    (-7, _kinds.Int16),
    ("Fräse", _kinds.String),
    (b"\x00\x01", _kinds.ByteString),
    ([1, 2, 3], _kinds.UInt16),
    ([1.5, 2.5], _kinds.Float),
    ([True, False], _kinds.Boolean),
    (["a", None, "c"], _kinds.String),
    ([], _kinds.Int32),
    ([[1, 2, 3], [4, 5, 6]], _kinds.Int64),
]


def page_of(datatype: DataType, values: list[Any], status: int = 0) -> RawPage:
    """Make a page of what a store has kept of the values."""
    held = column(datatype, values)
    if datatype.is_object:
        held = decode(encode(held), len(held))
    times = np.arange(len(held), dtype=np.int64) + 5
    return RawPage(datatype, held, np.full(len(held), status, np.uint32), times, times, None)


def shown(page: RawPage, base: int, index_range: str = "") -> ua.DataValue:
    bounds = parse_index_range(index_range) if index_range else None
    return struct_from_binary(ua.DataValue, Buffer(encode_page(page, Timestamps.SOURCE, base, bounds)))


@pytest.mark.parametrize(("value", "kind"), KEPT, ids=[f"{kind.name} {value}" for value, kind in KEPT])
def test_what_is_kept_comes_back(value: Any, kind: ua.VariantType) -> None:
    datatype, held = column_value(variant_to_binary(ua.Variant(value, kind)))
    told = shown(page_of(datatype, [held]), int(kind)).Value
    assert told is not None
    assert (told.Value, told.VariantType) == (value, kind)


@pytest.mark.parametrize(
    "value", [ua.LocalizedText("a"), ua.NodeId(1), [ua.QualifiedName("a")]], ids=["text", "node", "names"]
)
def test_what_history_has_no_form_for_is_told(value: Any) -> None:
    with pytest.raises(NotKept):
        column_value(variant_to_binary(ua.Variant(value)))


def test_parts_of_values() -> None:
    # Part 4 v1.05 7.27
    part = shown(page_of(DataType.STRING, ["Drehbank"]), 12, "1:3").Value
    assert part is not None
    assert part.Value == "reh"
    matrix = page_of(DataType.VARIANT, [np.array([[1, 2, 3], [4, 5, 6]], np.int32)])
    part = shown(matrix, 6, "0:1,2").Value
    assert part is not None
    assert part.Value == [[3], [6]]
    number = shown(page_of(DataType.DOUBLE, [1.0]), 11, "0")
    assert number.StatusCode is not None
    assert number.StatusCode.name == "BadIndexRangeNoData"
    assert number.Value is None or number.Value.Value is None


def test_a_sample_without_a_value_goes_without_one() -> None:
    for datatype in (DataType.DOUBLE, DataType.STRING):
        told = shown(page_of(datatype, [None], 0x80000000 | NO_VALUE), int(datatype))
        assert told.StatusCode is not None
        assert told.StatusCode.value == 0x80000000
        assert told.Value is None or told.Value.Value is None


def test_a_long_column_of_numbers_holds_nothing() -> None:
    made = column(DataType.DOUBLE, [1.5, None])
    assert (made.dtype, made.tolist()) == (DataType.DOUBLE.dtype, [1.5, 0.0])
