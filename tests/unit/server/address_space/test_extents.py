"""Where encoded values end (Part 6 v1.05 5.2)."""

from __future__ import annotations

import struct

import pytest

from server.address_space.decoding import Cursor
from server.address_space.extents import DEEPEST, MOST_VALUES, DecodingError, EncodingLimitsError, skip, skip_variant

WRONG = struct.pack("<i", 2) + b"\xff\xfe"


@pytest.mark.parametrize(
    "variant",
    [
        b"\x0c" + WRONG,  # a String
        b"\x8c\x01\x00\x00\x00" + WRONG,  # in an array, that is kept as it came
        b"\x10" + WRONG,  # XmlElement
        b"\x14\x01\x00" + WRONG,  # QualifiedName
        b"\x15\x02" + WRONG,  # LocalizedText
        b"\x11\x03\x01\x00" + WRONG,  # NodeId
    ],
)
def test_a_text_that_is_no_utf_8_is_a_decoding_error(variant: bytes) -> None:
    """5.2.2.4: served to others, it would end the Read of each client that minds it."""
    with pytest.raises(DecodingError, match="UTF-8"):
        skip_variant(variant, 0)
    sound = variant.replace(b"\xff\xfe", "ü".encode())
    assert skip_variant(sound, 0) == len(sound)


@pytest.mark.parametrize("code", range(26, 32))
def test_types_that_no_specification_has_yet_are_read_as_byte_strings(code: int) -> None:
    """5.2.2.16: decoders take them, so that one item is refused and not the whole request."""
    assert skip_variant(bytes((code,)) + WRONG, 0) == 7
    assert skip_variant(bytes((code | 0x80,)) + struct.pack("<i", 2) + WRONG * 2, 0) == 17
    with pytest.raises(DecodingError):
        skip_variant(bytes((code + 6,)) + WRONG, 0)


@pytest.mark.parametrize(
    ("nested", "levels"),
    [(b"\x98\x01\x00\x00\x00", 1), (b"\x18", 1), (b"\x97\x01\x00\x00\x00\x01", 2)],
)
def test_threat_19_a_hundred_levels_and_no_more(nested: bytes, levels: int) -> None:
    deepest = nested * (DEEPEST // levels) + b"\x00"
    assert skip_variant(deepest, 0) == len(deepest)
    for count in (DEEPEST // levels + 1, 10_000):
        with pytest.raises(EncodingLimitsError):
            skip_variant(nested * count + b"\x00", 0)


def test_threat_19_diagnostic_infos() -> None:
    with pytest.raises(EncodingLimitsError):
        skip_variant(b"\x19" + b"\x40" * 10_000 + b"\x00", 0)


def test_threat_04_all_values_of_a_message_share_one_budget() -> None:
    half = b"\x98" + struct.pack("<i", MOST_VALUES // 2) + bytes(MOST_VALUES // 2)
    cursor = Cursor(half * 2 + b"\x98\x01\x00\x00\x00\x00", most=MOST_VALUES)
    assert cursor.variant() == cursor.variant() == half
    with pytest.raises(EncodingLimitsError):
        cursor.variant()
    numbers = b"\x83" + struct.pack("<i", MOST_VALUES * 2) + bytes(MOST_VALUES * 2)
    assert Cursor(numbers, most=1).variant() == numbers, "a number costs nothing of its own"
    assert Cursor(half * 3).variant() == half, "and what is the gateway's own is not counted"


def test_the_body_of_an_extension_object_has_one_of_three_forms() -> None:
    """5.2.2.15."""
    for form in (b"\x00", b"\x01\xff\xff\xff\xff", b"\x02\x00\x00\x00\x00"):
        assert skip_variant(b"\x16\x00\x00" + form, 0) == 3 + len(form)
    with pytest.raises(DecodingError):
        skip_variant(b"\x16\x00\x00\x03\x00\x00\x00\x00", 0)


def test_an_opaque_identifier_need_not_be_text() -> None:
    node_id = b"\x05\x00\x00\x02\x00\x00\x00\x80\xff"
    assert skip(node_id, 0, 17) == len(node_id)
    with pytest.raises(DecodingError):
        skip(b"\x03" + node_id[1:], 0, 17)
