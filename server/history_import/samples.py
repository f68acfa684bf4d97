"""Turns a part of a table into samples; what is wrong is told with its place, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.errors import Finding, Place
from core.quality import BACKFILLED, NO_VALUE, Status, StatusArray
from historian.samples import SampleBlock, group
from server.history_import.form import Part, Series, TableForm
from server.history_import.targets import Target, Targets, UnfitNodeError
from server.history_import.times import ticks_of
from server.history_import.values import statuses_of, values_of

_TOLD = 1_000


@dataclass(slots=True)
class Outcome:
    """What was found in a table. ``rows``: samples that are sound; ``skipped``: samples with something wrong."""

    rows: int = 0
    skipped: int = 0
    nodes: set[str] = field(default_factory=set[str])
    """The points that have sound samples."""
    earliest: int | None = None
    latest: int | None = None
    before: int = 0
    """Samples that are older than the store keeps them."""
    findings: list[Finding] = field(default_factory=list[Finding])
    """The first thousand things that are wrong."""
    wrong: int = 0
    """How many there are."""

    def tell(self, place: Place, problem: str, mend: str) -> None:
        """Note something that is wrong."""
        self.wrong += 1
        if len(self.findings) < _TOLD:
            self.findings.append(Finding(place, problem, mend))


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    target: Target
    values: ValueArray
    status: StatusArray
    times: TimeArray


class Converter:
    """Makes blocks of samples of the parts of one table."""

    def __init__(self, targets: Targets, form: TableForm, *, received: int, keeps_from: int) -> None:
        """``received``: the samples' ServerTimestamp; ``keeps_from``: the store drops what is older (ticks)."""
        self._targets = targets
        self._form = form
        self._received = received
        self._keeps_from = keeps_from
        self._unfit: set[str] = set()
        self.outcome = Outcome()

    def convert(self, part: Part) -> list[SampleBlock]:
        """Give the sound samples of a part, marked :data:`~core.quality.BACKFILLED`."""
        self.outcome.skipped += part.skipped
        ticks, wrong = ticks_of(part.times, self._form)
        for row, (problem, mend) in wrong.items():
            self.outcome.tell(part.place(row, part.time_column), problem, mend)
        timed: MaskArray = np.ones(len(part.times), np.bool_)
        timed[list(wrong)] = False
        columns = [found for one in part.series if (found := self._column(part, one, ticks, timed)) is not None]
        return [self._block(kind, columns) for kind in sorted({column.target.datatype for column in columns})]

    def _column(self, part: Part, series: Series, ticks: TimeArray, timed: MaskArray) -> _Column | None:
        if not len(series.rows):
            return None
        outcome = self.outcome
        try:
            target = self._targets.find(series.node)
        except UnfitNodeError as error:
            outcome.skipped += len(series.rows)
            if series.node not in self._unfit:
                self._unfit.add(series.node)
                column = part.node_column or series.column
                outcome.tell(part.place(int(series.rows[0]), column), error.problem, error.mend)
            return None
        sound = timed[series.rows].copy()
        values, absent, wrong = values_of(series.values, target.datatype, self._form)
        for place, (problem, mend) in wrong.items():
            outcome.tell(part.place(int(series.rows[place]), series.column), problem, mend)
            sound[place] = False
        status = np.zeros(len(series.rows), np.uint32)
        if series.statuses is not None:
            status, wrong = statuses_of(series.statuses)
            for place, (problem, mend) in wrong.items():
                outcome.tell(part.place(int(series.rows[place]), part.status_column), problem, mend)
                sound[place] = False
        # Part 4 v1.05 7.11.1: only a Bad DataValue may go without a value.
        empty = absent & ((status & np.uint32(Status.BAD)) == 0)
        for place in np.flatnonzero(empty & sound).tolist():
            problem, mend = "there is no value", "fill it in, or write a Bad status such as BadNoData"
            outcome.tell(part.place(int(series.rows[place]), series.column), problem, mend)
        sound &= ~empty
        status = status | np.uint32(BACKFILLED) | np.where(absent, np.uint32(NO_VALUE), np.uint32(0))
        times = ticks[series.rows]
        outcome.skipped += int(np.count_nonzero(~sound))
        if not sound.any():
            return None
        values, status, times = values[sound], status[sound], times[sound]
        outcome.rows += len(times)
        outcome.nodes.add(target.node)
        first, last = int(times.min()), int(times.max())
        outcome.earliest = first if outcome.earliest is None else min(outcome.earliest, first)
        outcome.latest = last if outcome.latest is None else max(outcome.latest, last)
        outcome.before += int(np.count_nonzero(times < self._keeps_from))
        return _Column(target, values, status, times)

    def _block(self, datatype: DataType, columns: list[_Column]) -> SampleBlock:
        same = [column for column in columns if column.target.datatype is datatype]
        nodes: list[str] = list(dict.fromkeys(column.target.node for column in same))
        places = {node: place for place, node in enumerate(nodes)}
        points = np.concatenate([np.full(len(one.times), places[one.target.node], np.int32) for one in same])
        times = np.concatenate([one.times for one in same])
        joined = group(
            datatype,
            points,
            np.concatenate([one.values for one in same]),
            np.concatenate([one.status for one in same]),
            times,
            np.full(len(times), self._received, np.int64),
        )
        order: list[int] = joined.points.tolist()
        return SampleBlock.of(joined, [nodes[place] for place in order])
