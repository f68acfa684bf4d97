from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from core.time import TICKS_PER_SECOND
from historian.contract import Record
from historian.outbox import Outbox
from historian.outbox_tables import Backlog, Loss, StreamStatistics

DAY = 86_400 * TICKS_PER_SECOND
T0 = 133_000_000_000_000_000


class MovedClock:
    def __init__(self) -> None:
        self.ticks = T0

    def now(self) -> int:
        return self.ticks

    def monotonic(self) -> float:
        return self.ticks / TICKS_PER_SECOND


async def payloads(outbox: Outbox, stream: str, after: int = 0) -> list[bytes]:
    return [record.payload for record in await outbox.read(stream, after)]


async def test_records_come_back_in_order_by_stream(outbox: Outbox) -> None:
    sequences = [await outbox.append(stream, payload) for stream, payload in (("a", b"1"), ("b", b"2"), ("a", b"3"))]
    assert sequences == sorted(set(sequences))
    assert await payloads(outbox, "a") == [b"1", b"3"]
    assert await payloads(outbox, "a", sequences[0]) == [b"3"]
    assert await payloads(outbox, "b") == [b"2"]
    assert await payloads(outbox, "none") == []


async def test_whoever_accepts_learns_what_the_record_follows(outbox: Outbox) -> None:
    await outbox.register("sink", "a")
    first = await outbox.accept("a", b"1")
    assert first.previous == 0
    other = await outbox.accept("b", b"2")
    assert other.previous == 0
    second = await outbox.accept("a", b"3")
    assert (second.previous, second.sequence > other.sequence) == (first.sequence, True)
    await outbox.acknowledge("sink", second.sequence)
    third = await outbox.accept("a", b"4")
    assert third.previous == 0  # what all sinks have is no longer held
    found = {record.sequence: record.time for record in await outbox.read("a", 0)}
    assert found == {third.sequence: third.time}


async def test_a_read_is_bounded_in_bytes_but_gives_at_least_one(outbox: Outbox) -> None:
    for _ in range(5):
        await outbox.append("a", bytes(1000))
    assert len(await outbox.read("a", 0, limit_bytes=1)) == 1
    assert len(await outbox.read("a", 0, limit_bytes=2500)) == 3


async def test_a_record_waits_for_every_sink_of_its_stream(outbox: Outbox) -> None:
    await outbox.register("one", "a")
    await outbox.register("two", "a")
    await outbox.register("other", "b")
    first = await outbox.append("a", b"1", 10)
    second = await outbox.append("a", b"2", 5)
    await outbox.acknowledge("one", second)
    assert len(await outbox.read("a", 0)) == 2
    await outbox.acknowledge("two", first)
    assert await payloads(outbox, "a") == [b"2"]
    statistics = await outbox.statistics()
    assert statistics.streams["a"] == StreamStatistics(1, 5, 1, 15, 0, 0)
    assert statistics.sinks["one"].acknowledged_samples == 15
    assert await outbox.keep_only(["one", "other"]) == {"two": Backlog(1, 5, 1)}
    assert await payloads(outbox, "a") == []
    with pytest.raises(KeyError):
        await outbox.acknowledge("two", second)


async def test_sinks_that_the_configuration_no_longer_has_are_told_and_forgotten(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    for sink, stream in (("kept", "a"), ("gone", "a"), ("alone", "b"), ("done", "c")):
        await outbox.register(sink, stream)
    first = await outbox.append("a", b"one", 10)
    for stream, payload, samples in (("a", b"two", 5), ("b", b"three", 7), ("b", b"four", 8)):
        await outbox.append(stream, payload, samples)
    await outbox.acknowledge("gone", first)
    with caplog.at_level(logging.WARNING):
        forgotten = await outbox.keep_only(["kept", "not there yet"])
    assert forgotten == {"gone": Backlog(1, 5, 3), "alone": Backlog(2, 15, 9), "done": Backlog(0, 0, 0)}
    assert "sink alone: the outbox forgets it, and what it had not taken is lost to it: 15 samples in 2" in caplog.text
    assert len(caplog.records) == 3
    assert await payloads(outbox, "a") == [b"one", b"two"]
    assert await payloads(outbox, "b") == []
    statistics = await outbox.statistics()
    assert set(statistics.sinks) == {"kept"}
    assert statistics.streams["b"] == StreamStatistics(0, 0, 0, 15, 0, 0)
    assert await outbox.keep_only(["kept"]) == {}


async def test_a_sink_that_comes_back_begins_with_what_is_accepted_from_then_on(outbox: Outbox) -> None:
    await outbox.register("sink", "a")
    before = await outbox.append("a", b"before")
    await outbox.keep_only([])
    assert await outbox.register("sink", "a") == 0
    assert await outbox.append("a", b"after") > before
    assert await payloads(outbox, "a") == [b"after"]


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    first = Outbox(path)
    await first.open()
    origin = first.origins.of(1)
    sequence = await first.append("a", b"1")
    await first.append("a", b"2")
    await first.register("sink", "a")
    await first.acknowledge("sink", sequence)
    points = await first.name_points(["nsu=urn:x;s=a", "nsu=urn:x;s=b"])
    await first.close()
    await first.close()
    assert path.stat().st_mode & 0o777 == 0o600
    again = Outbox(path)
    await again.open()
    assert again.nodes(points) == ("nsu=urn:x;s=a", "nsu=urn:x;s=b")
    assert await again.register("sink", "a") == sequence
    assert await payloads(again, "a") == [b"2"]
    third = await again.append("a", b"3")
    assert third > sequence + 1
    assert again.origins.of(sequence + 1) == origin
    assert again.origins.of(third) != origin
    await again.close()


async def test_a_sequence_is_never_given_twice(outbox: Outbox) -> None:
    await outbox.register("sink", "a")
    first = await outbox.append("a", b"1")
    await outbox.acknowledge("sink", first)
    assert await outbox.append("a", b"2") > first


async def test_over_the_cap_the_oldest_go_and_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    losses: list[Loss] = []
    outbox = Outbox(tmp_path / "outbox.sqlite", largest_bytes=10_000, on_loss=losses.append)
    await outbox.open()
    with caplog.at_level(logging.WARNING):
        for number in range(25):
            await outbox.append("ab"[number % 2], bytes([number]) * 1000, samples=number)
    kept = [record.payload[0] for stream in "ab" for record in await outbox.read(stream, 0)]
    assert sorted(kept) == list(range(15, 25))
    statistics = (await outbox.statistics()).streams
    assert statistics["a"].lost_records + statistics["b"].lost_records == 15
    assert statistics["a"].lost_samples == sum(range(0, 15, 2)) == sum(x.samples for x in losses if x.stream == "a")
    assert statistics["b"].lost_samples == sum(range(1, 15, 2)) == sum(x.samples for x in losses if x.stream == "b")
    assert {loss.reason for loss in losses} == {"bytes"}
    assert not caplog.records
    await outbox.close()


async def test_the_log_tells_of_losses_where_nobody_else_does(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite", largest_bytes=10)
    await outbox.open()
    await outbox.append("a", bytes(20), samples=3)
    await outbox.close()
    assert "a: 1 records (3 samples) dropped, over the cap in bytes" in caplog.text


async def test_what_is_too_old_goes_and_is_counted(tmp_path: Path) -> None:
    losses: list[Loss] = []
    clock = MovedClock()
    outbox = Outbox(tmp_path / "outbox.sqlite", longest_days=2, on_loss=losses.append, clock=clock)
    await outbox.open()
    await outbox.append("a", b"1", 7)
    clock.ticks += DAY
    await outbox.append("a", b"2", 8)
    clock.ticks += DAY + TICKS_PER_SECOND
    await outbox.enforce_cap()
    assert losses == [Loss("a", 1, 7, "age", T0, T0)]
    assert await payloads(outbox, "a") == [b"2"]
    await outbox.close()


async def test_a_stream_may_be_kept_for_less_than_the_others(tmp_path: Path) -> None:
    losses: list[Loss] = []
    clock = MovedClock()
    outbox = Outbox(tmp_path / "outbox.sqlite", longest_days=2, on_loss=losses.append, clock=clock)
    await outbox.open()
    outbox.keep_for("logs", 3_600)
    for stream in ("logs", "telemetry"):
        await outbox.append(stream, b"1", 7)
    clock.ticks += 3_600 * TICKS_PER_SECOND
    await outbox.enforce_cap()
    assert losses == []
    clock.ticks += TICKS_PER_SECOND
    await outbox.enforce_cap()
    assert losses == [Loss("logs", 1, 7, "age", T0, T0)]
    await outbox.append("logs", b"2")
    outbox.keep_for("logs", None)
    clock.ticks += DAY
    await outbox.enforce_cap()
    assert await payloads(outbox, "logs") == [b"2"]
    outbox.keep_for("telemetry", 30 * 86_400)  # never longer than all
    clock.ticks += DAY
    await outbox.enforce_cap()
    assert await payloads(outbox, "telemetry") == []
    await outbox.close()


async def test_appends_that_wait_together_share_commits(outbox: Outbox) -> None:
    sequences = await asyncio.gather(*(outbox.append("a", b"x") for _ in range(500)))
    assert sequences == sorted(set(sequences))
    assert (await outbox.statistics()).streams["a"].records == 500


async def test_a_locked_file_refuses_and_nothing_is_half_kept(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path)
    await outbox.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await outbox.append("a", b"1")
        other.rollback()
    await outbox.append("a", b"2")
    assert await payloads(outbox, "a") == [b"2"]
    await outbox.close()
    with pytest.raises(StoreUnavailable, match="not open"):
        await outbox.append("a", b"3")


async def test_a_record_with_changed_bytes_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path)
    await outbox.open()
    await outbox.append("a", b"whole")
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE record SET payload = ?", (b"wrong",))
        other.commit()
    (record,) = await outbox.read("a", 0)
    assert record.damaged
    await outbox.close()


async def test_the_dead_are_kept(outbox: Outbox) -> None:
    await outbox.register("sink", "a")
    await outbox.set_aside("sink", Record(4, 0, 3, b"poison"), "why")
    assert (await outbox.statistics()).sinks["sink"].dead == 1


async def test_waiting_for_a_record_ends_with_it(outbox: Outbox) -> None:
    waiting = asyncio.create_task(outbox.arrival("a", 0))
    await outbox.append("b", b"1")
    assert not waiting.done()
    await outbox.append("a", b"1")
    await waiting
