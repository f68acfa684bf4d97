"""What the database holds of points: their newest source times, and which places at late times are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from core.time import UNIX_EPOCH_TICKS
from historian.influx import query
from historian.influx.lines import tag, untag
from historian.influx.positions import LANE, LAST_TICK, TICK, Lane, is_before, nanoseconds
from historian.influx.query import Querier, Series

_TOGETHER: Final = 100
"""Statements a request."""
_MANY: Final = 50
"""Points from which on one statement about all points is cheaper than one about each."""
_FEWEST_ROWS: Final = 200
_MOST_ROWS: Final = 10_000


@dataclass(slots=True)
class _Way:
    """A point's late times, and how far they have been looked up."""

    node: str
    times: Sequence[int]
    next: int = 0

    @property
    def rows(self) -> int:
        """How many rows to ask for: where late samples fill a gap, few are there besides them."""
        return min(max(4 * (len(self.times) - self.next), _FEWEST_ROWS), _MOST_ROWS)


class DatabaseLookup:
    """Asks about one lane of one measurement (:class:`historian.influx.ordinals.Lookup`)."""

    def __init__(self, querier: Querier, measurement: str, lane: Lane) -> None:
        """Ask through ``querier``, from the thread that owns its connection."""
        self._querier = querier
        self._source = querier.source(measurement)
        self._lane = lane

    def newest(self, nodes: Sequence[str]) -> Mapping[str, int]:
        """Give the newest source time of each of the points; one without samples is missing."""
        select = f"SELECT rec FROM {self._source}"  # noqa: S608 - the name is quoted
        last = "ORDER BY time DESC LIMIT 1"
        if len(nodes) >= _MANY:
            tables = self._querier.ask([f"{select} GROUP BY node {last}"])[0]
            wanted = set(nodes)
            found = {untag(table.tags.get("node", "")): _first_tick(table) for table in tables if table.rows}
            return {node: tick for node, tick in found.items() if node in wanted}
        results = self._querier.ask([f"{select} WHERE node = {query.text(tag(node))} {last}" for node in nodes])
        return {
            node: _first_tick(tables[0])
            for node, tables in zip(nodes, results, strict=True)
            if tables and tables[0].rows
        }

    def following(self, times: Mapping[str, Sequence[int]], record: int) -> Mapping[tuple[str, int], int]:
        """Give the next ordinal of (point, source time) where samples of earlier records stand.

        From a late time on a page of rows is read; the next page begins at the first late time that it did not reach.
        """
        taken: dict[tuple[str, int], int] = {}
        ways = [_Way(node, ticks) for node, ticks in times.items()]
        while ways:
            for some in _portions(ways, _TOGETHER):
                results = self._querier.ask([self._page(way) for way in some])
                for way, tables in zip(some, results, strict=True):
                    self._take(way, tables, record, taken)
            ways = [way for way in ways if way.next < len(way.times)]
        return taken

    def _page(self, way: _Way) -> str:
        low, high = nanoseconds(way.times[way.next]), nanoseconds(way.times[-1]) + TICK - 1
        return (
            f"SELECT rec, n FROM {self._source} WHERE node = {query.text(tag(way.node))}"  # noqa: S608 - all is quoted
            f" AND time >= {low} AND time <= {high} ORDER BY time ASC LIMIT {way.rows}"
        )

    def _take(self, way: _Way, tables: Sequence[Series], record: int, taken: dict[tuple[str, int], int]) -> None:
        rows: Sequence[Sequence[Any]] = tables[0].rows if tables else ()
        late = set(way.times[way.next :])
        reached = _tick(rows[len(rows) - 1][0]) if len(rows) >= way.rows else LAST_TICK + 1
        crowded = reached == way.times[way.next]  # a whole page at one time: it is asked for alone, without a limit
        if crowded:
            rows = self._whole(way.node, reached)
            reached += 1
        for time, brought, further in rows:
            tick, place = _tick(time), time % TICK
            if tick in late and tick < reached and place // LANE == self._lane and is_before(int(brought or 0), record):
                ordinal = int(further or 0) * LANE + place % LANE
                taken[way.node, tick] = max(taken.get((way.node, tick), 0), ordinal + 1)
        while way.next < len(way.times) and way.times[way.next] < reached:
            way.next += 1

    def _whole(self, node: str, tick: int) -> Sequence[Sequence[Any]]:
        low = nanoseconds(tick)
        statement = (
            f"SELECT rec, n FROM {self._source} WHERE node = {query.text(tag(node))}"  # noqa: S608 - all is quoted
            f" AND time >= {low} AND time <= {low + TICK - 1}"
        )
        tables = self._querier.ask([statement])[0]
        return tables[0].rows if tables else ()


def _first_tick(table: Series) -> int:
    return _tick(table.rows[0][0])


def _tick(time: int) -> int:
    return time // TICK + UNIX_EPOCH_TICKS


def _portions(ways: Iterable[_Way], size: int) -> Iterable[list[_Way]]:
    iterator = iter(ways)
    while some := list(islice(iterator, size)):
        yield some
