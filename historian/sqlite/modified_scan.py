"""Reading old values of what was changed by hand, newest changes first within a time, a page after the other."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from core.batch import TimeArray
from core.datatypes import DataType
from historian import chunks
from historian.contract import Cursor
from historian.editing import ModifiedPage
from historian.encoding import DamagedData
from historian.raw_read import Run, TimeDomain, read_page
from historian.samples import Columns, OrderArray, join
from historian.sqlite.holdings import Mask

_log = logging.getLogger("plantspace.historian")

_FORWARD: Final = (
    "SELECT id, t_first, t_last, samples, time, kind, user FROM modified"
    " WHERE point = ? AND t_first <= ? AND t_last >= ? ORDER BY t_first"
)
_BACKWARD: Final = (
    "SELECT id, t_first, t_last, samples, time, kind, user FROM modified"
    " WHERE point = ? AND t_first <= ? AND t_last >= ? ORDER BY t_last DESC"
)


class _Change:
    """Old values out of one row; those of a row of one time are decoded only when they are given out.

    ``times``: int64[n], also of values that turn out to be damaged, which keeps ranks as they are.
    """

    def __init__(self, number: int, times: TimeArray, by: tuple[int, int, str], columns: Columns | None) -> None:
        self.number = number
        self.times = times
        self.time, self.kind, self.user = by
        self.columns = columns
        self.is_damaged = False


def read(
    connection: sqlite3.Connection, node: str, domain: TimeDomain, limit: int, cursor: Cursor | None
) -> ModifiedPage:
    """Read a page of old values (:meth:`historian.editing.HistoryEditor.read_modified`)."""
    scan = _Scan(connection, node)
    page = read_page(scan, domain, limit, bounds=False, cursor=cursor)
    return ModifiedPage(page, scan.modified[: len(page)], scan.kinds[: len(page)], scan.users[: len(page)])


class _Scan:
    """Scans a point's old values (:class:`historian.raw_read.Scan`), and remembers of the last ones who changed them.

    A cursor's ordinal counts the values of one time from the oldest change on, which later changes leave as it is;
    given out they are the other way round.
    """

    def __init__(self, connection: sqlite3.Connection, node: str) -> None:
        self._connection = connection
        row = connection.execute("SELECT id FROM point WHERE node = ?", (node,)).fetchone()
        self._point: int | None = row[0] if row is not None else None
        self._lost: dict[tuple[str, int], int] = {}
        self._clear()

    def __call__(self, low: int, high: int, need: int | None, *, forward: bool, after: Cursor | None = None) -> Run:
        """Give up to ``need`` old values of low <= time <= high beyond ``after``."""
        self._lost.clear()
        if after is not None:
            low, high = (max(low, after.time), high) if forward else (low, min(high, after.time))
        changes, settled = self._gather(low, high, need, forward=forward, after=after)
        if not changes:
            return self._clear()
        lengths = [len(change.times) for change in changes]
        owner = np.repeat(np.arange(len(changes)), lengths)
        times = np.concatenate([change.times for change in changes])
        ranks = _ranks(times)
        inside = (times >= low) & (times <= high)
        if after is not None:
            inside &= (times != after.time) | (ranks < after.ordinal)
        if settled is not None:
            inside &= (times < settled) if forward else (times > settled)
        order = np.lexsort((-ranks, times if forward else -times))
        order = order[inside[order]]
        while True:
            taken = order if need is None else order[:need]
            owners: list[int] = np.unique(owner[taken]).tolist()
            chosen = [changes[place] for place in owners]
            damaged = [change for change in chosen if not self._decode(change)]
            if not damaged:
                break
            order = order[~np.isin(owner[order], [changes.index(change) for change in damaged])]
        if not len(taken):
            return self._clear()
        return self._run(changes, owner, times, ranks, taken, more=len(taken) < len(order) or settled is not None)

    def _gather(
        self, low: int, high: int, need: int | None, *, forward: bool, after: Cursor | None
    ) -> tuple[list[_Change], int | None]:
        """Take rows, in the order of their changes at last, until enough of them is settled.

        Gives also the time from which on (backwards: down from which) values of other rows may still be missing.
        """
        if self._point is None or low > high:
            return [], None
        rows = self._connection.execute(_FORWARD if forward else _BACKWARD, (self._point, high, low)).fetchall()
        found: list[_Change] = []
        read = 0
        look = 0 if need is None else need + 1
        for number, t_first, t_last, samples, *fields in rows:
            if need is not None and read >= look:
                edge = int(t_first if forward else t_last)
                if self._settled(found, low, high, edge, forward=forward, after=after) > need:
                    return sorted(found, key=_number), edge
                look = 2 * read  # counted each time there are twice as many, all counting takes as long as reading
            by = (int(fields[0]), int(fields[1]), str(fields[2]))
            if t_first == t_last:
                found.append(_Change(number, np.full(int(samples), int(t_first), np.int64), by, None))
            else:
                parts = self._columns(number, samples)
                found.extend(_Change(number, part.source_time, by, part) for part in parts)
            read += samples
        return sorted(found, key=_number), None

    @staticmethod
    def _settled(
        found: Iterable[_Change], low: int, high: int, edge: int, *, forward: bool, after: Cursor | None
    ) -> int:
        """Count values that no later row can come before; those at the cursor's own time may lie behind it."""
        if after is not None:
            low, high = (after.time + 1, high) if forward else (low, after.time - 1)
        low, high = (low, min(high, edge - 1)) if forward else (max(low, edge + 1), high)
        times = np.concatenate([change.times for change in found])
        return int(np.count_nonzero((times >= low) & (times <= high)))

    def _columns(self, number: int, samples: int) -> list[Columns]:
        """Decode a row; nothing of one that is damaged, which is told."""
        (payload,) = self._connection.execute("SELECT payload FROM modified WHERE id = ?", (number,)).fetchone()
        try:
            return [chunk.columns() for chunk in chunks.read(payload)]
        except DamagedData as error:
            _log.error("%d old values of the history file are damaged: %s", samples, error)
            self._lost["modified", number] = samples
            return []

    def _decode(self, change: _Change) -> bool:
        """Decode a row of one time; false where it is damaged."""
        if change.columns is None and not change.is_damaged:
            joined = join(self._columns(change.number, len(change.times)), by_time=True)
            if len(joined) == 1 and len(joined[0]) == len(change.times):
                change.columns = joined[0]
            else:
                change.is_damaged = True
        return not change.is_damaged

    def _run(
        self,
        changes: Sequence[_Change],
        owner: OrderArray,
        times: TimeArray,
        ranks: OrderArray,
        taken: OrderArray,
        *,
        more: bool,
    ) -> Run:
        """Give the values taken, as far as they are of one DataType."""
        owners = owner[taken]
        chosen, places = np.unique(owners, return_inverse=True)
        rows: list[int] = chosen.tolist()
        columns = [_of(changes[place]) for place in rows]
        types = np.array([part.datatype for part in columns], np.uint8)[places]
        alike = _prefix(types == types[0])
        more = more or alike < len(taken)
        taken, owners, places = taken[:alike], owners[:alike], places[:alike]
        datatype = columns[int(places[0])].datatype
        # where each row's values begin, among all and among those of this DataType that are looked at
        begins = np.searchsorted(owner, chosen)
        lengths = np.array([len(part) if part.datatype is datatype else 0 for part in columns])
        index = taken - begins[places] + (np.cumsum(lengths) - lengths)[places]
        same = [part for part in columns if part.datatype is datatype]
        of: list[int] = owners.tolist()
        by = [changes[place] for place in of]
        self.modified = np.array([change.time for change in by], np.int64)
        self.kinds = np.array([change.kind for change in by], np.uint8)
        self.users = tuple(change.user for change in by)
        return Run(
            datatype,
            np.concatenate([part.values for part in same])[index],
            np.concatenate([part.status for part in same])[index],
            times[taken],
            np.concatenate([part.server_time for part in same])[index],
            Cursor(int(times[taken[-1]]), int(ranks[taken[-1]])),
            more=more,
            lost=dict(self._lost),
        )

    def _clear(self) -> Run:
        self.modified: TimeArray = np.zeros(0, np.int64)
        self.kinds = np.zeros(0, np.uint8)
        self.users: tuple[str, ...] = ()
        empty = np.zeros(0, np.int64)
        nothing = np.zeros(0, np.uint32)
        return Run(
            DataType.VARIANT, np.zeros(0, object), nothing, empty, empty, None, more=False, lost=dict(self._lost)
        )


def _number(change: _Change) -> int:
    return change.number


def _of(change: _Change) -> Columns:
    """Give what has been decoded of a row."""
    if change.columns is None:
        message = f"row {change.number} has not been decoded"
        raise ValueError(message)
    return change.columns


def _ranks(times: TimeArray) -> OrderArray:
    """Count, for each value, those of its time that stand before it."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    starts = np.searchsorted(ordered, ordered, "left")
    ranks = np.empty(len(times), np.intp)
    ranks[order] = np.arange(len(times)) - starts
    return ranks


def _prefix(same: Mask) -> int:
    """Count the leading ones."""
    others = np.flatnonzero(~same)
    return int(others[0]) if len(others) else len(same)
