"""ReadRaw as Part 11 v1.05 6.5.3.2 defines it, on top of a store's ordered scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

import numpy as np

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import NO_VALUE, Status, StatusArray
from core.time import TICKS_PER_SECOND
from historian.contract import Cursor, InvalidTimeDomain, RawPage

EARLIEST: Final = -(1 << 63) + 1
LATEST: Final = (1 << 63) - 2
PAGE_BYTES: Final = 256 * 1024
"""Bytes of strings, arrays and structures in one page that has a limit; a larger value is a page by itself."""
_PLAIN_BYTES: Final = 16
"""What any other value counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Samples of one DataType in the order scanned. ``last``: where the scan stands; ``more``.

    Whether the range goes on.
    """

    datatype: DataType
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray
    last: Cursor | None
    more: bool
    damaged: int = 0
    """Samples of the range that cannot be read, where a store has no rows to name."""
    lost: Mapping[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    """Such samples by the damaged row that held them: two scans of one page may meet the same."""

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.source_time)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A run of a page, and the position from which a later page finds it again."""

    run: Run
    before: Cursor


class Scan(Protocol):
    """A store's way through one point's samples in order of (source time, arrival)."""

    def __call__(self, low: int, high: int, need: int | None, *, forward: bool, after: Cursor | None = None) -> Run:
        """Give up to ``need`` samples (None = all) with low <= time <= high that lie beyond ``after``.

        They come in the order of (time, arrival), or in the reverse one unless ``forward``.
        """
        ...


@dataclass(frozen=True, slots=True)
class TimeDomain:
    """The part of time a read goes through: from ``begin`` to ``end`` (None = for ever), both in ticks."""

    begin: int
    end: int | None
    forward: bool

    @classmethod
    def of(cls, start: int | None, end: int | None, limit: int) -> TimeDomain:
        """Order the arguments of ReadRaw. Raises :class:`InvalidTimeDomain`."""
        if limit < 0 or (start is None) + (end is None) + (limit == 0) > 1:
            message = "at least two of start, end and limit must be given (Part 11 v1.05 6.5.3.2)"
            raise InvalidTimeDomain(message)
        if start is None:
            return cls(_clamped(end if end is not None else 0), None, forward=False)
        if end is None or start == end:
            return cls(_clamped(start), None if end is None else _clamped(end), forward=True)
        # the end is not in the range, so it may lie one beyond all times
        return cls(_clamped(start), max(EARLIEST - 1, min(end, LATEST + 1)), forward=start <= end)

    @property
    def low(self) -> int:
        """The earliest time inside; the end itself lies outside unless it is also the beginning."""
        if self.forward:
            return self.begin
        return EARLIEST if self.end is None else self.end + 1

    @property
    def high(self) -> int:
        """The latest time inside."""
        if not self.forward:
            return self.begin
        if self.end is None:
            return LATEST
        return self.begin if self.end == self.begin else self.end - 1


def read_page(scan: Scan, domain: TimeDomain, limit: int, *, bounds: bool, cursor: Cursor | None) -> RawPage:
    """Read one page: start bound (on the first page), values, and the end bound once the values are at their end.

    A page with a limit ends before its objects exceed :data:`PAGE_BYTES` (a large answer may come in parts, Part 4
    v1.05 7.9); numbers are all of one small size, so the limit bounds them.
    """
    begin = cursor or _before(domain)
    parts: list[_Part] = []
    if bounds and cursor is None:
        first = _start_bound(scan, domain)
        if first is not None:
            parts.append(_Part(first, begin))
    room = None if limit == 0 else limit - len(parts)
    if room == 0:
        return _page(parts, begin)
    values = scan(domain.low, domain.high, room, forward=domain.forward, after=cursor)
    if room is not None and values.datatype.is_object:
        fitting = fitting_objects(values.values)
        if fitting < len(values):  # looked at again, because only the scan knows the cursor of a sample in between
            values = scan(domain.low, domain.high, fitting, forward=domain.forward, after=cursor)
    parts.append(_Part(values, begin))
    reached = values.last or begin
    if values.more or not bounds:
        return _page(parts, reached if values.more else None)
    if room is not None and len(values) >= room:
        return _page(parts, reached)
    parts.append(_Part(_end_bound(scan, domain, reached), reached))
    return _page(parts, None)


def fitting_objects(values: ValueArray, room: int = PAGE_BYTES) -> int:
    """Count the objects that fit into a page, or the ``room`` that it still has, from the first on: one at least."""
    total = 0
    for position, value in enumerate(values):
        total += bytes_of(value)
        if total > room:
            return max(position, 1)
    return len(values)


def bytes_of(value: object) -> int:
    """Estimate the size of an object in an answer."""
    if isinstance(value, str | bytes):
        return _PLAIN_BYTES + len(value)
    if isinstance(value, np.ndarray):
        array = cast("ValueArray", value)
        return _PLAIN_BYTES + (sum(map(bytes_of, array.flat)) if array.dtype == object else array.nbytes)
    if isinstance(value, list | tuple):
        return _PLAIN_BYTES + sum(map(bytes_of, cast("list[object]", value)))
    if isinstance(value, dict):
        return _PLAIN_BYTES + sum(map(bytes_of, cast("dict[str, object]", value).values()))
    return _PLAIN_BYTES


def _before(domain: TimeDomain) -> Cursor:
    """Give the position from which everything in the domain is still to come."""
    return Cursor(domain.begin, -1) if domain.forward else Cursor(domain.begin + 1, 0)


def _start_bound(scan: Scan, domain: TimeDomain) -> Run | None:
    """Find what stands for the begin: nothing more when there is a value at that very time."""
    begin, forward = domain.begin, domain.forward
    if len(scan(begin, begin, 1, forward=forward)):
        return None
    outside = (EARLIEST, begin - 1) if forward else (begin + 1, LATEST)
    found = scan(*outside, 1, forward=not forward)
    return found if len(found) else _not_found(begin)


def _end_bound(scan: Scan, domain: TimeDomain, reached: Cursor) -> Run:
    """Find the first value at or past the end; without an end the bound lies a second past the last value."""
    step = 1 if domain.forward else -1
    if domain.end is None:
        return _not_found(_clamped(reached.time + step * TICKS_PER_SECOND))
    end = domain.end + 1 if domain.end == domain.begin else domain.end
    outside = (end, LATEST) if domain.forward else (EARLIEST, end)
    found = scan(*outside, 1, forward=domain.forward)
    return found if len(found) else _not_found(domain.end)


def _clamped(moment: int) -> int:
    """Bring a time into what samples can have."""
    return max(EARLIEST, min(moment, LATEST))


def _not_found(moment: int) -> Run:
    times = np.array([moment], np.int64)
    nothing: ValueArray = np.array([None], object)
    status = np.array([Status.BAD_BOUND_NOT_FOUND | NO_VALUE], np.uint32)
    return Run(DataType.VARIANT, nothing, status, times, times, None, more=False)


def _page(parts: list[_Part], cursor: Cursor | None) -> RawPage:
    """Put the parts together as far as they are of one type.

    Where the type changes the cursor stands before the rest.
    """
    lost: dict[tuple[str, int], int] = {}
    for part in parts:
        lost.update(part.run.lost)
    damaged = sum(lost.values()) + sum(part.run.damaged for part in parts)
    runs = [part.run for part in parts if len(part.run)]
    datatype = next((run.datatype for run in runs if not _is_missing(run)), DataType.VARIANT)
    kept: list[Run] = []
    for part in parts:
        if len(part.run) and part.run.datatype is not datatype and not _is_missing(part.run):
            cursor = part.before
            break
        if len(part.run):
            kept.append(part.run)
    if not kept:
        empty = np.zeros(0, np.int64)
        return RawPage(datatype, np.zeros(0, datatype.dtype), np.zeros(0, np.uint32), empty, empty, cursor, damaged)
    return RawPage(
        datatype,
        np.concatenate([_typed(run, datatype) for run in kept]),
        np.concatenate([run.status for run in kept]),
        np.concatenate([run.source_time for run in kept]),
        np.concatenate([run.server_time for run in kept]),
        cursor,
        damaged,
    )


def _is_missing(run: Run) -> bool:
    return len(run) == 1 and int(run.status[0]) == Status.BAD_BOUND_NOT_FOUND | NO_VALUE


def _typed(run: Run, datatype: DataType) -> ValueArray:
    """Give a missing bound a value of the page's type."""
    if run.datatype is datatype or datatype.is_object:
        return run.values
    return np.zeros(len(run), datatype.dtype)
