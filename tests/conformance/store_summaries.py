"""What a store that keeps summaries must do: whatever came, in whatever order, they are what raw values come to."""

from __future__ import annotations

import asyncio
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import NO_VALUE, Status
from core.time import TICKS_PER_SECOND, Clock
from historian.contract import Delivery, HistoryStore
from historian.digest import quantile
from historian.editing import HistoryEditor, Modification, PointSamples, UpdateKind
from historian.resolutions import Resolution, Summaries, SummaryReader
from historian.samples import SampleBlock, group

POINT, OTHER = "nsu=urn:test;s=sum", "nsu=urn:test;s=other"
T0 = 133_000_000_000_000_000 // Resolution.HOUR.ticks * Resolution.HOUR.ticks
"""The beginning of an hour."""

Sample = tuple[int, float, int]
"""Ticks after T0, value, status."""


class SummaryStore(HistoryStore, SummaryReader, Protocol):
    """A store that is asked for summaries too."""

    async def expire(self) -> None:
        """Drop what is older than the retention."""
        ...


class MovedClock(Clock):
    """A clock that the test moves."""

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks
        self.seconds = 0.0

    def now(self) -> int:
        return self.ticks

    def monotonic(self) -> float:
        return self.seconds


def delivery(sequence: int, samples: Sequence[Sample], datatype: DataType = DataType.DOUBLE) -> Delivery:
    """Make a delivery of the point's samples, in the order of arrival, and of one of another point."""
    times = np.array([T0 + ticks for ticks, *_ in samples], np.int64)
    values = np.array([value for _, value, _ in samples]).astype(datatype.dtype)
    status = np.array([each for *_, each in samples], np.uint32)
    columns = group(datatype, np.zeros(len(samples), np.int32), values, status, times, times)
    other = group(datatype, np.zeros(1, np.int32), values[:1], status[:1], times[:1], times[:1])
    return Delivery(sequence, [SampleBlock.of(columns, [POINT]), SampleBlock.of(other, [OTHER])])


def bucket(start: int, samples: Sequence[Sample]) -> dict[str, Any]:
    """The slow truth of one bucket; ``samples`` in the order of (time, arrival)."""
    good = [(ticks, value) for ticks, value, status in samples if status >> 30 == 0 and not status & NO_VALUE]
    values = [value for _, value in good]
    uncertain = sum(status >> 30 == 1 and not status & NO_VALUE for *_, status in samples)
    mean = sum(values) / len(values) if values else math.nan
    shown = [math.nan if status & NO_VALUE else value for _, value, status in samples]
    return {
        "start": T0 + start,
        "good": len(good),
        "uncertain": uncertain,
        "bad": len(samples) - len(good) - uncertain,
        "total": sum(values) if values else math.nan,
        "squares": sum((value - mean) ** 2 for value in values) if values else math.nan,
        "minimum": min(values, default=math.nan),
        "low_time": T0 + min((t for t, value in good if value == min(values)), default=start),
        "maximum": max(values, default=math.nan),
        "high_time": T0 + min((t for t, value in good if value == max(values)), default=start),
        "first": shown[0],
        "first_time": T0 + samples[0][0],
        "first_status": samples[0][2],
        "last": shown[-1],
        "last_time": T0 + samples[-1][0],
        "last_status": samples[-1][2],
    }


def expected(samples: Sequence[Sample], start: int, end: int, resolution: Resolution) -> list[dict[str, Any]]:
    """The slow truth: the buckets that begin in [start, end)."""
    buckets: dict[int, list[Sample]] = {}
    for sample in sorted(samples, key=lambda each: each[0]):
        buckets.setdefault(sample[0] // resolution.ticks * resolution.ticks, []).append(sample)
    return [bucket(begin, inside) for begin, inside in sorted(buckets.items()) if start <= begin < end]


def agree(found: Summaries, truth: Sequence[dict[str, Any]]) -> None:
    """Sums in another order differ in the last bits; all else is the same."""
    assert len(found) == len(truth)
    for name in truth[0] if truth else ():
        column = getattr(found, name).tolist()
        wanted = [row[name] for row in truth]
        if name in {"total", "squares"}:
            assert column == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True), name
        else:
            assert column == pytest.approx(wanted, rel=0, abs=0, nan_ok=True), name


STATUSES = (0, 0, 0, 0, 0, Status.UNCERTAIN, Status.BAD, Status.BAD_NO_DATA | NO_VALUE)
STEPS = {"fast": TICKS_PER_SECOND // 50, "slow": 20 * TICKS_PER_SECOND, "mixed": None}


def story(seed: int, rate: str) -> list[list[Sample]]:
    """Make deliveries: most go on in time, some late, out of order, at one time twice, of every quality."""
    rng = random.Random(seed)
    moment = 0
    deliveries: list[list[Sample]] = []
    for _ in range(rng.randint(5, 14)):
        samples: list[Sample] = []
        for _ in range(rng.randint(1, 40)):
            moment += STEPS[rate] or rng.choice((1, TICKS_PER_SECOND // 10, 900 * TICKS_PER_SECOND))
            late = rng.random() < 0.1
            at = rng.randint(0, moment) if late else moment - (rng.random() < 0.1)
            samples.append((at, float(round(rng.gauss(20, 3), rng.choice((0, 1, 2, 9)))), rng.choice(STATUSES)))
        deliveries.append(samples)
    return deliveries


class SummaryConformance(ABC):
    """The suite; ``make_keeping`` gives a store whose raw values alone expire, ``raw_days`` after the clock's now."""

    @abstractmethod
    def make_keeping(self, folder: Path, clock: Clock, raw_days: float) -> HistoryStore:
        """Make a store on ``folder`` that keeps summaries, seconds too, for ever, and raw values some days."""

    @abstractmethod
    async def settle(self, store: HistoryStore) -> None:
        """Do at once what the store does in the background."""

    def store(self, folder: Path, clock: Clock | None = None, raw_days: float = 36_500) -> SummaryStore:
        made = self.make_keeping(folder, clock or MovedClock(T0), raw_days)
        if not made.capabilities.keeps_summaries:
            pytest.skip("the store declares that it keeps no summaries")
        return cast("SummaryStore", made)

    @pytest.mark.parametrize("rate", STEPS)
    @pytest.mark.parametrize("seed", range(3))
    async def test_summaries_are_what_raw_values_come_to(self, tmp_path: Path, rate: str, seed: int) -> None:
        store = self.store(tmp_path)
        rng = random.Random(seed)
        await store.open()
        try:
            known: list[Sample] = []
            for sequence, samples in enumerate(story(seed, rate), 1):
                await store.append([delivery(sequence, samples)], "origin")
                known += samples
                if rng.random() < 0.3:
                    await self.settle(store)
                resolution = rng.choice(list(Resolution))
                end = max(ticks for ticks, *_ in known) + 1
                low, high = sorted((rng.randint(-10, end), rng.randint(0, end + resolution.ticks)))
                found = await store.read_summaries(POINT, T0 + low, T0 + high, resolution)
                agree(found, expected(known, low, high, resolution))
            for resolution in Resolution:
                agree(
                    await store.read_summaries(POINT, T0, T0 + (1 << 50), resolution),
                    expected(known, 0, 1 << 50, resolution),
                )
            assert await store.raw_since(POINT) is None
        finally:
            await store.close()

    @pytest.mark.parametrize("rate", STEPS)
    async def test_raw_values_expire_and_what_they_came_to_stays(self, tmp_path: Path, rate: str) -> None:
        clock = MovedClock(T0)
        store = self.store(tmp_path, clock, raw_days=1)
        await store.open()
        try:
            known: list[Sample] = []
            for sequence, samples in enumerate(story(9, rate), 1):
                # of equal times arrival is forgotten with the raw values
                taken = {ticks for ticks, *_ in known}
                new = [each for each in {sample[0]: sample for sample in samples}.values() if each[0] not in taken]
                known += new
                if new:
                    await store.append([delivery(sequence, new)], "origin")
                if sequence % 2:
                    await self.settle(store)
                clock.ticks = T0 + 86_400 * TICKS_PER_SECOND + sorted(ticks for ticks, *_ in known)[len(known) // 2]
                await store.expire()
            clock.ticks = T0 + (1 << 50)
            await store.expire()
            assert len(await store.read_raw(POINT, T0 - 1, None, 1000)) == 0
            statistics = await store.statistics()
            assert (statistics.samples, statistics.expired) == (0, statistics.appended)
            assert await store.raw_since(POINT) == T0 + max(ticks for ticks, *_ in known) + 1
            for resolution in Resolution:
                agree(
                    await store.read_summaries(POINT, T0, T0 + (1 << 50), resolution),
                    expected(known, 0, 1 << 50, resolution),
                )
                assert await store.summaries_since(POINT, resolution) is None
        finally:
            await store.close()

    async def test_what_is_changed_by_hand_changes_what_it_comes_to(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        if not store.capabilities.keeps_edits:
            pytest.skip("the store declares that nothing can be changed by hand")
        editor = cast("HistoryEditor", store)
        by = Modification(T0, "somebody")
        await store.open()
        try:
            known = {turn * TICKS_PER_SECOND // 50: float(turn % 7) for turn in range(3000)}
            for part in range(10):
                times = list(known)[part * 300 : part * 300 + 300]
                await store.append([delivery(part + 1, [(at, known[at], 0) for at in times])], "origin")
                if part == 7:
                    await self.settle(store)
            low, high = 11 * TICKS_PER_SECOND // 2, 23 * TICKS_PER_SECOND
            await editor.delete_raw(POINT, T0 + low, T0 + high, by)
            known = {at: value for at, value in known.items() if not low <= at < high}
            new = np.array([T0 + low + 1, T0 + 60 * TICKS_PER_SECOND, T0 + 3600 * TICKS_PER_SECOND], np.int64)
            values = np.array([-1.5, 99.0, 100.0])
            samples = PointSamples(DataType.DOUBLE, values, np.zeros(3, np.uint32), new, new)
            await editor.update(POINT, samples, UpdateKind.UPDATE, by)
            known |= dict(zip((new - T0).tolist(), values.tolist(), strict=True))
            for _ in range(2):
                for resolution in Resolution:
                    agree(
                        await store.read_summaries(POINT, T0, T0 + (1 << 40), resolution),
                        expected([(at, value, 0) for at, value in known.items()], 0, 1 << 40, resolution),
                    )
                await self.settle(store)
        finally:
            await store.close()

    @pytest.mark.parametrize("datatype", [DataType.BOOLEAN, DataType.BYTE, DataType.INT32, DataType.FLOAT])
    async def test_every_kind_of_number_is_summed(self, tmp_path: Path, datatype: DataType) -> None:
        store = self.store(tmp_path)
        await store.open()
        try:
            values = np.array([1, 0, 1, 1, 7.25]).astype(datatype.dtype)
            samples = [(turn * TICKS_PER_SECOND, float(value), 0) for turn, value in enumerate(values.tolist())]
            await store.append([delivery(1, samples, datatype)], "origin")
            for _ in range(2):
                found = await store.read_summaries(POINT, T0, T0 + 1, Resolution.MINUTE)
                agree(found, expected(samples, 0, 1, Resolution.MINUTE))
                await self.settle(store)
        finally:
            await store.close()

    async def test_what_is_no_number_and_what_is_not_known_has_none(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        await store.open()
        try:
            texts, times = np.array(["a", "b"], object), np.array([T0, T0 + 1], np.int64)
            block = SampleBlock(
                (POINT,), DataType.STRING, np.array([2], np.int32), texts, np.zeros(2, np.uint32), times, times
            )
            if store.capabilities.keeps_objects:
                await store.append([Delivery(1, [block])], "origin")
            await self.settle(store)
            for resolution in Resolution:
                for point in (POINT, "nsu=urn:test;s=unknown"):
                    assert len(await store.read_summaries(point, T0 - 9, T0 + (1 << 40), resolution)) == 0
            assert await store.raw_since("nsu=urn:test;s=unknown") is None
        finally:
            await store.close()

    async def test_hours_know_their_percentiles(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        await store.open()
        try:
            rng = np.random.default_rng(5)
            values = rng.gamma(2.0, 10.0, 7200)
            for part in range(12):
                samples = [
                    (turn * TICKS_PER_SECOND, float(values[turn]), 0) for turn in range(part * 600, part * 600 + 600)
                ]
                await store.append([delivery(part + 1, samples)], "origin")
                if part % 5 == 4:
                    await self.settle(store)
            found = await store.read_summaries(POINT, T0, T0 + 2 * Resolution.HOUR.ticks, Resolution.HOUR)
            assert found.digests is not None
            for hour, digest in enumerate(found.digests):
                inside = np.sort(values[hour * 3600 : hour * 3600 + 3600])
                assert int(digest.weights.sum()) == 3600
                assert (np.diff(digest.means) >= 0).all()
                for share in (0, 0.01, 0.1, 0.5, 0.9, 0.99, 1):
                    guess = quantile(digest, share, float(found.minimum[hour]), float(found.maximum[hour]))
                    # told by the rank: how far from the share the guess stands among all values
                    assert float(np.searchsorted(inside, guess)) / 3600 == pytest.approx(share, abs=0.015)
            assert (await store.read_summaries(POINT, T0, T0 + 60, Resolution.MINUTE)).digests is None
        finally:
            await store.close()

    async def test_readers_while_data_come_and_merge_see_whole_buckets(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        await store.open()
        try:
            step = TICKS_PER_SECOND // 40

            async def write() -> None:
                for sequence in range(30):
                    samples = [((sequence * 40 + turn) * step, float(turn), 0) for turn in range(40)]
                    await store.append([delivery(sequence + 1, samples)], "origin")

            writing = asyncio.create_task(write())
            seen = 0
            while not writing.done():
                found = await store.read_summaries(POINT, T0, T0 + Resolution.HOUR.ticks, Resolution.SECOND)
                count = int(found.good.sum())
                assert count >= seen
                assert count % 40 == 0
                seen = count
            await writing
            found = await store.read_summaries(POINT, T0, T0 + Resolution.HOUR.ticks, Resolution.SECOND)
            assert found.good.tolist() == [40] * 30
        finally:
            await store.close()
