"""Plain answers from raw history for the command line.

Values page by page, and count, average, minimum, maximum and quality an interval.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray
from core.errors import PlantspaceError
from core.quality import Status, StatusArray, absent_mask, bad_mask, uncertain_mask
from historian.contract import Cursor, HistoryReader, RawPage

_PAGE: Final = 100_000


class NotNumericError(PlantspaceError):
    """The point's values are no numbers, so nothing can be averaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """One row an interval: ``start``: int64[n] ticks; ``count``: int64[n] usable values; ``status``: uint32[n].

    The others float64[n], NaN where there is none. ``status`` is the quality of what the row is made of (Part 13 v1.05
    5.4.3): UncertainDataSubNormal where samples were left out because they are Bad or without a value, else the first
    Uncertain one of those used, else Good. It does not say that there was nothing at all: ``count`` does.
    """

    start: TimeArray
    count: npt.NDArray[np.int64]
    average: npt.NDArray[np.float64]
    minimum: npt.NDArray[np.float64]
    maximum: npt.NDArray[np.float64]
    status: StatusArray


async def raw_pages(
    store: HistoryReader, point: str, start: int, end: int, page: int = _PAGE
) -> AsyncIterator[RawPage]:
    """Give the pages of [start, end) one by one (backwards when start is later).

    Raises as :meth:`HistoryReader.read_raw`.
    """
    cursor: Cursor | None = None
    while True:
        found = await store.read_raw(point, start, end, page, cursor=cursor)
        if len(found):
            yield found
        cursor = found.cursor
        if cursor is None:
            return


async def aggregate(store: HistoryReader, point: str, start: int, end: int, interval: int) -> Intervals:
    """Summarise the values that are there and not Bad in [start, end), an interval of ``interval`` ticks a row.

    Raises :class:`NotNumericError`, :class:`ValueError` for an empty range or interval, and as
    :meth:`HistoryReader.read_raw`.
    """
    if interval <= 0 or end <= start:
        message = "the end must lie after the start, and the interval be longer than nothing"
        raise ValueError(message)
    number = -(-(end - start) // interval)
    count = np.zeros(number, np.int64)
    total = np.zeros(number)
    low, high = np.full(number, np.inf), np.full(number, -np.inf)
    left_out = np.zeros(number, np.bool_)
    uncertain = np.zeros(number, np.uint32)
    async for page in raw_pages(store, point, start, end):
        if page.datatype.is_object:
            message = f"{point} holds {page.datatype.symbol} values; ask for them raw"
            raise NotNumericError(message)
        usable = ~(bad_mask(page.status) | absent_mask(page.status))
        values = page.values[usable].astype(np.float64)
        rows = (page.source_time - start) // interval
        row = rows[usable]
        count += np.bincount(row, minlength=number)
        total += np.bincount(row, values, minlength=number)
        np.minimum.at(low, row, values)
        np.maximum.at(high, row, values)
        left_out[rows[~usable]] = True
        doubtful = usable & uncertain_mask(page.status)
        first, place = np.unique(rows[doubtful], return_index=True)
        uncertain[first] = np.where(uncertain[first] == 0, page.status[doubtful][place], uncertain[first])
    none = count == 0
    average = np.divide(total, count, out=np.full(number, np.nan), where=~none)
    low[none], high[none] = np.nan, np.nan
    status = np.where(left_out, np.uint32(Status.UNCERTAIN_DATA_SUB_NORMAL), uncertain)
    return Intervals(start + np.arange(number, dtype=np.int64) * interval, count, average, low, high, status)
