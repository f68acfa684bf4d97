"""The arrays of aggregates against a plain reading of Part 13, over random traffic."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.quality import NO_VALUE
from server.subscriptions.aggregates.folding import MOST_INTERVALS, Folding
from server.subscriptions.aggregates.kinds import (
    SUPPORTED,
    AggregateConfiguration,
    AggregateKind,
    Asked,
    applies,
    result_type,
)
from tests.unit.server.subscriptions.aggregates.part13 import INVALID_INPUTS, Result
from tests.unit.server.subscriptions.aggregates.timeline import UNREAD, Timeline

START = 100_000
TYPES = [DataType.DOUBLE, DataType.FLOAT, DataType.INT16, DataType.BYTE, DataType.INT64, DataType.BOOLEAN]
STATUSES = [0, 0, 0, 0, 0x00300000, 0x40000000, 0x40900000, 0x80000000, 0x80310000, 0x80310000 | NO_VALUE, *UNREAD]
VALUES: dict[DataType, list[Any]] = {
    DataType.DOUBLE: [0.0, 1.0, -1.0, 2.5, 1e3, -7.25, math.nan, math.inf, -math.inf, 1e-3],
    DataType.FLOAT: [0.0, 1.0, -1.0, 2.5, 1e3, math.nan, math.inf],
    DataType.INT16: [0, 1, -1, 7, 32767, -32768],
    DataType.BYTE: [0, 1, 2, 7, 200, 255],
    DataType.INT64: [0, 1, -1, 7, 2**53 + 1, 2**63 - 1, -(2**63)],
    DataType.BOOLEAN: [False, True],
}
INTERVALS = [100, 1_000]
LARGEST: dict[DataType, float] = {DataType.DOUBLE: 1e3, DataType.FLOAT: 1e3, DataType.INT64: 2.0**63}


def column(value: Any, dtype: Any) -> Any:
    return np.array([value], dtype)


def agrees(mine: Any, model: Any, datatype: DataType, scale: float) -> bool:
    """Compare a value in an array with an exact one."""
    if datatype is DataType.DOUBLE:
        return math.isclose(mine, model, rel_tol=1e-9, abs_tol=1e-9 * scale) or repr(mine) == repr(model)
    if datatype is DataType.FLOAT:
        return math.isclose(mine, model, rel_tol=1e-6, abs_tol=1e-6 * scale) or repr(mine) == repr(float(model))
    if isinstance(model, Fraction) and model.denominator != 1:  # what was interpolated is rounded to the nearest
        return abs(mine - model) <= Fraction(1, 2) + Fraction(scale) / 2**40
    return abs(int(mine) - int(model)) <= (scale / 2**40 if isinstance(model, Fraction) and scale > 2**53 else 0)


def fits(model: Result, datatype: DataType) -> bool:
    if not datatype.is_integer or model.value is None or not isinstance(model.value, Fraction):
        return True
    limits = np.iinfo(datatype.dtype)  # type: ignore[type-var]  # it is a whole number's type
    return limits.min <= round(model.value) <= limits.max


class Traffic:
    """Does each thing to both and compares what comes out."""

    def __init__(self, asked: Asked, datatype: DataType, *, stepped: bool) -> None:
        self.datatype = datatype
        self.asked = asked
        self.folding = Folding(asked, datatype, stepped=stepped)
        self.model = Timeline(asked, stepped=stepped)
        self.folding.grow(2)
        self.folding.grow(8)

    def begin(self, index: int, value: Any, status: int, source_time: int, now: int) -> None:
        self.model.begin(index, value, status, source_time, now)
        self.folding.begin(
            column(index, np.int32),
            column(value, self.datatype.dtype),
            column(status, np.uint32),
            column(source_time, np.int64),
            now,
        )

    def forget(self, index: int) -> None:
        self.model.forget(index)
        self.folding.forget(column(index, np.int32))

    def offer(self, samples: dict[int, tuple[Any, int, int]], now: int) -> None:
        for index, (value, status, source_time) in samples.items():
            self.model.offer(index, value, status, source_time, now)
        self.folding.offer(
            np.array(list(samples), np.int32),
            np.array([value for value, _, _ in samples.values()], self.datatype.dtype),
            np.array([status for _, status, _ in samples.values()], np.uint32),
            np.array([source_time for _, _, source_time in samples.values()], np.int64),
            now,
        )

    def close(self, now: int) -> None:
        due = self.folding.next_due
        told = self.model.close(now)
        mine: list[tuple[int, int, Any, int, int]] = []
        ends: list[int] = []
        for entries in self.folding.close(now):
            assert entries.values.dtype == self.asked.result_type.dtype
            assert len(set(entries.server_time.tolist())) == 1
            ends.append(int(entries.server_time[0]))
            mine.extend(
                zip(
                    entries.server_time.tolist(),
                    entries.index.tolist(),
                    entries.values.tolist(),
                    entries.status.tolist(),
                    entries.source_time.tolist(),
                    strict=True,
                )
            )
        assert len(ends) <= 2 * MOST_INTERVALS
        if told and not self.model.restarts:
            assert ends == sorted(ends)
            assert due <= now
        assert self.folding.next_due > now
        assert [(end, index) for end, index, *_ in sorted(mine, key=lambda row: row[:2])] == [
            (end, index) for end, index, _ in sorted(told, key=lambda row: row[:2])
        ]
        for (end, index, value, status, time), (_, _, result) in zip(
            sorted(mine, key=lambda row: row[:2]), sorted(told, key=lambda row: row[:2]), strict=True
        ):
            self.compare((value, status, time), result, f"item {index} until {end}")
        assert self.folding.late == self.model.late
        assert self.folding.skipped == self.model.skipped
        assert self.folding.restarts == self.model.restarts

    def compare(self, mine: tuple[Any, int, int], result: Result, where: str) -> None:
        value, status, time = mine
        assert time == result.time, where
        if not fits(result, self.asked.result_type):
            assert status & ~NO_VALUE == INVALID_INPUTS, where
            return
        assert status & ~NO_VALUE == result.status, (where, mine, result)
        assert bool(status & NO_VALUE) == (result.value is None), (where, mine, result)
        if result.value is not None:
            scale = LARGEST.get(self.datatype, 1.0)
            if self.asked.kind in (AggregateKind.VARIANCE_SAMPLE, AggregateKind.VARIANCE_POPULATION):
                scale *= scale
            assert agrees(value, result.value, self.asked.result_type, scale), (where, mine, result)


configurations = st.builds(
    AggregateConfiguration,
    treat_uncertain_as_bad=st.booleans(),
    percent_bad=st.sampled_from([100, 100, 50, 0]),
    percent_good=st.sampled_from([100, 100, 60]),
    sloped=st.booleans(),
)


@settings(deadline=None, max_examples=30)
@pytest.mark.parametrize("kind", sorted(SUPPORTED))
@given(data=st.data())
def test_arrays_and_plain_reading_agree(kind: AggregateKind, data: st.DataObject) -> None:
    draw = data.draw
    datatype = draw(st.sampled_from([datatype for datatype in TYPES if applies(kind, datatype)]))
    interval = draw(st.sampled_from(INTERVALS))
    start = draw(st.sampled_from([0, 37, START + 250]))
    asked = Asked(kind, draw(configurations), interval, start, result_type(kind, datatype))
    stepped = draw(st.booleans())
    traffic = Traffic(asked, datatype, stepped=stepped)
    values = st.sampled_from(VALUES[datatype])
    statuses = st.sampled_from(STATUSES)
    now = START
    lags = st.sampled_from([0, 0, 0, 0, 1, 5, 40, 150, 5_000, -30])
    for _ in range(draw(st.integers(3, 30))):
        step = draw(st.sampled_from([0, 1, 10, 30, 50, 100, 230]) | st.sampled_from([interval, 7 * interval]))
        now += step
        if traffic.model.number(now) - traffic.model.current > MOST_INTERVALS:
            traffic.close(now)  # results that nobody takes are told of in test_rules.py
        active = list(traffic.model.items)
        action = draw(st.sampled_from(["offer"] * 8 + ["close"] * 3 + ["begin", "forget", "leap", "fall"]))
        if action == "begin" or not active:
            traffic.begin(draw(st.integers(0, 3)), draw(values), draw(statuses), now - draw(lags), now)
        elif action == "offer":
            chosen = draw(st.lists(st.sampled_from(active), unique=True, min_size=1))
            traffic.offer({index: (draw(values), draw(statuses), now - draw(lags)) for index in chosen}, now)
        elif action == "forget":
            traffic.forget(draw(st.sampled_from(active)))
        elif action == "leap":
            traffic.close(now)
            now += 100 * interval
            traffic.close(now)
        elif action == "fall":
            now -= draw(st.sampled_from([1, interval // 2, 3 * interval]))
            traffic.close(now)
        else:
            traffic.close(now)
    traffic.close(now + 3 * interval)
