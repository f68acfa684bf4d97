"""What every store of events must do; a test inherits :class:`EventStoreConformance` and gives it fresh stores."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path

import pytest

from core.quality import Status
from core.time import TICKS_PER_SECOND
from historian.contract import Cursor, InvalidTimeDomain
from historian.editing import UpdateKind
from historian.events.contract import EventDelivery, EventStore, StoredEvent

T0 = 133_000_000_000_000_000
PUMP, TANK = "nsu=urn:test;s=pump", "nsu=urn:test;i=7"
KIND = "i=2041"


def event(name: str, seconds: int, source: str = PUMP, more: Mapping[str, bytes] | None = None) -> StoredEvent:
    """Make an event: its EventId and the seconds after T0 at which it happened."""
    held = {"Message": name.encode(), "nsu=urn:test;Level/EURange": b"\x0b", **(more or {})}
    return StoredEvent(name.encode(), T0 + seconds * TICKS_PER_SECOND, KIND, source, 500, held)


def at(seconds: int | None) -> int | None:
    return None if seconds is None else T0 + seconds * TICKS_PER_SECOND


async def put(store: EventStore, sequence: int, *events: StoredEvent, origin: str = "origin") -> None:
    await store.append([EventDelivery(sequence, events)], origin)


async def names(
    store: EventStore,
    start: int | None,
    end: int | None,
    limit: int = 0,
    sources: Collection[str] | None = None,
) -> list[str]:
    """Read through all pages."""
    found: list[str] = []
    cursor: Cursor | None = None
    while True:
        page = await store.read(at(start), at(end), limit, sources=sources, cursor=cursor)
        assert len(page.events) == len(page.positions)
        assert not limit or len(page.events) <= limit
        found += [one.event_id.decode() for one in page.events]
        if page.cursor is None:
            return found
        cursor = Cursor.from_bytes(page.cursor.to_bytes())


def model(events: Sequence[StoredEvent], start: int | None, end: int | None) -> list[str]:
    """Say what ReadRaw's rules give of events in the order of their arrival."""
    low, high = at(start), at(end)
    ordered = sorted(events, key=lambda one: one.time)
    if low is None and high is not None:
        chosen = [one for one in reversed(ordered) if one.time <= high]
    elif high is None and low is not None:
        chosen = [one for one in ordered if one.time >= low]
    else:
        assert low is not None
        assert high is not None
        if low == high:
            chosen = [one for one in ordered if one.time == low]
        elif low < high:
            chosen = [one for one in ordered if low <= one.time < high]
        else:
            chosen = [one for one in reversed(ordered) if high < one.time <= low]
    return [one.event_id.decode() for one in chosen]


class EventStoreConformance(ABC):
    """Tests by the contract alone."""

    @abstractmethod
    def make(self, folder: Path) -> EventStore:
        """Make a store that keeps events of 2022, of the same place each time."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[EventStore]:
        made = self.make(tmp_path)
        await made.open()
        yield made
        await made.close()

    async def test_an_event_comes_back_as_it_was(self, store: EventStore) -> None:
        kept = event("a", 1, more={"": b"\x11\x00\x09", "Empty": b"", "Big/Field": bytes(70_000)})
        await put(store, 1, kept)
        page = await store.read(at(0), at(10), 0)
        assert list(page.events) == [kept]
        assert list(page.events[0].fields) == list(kept.fields)
        assert page.cursor is None

    async def test_what_is_delivered_again_is_kept_once(self, store: EventStore) -> None:
        await put(store, 4, event("a", 1))
        await put(store, 4, event("b", 2))
        await put(store, 3, event("c", 3))
        await put(store, 4, event("a", 9), event("d", 4), origin="another opening")
        assert await names(store, 0, None, 5) == ["a", "d"]
        assert (await store.applied("origin"), await store.applied("unknown")) == (4, 0)

    @pytest.mark.parametrize("limit", [0, 1, 3])
    async def test_reads_are_in_order_both_ways(self, store: EventStore, limit: int) -> None:
        rng = random.Random(3)
        events = [event(f"e{number}", rng.randrange(8), rng.choice((PUMP, TANK))) for number in range(40)]
        for sequence in range(1, 5):
            await put(store, sequence, *events[(sequence - 1) * 10 : sequence * 10])
        for start, end in ((0, 9), (2, 5), (5, 2), (9, -1), (4, 4), (20, 30)):
            assert await names(store, start, end, limit) == model(events, start, end)
            of_tank = [one for one in events if one.source == TANK]
            assert await names(store, start, end, limit, {TANK}) == model(of_tank, start, end)
        if limit:
            assert await names(store, None, 6, limit) == model(events, None, 6)
            assert await names(store, 3, None, limit) == model(events, 3, None)

    async def test_many_sources(self, store: EventStore) -> None:
        events = [event(f"e{number}", number, f"i={number % 20}") for number in range(60)]
        await put(store, 1, *events)
        wanted = {f"i={number}" for number in range(12)} | {"nsu=urn:nowhere;s=x"}
        expected = [one for one in events if one.source in wanted]
        assert await names(store, 0, 99, 5, wanted) == model(expected, 0, 99)
        assert await names(store, 99, 0, 5, wanted) == model(expected, 99, 0)
        assert await names(store, 0, 99, 5, {"nsu=urn:nowhere;s=x"}) == []
        assert await names(store, 0, 99, 5, ()) == []
        assert await store.sources() == {f"i={number}" for number in range(20)}

    async def test_a_page_goes_on_behind_any_of_its_events(self, store: EventStore) -> None:
        await put(store, 1, *(event(f"e{number}", number // 3) for number in range(9)))
        page = await store.read(at(0), at(9), 6)
        rest = await store.read(at(0), at(9), 0, cursor=page.positions[3])
        assert [one.event_id for one in rest.events] == [b"e4", b"e5", b"e6", b"e7", b"e8"]

    async def test_what_arrives_meanwhile_moves_no_cursor(self, store: EventStore) -> None:
        await put(store, 1, event("b", 2), event("c", 2), event("e", 4))
        page = await store.read(at(0), at(9), 1)
        await put(store, 2, event("a", 1), event("d", 2))
        rest = await store.read(at(0), at(9), 0, cursor=page.cursor)
        assert [one.event_id for one in rest.events] == [b"c", b"d", b"e"]

    async def test_two_of_start_end_and_limit_are_needed(self, store: EventStore) -> None:
        for start, end, limit in ((None, None, 5), (1, None, 0), (None, 1, 0), (0, 1, -1)):
            with pytest.raises(InvalidTimeDomain):
                await store.read(start, end, limit)

    async def test_any_time_may_be_asked_for(self, store: EventStore) -> None:
        await put(store, 1, event("a", 1))
        for start, end in ((0, (1 << 63) - 1), ((1 << 63) - 1, -(1 << 63) + 1)):
            page = await store.read(start, end, 5)
            assert [one.event_id for one in page.events] == [b"a"]

    async def test_events_are_inserted_replaced_and_updated_by_their_id(self, store: EventStore) -> None:
        await put(store, 1, event("a", 1))
        insert, replace, update = UpdateKind.INSERT, UpdateKind.REPLACE, UpdateKind.UPDATE
        assert await store.update([event("a", 5), event("b", 2)], insert) == [
            Status.BAD_ENTRY_EXISTS,
            Status.GOOD_ENTRY_INSERTED,
        ]
        assert await store.update([event("a", 5, TANK), event("c", 3)], replace) == [
            Status.GOOD_ENTRY_REPLACED,
            Status.BAD_NO_ENTRY_EXISTS,
        ]
        assert await store.update([event("b", 4), event("d", 3)], update) == [
            Status.GOOD_ENTRY_REPLACED,
            Status.GOOD_ENTRY_INSERTED,
        ]
        assert await names(store, 0, 9) == ["d", "b", "a"]
        assert await names(store, 0, 9, sources={TANK}) == ["a"]
        assert (await store.statistics()).events == 3

    async def test_events_are_deleted_by_their_id(self, store: EventStore) -> None:
        await put(store, 1, event("a", 1), event("b", 1), event("c", 2))
        assert await store.delete([b"b", b"x", b"b"]) == [
            Status.GOOD,
            Status.BAD_EVENT_ID_UNKNOWN,
            Status.BAD_EVENT_ID_UNKNOWN,
        ]
        assert await names(store, 0, 9) == ["a", "c"]

    async def test_events_are_found_by_their_id(self, store: EventStore) -> None:
        await put(store, 1, event("a", 1), event("b", 1))
        assert await store.find([b"b", b"x", b"a"]) == [event("b", 1), None, event("a", 1)]

    async def test_events_survive_a_restart(self, store: EventStore, tmp_path: Path) -> None:
        await put(store, 1, event("a", 1))
        await store.close()
        again = self.make(tmp_path)
        await again.open()
        try:
            await put(again, 1, event("b", 2))
            await put(again, 2, event("c", 3))
            assert await names(again, 0, 9) == ["a", "c"]
            statistics = await again.statistics()
            assert (statistics.events, statistics.appended, statistics.expired) == (2, 2, 0)
            assert statistics.bytes > 0
        finally:
            await again.close()
