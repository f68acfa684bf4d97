"""Answers a history query from the gateway's history file."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import PlantspaceError, StoreCorrupt
from core.quality import Status, absent_mask, symbol
from core.settings import nearest
from core.time import TICKS_PER_SECOND
from historian.contract import HistoryReader
from historian.query import aggregate, raw_pages
from historian.sqlite.store import SQLiteReader
from server.cli.history_rows import Rows, Value, writer_of
from server.cli.terminal import Progress

_FILE = "history.sqlite"
_MOST_INTERVALS = 1_000_000
_LISTED = 10


class HistoryQueryError(PlantspaceError):
    """The query cannot be answered; the message says why and what mends it."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked. ``start`` and ``end``: DateTime ticks; ``interval``: seconds; ``limit`` None for all."""

    nodes: tuple[str, ...]
    start: int
    end: int
    limit: int | None
    aggregate: str | None
    interval: float
    csv: bool


async def answer(query: Query, config: Path | None, data: Path | None) -> None:
    """Print what is asked.

    Raises :class:`HistoryQueryError`, :class:`~core.errors.InputError` for an unsound configuration, and
    :class:`~core.errors.StoreError`.
    """
    if config is not None:
        file, nodes = await _by_model(config, query.nodes)
    else:
        file, nodes = _file_in(data or Path()), ()
    _look_at(file)
    reader = SQLiteReader(file, lock_wait=5.0)
    try:
        known = await reader.points()
        nodes = nodes or tuple(_by_name(text, known, file) for text in query.nodes)
        write = writer_of(query.nodes, by_interval=query.aggregate is not None, csv=query.csv)
        with Progress("reading the history"):
            for text, node in zip(query.nodes, nodes, strict=True):
                write.begin(text)
                rows = _summed(reader, node, query) if query.aggregate else _raw(reader, node, query)
                async for row in rows:
                    write.add(row)
                write.end(known=node in known)
    finally:
        await reader.close()


async def _by_model(config: Path, texts: Sequence[str]) -> tuple[Path, tuple[str, ...]]:
    """Find the history's file and the nodes' NodeIds by the configuration."""
    from server.plan import plan_gateway  # noqa: PLC0415 - the model is loaded only where it is asked

    with Progress(f"reading {config}"):
        plan = await plan_gateway(config)
        found = [plan.node_id(text) for text in texts]
        await plan.discard()
    if plan.history_file is None:
        message = f"{config} keeps no history (name nodes under historian: nodes:, or Historizing in the model)"
        raise HistoryQueryError(message)
    nodes: list[str] = []
    for text, node in zip(texts, found, strict=True):
        if node is None:
            message = f"the model has no node {text} (write a browse path such as /Objects/… or a NodeId nsu=…)"
            raise HistoryQueryError(message)
        nodes.append(node)
    return plan.history_file, tuple(nodes)


def _file_in(data: Path) -> Path:
    """Find the history's file in a data_dir, or in the folder that holds the data_dir of the default name."""
    for file in (data, data / _FILE, data / "var" / _FILE):
        if file.is_file():
            return file
    message = f"{data} holds no history ({_FILE} is not there: give the gateway's data_dir, or --config)"
    raise HistoryQueryError(message)


def _look_at(file: Path) -> None:
    """Raise unless the file is a history; opening it to write would set a damaged one aside, and this only reads."""
    if not file.is_file():
        message = f"there is no history at {file} yet (has the gateway run?)"
        raise HistoryQueryError(message)
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT 1 FROM point LIMIT 1")
    except sqlite3.DatabaseError as error:
        raise StoreCorrupt(file, f"this is no history: {error}") from error


def _by_name(text: str, known: Sequence[str], file: Path) -> str:
    """Find the one node with history that ``text`` names: its NodeId, or the end of its identifier."""
    if text in known:
        return text
    wanted = re.sub(r"[/.]+", ".", text.removeprefix("/Objects/")).strip(".")
    found = [node for node in known if f".{_identifier(node)}".endswith(f".{wanted}")]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{text} names {len(found)} nodes (write more of it: {', '.join(found[:_LISTED])})"
        raise HistoryQueryError(message)
    ends = {tail: identifier for node in known for identifier in [_identifier(node)] for tail in _tails(identifier)}
    near = nearest(wanted, ends)
    there = ", ".join(map(_identifier, known[:_LISTED])) or "nothing"
    mend = f"did you mean {ends[near]}?" if near else f"there is: {there}"
    message = f"nothing named {text} has history in {file} ({mend})"
    raise HistoryQueryError(message)


def _tails(identifier: str) -> list[str]:
    parts = identifier.split(".")
    return [".".join(parts[place:]) for place in range(len(parts))]


def _identifier(node: str) -> str:
    return node.partition(";")[2].partition("=")[2] if node.startswith("nsu=") else node.partition("=")[2]


async def _raw(reader: HistoryReader, node: str, query: Query) -> AsyncIterator[Rows]:
    left = query.limit
    page_size = 100_000 if left is None else min(left, 100_000)
    async for page in raw_pages(reader, node, query.start, query.end, page_size):
        count = len(page) if left is None else min(left, len(page))
        codes = page.status[:count]
        values: list[Value] = [
            None if absent else value
            for value, absent in zip(page.values[:count].tolist(), absent_mask(codes).tolist(), strict=True)
        ]
        yield Rows(page.source_time[:count].tolist(), values, [symbol(status) for status in codes.tolist()])
        if left is not None:
            left -= count
            if not left:
                return


async def _summed(reader: HistoryReader, node: str, query: Query) -> AsyncIterator[Rows]:
    interval = max(1, round(query.interval * TICKS_PER_SECOND))
    number = -(-(query.end - query.start) // interval)
    if number > _MOST_INTERVALS:
        message = f"these are {number} intervals (take a longer --interval, or a shorter time)"
        raise HistoryQueryError(message)
    summed = await aggregate(reader, node, query.start, query.end, interval)
    column = {
        "average": summed.average,
        "min": summed.minimum,
        "max": summed.maximum,
        "count": summed.count,
    }[query.aggregate or "count"]
    shown = slice(0, query.limit)
    # Part 13 v1.05 5.4.3: an interval without usable values is BadNoData; a count of nothing is a 0, as good as
    # what was left out lets it be.
    empty = (summed.count == 0) & (query.aggregate != "count")
    status = np.where(empty, np.uint32(Status.BAD_NO_DATA), summed.status)
    values: list[Value] = [
        None if one else value for one, value in zip(empty[shown].tolist(), column[shown].tolist(), strict=True)
    ]
    if np.any(summed.count) or np.any(summed.status):
        yield Rows(summed.start[shown].tolist(), values, [symbol(one) for one in status[shown].tolist()])
