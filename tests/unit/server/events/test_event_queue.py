from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.address_space.keys import nodeid_of
from server.address_space.space import AddressSpace
from server.events.event import SERVER, Event
from server.events.event_queue import EventItem
from server.events.overflow import OVERFLOW_EVENT_TYPE
from tests.unit.server.events.plant import BASE, clause, compiled, element, literal, own, raw_event, values


@dataclass
class Named:
    """Lets every event pass whose name is not x; its fields are its name, or an exclamation mark."""

    @property
    def select(self) -> Callable[[Event], bytes | None]:
        return lambda event: None if name_of(event) == b"x" else name_of(event)

    @property
    def fields(self) -> Callable[[Event], bytes]:
        return name_of


def name_of(event: Event) -> bytes:
    return (
        b"!"
        if event.type == OVERFLOW_EVENT_TYPE
        else str(event.source[1] if isinstance(event.source, tuple) else "").encode()
    )


def named(name: str) -> Event:
    return Event(BASE, (2, name), {})


def item(size: int, *, discard_oldest: bool) -> EventItem:
    return EventItem(7, size, discard_oldest, Named())


def offer(held: EventItem, names: str) -> None:
    for name in names:
        held.offer(named(name))


def taken(held: EventItem, limit: int = 100) -> str:
    parts = held.drain(limit)
    assert all(part[:4] == b"\x07\0\0\0" for part in parts)
    return "".join(part[4:].decode() for part in parts)


def test_events_wait_in_their_order_and_filtered_ones_do_not() -> None:
    held = item(10, discard_oldest=True)
    offer(held, "axbxc")
    assert held.waiting == 3
    assert taken(held, 2) == "ab"
    assert taken(held) == "c"
    assert (held.waiting, held.lost, taken(held)) == (0, 0, "")


def test_the_overflow_comes_first_where_the_oldest_are_discarded() -> None:
    held = item(2, discard_oldest=True)
    offer(held, "abcd")
    assert (held.waiting, held.lost) == (3, 2)
    assert taken(held, 1) == "!"
    assert taken(held) == "cd"


def test_the_overflow_comes_last_where_the_newest_are_replaced() -> None:
    held = item(2, discard_oldest=False)
    offer(held, "abcd")
    assert (held.waiting, held.lost) == (3, 2)
    assert taken(held) == "ad!"


def test_there_is_one_overflow_until_it_is_delivered() -> None:
    held = item(1, discard_oldest=True)
    offer(held, "abcdef")
    assert taken(held) == "!f"
    offer(held, "gh")
    assert taken(held) == "!h"


def test_what_comes_after_the_overflow_stays_behind_it() -> None:
    held = item(2, discard_oldest=False)
    offer(held, "abc")
    assert taken(held, 1) == "a"
    offer(held, "d")
    assert taken(held) == "c!d"
    offer(held, "efg")
    assert taken(held, 1) == "e"
    offer(held, "hi")
    assert taken(held) == "gi!"


def test_a_muted_item_queues_and_reports_nothing_until_it_is_released() -> None:
    held = item(2, discard_oldest=True)
    held.muted = True
    offer(held, "abc")
    assert (held.waiting, taken(held)) == (0, "")
    held.released = True
    assert held.waiting == 3
    assert taken(held, 1) == "!"
    assert taken(held) == "bc"
    offer(held, "d")
    assert (held.waiting, taken(held)) == (0, "")


def test_somebody_is_told_of_each_event_that_is_queued() -> None:
    told: list[int] = []
    held = item(2, discard_oldest=True)
    held.on_queued = lambda: told.append(held.waiting)
    offer(held, "axbc")
    assert told == [1, 2, 3]


@pytest.mark.parametrize(("discard_oldest", "left"), [(True, "!de"), (False, "ab!")])
def test_a_queue_that_is_made_smaller_loses_as_it_would_have(discard_oldest: bool, left: str) -> None:  # noqa: FBT001 - a parameter of the test
    held = item(5, discard_oldest=discard_oldest)
    offer(held, "abcde")
    held.resize(2, discard_oldest=discard_oldest)
    assert held.lost == 3
    assert taken(held) == left
    held.resize(3, discard_oldest=True)
    offer(held, "fgh")
    assert taken(held) == "fgh"


def test_clearing_forgets_the_overflow_too() -> None:
    held = item(1, discard_oldest=True)
    offer(held, "ab")
    held.clear()
    assert (held.waiting, taken(held)) == (0, "")
    offer(held, "c")
    assert taken(held) == "c"


@pytest.mark.parametrize("discard_oldest", [True, False])
@given(size=st.integers(1, 4), steps=st.lists(st.sampled_from(["offer", 1, 2, 100]), max_size=40))
def test_nothing_is_lost_untold_and_the_order_stays(discard_oldest: bool, size: int, steps: list[Any]) -> None:  # noqa: FBT001 - a parameter of the test
    """Every gap in what is delivered has an overflow between, before or after it; there is none without a gap."""
    held = item(size, discard_oldest=discard_oldest)
    offered, seen, lost_before = 0, "", 0
    for step in steps:
        if step == "offer":
            held.offer(named(chr(0x4E00 + offered)))
            offered += 1
        else:
            before = held.waiting
            got = taken(held, step)
            assert len(got) == min(step, before)
            seen += got
        assert held.waiting <= size + 1
        assert held.lost >= lost_before
        lost_before = held.lost
    seen += taken(held)
    numbers = [ord(one) - 0x4E00 for one in seen if one != "!"]
    assert numbers == sorted(set(numbers))
    assert len(numbers) + held.lost == offered
    assert ("!" in seen) == bool(held.lost)


def test_the_overflow_event_has_the_selected_fields_and_passes_by_the_where_clause(space: AddressSpace) -> None:
    select = [clause("EventType"), clause("SourceNode"), clause("SourceName"), clause("Severity"), own("Score")]
    never = element(0, clause("Message"), literal("leak found"))
    held = EventItem(7, 1, discard_oldest=True, filter=compiled(space, select, never))
    held.offer(raw_event(space, Score=1.0))
    held.offer(raw_event(space, Score=2.0))
    told, event = (values(part[4:]) for part in held.drain(10))
    server = nodeid_of(SERVER)
    assert told[:3] == [nodeid_of(OVERFLOW_EVENT_TYPE), server, "Internal/EventQueueOverflow"]
    assert 1 <= told[3] <= 1000
    assert told[4] is None
    assert event[4] == 2.0
