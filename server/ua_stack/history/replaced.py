"""What a change of history takes away, read before it for the audit trail (Part 11 v1.05 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from core.errors import StoreError
from historian.contract import HistoryReader, RawPage
from server.address_space.encoding import encode_data_value
from server.ua_stack.history.annotations import annotation_variant
from server.ua_stack.history.historized import Historized, Place
from server.ua_stack.history.values import data_values

MOST_OLD = 100
"""Values that a record tells; of more it tells how many there were."""
_MOST_BYTES = 64 * 1024
"""Of old values: a longer array of them is kept as its digest anyway."""

Old = tuple[bytes, ...] | None


async def at_times(historized: Historized, at: Place, times: Sequence[int]) -> Old:
    """Read the values of certain times; None where there are more than a record tells."""
    told: tuple[bytes, ...] = ()
    wanted = dict.fromkeys(times)
    if len(wanted) > MOST_OLD:
        return None
    for moment in wanted:
        found = await within(historized, at, moment, moment)
        if found is None or len(told) + len(found) > MOST_OLD:
            return None
        told += found
    return told


async def within(historized: Historized, at: Place, start: int, end: int) -> Old:
    """Read the values of [start, end), of that very time where both are equal; None as :func:`at_times`.

    A store that cannot be read is no reason not to change it: then None, too.
    """
    told: tuple[bytes, ...] = ()
    store = historized.store
    try:
        page = await store.read_raw(at.point, start, end, MOST_OLD + 1)
        while True:
            told += _written(historized, at, page)
            if len(told) > MOST_OLD or sum(map(len, told)) > _MOST_BYTES:
                return None
            if page.cursor is None:
                return told
            page = await _next(store, at, start, end, page)
    except StoreError:
        return None


async def _next(store: HistoryReader, at: Place, start: int, end: int, page: RawPage) -> RawPage:
    """Read on: a page ends early where the type of the values changes."""
    return await store.read_raw(at.point, start, end, MOST_OLD + 1, cursor=page.cursor)


def _written(historized: Historized, at: Place, page: RawPage) -> tuple[bytes, ...]:
    if not at.annotations:
        return data_values(page, historized.base(at.node))
    rows = zip(page.values, page.source_time.tolist(), page.server_time.tolist(), strict=True)
    return tuple(encode_data_value(annotation_variant(cast("bytes", one)), 0, *times) for one, *times in rows)
