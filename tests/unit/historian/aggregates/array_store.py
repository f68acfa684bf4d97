"""A store that holds one point's samples in arrays, and summarises them on demand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from core.datatypes import DataType
from core.quality import NO_VALUE
from historian.aggregates.series import Series
from historian.contract import Cursor, RawPage, StoreCapabilities, StoreStatistics
from historian.raw_read import Run, TimeDomain, read_page
from historian.resolutions import Resolution, Summaries

_INTEGERS = ("start", "good", "uncertain", "bad", "low_time", "high_time", "first_time", "last_time")
_CODES = ("first_status", "last_status")


class ArrayStore:
    """``expired``: raw values before this time are gone, their summaries are not."""

    def __init__(
        self, datatype: DataType, series: Series, *, summaries: bool = False, expired: int | None = None
    ) -> None:
        self.capabilities = StoreCapabilities(keeps_summaries=summaries)
        self._datatype = datatype
        self._series = series
        self._expired = expired
        self.raw_reads = 0
        self.summary_reads = 0

    def _scan(self, low: int, high: int, need: int | None, *, forward: bool, after: Cursor | None = None) -> Run:
        times = self._series.times
        order = np.arange(len(times)) if forward else np.arange(len(times))[::-1]
        ordinal = np.arange(len(times)) - np.searchsorted(times, times, "left")
        fits = (times >= max(low, self._expired or low)) & (times <= high)
        if after is not None:
            later = (times > after.time) | ((times == after.time) & (ordinal > after.ordinal))
            sooner = (times < after.time) | ((times == after.time) & (ordinal < after.ordinal))
            fits &= later if forward else sooner
        order = order[fits[order]]
        chosen = order if need is None else order[:need]
        last = None if not len(chosen) else Cursor(int(times[chosen[-1]]), int(ordinal[chosen[-1]]))
        return Run(
            self._datatype,
            self._series.values[chosen],
            self._series.status[chosen],
            times[chosen],
            times[chosen],
            last,
            more=len(chosen) < len(order),
        )

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
        del point
        self.raw_reads += 1
        return read_page(self._scan, TimeDomain.of(start, end, limit), limit, bounds=bounds, cursor=cursor)

    async def points(self) -> tuple[str, ...]:
        return ("point",)

    async def statistics(self) -> StoreStatistics:
        raise NotImplementedError

    async def raw_since(self, point: str) -> int | None:
        del point
        return self._expired

    async def summaries_since(self, point: str, resolution: Resolution) -> int | None:
        del point, resolution
        return None

    async def summaries_extent(self, point: str, before: int) -> tuple[int, int] | None:
        del point
        hours = self._series.times // Resolution.HOUR.ticks * Resolution.HOUR.ticks
        times = self._series.times[hours < before]
        return (int(times[0]), int(times[-1])) if len(times) else None

    async def read_summaries(self, point: str, start: int, end: int, resolution: Resolution) -> Summaries:
        del point
        self.summary_reads += 1
        buckets: dict[int, list[int]] = {}
        for place, moment in enumerate(self._series.times.tolist()):
            bucket = moment // resolution.ticks * resolution.ticks
            if start <= bucket < end:
                buckets.setdefault(bucket, []).append(place)
        rows = [self._row(bucket, places) for bucket, places in buckets.items()]
        columns: dict[str, Any] = {}
        for name in Summaries.__dataclass_fields__:
            if name == "digests":
                continue
            kind = np.int64 if name in _INTEGERS else np.uint32 if name in _CODES else np.float64
            columns[name] = np.array([row[name] for row in rows], kind)
        return Summaries(**columns)

    def _row(self, bucket: int, places: list[int]) -> dict[str, float]:
        codes = [int(self._series.status[place]) for place in places]
        graded = [2 if code & NO_VALUE else min(code >> 30, 2) for code in codes]
        good = [place for place, grade in zip(places, graded, strict=True) if grade == 0]
        values = {place: float(self._series.values[place]) for place in good}
        mean = sum(values.values()) / len(values) if values else math.nan
        low = min(good, key=lambda place: values[place], default=None)
        high = max(good, key=lambda place: values[place], default=None)
        return {
            "start": bucket,
            "good": len(good),
            "uncertain": graded.count(1),
            "bad": graded.count(2),
            "total": sum(values.values()) if values else math.nan,
            "squares": sum((value - mean) ** 2 for value in values.values()) if values else math.nan,
            "minimum": math.nan if low is None else values[low],
            "low_time": bucket if low is None else int(self._series.times[low]),
            "maximum": math.nan if high is None else values[high],
            "high_time": bucket if high is None else int(self._series.times[high]),
            "first": float(self._series.values[places[0]]),
            "first_time": int(self._series.times[places[0]]),
            "first_status": codes[0],
            "last": float(self._series.values[places[-1]]),
            "last_time": int(self._series.times[places[-1]]),
            "last_status": codes[-1],
        }
