"""ReadProcessed: aggregates of history page by page (Part 11 v1.05 6.5.4.2, Part 13 v1.05 5.4)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np

from core.batch import TimeArray
from core.datatypes import DataType
from core.errors import PlantspaceError
from historian.aggregates.calculate import finished
from historian.aggregates.grid import Grid, Intervals
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind, applies, result_type
from historian.aggregates.results import Results
from historian.aggregates.summed import EXACT, LASTING, is_exact, summed
from historian.contract import HistoryReader, StoreCapabilities
from historian.interval_walk import AT_ONCE, IntervalTooLarge, Question, from_raw, part_of, together
from historian.resolutions import Resolution, SummaryReader
from historian.surroundings import Extent, extent, joined

__all__ = [
    "AggregateNotApplicable",
    "IntervalTooLarge",
    "InvalidAggregateInputs",
    "ProcessedPage",
    "read_processed",
]

_NO_ANNOTATIONS: Final[TimeArray] = np.zeros(0, np.int64)


class AggregateNotApplicable(PlantspaceError):  # noqa: N818 - the name says what is wrong with the request
    """The aggregate makes no sense of values of this type (Bad_AggregateNotSupported)."""


class InvalidAggregateInputs(PlantspaceError):  # noqa: N818 - as above
    """The percentages of the configuration cannot go together (Bad_AggregateInvalidInputs)."""


@dataclass(frozen=True, slots=True, eq=False)
class ProcessedPage:
    """Rows in the order asked for. ``following``: the number of the interval that the next page begins with."""

    results: Results
    following: int | None


async def read_processed(  # noqa: PLR0913 - ReadProcessedDetails has as many fields
    store: HistoryReader,
    point: str,
    kind: AggregateKind,
    configuration: AggregateConfiguration,
    start: int,
    end: int,
    interval_ticks: int,
    *,
    stepped: bool,
    first: int = 0,
    most: int = 1_000,
    datatype: DataType | None = None,
    annotations: TimeArray = _NO_ANNOTATIONS,
) -> ProcessedPage:
    """Give up to ``most`` intervals of a request from number ``first`` on.

    ``start``, ``end``: ticks; ``start`` > ``end`` gives later intervals first. ``interval_ticks``: 0 means one over the
    whole range. ``datatype``: the point's; None: that of its latest sample. ``annotations``: times, rising; for
    AnnotationCount alone.

    It takes stored summaries where they come to the same as samples, or where the samples have expired; memory is
    bounded by :mod:`historian.interval_walk`, or by one interval's samples. Raises :class:`AggregateNotApplicable`,
    :class:`InvalidAggregateInputs`, :class:`IntervalTooLarge`, :class:`ValueError` where start and end are the same or
    the interval is negative, and as :meth:`~historian.contract.HistoryReader.read_raw`.
    """
    grid = Grid(start, end, interval_ticks)
    if not configuration.is_valid:
        message = (
            f"PercentDataBad {configuration.percent_bad} and PercentDataGood {configuration.percent_good} cannot go"
            " together; neither may exceed 100, and they must add up to 100 at least"
        )
        raise InvalidAggregateInputs(message)
    summaries = None if grid.backwards or kind not in LASTING else _summing(store)
    raw_since: int | None = None
    if summaries is None:
        found = await extent(store, point)
    else:
        found, raw_since = await asyncio.gather(extent(store, point), summaries.raw_since(point))
        if found is None and raw_since is not None:
            found = await _expired(summaries, point, raw_since)
    source = datatype or (DataType.DOUBLE if found is None else found.datatype)
    if not applies(kind, source):
        message = f"{kind.name} of {source.symbol} values makes no sense; ask for another aggregate"
        raise AggregateNotApplicable(message)
    intervals = grid.part(first, most)
    question = Question(store, point, kind, configuration, stepped, source, annotations)
    following = first + most if first + most < len(grid) else None
    if kind is AggregateKind.ANNOTATION_COUNT or not len(intervals) or found is None:
        return ProcessedPage(_without_samples(question, intervals), following)
    plan = None if summaries is None else await _plan(question, summaries, raw_since, intervals)
    if plan is None:
        return ProcessedPage(await from_raw(question, intervals, found), following)
    begun = await _begun(question, plan, found)
    middle = await _from_summaries(question, part_of(intervals, plan.left, plan.right), plan, begun)
    left, right = plan.left, plan.left + len(middle)
    parts = [middle]
    if left:
        parts.insert(0, await from_raw(question, part_of(intervals, 0, left), found))
    if right < len(intervals):
        complete = raw_since is not None and int(intervals.low[right]) >= raw_since
        parts.append(await from_raw(question, part_of(intervals, right, len(intervals)), begun if complete else found))
    return ProcessedPage(together(parts, result_type(kind, source)), following)


def _summing(store: HistoryReader) -> SummaryReader | None:
    """Give a store that keeps summaries as such."""
    capabilities: StoreCapabilities | None = getattr(store, "capabilities", None)
    return cast("SummaryReader", store) if capabilities is not None and capabilities.keeps_summaries else None


def _without_samples(question: Question, intervals: Intervals) -> Results:
    if not len(intervals):
        return together([], result_type(question.kind, question.datatype))
    return question.calculate(joined([], question.datatype).series(None), intervals)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which intervals of a page come from summaries: those from ``left`` to ``right``."""

    summaries: SummaryReader
    resolution: Resolution
    left: int
    right: int
    raw_since: int | None


async def _plan(
    question: Question, summaries: SummaryReader, raw_since: int | None, intervals: Intervals
) -> _Plan | None:
    """Find the intervals that summaries can give: they begin and end with buckets, and those are complete.

    Summaries live at least as long as the samples.
    """
    is_exact_kind = question.kind in EXACT
    if question.datatype.is_object or (not is_exact_kind and (raw_since is None or int(intervals.low[0]) >= raw_since)):
        return None
    allowed = [Resolution.HOUR, Resolution.MINUTE, *([] if raw_since is None else [Resolution.SECOND])]
    for resolution in allowed:
        off = (intervals.low % resolution.ticks != 0) | (intervals.high % resolution.ticks != 0)
        right = int(np.argmax(off)) if off.any() else len(off)
        left = 0
        if right and raw_since is not None:
            since = await summaries.summaries_since(question.point, resolution)
            left = 0 if since is None else int(np.searchsorted(intervals.low, since))
            if not is_exact_kind:
                right = min(right, int(np.searchsorted(intervals.low, raw_since)))
        if left < right:
            return _Plan(summaries, resolution, left, right, raw_since)
    return None


async def _expired(summaries: SummaryReader, point: str, raw_since: int) -> Extent | None:
    """Tell when data begins and ends of a point that has summaries left and no samples."""
    ends = await summaries.summaries_extent(point, raw_since)
    return None if ends is None else Extent(*ends, DataType.DOUBLE)


async def _begun(question: Question, plan: _Plan, found: Extent) -> Extent:
    """Tell when data begins, what has expired and left its summaries included."""
    if plan.raw_since is None:
        return found
    oldest = await plan.summaries.summaries_extent(question.point, plan.raw_since)
    return found if oldest is None else replace(found, begins=min(found.begins, oldest[0]))


async def _from_summaries(question: Question, intervals: Intervals, plan: _Plan, found: Extent) -> Results:
    """Calculate from summaries the first intervals: all where they come to the same as samples, else the expired."""
    rows = await plan.summaries.read_summaries(
        question.point, int(intervals.low[0]), int(intervals.high[-1]), plan.resolution
    )
    series = joined([], question.datatype).series(found)

    def work() -> Results:
        frame = question.frame(series, intervals)
        if not is_exact(question.kind, rows, frame):
            expired = int(np.searchsorted(intervals.low, plan.raw_since or 0))
            if not expired:
                return together([], result_type(question.kind, question.datatype))
            frame = question.frame(series, part_of(intervals, 0, expired))
        return finished(frame, summed(frame, rows), question.datatype)

    return work() if len(rows) + len(intervals) < AT_ONCE else await asyncio.to_thread(work)
