"""IndexRange (Part 4 v1.05 7.27) against numpy's slicing as the model."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

import struct
import time
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary, variant_to_binary
from hypothesis import given
from hypothesis import strategies as st

from server.address_space.index_range import IndexRangeRefused, RangeReader, parse_index_range, read_range, write_range

NO_DATA = ua.StatusCodes.BadIndexRangeNoData
MISMATCH = ua.StatusCodes.BadIndexRangeDataMismatch


def encoded(value: Any, kind: ua.VariantType) -> bytes:
    return variant_to_binary(ua.Variant(value, kind))


def decoded(variant: bytes) -> Any:
    return variant_from_binary(Buffer(variant)).Value


def refused(status: int, call: Any, *arguments: Any) -> None:
    with pytest.raises(IndexRangeRefused) as raised:
        call(*arguments)
    assert raised.value.status == status


def test_the_syntax_is_that_of_7_27() -> None:
    assert parse_index_range("6") == ((6, 6),)
    assert parse_index_range("5:7") == ((5, 7),)
    assert parse_index_range("1:2,0:1,7") == ((1, 2), (0, 1), (7, 7))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "a",
        "-1",
        "1:",
        ":1",
        "5:5",
        "7:5",
        "1,",
        ",1",
        "1 ",
        " 1",
        "1:2:3",
        "1..2",
        "4294967296",
        "٣",
        "1" * 40,
        "1," * 50 + "1",
    ],
)
def test_anything_else_is_bad_index_range_invalid(wrong: str) -> None:
    refused(ua.StatusCodes.BadIndexRangeInvalid, parse_index_range, wrong)


_shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3)
_bounds = st.tuples(st.integers(0, 5), st.integers(0, 3)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@st.composite
def _arrays(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], ua.VariantType, list[tuple[int, int]]]:
    shape = draw(_shapes)
    kind = draw(st.sampled_from([ua.VariantType.Int16, ua.VariantType.Double, ua.VariantType.LocalizedText]))
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    values = np.empty(shape, object)
    for place in np.ndindex(*shape):
        number = int(numbers[place])
        values[place] = ua.LocalizedText("x" * number, "en") if kind is ua.VariantType.LocalizedText else number
    bounds = draw(st.lists(_bounds, min_size=len(shape), max_size=len(shape)))
    return values, kind, bounds


@given(_arrays())
def test_reading_gives_what_numpys_slices_give(array: Any) -> None:
    values, kind, bounds = array
    variant = encoded(values.tolist(), kind)
    if any(low >= size for (low, _), size in zip(bounds, values.shape, strict=True)):
        refused(NO_DATA, read_range, variant, bounds)  # a lower bound beyond the end
        return
    part = values[tuple(slice(low, high + 1) for low, high in bounds)]
    assert read_range(variant, bounds) == encoded(part.tolist(), kind)


@given(_arrays(), st.booleans())
def test_writing_gives_what_numpys_assignment_gives(array: Any, too_much: bool) -> None:  # noqa: FBT001 - drawn
    values, kind, bounds = array
    variant = encoded(values.tolist(), kind)
    shape = [high + 1 - low for low, high in bounds]
    shape[0] += too_much
    given_values = np.empty(shape, object)
    for place in np.ndindex(*shape):
        given_values[place] = ua.LocalizedText("new") if kind is ua.VariantType.LocalizedText else 7
    part = encoded(given_values.tolist(), kind)
    if any(high >= size for (_, high), size in zip(bounds, values.shape, strict=True)):
        refused(NO_DATA, write_range, variant, bounds, part)
        return
    if too_much:
        refused(MISMATCH, write_range, variant, bounds, part)
        return
    values[tuple(slice(low, high + 1) for low, high in bounds)] = given_values
    assert write_range(variant, bounds, part) == encoded(values.tolist(), kind)


@given(st.text(st.characters(codec="utf-8"), max_size=8), _bounds)
def test_a_part_of_a_string_is_counted_in_characters(text: str, bounds: tuple[int, int]) -> None:
    variant = encoded(text, ua.VariantType.String)
    if bounds[0] >= len(text):
        refused(NO_DATA, read_range, variant, [bounds])
    else:
        assert decoded(read_range(variant, [bounds])) == text[bounds[0] : bounds[1] + 1]


def test_byte_strings_and_null_ones() -> None:
    assert decoded(read_range(encoded(b"\x00\x01\x02", ua.VariantType.ByteString), [(1, 9)])) == b"\x01\x02"
    refused(NO_DATA, read_range, encoded(None, ua.VariantType.ByteString), [(0, 0)])
    refused(NO_DATA, read_range, encoded(None, ua.VariantType.String), [(0, 0)])


def test_one_more_dimension_goes_into_the_strings_of_an_array() -> None:
    variant = encoded(["abc", "defg"], ua.VariantType.String)
    assert decoded(read_range(variant, [(0, 1), (1, 2)])) == ["bc", "ef"]
    part = encoded(["X", "Y"], ua.VariantType.String)
    assert decoded(write_range(variant, [(0, 1), (1, 1)], part)) == ["aXc", "dYfg"]
    refused(NO_DATA, read_range, variant, [(0, 1), (3, 3)])


@pytest.mark.parametrize("kind", [ua.VariantType.Double, ua.VariantType.Boolean, ua.VariantType.LocalizedText])
def test_a_scalar_that_is_no_text_has_no_parts(kind: ua.VariantType) -> None:
    value: Any = ua.LocalizedText("abc") if kind is ua.VariantType.LocalizedText else 1
    refused(NO_DATA, read_range, encoded(value, kind), [(0, 0)])
    refused(NO_DATA, write_range, encoded(value, kind), [(0, 0)], encoded(value, kind))


def test_ranges_of_another_number_of_dimensions_have_no_data() -> None:
    refused(NO_DATA, read_range, encoded([1, 2], ua.VariantType.Int16), [(0, 0), (0, 0)])
    refused(NO_DATA, read_range, encoded([[1, 2], [3, 4]], ua.VariantType.Int16), [(0, 0)])


def test_an_empty_array_has_no_data() -> None:
    for empty in ([], None):
        variant = variant_to_binary(ua.Variant(empty, ua.VariantType.Int16, is_array=True))
        refused(NO_DATA, read_range, variant, [(0, 0)])


def test_what_is_written_has_the_type_and_the_size_of_the_part() -> None:
    held = encoded([1, 2, 3], ua.VariantType.Int16)
    refused(ua.StatusCodes.BadTypeMismatch, write_range, held, [(0, 0)], encoded([1], ua.VariantType.Int32))
    refused(MISMATCH, write_range, held, [(0, 0)], encoded(1, ua.VariantType.Int16))
    text = encoded("abcdef", ua.VariantType.String)
    assert decoded(write_range(text, [(1, 2)], encoded("XY", ua.VariantType.String))) == "aXYdef"
    refused(MISMATCH, write_range, text, [(1, 2)], encoded("X", ua.VariantType.String))
    refused(NO_DATA, write_range, text, [(5, 6)], encoded("XY", ua.VariantType.String))
    opaque = encoded(b"abc", ua.VariantType.ByteString)
    assert decoded(write_range(opaque, [(2, 2)], encoded(b"z", ua.VariantType.ByteString))) == b"abz"


@pytest.mark.parametrize("kind", [6, 12])
def test_of_a_matrix_of_nothing_there_is_no_part(kind: int) -> None:
    """7.27 Bad_IndexRangeNoData; its other dimensions may be more than any array can have."""
    sizes = struct.pack("<5i", 4, 0, 2**31 - 1, 2**31 - 1, 2**31 - 1)
    nothing = bytes((kind | 0xC0,)) + b"\x00\x00\x00\x00" + sizes
    for bounds in ([(0, 0)], [(0, 0)] * 4):
        refused(NO_DATA, read_range, nothing, bounds)
        refused(NO_DATA, write_range, nothing, bounds, nothing)


def test_a_large_array_is_taken_apart_once_for_all_its_parts() -> None:
    """A Read may name ten thousand parts of one array."""
    words = encoded(["word"] * 20_000, ua.VariantType.String)
    reader = RangeReader()
    begun = time.process_time()
    for position in range(300):
        assert decoded(reader.read(words, [(position, position)])) == ["word"]
    assert time.process_time() - begun < 1.0
