"""Changes of history by hand (docs/decisions/0016); each runs inside one transaction of the writer's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from core.batch import TimeArray
from core.quality import Status, StatusArray
from historian.contract import InvalidTimeDomain
from historian.editing import EditTooLarge, Modification, PointSamples, UnstorableSamples, UpdateKind
from historian.samples import Columns
from historian.sqlite import modified
from historian.sqlite.holdings import MOST_TOUCHED, Holding, Mask, Moments, holdings, masked, place
from historian.sqlite.totals import count


def update(
    connection: sqlite3.Connection, node: str, samples: PointSamples, kind: UpdateKind, by: Modification
) -> StatusArray:
    """Bring samples in (:meth:`historian.editing.HistoryEditor.update`)."""
    if kind is UpdateKind.DELETE:
        message = "an update inserts, replaces, or does either"
        raise ValueError(message)
    _check(samples)
    times = samples.source_time
    if not len(times):
        return np.zeros(0, np.uint32)
    point = _point(connection, node)
    rows = holdings(connection, point, Moments.of(times)) if point is not None else []
    there = _times(rows)
    exists = np.isin(times, there)
    accepted = {UpdateKind.INSERT: ~exists, UpdateKind.REPLACE: exists, UpdateKind.UPDATE: np.ones_like(exists)}[kind]
    if accepted.any():
        if point is None:
            point = int(connection.execute("INSERT INTO point (node) VALUES (?)", (node,)).lastrowid or 0)
        try:
            _bring_in(connection, _columns(point, samples, accepted), there, rows, by)
        except (TypeError, ValueError) as error:
            message = f"a value for {node} has no form in the history: {error}"
            raise UnstorableSamples(message) from error
    refused = Status.BAD_NO_ENTRY_EXISTS if kind is UpdateKind.REPLACE else Status.BAD_ENTRY_EXISTS
    done = np.where(exists, Status.GOOD_ENTRY_REPLACED, Status.GOOD_ENTRY_INSERTED)
    return np.where(accepted, done, refused).astype(np.uint32)


def delete_raw(connection: sqlite3.Connection, node: str, start: int, end: int, by: Modification) -> int:
    """Delete the values of a time (:meth:`historian.editing.HistoryEditor.delete_raw`)."""
    moments, point = _range(start, end), _point(connection, node)
    return 0 if point is None else sum(map(len, _take_out(connection, point, moments, by)))


def delete_modified(connection: sqlite3.Connection, node: str, start: int, end: int) -> int:
    """Forget old values (:meth:`historian.editing.HistoryEditor.delete_modified`)."""
    moments, point = _range(start, end), _point(connection, node)
    return 0 if point is None else modified.forget(connection, point, moments)


def delete_at(connection: sqlite3.Connection, node: str, times: TimeArray, by: Modification) -> StatusArray:
    """Delete the values of single times (:meth:`historian.editing.HistoryEditor.delete_at`)."""
    point = _point(connection, node)
    gone: Sequence[Columns] = ()
    if len(times) and point is not None:
        gone = _take_out(connection, point, Moments.of(times), by)
    there = np.isin(times, np.concatenate([part.source_time for part in gone])) if gone else np.zeros(len(times), bool)
    return np.where(there, Status.GOOD, Status.BAD_NO_ENTRY_EXISTS).astype(np.uint32)


def _bring_in(
    connection: sqlite3.Connection, new: Columns, there: TimeArray, rows: Sequence[Holding], by: Modification
) -> None:
    """Put samples in the place of those of the same times; ``there``: times that have a value."""
    replacing = np.isin(new.source_time, there)
    gone = 0
    if replacing.any():
        old = _found(rows, Moments.of(new.source_time[replacing]))
        gone = sum(map(len, old))
        for row in rows:
            row.take_out(Moments.of(new.source_time[replacing]))
        modified.keep(connection, UpdateKind.REPLACE, by, old)
    if not replacing.all():
        modified.keep(connection, UpdateKind.INSERT, by, [masked(new, ~replacing)])
    place(connection, int(new.points[0]), new, rows)
    count(connection, "edited", len(new) - gone)


def _take_out(connection: sqlite3.Connection, point: int, moments: Moments, by: Modification) -> Sequence[Columns]:
    """Delete the samples of these times; gives what they were."""
    rows = holdings(connection, point, moments)
    gone = _found(rows, moments)
    if gone:
        for row in rows:
            row.take_out(moments)
            row.write(connection)
        modified.keep(connection, UpdateKind.DELETE, by, gone)
        count(connection, "edited", -sum(map(len, gone)))
    return gone


def _found(rows: Sequence[Holding], moments: Moments) -> list[Columns]:
    parts = [(part, moments.among(part.source_time)) for row in rows for part in row.samples()]
    return [masked(part, mask) for part, mask in parts if mask.any()]


def _times(rows: Sequence[Holding]) -> TimeArray:
    times = [part.source_time for row in rows for part in row.samples()]
    return np.unique(np.concatenate(times)) if times else np.zeros(0, np.int64)


def _columns(point: int, samples: PointSamples, accepted: Mask) -> Columns:
    """Bring the accepted samples into the order of their times; those of one time keep theirs."""
    order = np.flatnonzero(accepted)
    order = order[np.argsort(samples.source_time[order], kind="stable")]
    return Columns(
        samples.datatype,
        np.array([point], np.int32),
        np.array([len(order)], np.int32),
        samples.values[order],
        samples.status[order],
        samples.source_time[order],
        samples.server_time[order],
    )


def _check(samples: PointSamples) -> None:
    """Raise unless the columns fit each other, and are not too many."""
    columns = (samples.values, samples.status, samples.source_time, samples.server_time)
    if len({len(column) for column in columns}) > 1 or samples.values.dtype != samples.datatype.dtype:
        message = (
            f"columns of {', '.join(str(len(column)) for column in columns)} entries, values {samples.values.dtype}, "
            f"are no samples of {samples.datatype.symbol}"
        )
        raise UnstorableSamples(message)
    if len(samples) > MOST_TOUCHED:
        raise EditTooLarge(len(samples), MOST_TOUCHED)


def _point(connection: sqlite3.Connection, node: str) -> int | None:
    row = connection.execute("SELECT id FROM point WHERE node = ?", (node,)).fetchone()
    return int(row[0]) if row is not None else None


def _range(start: int, end: int) -> Moments:
    """Read the range of a deletion (Part 11 v1.05 6.9.5: the end is not in it, unless it is the start too)."""
    if end < start:
        message = "the end of what is to be deleted lies before its start"
        raise InvalidTimeDomain(message)
    return Moments(start, start if start == end else end - 1)
