"""Ordinals against a model of the database, with deliveries that are cut off and come again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from historian.influx.ordinals import Ordinals
from historian.influx.positions import is_before, record_of
from historian.samples import SampleBlock, group

NODES = ("nsu=urn:t;s=a", "nsu=urn:t;s=b")


@dataclass
class Database:
    """(node, tick, ordinal) -> (record, value), as InfluxDB keeps lines."""

    rows: dict[tuple[str, int, int], tuple[int, float]] = field(default_factory=dict[Any, Any])
    looks: int = 0

    def newest(self, nodes: Sequence[str]) -> Mapping[str, int]:
        return {node: tick for node, tick, _ in sorted(self.rows) if node in nodes}

    def following(self, times: Mapping[str, Sequence[int]], record: int) -> Mapping[tuple[str, int], int]:
        self.looks += 1
        taken: dict[tuple[str, int], int] = {}
        for (node, tick, ordinal), (brought, _) in self.rows.items():
            if tick in times.get(node, ()) and is_before(brought, record):
                taken[node, tick] = max(taken.get((node, tick), 0), ordinal + 1)
        return taken


def block(rows: Sequence[tuple[int, int, float]]) -> SampleBlock:
    columns = group(
        DataType.DOUBLE,
        np.array([row[0] for row in rows], np.int32),
        np.array([row[2] for row in rows], np.float64),
        np.zeros(len(rows), np.uint32),
        np.array([row[1] for row in rows], np.int64),
        np.zeros(len(rows), np.int64),
    )
    points: list[int] = columns.points.tolist()
    return SampleBlock.of(columns, [NODES[point] for point in points])


def lines(ordinals: Ordinals, blocks: Sequence[SampleBlock], record: int) -> list[tuple[tuple[str, int, int], Any]]:
    found: list[tuple[tuple[str, int, int], Any]] = []
    for part, numbers in zip(blocks, ordinals.give(ordinals.plan(blocks), record), strict=True):
        nodes = [node for node, count in zip(part.nodes, part.counts.tolist(), strict=True) for _ in range(count)]
        places = numbers.tolist() if numbers is not None else [0] * len(part)
        for node, tick, ordinal, value in zip(
            nodes, part.source_time.tolist(), places, part.values.tolist(), strict=True
        ):
            found.append(((node, tick, ordinal), (record, value)))
    return found


rows_of_a_block = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=8)
records = st.lists(st.lists(rows_of_a_block, min_size=1, max_size=2), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(story=records, data=st.data())
def test_each_sample_has_its_place_once_whatever_is_cut_off(story: list[Any], data: st.DataObject) -> None:
    database, truth, number = Database(), dict[tuple[str, int], list[float]](), 0
    made: list[list[SampleBlock]] = []
    for parts in story:
        blocks: list[SampleBlock] = []
        for part in parts:
            rows: list[tuple[int, int, float]] = [
                (point, tick, float(number + turn)) for turn, (point, tick) in enumerate(part)
            ]
            number += len(rows)
            for point, tick, value in sorted(rows, key=lambda row: row[0]):
                truth.setdefault((NODES[point], tick), []).append(value)
            blocks.append(block(rows))
        made.append(blocks)
    ordinals = Ordinals(database)
    applied = 0
    while applied < len(made):
        until = data.draw(st.integers(applied + 1, len(made)))
        for _ in range(data.draw(st.integers(0, 2))):  # deliveries of which any part arrives, and then the process dies
            for sequence in range(applied, until):
                some = lines(ordinals, made[sequence], record_of(3, sequence + 1))
                database.rows.update(line for line in some if data.draw(st.booleans()))
            ordinals = Ordinals(database)
        for sequence in range(applied, until):
            database.rows.update(lines(ordinals, made[sequence], record_of(3, sequence + 1)))
        applied = until
    assert len(database.rows) == number
    for key, values in truth.items():
        assert [value for place, (_, value) in sorted(database.rows.items()) if place[:2] == key] == values


def test_what_is_newer_asks_nothing() -> None:
    database = Database()
    ordinals = Ordinals(database)
    for sequence in range(5):
        blocks = [block([(0, 10 * sequence + turn, 0.0) for turn in range(3)])]
        plan = ordinals.plan(blocks)
        assert not plan.times
        assert ordinals.give(plan, record_of(1, sequence + 1)) == [None]
    assert database.looks == 0
