"""Answers a history query from the gateway's history, whichever store it is in."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.time import TICKS_PER_SECOND
from historian.contract import ANNOTATION_PREFIX, HistoryReader
from historian.query import raw_pages
from historian.sqlite.store import SQLiteReader
from server.cli.history_names import HistoryQueryError, by_model, by_name
from server.cli.history_parquet import ParquetWriter
from server.cli.history_plot import MOST_NODES, NotDrawnError, PlotWriter
from server.cli.history_rows import CsvWriter, Heading, Rows, RowWriter, TableWriter
from server.cli.history_source import LOCK_WAIT, file_in, look_at, reader_of
from server.cli.history_summed import (
    DIGEST_COLUMNS,
    RESOLUTIONS,
    SUMMARY_COLUMNS,
    aggregate_of,
    aggregated,
    check_intervals,
    names,
    percentile_of,
    percentiles,
    summaries,
)
from server.cli.terminal import Progress

__all__ = ["HistoryQueryError", "Query", "answer"]
_PAGE = 100_000


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked. ``start`` and ``end``: DateTime ticks; ``interval``: seconds; ``limit`` None for all.

    ``aggregate``: its name or ``p95``; ``resolution``: a stored summary's; ``stepped``: values hold until the next one.
    """

    nodes: tuple[str, ...]
    start: int
    end: int
    limit: int | None = None
    aggregate: str | None = None
    interval: float = 60.0
    format: str = "table"
    output: Path | None = None
    resolution: str | None = None
    zone: ZoneInfo | None = None
    stepped: bool = False


@dataclass(slots=True)
class _Source:
    reader: HistoryReader
    nodes: tuple[str, ...]
    units: Mapping[str, str] = field(default_factory=dict[str, str])


async def answer(query: Query, config: Path | None, data: Path | None) -> None:
    """Print what is asked.

    Raises :class:`HistoryQueryError`, :class:`~core.errors.InputError` for an unsound configuration, and
    :class:`~core.errors.StoreError`.
    """
    if query.format == "png" and len(query.nodes) > MOST_NODES:
        message = f"{len(query.nodes)} nodes are too many for one picture (draw at most {MOST_NODES})"
        raise NotDrawnError(message)
    reader: Any = None  # each store's reader closes itself; the contract of reading does not
    try:
        if config is not None:
            reader, source = await _by_model(config, query)
        else:
            file = file_in(data or Path())
            look_at(file)
            reader = SQLiteReader(file, lock_wait=LOCK_WAIT)
            known = tuple(point for point in await reader.points() if not point.startswith(ANNOTATION_PREFIX))
            source = _Source(reader, tuple(by_name(text, known, file) for text in query.nodes))
        with ExitStack() as stack:
            await _write(query, source, _writer(query, source, stack))
    finally:
        if reader is not None:
            await reader.close()


async def _write(query: Query, source: _Source, write: RowWriter) -> None:
    known = await source.reader.points()
    with Progress("reading the history"):
        for text, node in zip(query.nodes, source.nodes, strict=True):
            write.begin(text)
            async for rows in _rows(query, source.reader, node):
                write.add(rows)
            write.end(known=node in known)
        write.close()


def _writer(query: Query, source: _Source, stack: ExitStack) -> RowWriter:
    """Choose how rows are written."""
    by_interval = query.aggregate is not None or query.resolution is not None
    heading = Heading("interval_start" if by_interval else "source_time")
    if query.resolution is not None:
        more = tuple(DIGEST_COLUMNS) if query.resolution == "1h" else ()
        heading = Heading(heading.time, (*SUMMARY_COLUMNS, *more))
    if query.format in {"parquet", "png"}:
        if query.output is None:
            message = f"--format {query.format} writes a file (name it with --output)"
            raise HistoryQueryError(message)
        if query.format == "parquet":
            return ParquetWriter(heading, query.output, source.nodes)
        return PlotWriter(heading, query.output, source.units, query.zone)
    stream = sys.stdout
    if query.output is not None:
        stream = stack.enter_context(query.output.open("w", encoding="utf-8", newline=""))
    if query.format == "csv":
        return CsvWriter(heading, stream, query.zone)
    return TableWriter(heading, stream, query.zone, several=len(query.nodes) > 1)


async def _by_model(config: Path, query: Query) -> tuple[Any, _Source]:
    """Find the store and the nodes' NodeIds by the configuration."""
    from server.plan import plan_gateway  # noqa: PLC0415 - the model is loaded only where it is asked

    with Progress(f"reading {config}"):
        plan = await plan_gateway(config)
        try:
            nodes = by_model(plan, query.nodes)
            reader = await reader_of(plan)
            units = {text: _unit(plan, text) for text in query.nodes} if query.format == "png" else {}
        finally:
            await plan.discard()
    return reader, _Source(reader, nodes, units)


def _unit(plan: Any, text: str) -> str:  # noqa: ANN401 - a Plan, whose module is loaded only where it is asked
    nodeid = plan.directory.known(text)
    unit = plan.directory.property_value(nodeid, "EngineeringUnits") if nodeid is not None else None
    return str(getattr(getattr(unit, "DisplayName", None), "Text", None) or "")


async def _rows(query: Query, reader: HistoryReader, node: str) -> AsyncIterator[Rows]:
    """Give what is asked of one node, up to the limit."""
    left = query.limit
    async for rows in _all_rows(query, reader, node):
        count = len(rows.times) if left is None else min(left, len(rows.times))
        part = slice(0, count)
        more = {name: column[part] for name, column in rows.more.items()}
        yield Rows(rows.datatype, rows.times[part], rows.values[part], rows.status[part], more)
        if left is not None:
            left -= count
            if not left:
                return


async def _all_rows(query: Query, reader: HistoryReader, node: str) -> AsyncIterator[Rows]:
    start, end = query.start, query.end
    if query.resolution is not None:
        found = await summaries(reader, node, start, end, RESOLUTIONS[query.resolution])
        if found is not None:
            yield found
        return
    if query.aggregate is None:
        size = _PAGE if query.limit is None else min(query.limit, _PAGE)
        async for page in raw_pages(reader, node, start, end, size):
            yield Rows(page.datatype, page.source_time, page.values, page.status)
        return
    interval = max(1, round(query.interval * TICKS_PER_SECOND))
    check_intervals(start, end, interval)
    share, kind = percentile_of(query.aggregate), aggregate_of(query.aggregate)
    if share is not None:
        summed = percentiles(reader, node, share, start, end, interval)
    elif kind is not None:
        summed = aggregated(reader, node, kind, start, end, interval, stepped=query.stepped)
    else:
        message = (
            f"there is no aggregate {query.aggregate} (there are {', '.join(names())}, and percentiles such as p95)"
        )
        raise HistoryQueryError(message)
    async for rows in summed:
        yield rows
