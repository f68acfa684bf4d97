"""Reads the raw samples that an aggregate or a value at a time needs: a stretch of them, and some around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.numbers import cast
from core.quality import NO_VALUE, Status, StatusArray
from historian.aggregates.series import Graded, Series, unread_mask
from historian.contract import Cursor, HistoryReader, RawPage
from historian.raw_read import EARLIEST, LATEST

SEARCH: Final = 10_000
"""How many samples are looked through for a usable one on either side; the time to search is the server's choice
(Part 13 v1.05 3.1.8)."""
_STEP: Final = 64


@dataclass(frozen=True, slots=True)
class Extent:
    """When the data of a point begins and ends, and of which type the latest is."""

    begins: int
    ends: int
    datatype: DataType


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Samples of one type in the order of (time, arrival)."""

    times: TimeArray
    values: ValueArray
    status: StatusArray

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.times)

    def from_place(self, place: int) -> Block:
        """Give the samples from ``place`` on."""
        return Block(self.times[place:], self.values[place:], self.status[place:])

    def series(self, extent: Extent | None) -> Series:
        """Give the samples as aggregates take them."""
        begins, ends = (None, None) if extent is None else (extent.begins, extent.ends)
        return Series(self.times, self.values, self.status, begins, ends)


def joined(blocks: list[Block], datatype: DataType) -> Block:
    """Put blocks of ``datatype`` together."""
    some = [block for block in blocks if len(block)]
    if not some:
        return Block(np.zeros(0, np.int64), np.zeros(0, datatype.dtype), np.zeros(0, np.uint32))
    return Block(
        np.concatenate([block.times for block in some]),
        np.concatenate([block.values for block in some]),
        np.concatenate([block.status for block in some]),
    )


async def extent(store: HistoryReader, point: str) -> Extent | None:
    """Find when data begins and ends; None without any. What had not been read yet is no data at the beginning."""
    last, page = await asyncio.gather(store.read_raw(point, None, LATEST, 1), store.read_raw(point, 0, None, _STEP))
    if not len(last):
        return None
    searched = 0
    while True:
        read = np.flatnonzero(~unread_mask(page.status))
        if len(read):
            return Extent(int(page.source_time[read[0]]), int(last.source_time[0]), last.datatype)
        searched += len(page)
        if page.cursor is None or searched >= SEARCH:
            return None
        page = await store.read_raw(point, 0, None, _STEP, cursor=page.cursor)


async def within(
    store: HistoryReader, point: str, start: int, end: int, datatype: DataType, page: int
) -> AsyncIterator[Block]:
    """Give the samples of [start, end) in blocks of up to ``page``."""
    cursor: Cursor | None = None
    while True:
        found = await store.read_raw(point, start, end, page, cursor=cursor)
        if len(found):
            yield converted(found, datatype)
        cursor = found.cursor
        if cursor is None:
            return


async def before(
    store: HistoryReader, point: str, moment: int, datatype: DataType, *, need: int, treat_uncertain_as_bad: bool
) -> Block:
    """Give the samples right before ``moment``, as many as hold usable ones of ``need`` different times."""
    blocks: list[Block] = []
    cursor: Cursor | None = None
    total = usable = 0
    while moment > EARLIEST and usable < need and total < SEARCH:
        page = await store.read_raw(point, None, moment - 1, _STEP, cursor=cursor)
        block = converted(page, datatype)
        blocks.append(Block(block.times[::-1], block.values[::-1], block.status[::-1]))
        total += len(page)
        usable += usable_times(block, treat_uncertain_as_bad=treat_uncertain_as_bad)
        cursor = page.cursor
        if cursor is None:
            break
    return joined(blocks[::-1], datatype)


async def after(
    store: HistoryReader, point: str, moment: int, datatype: DataType, *, treat_uncertain_as_bad: bool
) -> Block:
    """Give the samples from ``moment`` on up to a usable one."""
    blocks: list[Block] = []
    cursor: Cursor | None = None
    total = usable = 0
    while moment <= LATEST and not usable and total < SEARCH:
        page = await store.read_raw(point, moment, None, _STEP, cursor=cursor)
        block = converted(page, datatype)
        blocks.append(block)
        total += len(page)
        usable = usable_times(block, treat_uncertain_as_bad=treat_uncertain_as_bad)
        cursor = page.cursor
        if cursor is None:
            break
    return joined(blocks, datatype)


def usable_times(block: Block, *, treat_uncertain_as_bad: bool) -> int:
    """Count the different times of usable samples."""
    graded = Graded(
        Series(block.times, block.values, block.status, None, None), treat_uncertain_as_bad=treat_uncertain_as_bad
    )
    return len(np.unique(block.times[graded.usable]))


def converted(page: RawPage, datatype: DataType) -> Block:
    """Give a page's samples as ``datatype``; what has no place in it is without a value and Bad_TypeMismatch."""
    if page.datatype is datatype:
        return Block(page.source_time, page.values, page.status)
    if datatype.is_object:
        values = np.empty(len(page), object)
        values[:] = page.values.tolist()
        return Block(page.source_time, values, page.status)
    if page.datatype.is_object or not (datatype.is_number or datatype is DataType.BOOLEAN):
        fits = np.zeros(len(page), np.bool_)
        values = np.zeros(len(page), datatype.dtype)
    elif datatype is DataType.BOOLEAN:
        values, fits = page.values != 0, np.ones(len(page), np.bool_)
    else:
        numbers = page.values.astype(np.uint8) if page.datatype is DataType.BOOLEAN else page.values
        values, fits = cast(datatype, numbers)
    mismatch = np.uint32(Status.BAD_TYPE_MISMATCH | NO_VALUE)
    return Block(page.source_time, values, np.where(fits, page.status, mismatch).astype(np.uint32))
