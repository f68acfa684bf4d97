"""Calculates aggregates from raw samples, window by window of them, so that memory stays bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.batch import TimeArray
from core.datatypes import DataType
from core.errors import PlantspaceError
from historian.aggregates.calculate import calculate
from historian.aggregates.frame import Frame
from historian.aggregates.grid import Intervals
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind, result_type
from historian.aggregates.results import Results
from historian.aggregates.series import Graded, Series
from historian.contract import HistoryReader
from historian.surroundings import SEARCH, Block, Extent, after, before, joined, within

WINDOW: Final = 100_000
"""Samples that are read at a time."""
LARGEST: Final = 4_000_000
"""Samples of one interval that are held at most."""
AT_ONCE: Final = 4_000
"""Samples or rows that are calculated without a thread: less than a millisecond's work."""


class IntervalTooLarge(PlantspaceError):  # noqa: N818 - as above
    """One interval holds more samples than are calculated at once; ask for shorter intervals."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which point of which store."""

    store: HistoryReader
    point: str
    kind: AggregateKind
    configuration: AggregateConfiguration
    stepped: bool
    datatype: DataType
    annotations: TimeArray

    @property
    def strict(self) -> bool:
        """Tell whether Uncertain samples are left out."""
        return self.configuration.treat_uncertain_as_bad

    @property
    def need(self) -> int:
        """Count the usable samples before an interval that matter."""
        return 2 if self.configuration.sloped else 1

    def frame(self, series: Series, intervals: Intervals) -> Frame:
        """Lay intervals over samples."""
        return Frame(self.kind, self.configuration, series, intervals, stepped=self.stepped, datatype=self.datatype)

    def calculate(self, series: Series, intervals: Intervals) -> Results:
        """Calculate from samples."""
        return calculate(
            self.kind,
            self.configuration,
            series,
            intervals,
            stepped=self.stepped,
            datatype=self.datatype,
            annotations=self.annotations,
        )


def part_of(intervals: Intervals, left: int, right: int) -> Intervals:
    """Give some of the intervals."""
    chosen = slice(left, right)
    return replace(
        intervals, low=intervals.low[chosen], high=intervals.high[chosen], shortened=intervals.shortened[chosen]
    )


def together(parts: list[Results], datatype: DataType) -> Results:
    """Put rows of ``datatype`` together."""
    if not parts:
        return Results(datatype, np.zeros(0, datatype.dtype), np.zeros(0, np.uint32), np.zeros(0, np.int64))
    return Results(
        datatype,
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.status for part in parts]),
        np.concatenate([part.times for part in parts]),
    )


async def from_raw(question: Question, intervals: Intervals, found: Extent) -> Results:
    """Calculate from samples, as many intervals at a time as a window of them completes."""
    store, point, strict, datatype = question.store, question.point, question.strict, question.datatype
    start, end = int(intervals.low.min()), int(intervals.high.max())
    held = await before(store, point, start, datatype, need=question.need, treat_uncertain_as_bad=strict)
    walk = _Walk(question, intervals, found, held)
    async for block in within(store, point, start, end + 1, datatype, WINDOW):
        await _worked(walk.take, block)
        if walk.is_done:
            break
    if not walk.is_done:
        await _worked(walk.finish, await after(store, point, end + 1, datatype, treat_uncertain_as_bad=strict))
    return walk.results()


async def _worked(step: Callable[[Block], None], block: Block) -> None:
    """Do a step, in a thread where it takes longer than the event loop may be held."""
    if len(block) < AT_ONCE:
        step(block)
    else:
        await asyncio.to_thread(step, block)


class _Walk:
    """Goes over intervals from the earliest on while their samples come in."""

    def __init__(self, question: Question, intervals: Intervals, found: Extent, held: Block) -> None:
        """Begin with the samples before the first interval."""
        self._question = question
        self._intervals = intervals
        self._found = found
        self._held = held
        self._order = slice(None, None, -1 if intervals.backwards else 1)
        self._low: TimeArray = intervals.low[self._order]
        self._high: TimeArray = intervals.high[self._order]
        self._done = 0
        self._parts: list[Results] = []

    @property
    def is_done(self) -> bool:
        """Tell whether all intervals are calculated."""
        return self._done == len(self._low)

    def results(self) -> Results:
        """Give the rows in the order asked for."""
        return together(self._parts[self._order], result_type(self._question.kind, self._question.datatype))

    def take(self, block: Block) -> None:
        """Calculate what these samples complete."""
        held = self._held = joined([self._held, block], self._question.datatype)
        ready = self._ready(held)
        if ready > self._done:
            self._calculate(held, ready)
            if not self.is_done:
                self._held = self._trimmed(held)
        elif len(held) > LARGEST:
            message = f"an interval of {self._question.point} holds more than {LARGEST} samples; ask for shorter ones"
            raise IntervalTooLarge(message)

    def finish(self, beyond: Block) -> None:
        """Calculate the rest with what lies behind it."""
        self._calculate(joined([self._held, beyond], self._question.datatype), len(self._low))

    def _calculate(self, held: Block, until: int) -> None:
        number = len(self._low)
        chosen = (number - until, number - self._done) if self._intervals.backwards else (self._done, until)
        part = part_of(self._intervals, *chosen)
        self._parts.append(self._question.calculate(held.series(self._found), part))
        self._done = until

    def _ready(self, held: Block) -> int:
        """Count the intervals that all samples are there for, the usable one behind included or missed in vain."""
        usable = np.flatnonzero(self._graded(held).usable)
        last_usable = int(held.times[usable[-1]]) if len(usable) else -1
        enough = max(last_usable, int(held.times[-SEARCH]) - 1 if len(held) > SEARCH else -1)
        return int(np.count_nonzero((self._high < held.times[-1]) & (self._high <= enough)))

    def _trimmed(self, held: Block) -> Block:
        """Let go of what lies before the samples that the next interval needs."""
        need = self._question.need
        split = int(np.searchsorted(held.times, self._low[self._done : self._done + 1], "left")[0])
        usable = np.flatnonzero(self._graded(held).usable[:split])
        times = held.times[usable]
        different = np.flatnonzero(np.append(np.ones(1, np.bool_), times[1:] != times[:-1])[: len(times)])
        place = int(usable[different[-need]]) if len(different) >= need else 0
        return held.from_place(max(place, split - SEARCH, 0))

    def _graded(self, held: Block) -> Graded:
        return Graded(held.series(None), treat_uncertain_as_bad=self._question.strict)
