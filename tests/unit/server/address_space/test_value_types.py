"""Whether values suit variables (Part 3 v1.05 5.6.2, Part 4 v1.05 5.11.4)."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

import struct
import time
from typing import Any

import pytest
from asyncua import ua

from server.address_space.asyncua_values import encode_variant
from server.address_space.attributes import AttributeRefused
from server.address_space.keys import numeric_key
from server.address_space.node import VariableAttributes
from server.address_space.space import AddressSpace
from server.address_space.value_types import enumeration_values, suited
from tests.unit.server.address_space.plant import standard_space

V = ua.VariantType
MISMATCH, OUT_OF_RANGE = ua.StatusCodes.BadTypeMismatch, ua.StatusCodes.BadOutOfRange


@pytest.fixture(scope="module")
def space() -> AddressSpace:
    space = standard_space()
    fields = [ua.EnumField(number, Name=f"State{number}") for number in range(8)]
    definition = ua.Variant(ua.EnumDefinition(fields), V.ExtensionObject)
    space[852].definition = encode_variant(definition)
    assert enumeration_values(encode_variant(definition)) == set(range(8))
    return space


def answer(space: AddressSpace, data_type: int, value: ua.Variant, **attributes: Any) -> int:
    try:
        suited(space, VariableAttributes(numeric_key(0, data_type), **attributes), encode_variant(value))
    except AttributeRefused as refused:
        return refused.status
    return 0


STRING, DOUBLE, INT32, BYTE = ua.Variant("a"), ua.Variant(1.0), ua.Variant(1, V.Int32), ua.Variant(1, V.Byte)


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        (11, DOUBLE, 0),
        (11, ua.Variant(1.0, V.Float), MISMATCH),
        (290, DOUBLE, 0),  # Duration, a Double
        (294, ua.Variant(0, V.Int64), MISMATCH),  # UtcTime, a DateTime
        (295, STRING, 0),  # LocaleId, a String
        (12, DOUBLE, MISMATCH),
        (26, DOUBLE, 0),  # Number
        (26, STRING, MISMATCH),
        (27, INT32, 0),  # Integer
        (27, DOUBLE, MISMATCH),
        (27, BYTE, 0),  # UInteger is an Integer
        (28, BYTE, 0),  # UInteger
        (28, INT32, MISMATCH),
        (24, STRING, 0),  # BaseDataType
        (24, ua.Variant(None, V.Null), 0),
        (12, ua.Variant(None, V.Null), MISMATCH),
        (12, ua.Variant(None, V.String), 0),
        (29, INT32, 0),  # Enumeration
        (852, INT32, 0),  # ServerState has a 1
        (852, ua.Variant(99, V.Int32), OUT_OF_RANGE),
        (852, BYTE, MISMATCH),
        (888888, STRING, 0),  # a type that nobody has described
        (30, ua.Variant(b"x"), 0),  # Image, a ByteString
        (296, ua.Variant(ua.Argument("a")), 0),
        (22, ua.Variant(ua.Argument("a")), 0),  # Structure
        (24, ua.Variant(ua.Argument("a")), 0),
        (296, ua.Variant(ua.Range(0, 1)), MISMATCH),
        (12756, ua.Variant(ua.Argument("a")), MISMATCH),  # Union
        (22, ua.Variant(ua.ExtensionObject(ua.NodeId(9, 9), b""), V.ExtensionObject), MISMATCH),
        (22, DOUBLE, MISMATCH),
        (26, ua.Variant(ua.Argument("a")), MISMATCH),
    ],
)
def test_data_types(space: AddressSpace, data_type: int, value: ua.Variant, expected: int) -> None:
    assert answer(space, data_type, value) == expected


LINE = ua.Variant([1.0, 2.0], V.Double)
MATRIX = ua.Variant([[1.0, 2.0], [3.0, 4.0]], V.Double)


@pytest.mark.parametrize(
    ("rank", "fits"),
    [(-1, (1, 0, 0)), (-2, (1, 1, 1)), (-3, (1, 1, 0)), (0, (0, 1, 1)), (1, (0, 1, 0)), (2, (0, 0, 1)), (3, (0, 0, 0))],
)
def test_value_ranks(space: AddressSpace, rank: int, fits: tuple[int, int, int]) -> None:
    for value, fit in zip((DOUBLE, LINE, MATRIX), fits, strict=True):
        assert answer(space, 11, value, value_rank=rank) == (0 if fit else MISMATCH)


def test_array_dimensions_are_the_most_there_may_be(space: AddressSpace) -> None:
    assert answer(space, 11, LINE, value_rank=1, array_dimensions=(2,)) == 0
    assert answer(space, 11, LINE, value_rank=1, array_dimensions=(1,)) == OUT_OF_RANGE
    assert answer(space, 11, LINE, value_rank=1, array_dimensions=(0,)) == 0
    assert answer(space, 11, MATRIX, value_rank=2, array_dimensions=(2, 1)) == OUT_OF_RANGE


def test_dimensions_that_are_not_the_number_of_elements(space: AddressSpace) -> None:
    sound = encode_variant(MATRIX)
    described = VariableAttributes(numeric_key(0, 11), 2)
    for dimensions in ((2, 3), (-2, -2), (4,)):
        tail = len(dimensions).to_bytes(4, "little") + b"".join(
            one.to_bytes(4, "little", signed=True) for one in dimensions
        )
        with pytest.raises(AttributeRefused):
            suited(space, described, sound[:-12] + tail)


def test_a_byte_string_and_an_array_of_byte_stand_for_each_other(space: AddressSpace) -> None:
    opaque, array = b"\x0f\x02\x00\x00\x00ab", b"\x83\x02\x00\x00\x00ab"
    assert suited(space, VariableAttributes(3, 1), opaque) == array
    assert suited(space, VariableAttributes(15, -1), array) == opaque
    assert suited(space, VariableAttributes(24, -2), opaque) == opaque


def test_an_array_of_an_abstract_type_may_be_of_several(space: AddressSpace) -> None:
    mixed = ua.Variant([DOUBLE, INT32], V.Variant)
    assert answer(space, 24, mixed, value_rank=1) == 0
    assert answer(space, 26, mixed, value_rank=1) == 0
    assert answer(space, 27, mixed, value_rank=1) == MISMATCH
    assert answer(space, 11, mixed, value_rank=1) == MISMATCH


def test_enumerations_in_arrays(space: AddressSpace) -> None:
    assert answer(space, 852, ua.Variant([0, 7], V.Int32), value_rank=1) == 0
    assert answer(space, 852, ua.Variant([0, 77], V.Int32), value_rank=1) == OUT_OF_RANGE
    definition = ua.StructureDefinition()
    assert enumeration_values(encode_variant(ua.Variant(definition, V.ExtensionObject))) is None


RANGE, RANGE_BINARY, RANGE_XML = 884, b"\x01\x00\x76\x03", b"\x01\x00\x75\x03"
BODY = struct.pack("<idd", 16, 0.0, 1.0)
UNSUPPORTED = ua.StatusCodes.BadDataEncodingUnsupported


def raw(space: AddressSpace, data_type: int, rank: int, variant: bytes) -> int | bytes:
    try:
        return suited(space, VariableAttributes(numeric_key(0, data_type), rank), variant)
    except AttributeRefused as refused:
        return refused.status


@pytest.mark.parametrize("rank", [-3, -2, 0, 1])
def test_a_byte_string_stands_for_an_array_of_byte_wherever_one_may_be(space: AddressSpace, rank: int) -> None:
    """Part 4 v1.05 5.11.4.2 value."""
    assert raw(space, 3, rank, b"\x0f\x02\x00\x00\x00ab") == b"\x83\x02\x00\x00\x00ab"
    assert raw(space, 3, -1, b"\x0f\x02\x00\x00\x00ab") == MISMATCH


def test_the_abstract_enumeration_takes_what_its_subtypes_take(space: AddressSpace) -> None:
    """Part 3 v1.05 8.14: it names no values itself, so none is out of range."""
    space[29].definition = encode_variant(ua.Variant(ua.EnumDefinition([]), V.ExtensionObject))
    assert answer(space, 29, ua.Variant(99, V.Int32)) == 0


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (b"\x18\x06\x01\x00\x00\x00", MISMATCH),  # a Variant in a Variant that is no array
        (b"\x46\x01\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00", MISMATCH),  # a scalar with dimensions
        (b"\x40\x00\x00\x00\x00", MISMATCH),
        (b"\xc6\x00\x00\x00\x00\x21\x00\x00\x00" + b"\x00\x00\x00\x00" * 33, MISMATCH),  # 33 dimensions
    ],
)
def test_variants_that_are_none(space: AddressSpace, variant: bytes, expected: int) -> None:
    """Part 6 v1.05 5.2.2.16."""
    assert raw(space, 24, -2, variant) == expected


def test_a_hundred_thousand_dimensions_cost_nothing(space: AddressSpace) -> None:
    """The product of so many lengths is a number of megabytes, and takes seconds."""
    begun = time.process_time()
    many = struct.pack("<i", 2**31 - 1) * 200_000
    assert raw(space, 6, -2, b"\xc6\x00\x00\x00\x00" + struct.pack("<i", 200_000) + many) == MISMATCH
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (RANGE_BINARY + b"\x01" + BODY, None),
        (RANGE_XML + b"\x01" + BODY, MISMATCH),  # binary, and called XML
        (RANGE_XML + b"\x02" + struct.pack("<i", 8) + b"<Range/>", UNSUPPORTED),
        (RANGE_BINARY + b"\x00", MISMATCH),
        (b"\x00\x00\x00", MISMATCH),
    ],
)
def test_structures_come_in_the_binary_encoding(space: AddressSpace, given: bytes, expected: int | None) -> None:
    """Part 6 v1.05 5.2.2.15: what this server cannot read it does not serve to others either."""
    variant = b"\x16" + given
    assert raw(space, RANGE, -1, variant) == (variant if expected is None else expected)
