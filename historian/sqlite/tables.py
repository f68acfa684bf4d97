"""What the store writes; each function runs inside one transaction of the writer's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from historian import chunks
from historian.contract import Delivery, PoisonRecord
from historian.raw_read import LATEST
from historian.samples import Columns, SampleBlock
from historian.sqlite import summary_tables
from historian.sqlite.summary_tables import Placed
from historian.sqlite.totals import count

_ORIGINS_KEPT: Final = 10_000
"""Openings of outboxes that are remembered; one comes with every start of the gateway that records anything."""


def append(
    connection: sqlite3.Connection, deliveries: Sequence[Delivery], origin: str, known: Mapping[str, int]
) -> dict[str, int]:
    """Add what is new of ``deliveries`` as one segment.

    ``known``: ids of points that are committed; gives those found or made here, which are ``known`` once this is
    committed too. Raises :class:`PoisonRecord`.
    """
    before = applied(connection, origin)
    new = [delivery for delivery in deliveries if delivery.sequence > before]
    found: dict[str, int] = {}
    if not new:
        return found
    payloads: list[bytes] = []
    kept: list[Columns] = []
    for delivery in new:
        columns = [_named(connection, block, known, found) for block in delivery.blocks if len(block)]
        try:
            payloads.append(chunks.write(columns))
        except (TypeError, ValueError) as error:
            raise PoisonRecord(delivery.sequence, str(error)) from error
        kept.extend(columns)
    _remember(connection, origin, new[-1].sequence)
    if kept:
        samples = sum(map(len, kept))
        connection.execute(
            "INSERT INTO segment (level, shard, t_first, t_last, samples, payload) VALUES (0, -1, ?, ?, ?, ?)",
            (
                min(int(columns.source_time.min()) for columns in kept),
                max(int(columns.source_time.max()) for columns in kept),
                samples,
                b"".join(payloads),
            ),
        )
        count(connection, "appended", samples)
    return found


def applied(connection: sqlite3.Connection, origin: str) -> int:
    """Read the highest sequence kept from an origin; 0 for an unknown one."""
    row = connection.execute("SELECT sequence FROM applied WHERE origin = ?", (origin,)).fetchone()
    return int(row[0]) if row is not None else 0


def _remember(connection: sqlite3.Connection, origin: str, sequence: int) -> None:
    done = connection.execute("UPDATE applied SET sequence = ? WHERE origin = ?", (sequence, origin))
    if not done.rowcount:
        connection.execute("INSERT INTO applied (origin, sequence) VALUES (?, ?)", (origin, sequence))
        connection.execute("DELETE FROM applied WHERE id <= (SELECT max(id) FROM applied) - ?", (_ORIGINS_KEPT,))


def _named(
    connection: sqlite3.Connection, block: SampleBlock, known: Mapping[str, int], found: dict[str, int]
) -> Columns:
    """Name a block's points by this file's ids, new ones where they have none."""
    for node in block.nodes:
        if node not in known and node not in found:
            connection.execute("INSERT OR IGNORE INTO point (node) VALUES (?)", (node,))
            found[node] = connection.execute("SELECT id FROM point WHERE node = ?", (node,)).fetchone()[0]
    ids = {**known, **found} if found else known
    return block.columns(np.array([ids[node] for node in block.nodes], np.int32))


def add_blocks(connection: sqlite3.Connection, columns: Columns, largest: int) -> None:
    """Keep the samples of each point, in time order, as blocks of at most ``largest`` samples, with their summaries."""
    ends = np.cumsum(columns.counts).tolist()
    number = summary_tables.last_block(connection)
    start = 0
    rows: list[tuple[int, int, int, int, int, bytes]] = []
    places: list[Placed] = []
    spans: list[tuple[int, int, int]] = []
    for point, end in zip(columns.points.tolist(), ends, strict=True):
        widest = 0
        for first in range(start, end, largest):
            part = columns.cut(first, min(first + largest, end))
            begin, finish = int(part.source_time[0]), int(part.source_time[-1])
            widest = max(widest, min(finish - begin, LATEST))
            number += 1
            rows.append((number, point, begin, finish, len(part), chunks.write([part], chunks.SMALL)))
            places.append(Placed(point, number, first))
        spans.append((widest, point, widest))
        start = end
    connection.executemany(
        "INSERT INTO block (id, point, t_first, t_last, samples, payload) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    connection.executemany("UPDATE point SET span = ? WHERE id = ? AND span < ?", spans)
    count(connection, "blocks", len(rows))
    count(connection, "raw_bytes", sum(len(row[-1]) for row in rows))
    summary_tables.add(connection, columns, places)


def remove_block(connection: sqlite3.Connection, number: int) -> None:
    """Take a block out, and with it what it comes to by seconds, minutes and hours; nothing for one that is not there.

    It counts no samples: the caller knows what becomes of them.
    """
    row = connection.execute("DELETE FROM block WHERE id = ? RETURNING point, t_first, length(payload)", (number,))
    for point, first, size in row.fetchall():
        summary_tables.remove(connection, point, number, first)
        if not summary_tables.is_older(connection, number):
            count(connection, "blocks", -1)
            count(connection, "raw_bytes", -size)


def rewrite_block(connection: sqlite3.Connection, number: int, columns: Columns) -> None:
    """Give a block other samples, one or more of its point and in the order of time, and the summaries of these.

    It keeps its id, and with it its place in the order of arrival.
    """
    (point,) = connection.execute("SELECT point FROM block WHERE id = ?", (number,)).fetchone()
    first, last = int(columns.source_time[0]), int(columns.source_time[-1])
    remove_block(connection, number)
    payload = chunks.write([columns], chunks.SMALL)
    connection.execute(
        "INSERT INTO block (id, point, t_first, t_last, samples, payload) VALUES (?, ?, ?, ?, ?, ?)",
        (number, point, first, last, len(columns), payload),
    )
    span = min(last - first, LATEST)
    connection.execute("UPDATE point SET span = ? WHERE id = ? AND span < ?", (span, point, span))
    if not summary_tables.is_older(connection, number):
        count(connection, "blocks", 1)
        count(connection, "raw_bytes", len(payload))
        summary_tables.add(connection, columns, [Placed(point, number, 0)])
