"""What of a durable subscription the disk does not have yet: compared with what was written last, nothing is copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np

from core.time import TICKS_PER_SECOND
from server.events.event_queue import EventItem
from server.subscriptions.cohort import Cohort
from server.subscriptions.durable.lane import Budget, Lane
from server.subscriptions.durable.queue_bytes import (
    IdArray,
    Kind,
    encode_columns,
    encode_events,
    encode_values,
)
from server.subscriptions.durable.record import DurableRecord
from server.subscriptions.durable.store import LaneWrite, Row, Write
from server.subscriptions.encoding import EncodeVariant
from server.subscriptions.entries import Entries
from server.subscriptions.object_items import ObjectItem
from server.subscriptions.subscription import Subscription

SEQUENCES = 0xFFFF_FFFF
"""Sequence numbers go from 1 to this one, and then on from 1 (Part 4 v1.05 7.9)."""
LEAST_RESERVED = 200
"""Sequence numbers that are reserved ahead; a kill leaves a gap of so many."""
_CHUNK_BYTES = 256 * 1024
_VALUE_BYTES = 36
_OBJECT_BYTES = 64
_SLICE = 100
_USED_WITHIN = 10 * TICKS_PER_SECOND
"""How exactly the disk knows when a client used the subscription last."""


@dataclass(frozen=True, slots=True)
class Owned:
    """Whose a subscription is, as text, and the NamespaceArray of the day."""

    identity: str
    locales: tuple[str, ...]
    namespaces: tuple[str, ...]


class _CohortLane(Lane):
    """The queues of a cohort's items."""

    def __init__(self, number: int) -> None:
        super().__init__(_weight, _CHUNK_BYTES)
        self.number = number
        self.tail: tuple[Entries, IdArray] | None = None


class Known:
    """What the disk has of one subscription. A new one writes all, in place of what may be there."""

    def __init__(self, core: Subscription, record: DurableRecord, encode: EncodeVariant) -> None:
        """Begin with nothing."""
        self.core = core
        self.record = record
        self._encode = encode
        self._whole = True
        self._row: Row | None = None
        self._messages: set[int] = set()
        self._placed = 0
        self._sequence = core.sequence
        self._cohorts: dict[Cohort, _CohortLane] = {}
        self._next_lane = -1
        self._ids: dict[Cohort, IdArray] = {}
        """Which item has which index. An array is replaced, never changed: a thread may read it."""
        self._named = -1
        self._items: dict[int, Lane] = {}
        self._tails: dict[int, object] = {}
        record.spoil()

    @property
    def bytes(self) -> int:
        """Count the bytes of what is queued, as the disk has it."""
        return sum(lane.bytes for lane in self._cohorts.values()) + sum(lane.bytes for lane in self._items.values())

    @property
    def is_behind(self) -> bool:
        """Tell whether the definition has changed since it was written."""
        return self._row is None or self.record.changed or self._row.parameters != self.core.parameters

    def definition(self, owned: Owned, moment: int) -> Write:
        """Give what has changed of the parameters and items."""
        write = Write(self.core.id, whole=self._whole)
        self._define(write, owned, moment)
        return write

    def look(self, owned: Owned, moment: int, budget: Budget, *, last: bool = False) -> Iterator[Write | None]:
        """Compare everything, step by step: None while there is more to do, then the outcome.

        Messages are looked at after the queues. What is sent in between is found in both, and never in neither.
        ``last``: nothing will be sent any more, so that no sequence number is reserved ahead.
        """
        write = Write(self.core.id)
        for number, cohort in enumerate(tuple(self.core.cohorts.values())):
            if number:
                yield None
            self._look_at_cohort(write, cohort, budget)
        objects = (*self.core.objects.items(), *self.core.event_items.items())
        for number, (item_id, held) in enumerate(objects):
            if number and not number % _SLICE:
                yield None
            self._look_at_item(write, item_id, held, budget)
        self._let_lanes_go(write)
        self._look_at_messages(write)
        write.whole = self._whole
        self._define(write, owned, moment, last=last)
        yield write

    def _define(self, write: Write, owned: Owned, moment: int, *, last: bool = False) -> None:
        core = self.core
        definitions = self.record.definitions
        for item_id in sorted(self.record.take_changes()):
            if item_id in definitions:
                links = tuple(core.links.triggered(item_id))
                write.items.append((item_id, definitions[item_id], links))
            else:
                write.gone_items.append(item_id)
        row = self._present_row(owned, moment, last=last)
        if row != self._row:
            self._row = write.row = row
        self._whole = False

    def _present_row(self, owned: Owned, moment: int, *, last: bool) -> Row:
        core, known = self.core, self._row
        parameters = core.parameters.copied()
        used = moment - round(core.unused_cycles * parameters.interval * TICKS_PER_SECOND)
        if known is not None and abs(used - known.used) < _USED_WITHIN and not last:
            used = known.used
        sent = (core.sequence - self._sequence) % SEQUENCES
        self._sequence = core.sequence
        reserved = core.sequence if last else self._reserved(max(LEAST_RESERVED, 4 * sent))
        return Row(core.id, parameters, owned.identity, owned.locales, owned.namespaces, reserved, used)

    def _reserved(self, ahead: int) -> int:
        """Give the last number of those reserved: the same as before while more than half of them are left."""
        sequence = self.core.sequence
        if self._row is not None:
            left = (self._row.reserved - sequence) % SEQUENCES
            if ahead // 2 < left <= SEQUENCES // 2:
                return self._row.reserved
        return (sequence + ahead - 1) % SEQUENCES + 1

    def _look_at_messages(self, write: Write) -> None:
        kept = self.core.kept
        write.gone_messages = [sequence for sequence in self._messages if sequence not in kept]
        for sequence, message in kept.items():
            if sequence not in self._messages:
                self._placed += 1
                write.messages.append((self._placed, message))
        self._messages = set(kept)

    def _look_at_cohort(self, write: Write, cohort: Cohort, budget: Budget) -> None:
        lane = self._cohorts.get(cohort)
        if lane is None:
            lane = self._cohorts[cohort] = _CohortLane(self._next_lane)
            self._next_lane -= 1
        parts, latest, gaps = cohort.queued
        ids = self._named_ids(cohort)
        kind = Kind(cohort.key.told, bool(cohort.key.index_range))
        gone, chunks = lane.look(parts, budget)
        tail = (latest, ids[gaps])
        changed = lane.tail is None or not _equal(lane.tail, tail)
        if changed and (lane.tail is not None or len(latest) or len(gaps)):
            lane.tail = tail
        else:
            changed = False
        if gone or chunks or changed:
            encode = self._encode
            none = np.zeros(0, np.uint32)

            def body(members: Sequence[Entries]) -> bytes:
                return encode_columns(members, ids, kind, none, encode)

            last = partial(encode_columns, [latest], ids, kind, tail[1], encode) if changed else None
            write.lanes.append(LaneWrite(lane.number, gone, chunks, body, last))

    def _named_ids(self, cohort: Cohort) -> IdArray:
        """Give the item of each index; 0 for none."""
        if self._named != self.record.version or cohort not in self._ids:
            self._named = self.record.version
            self._ids = {one: np.zeros(one.capacity, np.uint32) for one in self.core.cohorts.values()}
            for item in self.core.items.values():
                if item.cohort is not None:
                    self._ids[item.cohort][item.index] = item.id
        return self._ids[cohort]

    def _look_at_item(self, write: Write, item_id: int, held: ObjectItem | EventItem, budget: Budget) -> None:
        lane = self._items.get(item_id)
        if isinstance(held, ObjectItem):
            if lane is None:
                lane = self._items[item_id] = Lane(lambda _: _OBJECT_BYTES, _CHUNK_BYTES)
            gone, chunks = lane.look(held.queued, budget)
            if gone or chunks:
                write.lanes.append(LaneWrite(item_id, gone, chunks, encode_values))
            return
        if lane is None:
            lane = self._items[item_id] = Lane(lambda event: len(cast("bytes", event)), _CHUNK_BYTES)
        events, overflow, before = held.queued
        gone, chunks = lane.look(events, budget)
        tail, known = (overflow, before), self._tails.get(item_id, (None, 0))
        changed = tail != known
        self._tails[item_id] = tail
        if gone or chunks or changed:
            last = partial(encode_events, (), overflow, before) if changed else None
            write.lanes.append(LaneWrite(item_id, gone, chunks, encode_events, last))

    def _let_lanes_go(self, write: Write) -> None:
        present = self.core.cohorts.values()
        for cohort in [cohort for cohort in self._cohorts if cohort not in present]:
            write.gone_lanes.append(self._cohorts.pop(cohort).number)
        items = self.core.items
        for item_id in [one for one in self._items if one not in items or items[one].object_item is None]:
            del self._items[item_id]
            self._tails.pop(item_id, None)
            write.gone_lanes.append(item_id)


def _weight(part: object) -> int:
    entries = cast("Entries", part)
    return len(entries) * (_OBJECT_BYTES if entries.values.dtype == object else _VALUE_BYTES)


def _equal(old: tuple[Entries, IdArray], new: tuple[Entries, IdArray]) -> bool:
    """Compare by times and statuses: who replaces a value does so with a later one."""
    (before, gaps_before), (after, gaps_after) = old, new
    pairs = (
        (before.index, after.index),
        (before.status, after.status),
        (before.source_time, after.source_time),
        (before.server_time, after.server_time),
        (gaps_before, gaps_after),
    )
    return all(np.array_equal(*pair) for pair in pairs)
