"""One point's samples by source time, then arrival, in pages of InfluxQL."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import numpy as np

from core.datatypes import DataType
from historian.contract import Cursor
from historian.influx import query
from historian.influx.lines import tag
from historian.influx.positions import FIRST_TICK, LAST_TICK, TICK, nanoseconds
from historian.influx.query import Querier
from historian.influx.rows import COLUMNS, Decoded, Row, decode, ordinal_of, record_in, tick_of, type_of
from historian.raw_read import Run

PAGE: Final = 5_000
"""Rows a request: their JSON is read in one go, and the event loop stands still meanwhile."""


class PointScan:
    """Scans one point (:class:`historian.raw_read.Scan`); runs in the thread that owns the connection."""

    def __init__(self, querier: Querier, measurement: str, node: str) -> None:
        """Name the point by its NodeId text."""
        self._querier = querier
        self._select = (
            f"SELECT {', '.join(map(query.identifier, COLUMNS))} FROM {querier.source(measurement)}"  # noqa: S608 - all names are quoted
            f" WHERE node = {query.text(tag(node))}"
        )

    def __call__(self, low: int, high: int, need: int | None, *, forward: bool, after: Cursor | None = None) -> Run:
        """Give up to ``need`` samples (None = all) of low <= time <= high beyond ``after``."""
        datatype: DataType | None = None
        pieces: list[Decoded] = []
        last: Cursor | None = None
        taken = damaged = 0
        more = False
        for kind, rows in self._alike(low, high, need, forward=forward, after=after):
            if kind is None:
                damaged += len(rows)
                continue
            datatype = datatype or kind
            room = len(rows) if need is None else need - taken
            if kind is not datatype or room <= 0:
                more = True
                break
            part = rows[:room]
            pieces.append(decode(part, kind))
            taken += len(part)
            damaged += pieces[-1].damaged
            last = Cursor(tick_of(part[-1]), ordinal_of(part[-1]))
            if len(part) < len(rows):
                more = True
                break
        if datatype is None:
            return _nothing(damaged)
        return Run(
            datatype,
            np.concatenate([piece.values for piece in pieces]),
            np.concatenate([piece.status for piece in pieces]),
            np.concatenate([piece.source_time for piece in pieces]),
            np.concatenate([piece.server_time for piece in pieces]),
            last,
            more,
            damaged,
        )

    def _alike(
        self, low: int, high: int, need: int | None, *, forward: bool, after: Cursor | None
    ) -> Iterator[tuple[DataType | None, list[Row]]]:
        """Give the rows in their order, those of one DataType that follow each other together."""
        low, high = max(low, FIRST_TICK), min(high, LAST_TICK)
        if after is not None:
            low, high = (max(low, after.time), high) if forward else (low, min(high, after.time))
        for page in self._pages(low, high, need, forward=forward):
            rows = page if after is None else [row for row in page if _is_beyond(row, after, forward=forward)]
            for kind, some in groupby(rows, key=type_of):
                yield kind, list(some)

    def _pages(self, low: int, high: int, need: int | None, *, forward: bool) -> Iterator[list[Row]]:
        """Give all rows of low <= time <= high, page by page; a source time is always whole on its page."""
        # one more tells whether the range goes on, one is the cursor's own, one shows that the one before is whole
        limit = PAGE if need is None else min(need + 3, PAGE)
        while low <= high:
            rows = self._rows(low, high, limit, forward=forward)
            if len(rows) < limit:
                yield _in_order(rows, forward=forward)
                return
            edge = tick_of(rows[-1])
            before = [row for row in rows if tick_of(row) != edge]
            if before:
                yield _in_order(before, forward=forward)
                low, high = (edge, high) if forward else (low, edge)
            else:
                yield _in_order(self._rows(edge, edge, None, forward=forward), forward=forward)
                low, high = (edge + 1, high) if forward else (low, edge - 1)

    def _rows(self, low: int, high: int, limit: int | None, *, forward: bool) -> list[Row]:
        statement = (
            f"{self._select} AND time >= {nanoseconds(low)} AND time <= {nanoseconds(high) + TICK - 1}"
            f" ORDER BY time {'ASC' if forward else 'DESC'}" + (f" LIMIT {limit}" if limit else "")
        )
        return [row for table in self._querier.ask([statement])[0] for row in table.rows]


def _is_beyond(row: Row, after: Cursor, *, forward: bool) -> bool:
    here, there = (tick_of(row), ordinal_of(row)), (after.time, after.ordinal)
    return here > there if forward else here < there


def _in_order(rows: list[Row], *, forward: bool) -> list[Row]:
    """Order rows whose places are told apart by the tag ``n`` too, and leave out what was written twice.

    A sample is there twice where its path was another one when it was delivered again.
    """
    number = COLUMNS.index("n") + 1
    if any(row[number] for row in rows):
        rows = sorted(rows, key=_place, reverse=not forward)
    kept = [
        row
        for place, row in enumerate(rows)
        if not place or row[0] != rows[place - 1][0] or not _is_same(row, rows[place - 1])
    ]
    return rows if len(kept) == len(rows) else kept


def _is_same(row: Row, other: Row) -> bool:
    return _place(row) == _place(other) and record_in(row) == record_in(other)


def _place(row: Row) -> tuple[int, int]:
    return tick_of(row), ordinal_of(row)


def _nothing(damaged: int) -> Run:
    empty = np.zeros(0, np.int64)
    return Run(
        DataType.VARIANT, np.zeros(0, object), np.zeros(0, np.uint32), empty, empty, None, more=False, damaged=damaged
    )
