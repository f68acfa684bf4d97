"""A new history file out of what can be trusted of one, and of an older one that was set aside before it.

The older file's samples arrived first, so they become the first blocks. What both files have, because the outbox gave
it to both, comes in once: of samples that are the same in everything, as many as the file has that holds more of them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from historian import chunks, objects
from historian.contract import Cursor
from historian.database import Database
from historian.raw_read import EARLIEST, LATEST, Run
from historian.samples import Columns, join
from historian.sqlite import merge, summary_tables, tables
from historian.sqlite.salvage import Kept, KeptChange, Salvage
from historian.sqlite.scan import PointScan
from historian.sqlite.schema import SCHEMA
from historian.sqlite.summary_tables import Placed
from historian.sqlite.totals import count, put

_AT_ONCE: Final = 8192
_BEFORE: Final = 1 << 40
"""Below all ids: summaries of an older file's blocks that are gone stand before those of the newer one."""
_SINCE: Final = ("raw_since", "second_since", "minute_since", "hour_since")
_Sample = tuple[int, int, int, int, bytes]
"""DataType, source time, server time, status, value."""
Alive = Callable[[], None]
"""Called now and then while a long work goes on; what it raises ends it."""


def begin(path: Path) -> sqlite3.Connection:
    """Begin a new file, which is worth nothing until it is finished."""
    Database(path, SCHEMA).prepare()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    return connection


def finish(connection: sqlite3.Connection) -> list[str]:
    """Finish a file; gives what SQLite finds wrong with it, which is nothing."""
    kept = connection.execute(
        "SELECT (SELECT coalesce(sum(samples), 0) FROM block) + (SELECT coalesce(sum(samples), 0) FROM segment)"
    ).fetchone()[0]
    total: dict[str, int] = dict(connection.execute("SELECT name, value FROM total"))
    put(connection, "appended", kept + total["expired"] + total["damaged"] - total["edited"])
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode=WAL")
    return [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]


def copy(out: sqlite3.Connection, source: Salvage, alive: Alive, *, lost: bool = True) -> None:
    """Copy all that can be trusted of a file behind what ``out`` has; points keep their ids.

    ``lost``: what cannot be read counts as damaged.
    """
    shift = summary_tables.last_block(out)
    put(out, "all_seconds", source.totals().get("all_seconds", 0))
    blocks: set[int] = set()
    spans: dict[int, int] = {}
    for block in source.blocks():
        alive()
        blocks.add(block.number)
        spans[block.point] = max(spans.get(block.point, 0), block.last - block.first)
        _put_block(out, block, block.number + shift)
    for segment in source.segments():
        alive()
        out.execute(
            "INSERT INTO segment (id, level, shard, t_first, t_last, samples, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                segment.number,
                segment.level,
                segment.shard,
                segment.first,
                segment.last,
                segment.samples,
                segment.payload,
            ),
        )
    for change in source.changes():
        alive()
        _put_change(out, change.point, change.payload, change)
    add_points(out, source)
    out.executemany("UPDATE point SET span = max(span, ?) WHERE id = ?", [(span, each) for each, span in spans.items()])
    for point in source.points:
        alive()
        _copy_orphans(out, source, (point, point), blocks, shift)
    out.executemany("INSERT INTO damaged (kind, samples, reason, payload) VALUES (?, ?, ?, ?)", source.set_aside())
    _add_totals(out, source)
    if lost:
        count(out, "damaged", sum(loss.samples or 0 for loss in source.losses))


def add_older(
    out: sqlite3.Connection, older: Salvage, reading: sqlite3.Connection, newer: sqlite3.Connection, alive: Alive
) -> int:
    """Put in what an older file has beyond a newer one; gives how many samples that is.

    ``reading`` and ``newer``: connections to the two, both sound. ``out`` has the newer one's points and no blocks yet.
    """
    ids = _name_points(out, older)
    put(out, "all_seconds", older.totals().get("all_seconds", 0))
    samples = 0
    blocks = {row[0] for row in reading.execute("SELECT id FROM block")}
    for point, (node, since) in older.points.items():
        for columns in _missing(reading, newer, node, ids[point]):
            alive()
            samples += len(columns)
            tables.add_blocks(out, columns, merge.LARGEST_BLOCK)
        _copy_orphans(out, older, (point, ids[point]), blocks, -_BEFORE)
        for name, moment in zip(_SINCE, since, strict=False):
            out.execute(
                f"UPDATE point SET {name} = nullif(max(coalesce({name}, 0), ?), 0) WHERE id = ?",  # noqa: S608 - names of our own
                (moment or 0, ids[point]),
            )
    for change in older.changes():
        alive()
        known = newer.execute(
            "SELECT 1 FROM modified JOIN point ON point.id = modified.point"
            " WHERE node = ? AND kind = ? AND time = ? AND user = ? AND t_first = ? AND t_last = ? AND samples = ?",
            (older.points[change.point][0], change.kind, change.time, change.user, change.first, change.last,
             change.samples),
        ).fetchone()  # fmt: skip
        if known is None:
            _put_change(out, ids[change.point], _renamed(change.payload, ids[change.point]), change)
    out.executemany("INSERT INTO damaged (kind, samples, reason, payload) VALUES (?, ?, ?, ?)", older.set_aside())
    _add_totals(out, older)
    return samples


def add_points(out: sqlite3.Connection, source: Salvage) -> None:
    """Name the points of a file under their ids."""
    for point, (node, since) in source.points.items():
        moments = [since[place] if place < len(since) else None for place in range(len(_SINCE))]
        out.execute(
            "INSERT OR IGNORE INTO point (id, node, raw_since, second_since, minute_since, hour_since)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (point, node, *moments),
        )


def _add_totals(out: sqlite3.Connection, source: Salvage) -> None:
    """Add what was counted since a file was begun, and how far each opening of an outbox is."""
    total = source.totals()
    for name in ("expired", "damaged", "edited"):
        count(out, name, total.get(name, 0))
    for origin, sequence in source.applied().items():
        out.execute(
            "INSERT INTO applied (origin, sequence) VALUES (?, ?)"
            " ON CONFLICT (origin) DO UPDATE SET sequence = max(sequence, excluded.sequence)",
            (origin, sequence),
        )


def _put_block(out: sqlite3.Connection, block: Kept, number: int) -> None:
    """Put a block in, and what it comes to, which is counted anew."""
    out.execute(
        "INSERT INTO block (id, point, t_first, t_last, samples, payload) VALUES (?, ?, ?, ?, ?, ?)",
        (number, block.point, block.first, block.last, block.samples, block.payload),
    )
    count(out, "blocks", 1)
    count(out, "raw_bytes", len(block.payload))
    for columns in join([chunk.columns() for chunk in chunks.read(block.payload)], by_time=True):
        summary_tables.add(out, columns, [Placed(block.point, number, 0)])


def _copy_orphans(out: sqlite3.Connection, source: Salvage, ids: tuple[int, int], blocks: set[int], shift: int) -> None:
    """Copy what blocks came to that are there no more, of a point; ``ids``: its number here and there."""
    highest = 0
    for resolution, first, block, last, buckets, payload in source.summaries(ids[0]):
        if block in blocks:
            continue
        highest = max(highest, block + shift)
        done = out.execute(
            "INSERT OR IGNORE INTO summary (point, resolution, t_first, block, t_last, buckets, payload)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (ids[1], resolution, first, block + shift, last, buckets, payload),
        )
        count(out, "summary_bytes", len(payload) if done.rowcount else 0)
    used = highest - summary_tables.last_block(out)
    if used > 0:
        summary_tables.use_ids(out, used)


def _put_change(out: sqlite3.Connection, point: int, payload: bytes, change: KeptChange) -> None:
    out.execute(
        "INSERT INTO modified (point, kind, time, user, t_first, t_last, samples, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (point, change.kind, change.time, change.user, change.first, change.last, change.samples, payload),
    )


def _renamed(payload: bytes, point: int) -> bytes:
    """Give a payload of one point that point's number in another file."""
    parts = [chunk.columns() for chunk in chunks.read(payload)]
    return chunks.write([replace(part, points=np.full_like(part.points, point)) for part in parts])


def _name_points(out: sqlite3.Connection, source: Salvage) -> dict[int, int]:
    """Give a file's points ids in ``out``, by their names."""
    names = [(node,) for node, _ in source.points.values()]
    out.executemany("INSERT OR IGNORE INTO point (node) VALUES (?)", names)
    ids: dict[str, int] = dict(out.execute("SELECT node, id FROM point"))
    return {point: ids[node] for point, (node, _) in source.points.items()}


def _missing(reading: sqlite3.Connection, newer: sqlite3.Connection, node: str, point: int) -> Iterator[Columns]:
    """Give a point's samples that the newer file does not have, in order, as ``point``."""
    old, new = PointScan(reading, node), PointScan(newer, node)
    after: Cursor | None = None
    matched: Counter[_Sample] = Counter()  # of the last time, of which the next run may have more
    while len(run := old(EARLIEST, LATEST, _AT_ONCE, forward=True, after=after)):
        after = run.last
        low, high = int(run.source_time[0]), int(run.source_time[-1])
        there = _counted(new, low, high)
        there.subtract({sample: times for sample, times in matched.items() if sample[1] == low})
        if low < high:
            matched.clear()
        missing = np.ones(len(run), np.bool_)
        for place, sample in enumerate(_samples(run) if there else ()):
            if there[sample] > 0:
                there[sample] -= 1
                missing[place] = False
                if sample[1] == high:
                    matched[sample] += 1
        if missing.any():
            yield Columns(
                run.datatype,
                np.array([point], np.int32),
                np.array([np.count_nonzero(missing)], np.int32),
                run.values[missing],
                run.status[missing],
                run.source_time[missing],
                run.server_time[missing],
            )


def _counted(scan: PointScan, low: int, high: int) -> Counter[_Sample]:
    """Count a point's samples of a time, by all that they are."""
    found: Counter[_Sample] = Counter()
    after: Cursor | None = None
    while len(run := scan(low, high, None, forward=True, after=after)):
        found.update(_samples(run))
        if not run.more:
            break
        after = run.last
    return found


def _samples(run: Run) -> Iterator[_Sample]:
    """Give samples as what they can be compared by, to the last bit."""
    if run.datatype.is_object:
        values = [objects.encode(run.values[place : place + 1]) for place in range(len(run))]
    else:
        values: list[bytes] = np.ascontiguousarray(run.values).view(f"V{run.values.dtype.itemsize}").tolist()
    kinds = [int(run.datatype)] * len(run)
    return zip(kinds, run.source_time.tolist(), run.server_time.tolist(), run.status.tolist(), values, strict=True)
