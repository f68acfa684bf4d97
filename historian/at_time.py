"""ReadAtTime: what a point was worth at given times (Part 11 v1.05 6.5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import TimeArray
from core.datatypes import DataType
from core.quality import NO_VALUE, SHOWN
from historian.aggregates.bounds import interpolated, simple
from historian.aggregates.kinds import AggregateConfiguration
from historian.aggregates.results import INTERPOLATED, NO_DATA, Results
from historian.aggregates.series import Graded
from historian.contract import Cursor, HistoryReader, RawPage
from historian.surroundings import Block, Extent, after, before, converted, extent, joined

_PAGE: Final = 4_096
"""Samples that are read at a time: times that lie close together share a page."""
_FIRST_TIMES: Final = 8
"""Times that a call answers at least."""


class _Counted:
    """A store, and how often it was read."""

    def __init__(self, store: HistoryReader) -> None:
        self._store = store
        self.reads = 0
        self.points = store.points
        self.statistics = store.statistics

    async def read_raw(
        self,
        point: str,
        start: int | None,
        end: int | None,
        limit: int,
        *,
        bounds: bool = False,
        cursor: Cursor | None = None,
    ) -> RawPage:
        self.reads += 1
        return await self._store.read_raw(point, start, end, limit, bounds=bounds, cursor=cursor)


@dataclass(frozen=True, slots=True)
class _Question:
    store: _Counted
    point: str
    configuration: AggregateConfiguration
    stepped: bool
    simple_bounds: bool
    datatype: DataType


async def read_at_time(
    store: HistoryReader,
    point: str,
    times: TimeArray,
    configuration: AggregateConfiguration,
    *,
    stepped: bool,
    simple_bounds: bool = False,
    datatype: DataType | None = None,
    most_reads: int | None = None,
) -> Results:
    """Give one value a time, in the order asked for.

    A sample at the very time is given as it is, whatever its quality (of several the first usable one); else the value
    is interpolated, or held where ``stepped``, between the usable samples around (``simple_bounds``: between the
    samples right before and after, Part 13 v1.05 3.1.9), with the bit Interpolated. Before data begins it is
    Bad_NoData; behind its end it is extrapolated, with simple bounds Bad_NoData. ``datatype``: the point's; None: that
    of its latest sample. Raises as :meth:`~historian.contract.HistoryReader.read_raw`.

    ``most_reads``: how often it may read from the store, about; None: as often as it takes. Where there are more times
    it answers the first ones, one at least, and the caller asks again from ``times[len(results):]`` on.
    """
    counted = _Counted(store)
    found = await extent(counted, point)
    source = datatype or (DataType.DOUBLE if found is None else found.datatype)
    if found is None or not len(times):
        return Results(source, np.zeros(len(times), source.dtype), np.full(len(times), NO_DATA, np.uint32), times)
    stepped = stepped or not source.is_number
    question = _Question(counted, point, configuration, stepped, simple_bounds, source)
    if most_reads is None:
        return await _all(question, times, found, None)
    parts: list[Results] = []
    done = 0
    some = _FIRST_TIMES
    while done < len(times) and (not done or counted.reads < most_reads):
        # the first few are answered whatever it takes, so that each call gets on in whatever order the times are
        part = await _all(question, times[done : done + some], found, most_reads if done else None)
        if not len(part):
            break
        parts.append(part)
        done += len(part)
        some *= 4
    values = np.concatenate([part.values for part in parts])
    return Results(source, values, np.concatenate([part.status for part in parts]), times[:done])


async def _all(question: _Question, times: TimeArray, found: Extent, most_reads: int | None) -> Results:
    """Answer times in any order; the first of them alone where that takes too many reads."""
    moments, back = np.unique(times, return_inverse=True)
    parts: list[Results] = []
    done = 0
    while done < len(moments) and (most_reads is None or question.store.reads < most_reads):
        part = await _from(question, moments[done:], found)
        parts.append(part)
        done += len(part)
    lacking = np.flatnonzero(back >= done)
    answered = back[: int(lacking[0])] if len(lacking) else back
    if not len(answered):
        nothing = np.zeros(0, question.datatype.dtype)
        return Results(question.datatype, nothing, np.zeros(0, np.uint32), times[:0])
    values = np.concatenate([part.values for part in parts])
    status = np.concatenate([part.status for part in parts])
    return Results(question.datatype, values[answered], status[answered], times[: len(answered)])


async def _from(question: _Question, moments: TimeArray, found: Extent) -> Results:
    """Answer the first of ``moments`` (rising), and the others that lie in the same page of samples."""
    store, point, datatype = question.store, question.point, question.datatype
    strict = question.configuration.treat_uncertain_as_bad
    need = 2 if question.configuration.sloped else 1
    start = int(moments[0])
    earlier = await before(store, point, start, datatype, need=need, treat_uncertain_as_bad=strict)
    page = await store.read_raw(point, start, int(moments[-1]) + 1, _PAGE)
    block = converted(page, datatype)
    count = len(moments)
    end = int(moments[-1]) + 1
    if page.cursor is not None:  # the last time read may have more samples than these
        end = max(int(block.times[-1]) if len(block) else start, start + 1)
        count = max(int(np.searchsorted(moments, end, "left")), 1)
        block = _until(block, end)
    later = await after(store, point, end, datatype, treat_uncertain_as_bad=strict)
    return _at(question, joined([earlier, block, later], datatype), moments[:count], found)


def _until(block: Block, end: int) -> Block:
    place = int(np.searchsorted(block.times, end, "left"))
    return Block(block.times[:place], block.values[:place], block.status[:place])


def _at(question: _Question, block: Block, moments: TimeArray, found: Extent) -> Results:
    samples = Graded(block.series(found), treat_uncertain_as_bad=question.configuration.treat_uncertain_as_bad)
    if question.simple_bounds:
        bounds = simple(samples, moments, stepped=question.stepped)
    else:
        sloped = question.configuration.sloped
        bounds = interpolated(samples, moments, found.ends, stepped=question.stepped, sloped=sloped)
    status = bounds.status | np.where(bounds.known & ~bounds.raw, np.uint32(INTERPOLATED), np.uint32(0))
    values = bounds.values(samples, status, question.datatype)
    # A sample at the very time that no line may be drawn through is still what was there.
    if len(samples):
        place = np.minimum(np.searchsorted(samples.times, moments, "left"), len(samples) - 1)
        given = (samples.times[place] == moments) & ~(bounds.raw & bounds.known)
        values = np.where(given, samples.values[place], values)
        status = np.where(given, samples.status[place] & np.uint32(SHOWN | NO_VALUE), status)
    return Results(question.datatype, values, status.astype(np.uint32), moments)
