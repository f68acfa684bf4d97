"""The tap that accepts samples into the outbox: a flush of columns at a time, never holding the process image up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.backoff import Backoff
from core.batch import MaskArray, Samples, SlotArray
from core.errors import StoreError
from core.quality import Status
from core.taps import QueueTap
from historian import chunks, objects
from historian.outbox import Outbox
from historian.samples import Columns, IndexArray, group

_log = logging.getLogger("plantspace.recorder")

STREAM: Final = "samples"
"""The outbox stream of history."""

_MASKS_KEPT: Final = 4096
_LAST_TRIES: Final = 3


@dataclass(slots=True)
class RecorderCounters:
    """In samples, of recorded points.

    Offered by the image, accepted by the outbox, dropped, and of a form that cannot be kept.
    """

    acquired: int = 0
    stored: int = 0
    dropped: int = 0
    unstorable: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Flush:
    """What goes into one outbox record. ``samples``: how many, by the first slot of their batch."""

    payload: bytes
    unstorable: int
    samples: Counter[int]


class Recorder:
    """Records every sample of ``points`` (slot -> NodeId text). Add it to the image as a tap once started."""

    def __init__(
        self,
        outbox: Outbox,
        points: Mapping[int, str],
        *,
        flush_interval: float = 0.5,
        capacity: int = 2_000_000,
    ) -> None:
        """Bound the memory by ``capacity`` samples.

        ``flush_interval`` (seconds) is how much a kill may take at most.
        """
        self._outbox = outbox
        self._points = dict(points)
        self._names = set(points.values())
        self._interval = flush_interval
        self._tap = QueueTap("recorder", capacity)
        self._tap.on_drop = self._lose
        self._counters = RecorderCounters()
        self.lost: Counter[int] = Counter()
        """Dropped samples by the first slot of their batch, which tells the device: a batch is one device's."""
        size = max(self._points, default=-1) + 1
        self._recorded: MaskArray = np.zeros(size, np.bool_)
        self._recorded[list(self._points)] = True
        self._ids: IndexArray = np.full(size, -1, np.int32)
        self._masks: dict[int, tuple[SlotArray, MaskArray | None]] = {}
        self._told: set[str] = set()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    @property
    def counters(self) -> RecorderCounters:
        """What went through; the tap's own losses included."""
        counters, tap = self._counters, self._tap.counters
        return RecorderCounters(counters.acquired, counters.stored, counters.dropped + tap.dropped, counters.unstorable)

    def offer(self, samples: Samples) -> None:
        """Take a batch of the image; those of points that are not recorded are passed over."""
        mask = self._mask(samples.slots)
        chosen = samples if mask is None else samples.take(mask)
        self._counters.acquired += len(chosen)
        self._tap.offer(chosen)
        if self._tap.counters.waiting * 2 > self._tap.capacity:
            self._hurry.set()

    async def start(self) -> None:
        """Name the points in the outbox and begin. Raises :class:`~core.errors.StoreUnavailable`."""
        slots = list(self._points)
        self._ids[slots] = await self._outbox.name_points([self._points[slot] for slot in slots])
        self._thread = ThreadPoolExecutor(1, "recorder")
        self._hurry.clear()
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def add(self, points: Mapping[int, str]) -> None:
        """Record ``points`` (slot -> NodeId text) too from now on: they came while the recorder is at work.

        Raises :class:`~core.errors.StoreUnavailable`; then nothing has changed.
        """
        slots = list(points)
        if not slots:
            return
        known = await self._outbox.name_points(list(points.values()))
        size = max(len(self._recorded), max(slots) + 1)
        recorded: MaskArray = np.zeros(size, np.bool_)
        recorded[: len(self._recorded)] = self._recorded
        recorded[slots] = True
        ids: IndexArray = np.full(size, -1, np.int32)
        ids[: len(self._ids)] = self._ids
        ids[slots] = known
        self._recorded, self._ids = recorded, ids
        self._points.update(points)
        self._names.update(points.values())
        self._masks.clear()

    def records(self, node: str) -> bool:
        """Tell whether a point's history is kept, by its NodeId text."""
        return node in self._names

    async def stop(self) -> None:
        """Take nothing more and flush the rest. Safe twice and before :meth:`start`."""
        self._tap.close()
        self._hurry.set()
        task, self._task = self._task, None
        if task is not None:
            await task
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()

    def _mask(self, slots: SlotArray) -> MaskArray | None:
        """Tell which of a driver's slots are recorded; None when all are.

        Drivers give the same arrays again and again.
        """
        known = self._masks.get(id(slots))
        if known is not None and known[0] is slots:
            return known[1]
        inside = slots < len(self._recorded)
        mask = np.zeros(len(slots), np.bool_)
        mask[inside] = self._recorded[slots[inside]]
        if len(self._masks) >= _MASKS_KEPT:
            self._masks.pop(next(iter(self._masks)))
        self._masks[id(slots)] = (slots, None if mask.all() else mask)
        return self._masks[id(slots)][1]

    def _lose(self, *batches: Samples) -> None:
        self.lost.update(_by_slot(batches))

    async def _run(self) -> None:
        while await self._tap.wait():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._hurry.wait()
                    self._hurry.clear()
            batches = self._tap.take()
            try:
                await self._flush(batches)
            except Exception:  # noqa: BLE001 - what nobody foresaw costs these samples, not all that follow
                self._give_up(_by_slot(batches))

    async def _flush(self, batches: list[Samples]) -> None:
        """Encode and have accepted; ``batches`` is empty once they are encoded."""
        loop = asyncio.get_running_loop()
        flush = await loop.run_in_executor(self._thread, self._encode, batches)
        try:
            await self._accept(flush)
        except Exception:  # noqa: BLE001 - as in _run, but the batches are gone
            self._give_up(flush.samples)

    def _give_up(self, samples: Counter[int]) -> None:
        self._counters.dropped += samples.total()
        self.lost.update(samples)
        _log.exception("samples could not be recorded and are lost; recording goes on")

    async def _accept(self, flush: _Flush) -> None:
        """Keep at it until the outbox accepts; meanwhile the tap takes, and drops the oldest, up to its capacity."""
        total = flush.samples.total()
        self._counters.unstorable += flush.unstorable
        backoff = Backoff(longest=5.0)
        while True:
            try:
                await self._outbox.append(STREAM, flush.payload, total)
            except StoreError as error:
                _log.error("%d samples cannot be accepted for now: %s", total, error)
                if self._task is None and backoff.tries >= _LAST_TRIES:
                    self._counters.dropped += total
                    self.lost.update(flush.samples)
                    return
                await asyncio.sleep(backoff.next())
            else:
                self._counters.stored += total
                return

    def _encode(self, batches: list[Samples]) -> _Flush:
        """Encode a flush; a value without a form goes as null with BadDataEncodingInvalid, and is counted.

        The batches are taken out of the list: some thousands of them take milliseconds to be given back, which would be
        the event loop's.
        """
        unstorable = 0
        columns: list[Columns] = []
        for datatype in sorted({batch.datatype for batch in batches}):
            same = [batch for batch in batches if batch.datatype is datatype]
            joined = group(
                datatype,
                self._ids[np.concatenate([batch.slots for batch in same])],
                np.concatenate([batch.values for batch in same]),
                np.concatenate([batch.status for batch in same]),
                np.concatenate([batch.source_time for batch in same]),
                np.repeat(
                    np.array([batch.server_time for batch in same], np.int64),
                    np.array([len(batch) for batch in same], np.int64),
                ),
            )
            if datatype.is_object:
                unstorable += self._drop_formless(joined)
            columns.append(joined)
        flush = _Flush(chunks.write(columns), unstorable, _by_slot(batches))
        batches.clear()
        return flush

    def _drop_formless(self, columns: Columns) -> int:
        try:
            objects.encode(columns.values)
        except (TypeError, ValueError, RecursionError):
            formless = [row for row, value in enumerate(columns.values) if not objects.is_storable(value)]
        else:
            return 0
        values: np.ndarray[tuple[int], np.dtype[Any]] = columns.values
        ids = np.repeat(columns.points, columns.counts)
        for row in formless:
            node = self._outbox.nodes([int(ids[row])])[0]
            if node not in self._told:
                self._told.add(node)
                _log.error("%s: a %s has no form in history, told once", node, type(columns.values[row]).__name__)
            values[row] = None
            columns.status[row] = Status.BAD_DATA_ENCODING_INVALID
        return len(formless)


def _by_slot(batches: Iterable[Samples]) -> Counter[int]:
    """Count samples by the first slot of their batch, which tells the device: a batch is one device's."""
    found: Counter[int] = Counter()
    for batch in batches:
        if len(batch):
            found[int(batch.slots[0])] += len(batch)
    return found
