from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from server.address_space.asyncua_values import encode_variant
from server.address_space.decoding import GivenValue
from server.subscriptions.encoding import Timestamps
from server.subscriptions.filters import DataFilter, Trigger
from server.subscriptions.object_items import ObjectItem

OVERFLOW = 0x480


class Attribute:
    """An attribute whose value a test changes."""

    def __init__(self) -> None:
        self.value: object = "a"
        self.status = 0
        self.moment = 0

    def look(self) -> GivenValue:
        self.moment += 1
        return GivenValue(encode_variant(ua.Variant(self.value)), self.status, self.moment, self.moment)


def taken(item: ObjectItem, limit: int = 100) -> str:
    """Give the letters, in capitals where they carry the Overflow bit."""
    letters = ""
    for part in item.drain(limit):
        assert part[:4] == (7).to_bytes(4, "little")
        value: Any = struct_from_binary(ua.DataValue, Buffer(part[4:]))
        letters += value.Value.Value.upper() if value.StatusCode.value == OVERFLOW else value.Value.Value
    return letters


def on(
    attribute: Attribute, size: int = 10, *, discard_oldest: bool = True, chosen: DataFilter | None = None
) -> ObjectItem:
    return ObjectItem(7, size, discard_oldest, 0.1, attribute.look, Timestamps.BOTH, chosen or DataFilter())


def sampled(size: int, values: str, *, discard_oldest: bool) -> ObjectItem:
    attribute = Attribute()
    item = on(attribute, size, discard_oldest=discard_oldest)
    for value in values:
        attribute.value = value
        item.sample()
    return item


@pytest.mark.parametrize(
    ("size", "discard_oldest", "values", "left"),
    [
        (3, True, "abc", "abc"),
        (3, True, "abcde", "Cde"),
        (3, False, "abcde", "abE"),
        (1, True, "abc", "c"),
        (1, False, "abc", "c"),
        (2, True, "abcd", "Cd"),
        (2, False, "abcd", "aD"),
    ],
)
def test_the_value_beside_the_gap_carries_the_overflow_bit(
    size: int,
    discard_oldest: bool,  # noqa: FBT001 - a parameter of the table
    values: str,
    left: str,
) -> None:
    item = sampled(size, values, discard_oldest=discard_oldest)
    assert item.lost == len(values) - len(left)
    assert taken(item) == left


@pytest.mark.parametrize(
    ("size", "discard_oldest", "left"), [(2, True, "De"), (2, False, "aE"), (1, True, "e"), (1, False, "e")]
)
def test_a_queue_that_is_made_smaller_loses_what_it_would_have_lost(
    size: int,
    discard_oldest: bool,  # noqa: FBT001 - a parameter of the table
    left: str,
) -> None:
    item = sampled(10, "abcde", discard_oldest=discard_oldest)
    item.resize(size, discard_oldest=discard_oldest)
    assert taken(item) == left


def test_what_is_as_before_is_not_queued() -> None:
    assert taken(sampled(10, "aabba", discard_oldest=True)) == "aba"


def test_what_is_muted_waits_until_it_is_reported_or_released() -> None:
    item = sampled(10, "abc", discard_oldest=True)
    item.muted = True
    assert not item.waiting
    assert taken(item) == ""
    item.released = True
    assert item.waiting == 3
    assert taken(item) == "abc"
    assert not item.released, "once"


def test_the_present_value_comes_again_when_it_is_asked_for() -> None:
    item = sampled(10, "a", discard_oldest=True)
    assert taken(item) == "a"
    item.sample()
    item.resend()
    assert taken(item) == "a"


def test_only_the_status_counts_where_the_filter_says_so() -> None:
    attribute = Attribute()
    item = on(attribute, chosen=DataFilter(Trigger.STATUS))
    item.sample()
    attribute.value = "b"
    item.sample()
    attribute.value, attribute.status = "c", 0x40000000
    item.sample()
    assert item.waiting == 2


def test_times_count_where_the_filter_says_so() -> None:
    item = on(Attribute(), chosen=DataFilter(Trigger.STATUS_VALUE_TIMESTAMP))
    item.sample()
    item.sample()
    assert item.waiting == 2


def test_a_deadband_is_measured_from_what_was_queued_last() -> None:
    attribute = Attribute()
    item = on(attribute, chosen=DataFilter(deadband=1.0))
    for value in (0.0, 0.6, 1.0, 1.2, 2.0, 2.3):
        attribute.value = value
        item.sample()
    assert item.waiting == 3, "0, 1.2 and 2.3"
