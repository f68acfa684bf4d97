"""Queues of a restored subscription filled with what was kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.quality import SHOWN, absent_mask
from server.address_space.decoding import GivenValue
from server.events.event_queue import EventItem
from server.subscriptions.cohort import Cohort
from server.subscriptions.durable.queue_bytes import (
    DecodeVariant,
    IdArray,
    KeptColumns,
    KeptEvents,
    KeptValues,
    Kind,
    decode,
)
from server.subscriptions.encoding import EncodeVariant
from server.subscriptions.entries import OVERFLOW, Entries, joined
from server.subscriptions.object_items import ObjectItem
from server.subscriptions.subscription import Item, Subscription

Lanes = Mapping[int, Sequence[KeptColumns | KeptValues | KeptEvents]]


@dataclass(frozen=True, slots=True)
class _Column:
    """Queued values of some items, all of one kind, oldest first; ``ids``: whose."""

    kind: Kind
    ids: IdArray
    entries: Entries
    gaps: frozenset[int]


def decoded(chunks: Mapping[int, Iterable[tuple[int, bytes]]], decode_variant: DecodeVariant) -> Lanes:
    """Read rows; for a thread. Raises what :func:`~server.subscriptions.durable.queue_bytes.decode` does."""
    return {lane: [decode(body, decode_variant) for _, body in rows] for lane, rows in chunks.items()}


def fill(core: Subscription, lanes: Lanes, encode: EncodeVariant) -> int:
    """Queue what was kept; give how many values and events have no place: their items are of another kind by now."""
    lost = 0
    for lane, rows in lanes.items():
        columns = [row for row in rows if isinstance(row, KeptColumns)]
        if columns:
            lost += _fill_columns(core, columns, encode)
            continue
        item = core.items.get(lane)
        if item is None:
            continue
        held = item.object_item
        values = [one for row in rows if isinstance(row, list) for one in row]
        events = [row for row in rows if isinstance(row, KeptEvents)]
        if isinstance(held, ObjectItem):
            held.restore(values)
        elif isinstance(held, EventItem) and events:
            held.restore((one for row in events for one in row.events), events[-1].overflow, events[-1].before)
        else:
            lost += len(values) + sum(len(row.events) for row in events)
    return lost


def _fill_columns(core: Subscription, rows: Sequence[KeptColumns], encode: EncodeVariant) -> int:
    column = _Column(
        rows[0].kind,
        np.concatenate([row.ids for row in rows]),
        joined([row.entries for row in rows]),
        frozenset(int(one) for row in rows for one in row.gaps),
    )
    known, which = np.unique(column.ids, return_inverse=True)
    places: dict[Cohort, list[tuple[int, Item]]] = {}
    lost = 0
    for position, item_id in enumerate(known.tolist()):
        item = core.items.get(item_id)
        if item is None:  # it was deleted
            continue
        mine = which == position if item.cohort is None or not _holds(item.cohort, column.kind) else None
        if mine is None and item.cohort is not None:
            places.setdefault(item.cohort, []).append((position, item))
        elif mine is not None and isinstance(item.object_item, ObjectItem):
            item.object_item.restore(_given(column.kind, column.entries.take(mine), encode))
        elif mine is not None:
            lost += int(np.count_nonzero(mine))
    for cohort, found in places.items():
        _fill_cohort(cohort, column, which, len(known), found)
    return lost


def _holds(cohort: Cohort, kind: Kind) -> bool:
    return Kind(cohort.key.told, bool(cohort.key.index_range)) == kind


def _fill_cohort(
    cohort: Cohort,
    column: _Column,
    which: np.ndarray[tuple[int, ...], np.dtype[np.intp]],
    known: int,
    found: Sequence[tuple[int, Item]],
) -> None:
    index_of = np.full(known, -1, np.int32)
    for position, item in found:
        index_of[position] = item.index
    index = index_of[which]
    mine = index >= 0
    entries = column.entries.take(mine)
    named = Entries(index[mine], entries.values, entries.status, entries.source_time, entries.server_time)
    gaps = [item.index for _, item in found if item.id in column.gaps]
    cohort.log.restore(named, np.array(gaps, np.int32))


def _given(kind: Kind, entries: Entries, encode: EncodeVariant) -> KeptValues:
    """Give values of a column as those of an item that is looked at by itself."""
    absent = absent_mask(entries.status)
    found: KeptValues = []
    for position, value in enumerate(entries.values):
        status = int(entries.status[position])
        gone = value is None or bool(absent[position])
        variant = None if gone else value if kind.parts else encode(kind.datatype, value)
        times = int(entries.source_time[position]), int(entries.server_time[position])
        overflow = status & OVERFLOW == OVERFLOW
        found.append((GivenValue(variant, status & SHOWN & ~(OVERFLOW if overflow else 0), *times), overflow))
    return found
