"""ReadProcessed and ReadAtTime (Part 11 v1.05 6.5.4, 6.5.5; Part 13 v1.05), a page after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from asyncua import ua

from core.batch import TimeArray
from core.datatypes import DataType
from core.time import TICKS_PER_MILLISECOND
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind, result_type
from historian.aggregates.results import Results
from historian.at_time import read_at_time
from historian.contract import Cursor, HistoryReader, RawPage
from historian.processed import AggregateNotApplicable, IntervalTooLarge, InvalidAggregateInputs, read_processed
from historian.raw_read import PAGE_BYTES, bytes_of, fitting_objects
from server.address_space.keys import NodeKey
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.limits import ANSWER_VALUES, LEAST_SIZE, OBJECT_VALUES
from server.ua_stack.history.pages import HISTORY_DATA, HistoryRefused, Page, PagedRead
from server.ua_stack.history.raw import Shown
from server.ua_stack.history.requests import GivenConfiguration, ReadProcessed

_codes = ua.StatusCodes
CALCULATED_AT_ONCE = 4096
"""Intervals of a node: what an answer has no room for is calculated with the others, and kept for the next."""
OBJECTS_AT_ONCE = 64
"""Strings, arrays and structures that are looked for at once: each may be large."""
_REFUSALS: dict[type[Exception], int] = {
    AggregateNotApplicable: _codes.BadAggregateNotSupported,
    InvalidAggregateInputs: _codes.BadAggregateInvalidInputs,
    IntervalTooLarge: _codes.BadResponseTooLarge,
}


@dataclass(frozen=True, slots=True)
class AskedAggregate:
    """What a client asks of one node. Times and ``interval`` in ticks; ``end`` before ``start`` goes backward."""

    kind: AggregateKind
    configuration: AggregateConfiguration
    start: int
    end: int
    interval: int


def asked_of(
    details: ReadProcessed, place: int, nodes: int, usual: AggregateConfiguration, *, stepped: bool
) -> AskedAggregate:
    """Check what is asked of the node that stands at ``place`` of ``nodes``.

    Raises :class:`HistoryRefused` (Part 11 v1.05 6.5.4.2, Part 13 v1.05 6.2).
    """
    if len(details.aggregates) != nodes:
        raise HistoryRefused(_codes.BadAggregateListMismatch)
    kind = _kind(details.aggregates[place])
    if details.start is None or details.end is None:
        raise HistoryRefused(_codes.BadInvalidTimestampArgument)
    if details.start == details.end:
        raise HistoryRefused(_codes.BadInvalidArgument, "a time has no aggregate; ask for an interval")
    if not math.isfinite(details.interval) or details.interval < 0.0:
        raise HistoryRefused(_codes.BadAggregateInvalidInputs, "an interval is a number of milliseconds")
    configuration = usual if details.configuration is None else _configuration(details.configuration)
    if stepped and configuration.sloped:  # what is stepped is never extrapolated along a slope (Part 13 v1.05 A.1.4)
        configuration = replace(configuration, sloped=False)
    length = abs(details.end - details.start)
    interval = min(round(min(details.interval, length) * TICKS_PER_MILLISECOND), length)
    if not interval and details.interval:
        raise HistoryRefused(_codes.BadAggregateInvalidInputs, "an interval is 100 ns at least; 0 is the whole time")
    interval = interval or length
    return AskedAggregate(kind, configuration, details.start, details.end, interval)


def _kind(key: NodeKey) -> AggregateKind:
    try:
        return AggregateKind(key if isinstance(key, int) else -1)
    except ValueError:
        raise HistoryRefused(_codes.BadAggregateNotSupported) from None


def _configuration(given: GivenConfiguration) -> AggregateConfiguration:
    made = AggregateConfiguration(given.uncertain_is_bad, given.percent_bad, given.percent_good, given.sloped)
    if not made.is_valid:
        raise HistoryRefused(_codes.BadAggregateInvalidInputs, "percentages that do not go together")
    return made


@dataclass(frozen=True, slots=True)
class ProcessedRead:
    """An aggregate of a point, from its ``first``-th interval on. ``annotations``: the point of its annotations."""

    store: HistoryReader
    point: str
    annotations: str
    asked: AskedAggregate
    datatype: DataType | None
    stepped: bool
    shown: Shown
    first: int = 0

    kind = HISTORY_DATA

    @property
    def most(self) -> int:
        """Intervals in a page."""
        return ANSWER_VALUES

    @property
    def size(self) -> int:
        """Bytes."""
        return LEAST_SIZE

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        """Give up to ``share`` results."""
        return await (await self.calculated(share)).page(share, timestamps)

    async def calculated(self, share: int = 0) -> HeldResults:
        """Calculate at least ``share`` intervals; those that are too many for one page wait for the next."""
        asked = self.asked
        large = self.datatype is not None and result_type(asked.kind, self.datatype).is_object
        most = OBJECTS_AT_ONCE if large else max(share, CALCULATED_AT_ONCE)
        try:
            page = await read_processed(
                self.store,
                self.point,
                asked.kind,
                asked.configuration,
                asked.start,
                asked.end,
                asked.interval,
                stepped=self.stepped,
                first=self.first,
                most=most,
                datatype=self.datatype,
                annotations=await self._annotations(most),
            )
        except (AggregateNotApplicable, InvalidAggregateInputs, IntervalTooLarge) as refused:
            raise HistoryRefused(_REFUSALS[type(refused)], str(refused)) from refused
        following = None if page.following is None else replace(self, first=page.following)
        return HeldResults(page.results, self.shown, following)

    async def _annotations(self, most: int) -> TimeArray:
        """Give the times of the annotations in the intervals that come next, rising."""
        if self.asked.kind is not AggregateKind.ANNOTATION_COUNT:
            return np.zeros(0, np.int64)
        asked = self.asked
        begin, end = asked.start, asked.end
        if asked.interval:  # without one there is one interval, the whole time (Part 13 v1.05 5.4.3.1)
            step = asked.interval if end > begin else -asked.interval
            begin, past = (asked.start + at * step for at in (self.first, self.first + most))
            end = min(past, end) if step > 0 else max(past, end)
        found: list[TimeArray] = []
        cursor: Cursor | None = None
        while True:  # the notes themselves are let go of, a page after the other
            page = await self.store.read_raw(self.annotations, begin, end, OBJECT_VALUES, cursor=cursor)
            found.append(page.source_time)
            if page.cursor is None or page.cursor == cursor:
                return np.sort(np.concatenate(found))
            cursor = page.cursor


@dataclass(frozen=True, slots=True)
class HeldResults:
    """Results that were calculated at once, and more that is to be: ``beyond``."""

    results: Results
    shown: Shown
    beyond: PagedRead | None

    kind = HISTORY_DATA

    @property
    def most(self) -> int:
        """Results in a page."""
        return self.shown.most

    @property
    def size(self) -> int:
        """Bytes: a value that several results share is there once."""
        held = self.results
        columns = LEAST_SIZE + held.times.nbytes + held.status.nbytes + held.values.nbytes
        if not held.datatype.is_object:
            return columns
        return columns + sum({id(one): bytes_of(one) for one in held.values}.values())

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        """Give up to ``share`` of them, and of objects :data:`~historian.raw_read.PAGE_BYTES`."""
        given = _fitting(_part(self.results, slice(share)), PAGE_BYTES)
        rest = None if len(given) == len(self.results) else _part(self.results, slice(len(given), None))
        return await _page(given, self.shown, timestamps, self.beyond if rest is None else replace(self, results=rest))


def _part(results: Results, part: slice) -> Results:
    """Copy a part: what only the others have is free to go."""
    return Results(
        results.datatype, results.values[part].copy(), results.status[part].copy(), results.times[part].copy()
    )


def _fitting(results: Results, room: int) -> Results:
    """Give the first of them, as many as ``room`` bytes hold: one at least."""
    if not results.datatype.is_object:
        return results
    fitting = fitting_objects(results.values, room)
    return results if fitting == len(results) else _part(results, slice(fitting))


async def _page(given: Results, shown: Shown, timestamps: Timestamps, following: PagedRead | None) -> Page:
    raw = RawPage(given.datatype, given.values, given.status, given.times, given.times, None)
    return Page(HISTORY_DATA, await shown.encode(raw, timestamps), len(given), following)


@dataclass(frozen=True, slots=True, eq=False)
class AtTimeRead:
    """A point's values at certain times; ``times``: int64[n] ticks, those that are left."""

    store: HistoryReader
    point: str
    times: TimeArray
    simple_bounds: bool
    stepped: bool
    configuration: AggregateConfiguration
    datatype: DataType | None
    shown: Shown

    kind = HISTORY_DATA

    @property
    def most(self) -> int:
        """Times in a page."""
        return self.shown.most

    @property
    def size(self) -> int:
        """Bytes."""
        return LEAST_SIZE + self.times.nbytes

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        """Find up to ``share`` values, and of objects :data:`~historian.raw_read.PAGE_BYTES`."""
        wanted = self.times[:share]
        at_once = OBJECTS_AT_ONCE if self.datatype is None or self.datatype.is_object else len(wanted)
        given = _fitting(await self._at(wanted[:at_once]), PAGE_BYTES)
        left = PAGE_BYTES - _bytes(given)
        while left > 0 and len(given) < len(wanted) and not len(given) % at_once:
            found = await self._at(wanted[len(given) : len(given) + at_once])
            more = _fitting(found, left)
            if found.datatype is not given.datatype:
                break
            left -= _bytes(more)
            given = _joined(given, more)
        rest = self.times[len(given) :].copy()
        return await _page(given, self.shown, timestamps, replace(self, times=rest) if len(rest) else None)

    async def _at(self, times: TimeArray) -> Results:
        return await read_at_time(
            self.store,
            self.point,
            times,
            self.configuration,
            stepped=self.stepped,
            simple_bounds=self.simple_bounds,
            datatype=self.datatype,
        )


def _bytes(results: Results) -> int:
    return sum(map(bytes_of, results.values)) if results.datatype.is_object else 0


def _joined(first: Results, second: Results) -> Results:
    return Results(
        first.datatype,
        np.concatenate((first.values, second.values)),
        np.concatenate((first.status, second.status)),
        np.concatenate((first.times, second.times)),
    )
