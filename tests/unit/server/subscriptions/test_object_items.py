from __future__ import annotations

import pytest

from server.subscriptions.object_items import EventItem, ObjectItem, ObservedValue


class Attribute:
    """An attribute whose value a test changes; encoded as one letter, in capitals with the Overflow bit."""

    def __init__(self) -> None:
        self.value = "a"

    def look(self) -> ObservedValue:
        held = self.value
        return ObservedValue(held, lambda overflow: (held.upper() if overflow else held).encode())


def taken(item: ObjectItem | EventItem, limit: int = 100) -> str:
    parts = item.drain(limit)
    assert all(part[:4] == (7).to_bytes(4, "little") for part in parts)
    return b"".join(part[4:] for part in parts).decode()


def sampled(size: int, values: str, *, discard_oldest: bool) -> ObjectItem:
    attribute = Attribute()
    item = ObjectItem(7, size, discard_oldest, 0.1, attribute.look)
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


def test_what_is_as_before_is_not_queued() -> None:
    assert taken(sampled(10, "aabba", discard_oldest=True)) == "aba"


def test_a_muted_item_queues_and_reports_later() -> None:
    item = sampled(10, "ab", discard_oldest=True)
    item.muted = True
    assert item.waiting == 0
    assert taken(item) == ""
    item.muted = False
    assert taken(item, limit=1) == "a"
    assert taken(item) == "b"


def test_a_disabled_item_begins_anew() -> None:
    item = sampled(10, "ab", discard_oldest=True)
    item.clear()
    item.sample()
    assert taken(item) == "b"


def test_initial_values_are_sent_again() -> None:
    item = sampled(10, "a", discard_oldest=True)
    item.resend()
    assert taken(item) == "aa"


@pytest.mark.parametrize(("discard_oldest", "left"), [(True, "cd"), (False, "ad")])
def test_events_pass_the_filter_and_the_queue(discard_oldest: bool, left: str) -> None:  # noqa: FBT001 - as above
    item = EventItem(7, 2, discard_oldest, lambda event: None if event == "x" else str(event).encode())
    for event in "axbxcd":
        item.offer(event)
    assert item.lost == 2
    item.muted = True
    assert taken(item) == ""
    item.muted = False
    assert taken(item) == left
    item.offer("e")
    item.clear()
    assert item.waiting == 0
