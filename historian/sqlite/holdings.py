"""Where a point's samples lie, and how they are taken out and put in: the rows that a change by hand rewrites.

A sample keeps its place in the order of arrival (historian/sqlite/merge.py) because a row is rewritten under its own
id, and because all samples of a changed source time are taken out of *all* rows first. What comes in then is the only
one of its time, so that any block may take it; what arrives later stands in segments, and those come after blocks.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray
from core.time import TICKS_PER_SECOND
from historian import chunks
from historian.editing import EditTooLarge
from historian.encoding import DamagedData
from historian.raw_read import EARLIEST
from historian.samples import Columns, join
from historian.sqlite import merge, tables

_log = logging.getLogger("plantspace.historian")

MOST_TOUCHED: Final = 1_000_000
"""Samples that one change may touch: about two seconds of the writer's time."""
_DAY: Final = 86_400 * TICKS_PER_SECOND
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Source times that a change is about: ``listed`` (ascending, each once), or all from ``low`` to ``high``."""

    low: int
    high: int
    listed: TimeArray | None = None

    @classmethod
    def of(cls, times: TimeArray) -> Moments:
        """Name single times [n >= 1]."""
        listed = np.unique(times)
        return cls(int(listed[0]), int(listed[-1]), listed)

    def among(self, times: TimeArray) -> Mask:
        """Tell which of ``times`` are meant."""
        if self.listed is None:
            return (times >= self.low) & (times <= self.high)
        places = np.minimum(np.searchsorted(self.listed, times), len(self.listed) - 1)
        return self.listed[places] == times

    def touch(self, first: int, last: int) -> bool:
        """Tell whether any of them lies from ``first`` to ``last``."""
        if self.listed is None:
            return first <= self.high and last >= self.low
        return bool(np.searchsorted(self.listed, first, "left") < np.searchsorted(self.listed, last, "right"))


class Holding(Protocol):
    """A row that may hold samples of the point."""

    def samples(self) -> Sequence[Columns]:
        """Give what it holds of the point, in the order of arrival."""
        ...

    def take_out(self, moments: Moments) -> None:
        """Leave out the point's samples of these times; nothing is written yet."""
        ...

    def write(self, connection: sqlite3.Connection) -> None:
        """Write the row if anything has changed, remove it when nothing is left."""
        ...


class BlockHolding:
    """A block of the point."""

    def __init__(self, number: int, first: int, last: int, parts: list[Columns]) -> None:
        """``parts``: what it holds, one a DataType."""
        self._number = number
        self._first = first
        self._last = last
        self._parts = parts
        self._changed = False

    @property
    def number(self) -> int:
        """The row's id."""
        return self._number

    def samples(self) -> Sequence[Columns]:
        """Give what it holds."""
        return self._parts

    def take_out(self, moments: Moments) -> None:
        """Leave out samples of these times."""
        kept = [(part, ~moments.among(part.source_time)) for part in self._parts]
        if all(mask.all() for _, mask in kept):
            return
        self._changed = True
        self._parts = [masked(part, mask) for part, mask in kept if mask.any()]

    def put_in(self, new: Columns, *, beyond: bool) -> Columns | None:
        """Take what fits of ``new``; gives what is left.

        Samples fit that have the block's DataType and lie in its time; ``beyond``: also up to a day after its begin.
        """
        if len(self._parts) > 1 or any(part.datatype is not new.datatype for part in self._parts):
            return new
        last = max(self._last, self._first + _DAY) if beyond else self._last
        fitting = Moments(self._first, last).among(new.source_time)
        if not fitting.any() or sum(map(len, self._parts)) + np.count_nonzero(fitting) > merge.LARGEST_BLOCK:
            return new
        self._changed = True
        self._parts = join([*self._parts, masked(new, fitting)], by_time=True)
        return None if fitting.all() else masked(new, ~fitting)

    def write(self, connection: sqlite3.Connection) -> None:
        """Write or remove the row, and what it comes to by seconds, minutes and hours."""
        if not self._changed:
            return
        if not self._parts:
            tables.remove_block(connection, self._number)
            return
        tables.rewrite_block(connection, self._number, self._parts[0])
        for part in self._parts[1:]:  # of another DataType, which samples of one time are ordered by
            tables.add_blocks(connection, part, merge.LARGEST_BLOCK)


class SegmentHolding:
    """A segment, of which only the chunks that hold the point are decoded; the others keep their bytes."""

    def __init__(self, number: int, point: int, first: int, last: int, payload: bytes) -> None:
        """Find the point. Raises :class:`~historian.encoding.DamagedData`."""
        self._number = number
        self._point = point
        self._first = first
        self._last = last
        self._parts: list[Columns | chunks.Chunk] = [
            chunk.columns() if bool((chunk.points == point).any()) else chunk for chunk in chunks.read(payload)
        ]
        self._gone: list[TimeArray] = []

    def samples(self) -> Sequence[Columns]:
        """Give what it holds of the point."""
        return [masked(part, self._own(part)) for part in self._parts if isinstance(part, Columns)]

    def take_out(self, moments: Moments) -> None:
        """Leave out the point's samples of these times."""
        parts: list[Columns | chunks.Chunk] = []
        for part in self._parts:
            if not isinstance(part, Columns):
                parts.append(part)
                continue
            going = self._own(part) & moments.among(part.source_time)
            if going.any():
                self._gone.append(part.source_time[going])
            if not going.all():
                parts.append(masked(part, ~going) if going.any() else part)
        self._parts = parts

    def write(self, connection: sqlite3.Connection) -> None:
        """Write or remove the row."""
        if not self._gone:
            return
        if not self._parts:
            connection.execute("DELETE FROM segment WHERE id = ?", (self._number,))
            return
        first, last = self._first, self._last
        gone = np.concatenate(self._gone)
        if int(gone.min()) <= first or int(gone.max()) >= last:  # the ends are gone: the others have to be looked at
            times = [(part if isinstance(part, Columns) else part.columns()).source_time for part in self._parts]
            first, last = min(int(part.min()) for part in times), max(int(part.max()) for part in times)
        payload = b"".join(
            chunks.write([part]) if isinstance(part, Columns) else bytes(part.whole) for part in self._parts
        )
        connection.execute(
            "UPDATE segment SET t_first = ?, t_last = ?, samples = samples - ?, payload = ? WHERE id = ?",
            (first, last, len(gone), payload, self._number),
        )

    def _own(self, part: Columns) -> Mask:
        return np.repeat(part.points == self._point, part.counts)


def masked(columns: Columns, mask: Mask) -> Columns:
    """Give the samples of ``mask`` (bool[n]), points without any left out."""
    counts = np.bincount(np.repeat(np.arange(len(columns.points)), columns.counts)[mask], minlength=len(columns.points))
    return Columns(
        columns.datatype,
        columns.points[counts > 0],
        counts[counts > 0].astype(np.int32),
        columns.values[mask],
        columns.status[mask],
        columns.source_time[mask],
        columns.server_time[mask],
    )


def holdings(connection: sqlite3.Connection, point: int, moments: Moments) -> list[Holding]:
    """Find the rows that can hold samples of these times, in the order of arrival.

    Damaged ones are told and left as they are. Raises :class:`~historian.editing.EditTooLarge`.
    """
    # no block is longer than the point's span, which bounds how far before the first time one that matters can begin
    (span,) = connection.execute("SELECT span FROM point WHERE id = ?", (point,)).fetchone()
    rows: list[tuple[int, int, int, int]] = connection.execute(
        "SELECT id, t_first, t_last, samples FROM block"
        " WHERE point = ? AND t_first >= ? AND t_first <= ? AND t_last >= ? ORDER BY id",
        (point, max(moments.low - span, EARLIEST), moments.high, moments.low),
    ).fetchall()
    rows = [row for row in rows if moments.touch(row[1], row[2])]
    touched = sum(samples for *_, samples in rows)
    if touched > MOST_TOUCHED:
        raise EditTooLarge(touched, MOST_TOUCHED)
    found: list[Holding] = [block for row in rows if (block := _block(connection, *row[:3])) is not None]
    for segment in _segments(connection, point, moments):
        touched += sum(map(len, segment.samples()))
        if touched > MOST_TOUCHED:
            raise EditTooLarge(touched, MOST_TOUCHED)
        found.append(segment)
    return found


def place(connection: sqlite3.Connection, point: int, new: Columns, into: Sequence[Holding]) -> None:
    """Put samples of the point in, all of times of which no other sample is left, and write what has changed."""
    left: Columns | None = new
    blocks = [holding for holding in into if isinstance(holding, BlockHolding)]
    for block in blocks:
        left = block.put_in(left, beyond=False) if left is not None else None
    # values that are brought in one by one would else be a block each
    if left is not None and (block := _block_before(connection, point, int(left.source_time[0]), blocks)) is not None:
        left = block.put_in(left, beyond=True)
        blocks.append(block)
    for holding in {*into, *blocks}:
        holding.write(connection)
    if left is not None:
        tables.add_blocks(connection, left, merge.LARGEST_BLOCK)


def _block_before(
    connection: sqlite3.Connection, point: int, moment: int, known: Sequence[BlockHolding]
) -> BlockHolding | None:
    """Find the block that begins last at or before a time."""
    row = connection.execute(
        "SELECT id, t_first, t_last FROM block WHERE point = ? AND t_first <= ? ORDER BY t_first DESC LIMIT 1",
        (point, moment),
    ).fetchone()
    if row is None:
        return None
    same = [block for block in known if block.number == row[0]]
    return same[0] if same else _block(connection, *row)


def _block(connection: sqlite3.Connection, number: int, first: int, last: int) -> BlockHolding | None:
    (payload,) = connection.execute("SELECT payload FROM block WHERE id = ?", (number,)).fetchone()
    try:
        parts = [chunk.columns() for chunk in chunks.read(payload)]
    except DamagedData as error:
        _log.error("block %d of the history file is damaged and is not changed: %s", number, error)
        return None
    return BlockHolding(number, first, last, join(parts, by_time=True))


def _segments(connection: sqlite3.Connection, point: int, moments: Moments) -> Iterator[SegmentHolding]:
    rows: list[tuple[int, int, int]] = connection.execute(
        "SELECT id, t_first, t_last FROM segment WHERE shard IN (-1, ?) AND t_first <= ? AND t_last >= ?"
        " ORDER BY level DESC, id",
        (point // merge.SHARD_POINTS, moments.high, moments.low),
    ).fetchall()
    for number, first, last in rows:
        if not moments.touch(first, last):
            continue
        (payload,) = connection.execute("SELECT payload FROM segment WHERE id = ?", (number,)).fetchone()
        try:
            segment = SegmentHolding(number, point, first, last, payload)
        except DamagedData as error:
            _log.error("segment %d of the history file is damaged and is not changed: %s", number, error)
            continue
        if segment.samples():
            yield segment
