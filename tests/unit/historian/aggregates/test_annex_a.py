"""The worked examples of Part 13 Annex A for every standard aggregate, as the files in tests/golden/aggregates cite."""

from __future__ import annotations

import numpy as np
import pytest

from core.quality import NO_VALUE
from historian.aggregates.calculate import calculate
from historian.aggregates.grid import Grid
from historian.aggregates.kinds import AggregateKind
from tests.unit.historian.aggregates.historians import HISTORIANS, NOON, SECOND, Table, tables

TABLES = list(tables())


def test_every_aggregate_has_a_table() -> None:
    assert {table.kind for table in TABLES} == set(AggregateKind)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.kind.name}-{table.historian}")
def test_table(table: Table) -> None:
    historian = HISTORIANS[table.historian]
    grid = Grid(NOON, NOON + 100 * SECOND, table.interval * SECOND)
    results = calculate(
        table.kind,
        historian.configuration,
        historian.series,
        grid.all(),
        stepped=historian.stepped,
        datatype=historian.datatype,
        annotations=NOON + np.array(historian.annotations, np.int64) * SECOND,
    )
    found = {
        int(time): (None if status & NO_VALUE else value, int(status) & ~NO_VALUE)
        for time, value, status in zip(results.times, results.values, results.status, strict=True)
    }
    assert len(found) == len(grid)
    for row in table.rows:
        value, status = found[row.time]
        moment = (row.time - NOON) / SECOND
        assert (moment, f"{status:08X}") == (moment, f"{row.status:08X}")
        assert value == (None if row.value is None else pytest.approx(row.value, abs=6e-4)), moment
