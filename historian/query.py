"""Raw history page by page, for the command line and what reads a stretch of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from historian.contract import Cursor, HistoryReader, RawPage

_PAGE: Final = 100_000


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
