"""What history comes to: standard aggregates, percentiles, and the summaries that the store keeps."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final, cast

import numpy as np

from core.batch import ValueArray
from core.datatypes import DataType
from core.errors import PlantspaceError
from core.quality import NO_VALUE, Status, absent_mask, bad_mask, uncertain_mask
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.contract import HistoryReader
from historian.digest import merged, quantile
from historian.processed import read_processed
from historian.query import raw_pages
from historian.resolutions import Resolution, SummaryReader
from server.cli.history_rows import Rows

RESOLUTIONS: Final = {"1s": Resolution.SECOND, "1min": Resolution.MINUTE, "1h": Resolution.HOUR}
COUNTS: Final = ("good", "uncertain", "bad")
SUMMARY_COLUMNS: Final[tuple[str, ...]] = (
    *COUNTS,
    "average",
    "minimum",
    "maximum",
    "deviation",
    "first",
    "last",
)
DIGEST_COLUMNS: Final = {"p5": 0.05, "p50": 0.5, "p95": 0.95}
"""Of hours, which alone have t-digests."""
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?|100)", re.IGNORECASE)
_SHORT: Final = {"min": AggregateKind.MINIMUM, "max": AggregateKind.MAXIMUM}
_BY_NAME: Final = {kind.name.replace("_", "").casefold(): kind for kind in AggregateKind} | _SHORT
_PAGE: Final = 1_000
_MOST_INTERVALS: Final = 1_000_000


class NotSummedError(PlantspaceError):
    """This cannot be summed up; the message says why and what mends it."""


def names() -> list[str]:
    """Give the names of all aggregates as the standard writes them."""
    return ["".join(part.capitalize() for part in kind.name.split("_")) for kind in AggregateKind]


def aggregate_of(name: str) -> AggregateKind | None:
    """Find an aggregate by its name in any case; None where there is none."""
    return _BY_NAME.get(name.replace("_", "").casefold())


def percentile_of(name: str) -> float | None:
    """Give the share of ``p95`` (0.95); None for what is no percentile."""
    match = _PERCENTILE.fullmatch(name)
    return float(match[1]) / 100 if match else None


def check_intervals(start: int, end: int, interval: int) -> None:
    """Raise :class:`NotSummedError` for more intervals than anyone looks at."""
    number = -(-(end - start) // interval)
    if number > _MOST_INTERVALS:
        message = f"these are {number} intervals (take a longer --interval, or a shorter time)"
        raise NotSummedError(message)


async def aggregated(
    reader: HistoryReader, node: str, kind: AggregateKind, start: int, end: int, interval: int, *, stepped: bool
) -> AsyncIterator[Rows]:
    """Give an aggregate an interval (Part 13 v1.05)."""
    configuration = AggregateConfiguration()  # as clients get it who ask for the server's default
    first: int | None = 0
    while first is not None:
        page = await read_processed(
            reader, node, kind, configuration, start, end, interval, stepped=stepped, first=first, most=_PAGE
        )
        results = page.results
        yield Rows(results.datatype, results.times, results.values, results.status)
        first = page.following


async def percentiles(
    reader: HistoryReader, node: str, share: float, start: int, end: int, interval: int
) -> AsyncIterator[Rows]:
    """Give a percentile of the Good values an interval: estimated from stored hours where these fit, else exact."""
    hour = Resolution.HOUR.ticks
    summing = _summing(reader)
    if summing is not None and not interval % hour and not start % hour and not end % hour:
        async for rows in _estimated(summing, node, share, start, end, interval):
            yield rows
        return
    at, kept = start, list[np.ndarray[tuple[int], np.dtype[np.float64]]]()
    async for page in raw_pages(reader, node, start, end):
        if page.datatype.is_object:
            message = f"{node} holds {page.datatype.symbol} values, which have no percentiles"
            raise NotSummedError(message)
        left_out = bad_mask(page.status) | uncertain_mask(page.status) | absent_mask(page.status)
        numbers = (page.source_time - start) // interval
        for number in np.unique(numbers).tolist():
            begins = start + number * interval
            while at < begins:
                yield _one(at, kept, share)
                at, kept = at + interval, []
            kept.append(page.values[(numbers == number) & ~left_out].astype(np.float64))
    while at < end:
        yield _one(at, kept, share)
        at, kept = at + interval, []


async def _estimated(
    reader: SummaryReader, node: str, share: float, start: int, end: int, interval: int
) -> AsyncIterator[Rows]:
    found = await reader.read_summaries(node, start, end, Resolution.HOUR)
    for at in range(start, end, interval):
        inside = np.flatnonzero((found.start >= at) & (found.start < at + interval) & (found.good > 0))
        value = float("nan")
        if len(inside) and found.digests is not None:
            digest = merged([found.digests[place] for place in inside.tolist()])
            value = quantile(digest, share, float(found.minimum[inside].min()), float(found.maximum[inside].max()))
        yield _row(at, value)


def _one(at: int, kept: list[np.ndarray[tuple[int], np.dtype[np.float64]]], share: float) -> Rows:
    values = np.concatenate(kept) if kept else np.zeros(0)
    return _row(at, float(np.quantile(values, share)) if len(values) else float("nan"))


def _row(at: int, value: float) -> Rows:
    status = int(Status.GOOD) if value == value else int(Status.BAD_NO_DATA) | NO_VALUE  # noqa: PLR0124 - NaN is not itself
    return Rows(DataType.DOUBLE, np.array([at], np.int64), np.array([value]), np.array([status], np.uint32))


async def summaries(reader: HistoryReader, node: str, start: int, end: int, resolution: Resolution) -> Rows | None:
    """Give the stored summaries that begin in [start, end); None where there are none.

    Raises :class:`NotSummedError` for a store that keeps none.
    """
    summing = _summing(reader)
    if summing is None:
        message = "this store keeps no summaries (take --aggregate, which works them out)"
        raise NotSummedError(message)
    found = await summing.read_summaries(node, start, end, resolution)
    if not len(found):
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        average, deviation = found.total / found.good, np.sqrt(found.squares / (found.good - 1))
    counts = (found.good, found.uncertain, found.bad)
    columns = (*counts, average, found.minimum, found.maximum, deviation, found.first, found.last)
    more: dict[str, ValueArray] = dict(zip(SUMMARY_COLUMNS, columns, strict=True))
    if resolution is Resolution.HOUR and found.digests is not None:
        for name, share in DIGEST_COLUMNS.items():
            edges = zip(found.digests, found.minimum.tolist(), found.maximum.tolist(), strict=True)
            more[name] = np.array([quantile(digest, share, low, high) for digest, low, high in edges])
    status = np.zeros(len(found), np.uint32)
    return Rows(DataType.DOUBLE, found.start, average, status, more)


def _summing(reader: HistoryReader) -> SummaryReader | None:
    """Give the summing half of a store that has it."""
    return cast("SummaryReader", reader) if hasattr(reader, "read_summaries") else None
