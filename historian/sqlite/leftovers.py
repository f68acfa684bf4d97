"""What blocks that have expired leave: one row a day in the place of many."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from historian import digest
from historian.encoding import DamagedData
from historian.resolutions import Digest, Resolution
from historian.sqlite import summary_rows, summary_tables
from historian.sqlite.summary_scan import WIDEST
from historian.summing import add_up


def put_together(
    connection: sqlite3.Connection, point: int, resolution: Resolution, blocks: Sequence[tuple[int, int]]
) -> None:
    """Make one row a day of what blocks that are gone have left: those of a fast point are a few seconds long."""
    rows: list[tuple[int, int, int, bytes]] = []
    for number, first in blocks:
        found = connection.execute(
            "SELECT block, t_first, t_last, payload FROM summary"
            " WHERE point = ? AND resolution = ? AND t_first = ? AND block = ?",
            (point, int(resolution), first // resolution.ticks * resolution.ticks, number),
        ).fetchone()
        if found is not None:
            rows.append(found)
    rows.sort(key=lambda row: (row[1], row[0]))
    days: list[list[tuple[int, int, int, bytes]]] = []
    for row in rows:
        if days and row[2] - days[-1][0][1] <= WIDEST:
            days[-1].append(row)
        else:
            days.append([row])
    for day in days:
        if len(day) > 1:
            _replace(connection, point, resolution, sorted(day))


def _replace(
    connection: sqlite3.Connection,
    point: int,
    resolution: Resolution,
    rows: Sequence[tuple[int, int, int, bytes]],
) -> None:
    """Write one row in the place of several, which are given in the order of arrival."""
    payloads = [row[3] for row in rows]
    try:
        for payload in payloads:
            summary_rows.check(payload)
    except DamagedData:  # a read tells it
        return
    parts, digests = summary_rows.read(payloads, resolution)
    order = np.argsort(parts["start"], kind="stable")
    parts = parts[order]
    starts = np.flatnonzero(np.diff(parts["start"], prepend=-1))
    merged: list[Digest] | None = None
    if resolution is Resolution.HOUR:
        merged = digest.merged_runs(digest.in_order(digests, order), starts)
    parts = add_up(parts, starts, resolution.ticks)
    for block, first, *_ in rows:
        summary_tables.remove_row(connection, point, resolution, block, first)
    (payload,) = summary_rows.write(parts, np.zeros(1, np.intp), resolution, merged)
    first, last = int(parts["start"][0]), int(parts["start"][-1])
    summary_tables.insert(connection, [(point, int(resolution), first, rows[0][0], last, len(parts), payload)])
