"""Over the cap the lowest class goes first, alarms never for room; what is refused and lost is told exactly."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import StoreUnavailable
from historian import outbox as outbox_module
from historian.outbox import Outbox
from historian.outbox_cap import AGE, ROOM
from historian.outbox_priorities import Priority, priority_of
from historian.outbox_schema import SCHEMA
from historian.outbox_tables import Loss
from tests.clock import START, ManualClock
from tests.waiting import until

CAP = 1000
STREAMS = ["alarms", "events", "samples", "pubsub", "logs"]
DAY = 86_400.0


@dataclass
class Told:
    """What an outbox said."""

    losses: list[Loss] = field(default_factory=list[Loss])
    refusals: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def lost(self, reason: str) -> Counter[str]:
        counted: Counter[str] = Counter()
        for loss in self.losses:
            if loss.reason == reason:
                counted[loss.stream] += loss.records
        return counted


@asynccontextmanager
async def opened(path: Path, clock: ManualClock | None = None) -> AsyncGenerator[tuple[Outbox, Told]]:
    told = Told()
    outbox = Outbox(
        path,
        largest_bytes=CAP,
        longest_days=30,
        on_loss=told.losses.append,
        on_refusal=lambda stream, reason: told.refusals.append((stream, reason)),
        clock=clock,
    )
    await outbox.open()
    try:
        yield outbox, told
    finally:
        await outbox.close()


async def held(outbox: Outbox) -> dict[str, list[int]]:
    return {
        stream: numbers
        for stream in STREAMS
        if (numbers := [record.payload[0] for record in await outbox.read(stream, 0)])
    }


async def test_the_lowest_class_goes_first_and_in_it_the_oldest_of_all_its_streams(tmp_path: Path) -> None:
    async with opened(tmp_path / "outbox.sqlite") as (outbox, told):
        for number, stream in enumerate(["alarms", "logs", "samples", "pubsub", "events", "samples", "logs"]):
            await outbox.append(stream, bytes([number]) * 140, samples=number)
        assert told.losses == []
        expected = [["logs"], ["logs"], ["samples"], ["pubsub"], ["samples"]]
        for number, gone in enumerate(expected):
            before = len(told.losses)
            await outbox.append("alarms", bytes([20 + number]) * 140)
            assert [loss.stream for loss in told.losses[before:]] == gone
        assert await held(outbox) == {"alarms": [0, 20, 21, 22, 23, 24], "events": [4]}
        assert [loss.samples for loss in told.losses] == [1, 6, 2, 3, 5]
        counted = {(loss.stream, loss.reason): loss.samples for loss in (await outbox.statistics()).losses}
        assert counted == {("logs", ROOM): 7, ("samples", ROOM): 7, ("pubsub", ROOM): 3}


async def test_alarms_are_taken_beyond_the_cap_and_others_refused_and_told_until_there_is_room(tmp_path: Path) -> None:
    async with opened(tmp_path / "outbox.sqlite") as (outbox, told):
        await outbox.register("archive", "alarms")
        await outbox.append("samples", bytes(100))
        alarms = [await outbox.append("alarms", bytes(100)) for _ in range(20)]
        assert told.lost(ROOM) == {"samples": 1}
        with pytest.raises(StoreUnavailable, match="no more than 2000 are kept"):
            await outbox.append("alarms", b"one too many")
        for stream in ("samples", "events", "samples"):
            with pytest.raises(
                StoreUnavailable, match=f"2000 of 1000 bytes are taken by what matters more than {stream}"
            ):
                await outbox.append(stream, b"x")
        assert [stream for stream, reason in told.refusals if reason] == ["alarms", "samples", "events"]
        assert (await outbox.statistics()).refused == {"alarms": 1, "samples": 2, "events": 1}
        assert told.lost(ROOM) == {"samples": 1}, "what was refused was never accepted"
        await outbox.acknowledge("archive", alarms[-2])
        await outbox.append("samples", bytes(10))
        assert told.refusals[-1] == ("samples", "")


async def test_a_record_larger_than_the_cap_is_dropped_and_counted_not_refused_for_ever(tmp_path: Path) -> None:
    async with opened(tmp_path / "outbox.sqlite") as (outbox, told):
        await outbox.append("alarms", bytes(10))
        await outbox.append("samples", bytes(CAP + 1), samples=9)
        assert [(loss.stream, loss.samples) for loss in told.losses] == [("samples", 9)]
        assert list(await held(outbox)) == ["alarms"]


async def test_what_is_too_old_goes_whatever_its_class_and_its_times_are_told(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "outbox.sqlite", clock) as (outbox, told):
        for stream in ("alarms", "samples"):
            await outbox.append(stream, b"x", samples=3)
        await clock.advance(DAY)
        await outbox.append("samples", b"y", samples=4)
        await clock.advance(29.5 * DAY)
        await outbox.append("samples", b"z", samples=5)
        assert told.losses == [Loss("alarms", 1, 3, AGE, START, START), Loss("samples", 1, 3, AGE, START, START)]
        assert (await outbox.statistics()).losses == tuple(told.losses)


async def test_alarms_at_their_bound_that_are_too_old_refuse_nothing_for_ever(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "outbox.sqlite", clock) as (outbox, told):
        for _ in range(20):
            await outbox.append("alarms", bytes(100))
        with pytest.raises(StoreUnavailable, match="no more than 2000 are kept"):
            await outbox.append("alarms", b"new")
        await clock.advance(31 * DAY)
        await outbox.append("alarms", b"new")
        await outbox.append("samples", b"new")
        assert told.lost(AGE) == {"alarms": 20}
        assert told.refusals[-1] == ("alarms", "")


async def test_what_is_too_old_goes_though_the_record_is_refused_all_the_same(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "outbox.sqlite", clock) as (outbox, told):
        await outbox.append("alarms", b"old", samples=3)
        await clock.advance(20 * DAY)
        await outbox.append("alarms", bytes(1500))
        assert told.losses == []
        await clock.advance(20 * DAY)
        with pytest.raises(StoreUnavailable, match="1500 of 1000 bytes"):
            await outbox.append("samples", b"new")
        assert told.lost(AGE) == {"alarms": 1}
        assert [loss.samples for loss in (await outbox.statistics()).losses] == [3]


async def test_what_is_too_old_goes_by_itself_where_nothing_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_module, "_ENFORCED_EVERY", 0.001)
    clock = ManualClock()
    path = tmp_path / "outbox.sqlite"
    async with opened(path, clock) as (outbox, told):
        await outbox.append("alarms", b"x")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # a disk that is busy for longer than anybody waits ends nothing
            await until(lambda: "drops nothing for now" in caplog.text)
            other.rollback()
        assert told.losses == []
        await clock.advance(31 * DAY)
        await until(lambda: told.lost(AGE) == {"alarms": 1})


async def test_fault_12_nothing_is_a_month_older_because_the_clock_was_set(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "outbox.sqlite", clock) as (outbox, told):
        await outbox.append("samples", b"x")
        for jump in (3600.0, -7200.0, 400 * DAY, -800 * DAY):
            clock.jump(jump)
            await outbox.append("samples", b"x")
            await outbox.enforce_cap()
        assert told.losses == []
        clock.jump(400 * DAY + 3600.0)
        await clock.advance(31 * DAY)
        await outbox.enforce_cap()
        assert told.lost(AGE)["samples"] > 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(1, 400)), max_size=40))
async def test_any_story_goes_as_the_rules_say(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[str, int]]
) -> None:
    async with opened(tmp_path_factory.mktemp("story") / "outbox.sqlite") as (outbox, told):
        model, lost, refused = list[tuple[str, int, int]](), Counter[str](), Counter[str]()

        def size(chosen: Callable[[Priority], bool]) -> int:
            return sum(bytes_ for stream, bytes_, _ in model if chosen(priority_of(stream)))

        for number, (stream, length) in enumerate(story):
            mine = priority_of(stream)
            with contextlib.suppress(StoreUnavailable):
                await outbox.append(stream, bytes([number]) * length)
            fits = (
                size(lambda other: other is Priority.ALARM) + length <= 2 * CAP
                if mine is Priority.ALARM
                else size(lambda other, mine=mine: other > mine) + length <= CAP
            )
            if not fits:
                refused[stream] += 1
                continue
            model.append((stream, length, number))
            for priority in list(Priority)[:-1]:
                while size(lambda _: True) > CAP:
                    first = next((one for one in model if priority_of(one[0]) is priority), None)
                    if first is None:
                        break
                    model.remove(first)
                    lost[first[0]] += 1
        kept: dict[str, list[int]] = {}
        for stream, _, number in model:
            kept.setdefault(stream, []).append(number)
        assert await held(outbox) == kept
        assert told.lost(ROOM) == lost
        statistics = await outbox.statistics()
        assert statistics.refused == refused
        assert {name: one.lost_records for name, one in statistics.streams.items() if one.lost_records} == lost
        assert sum(one.bytes for one in statistics.streams.values()) == size(lambda _: True)


async def test_the_cap_looks_at_no_more_records_than_it_drops(tmp_path: Path) -> None:
    """Each query of the cap goes by an index: however much waits, accepting costs the same."""
    async with opened(tmp_path / "outbox.sqlite"):
        pass
    with closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as connection:
        for query in (
            "SELECT r.time FROM record r WHERE r.stream = 1 ORDER BY r.sequence LIMIT 1",
            "SELECT sequence FROM record WHERE stream = 1 AND sequence > 0 ORDER BY sequence LIMIT 9",
        ):
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
            assert "USING" in plan, plan
            assert "record_stream" in plan, plan
            assert "TEMP B-TREE" not in plan, plan


async def test_a_file_of_the_first_format_is_brought_on_with_all_that_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    async with opened(path) as (outbox, _):
        await outbox.append("samples", b"kept", samples=7)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE loss")
        connection.execute("PRAGMA user_version=1")
        connection.commit()
    async with opened(path) as (outbox, told):
        assert [record.payload for record in await outbox.read("samples", 0)] == [b"kept"]
        await outbox.append("alarms", bytes(CAP))
        assert [(loss.stream, loss.samples) for loss in told.losses] == [("samples", 7)]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA.version,)
    assert len(SCHEMA.migrations) == SCHEMA.version - 1


async def test_a_file_of_the_first_format_without_its_tables_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    async with opened(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=1")  # but its table of losses is there already
        connection.commit()
    outbox = Outbox(path)
    outcome = await outbox.open()
    await outbox.close()
    assert outcome.set_aside is not None
