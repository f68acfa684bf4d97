"""The tap that accepts the server's events into the outbox, alarms apart from other events; nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from core.backoff import Backoff
from core.errors import StoreError
from historian.events import records
from historian.events.contract import StoredEvent
from historian.events.event_sink import ALARMS, EVENTS
from historian.outbox import Outbox
from server.address_space.keys import numeric_key
from server.address_space.space import AddressSpace
from server.audit.events import AUDIT_EVENT_TYPE
from server.event_history.codec import EventCodec, UnstorableEventError
from server.events.event import Event

_log = logging.getLogger("plantspace.recorder")

_CONDITION: Final = numeric_key(0, ObjectIds.ConditionType)
_UNKEPT: Final = (
    AUDIT_EVENT_TYPE,
    numeric_key(0, ObjectIds.EventQueueOverflowEventType),
    numeric_key(0, ObjectIds.RefreshStartEventType),
    numeric_key(0, ObjectIds.RefreshEndEventType),
    numeric_key(0, ObjectIds.RefreshRequiredEventType),
)
"""Audit events have a trail of their own; the others tell of one client's subscription."""
CAPACITY: Final = 10_000
"""Events of each stream that wait at most; the oldest go."""
_RECORD: Final = 500
"""Events of one record."""
_LAST_TRIES: Final = 3


@dataclass(slots=True)
class EventRecorderCounters:
    """In events: offered, accepted by the outbox, dropped, and of a form that cannot be kept."""

    acquired: int = 0
    stored: int = 0
    dropped: int = 0
    unstorable: int = 0


@dataclass(slots=True, eq=False)
class _Lane:
    """What waits of one stream."""

    stream: str
    waiting: deque[Event] = field(default_factory=deque[Event])


class EventRecorder:
    """Records the events that pass the Server object: :meth:`offer` is to be called with each."""

    def __init__(
        self,
        outbox: Outbox,
        space: AddressSpace,
        codec: EventCodec,
        *,
        audit: bool = False,
        flush_interval: float = 0.2,
        capacity: int = CAPACITY,
    ) -> None:
        """Bound the memory by ``capacity`` events a stream.

        ``audit``: audit events too. ``flush_interval`` (seconds) is how much a kill may take at most.
        """
        self._outbox = outbox
        self._space = space
        self._codec = codec
        self._unkept = _UNKEPT[1:] if audit else _UNKEPT
        self._interval = flush_interval
        self._capacity = capacity
        self._lanes = (_Lane(ALARMS), _Lane(EVENTS))
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self.counters = EventRecorderCounters()

    def offer(self, event: Event) -> None:
        """Take an event, on the event loop's thread; one that is not kept is passed over."""
        space = self._space
        if self._closed or any(space.is_subtype(event.type, kind) for kind in self._unkept):
            return
        self.counters.acquired += 1
        alarms, events = self._lanes
        waiting = (alarms if space.is_subtype(event.type, _CONDITION) else events).waiting
        if len(waiting) >= self._capacity:
            if not self.counters.dropped:
                _log.warning("events are not recorded: too many at once, or the outbox does not accept them")
            waiting.popleft()
            self.counters.dropped += 1
        waiting.append(event)
        self._arrived.set()
        if len(waiting) * 2 > self._capacity:
            self._hurry.set()

    async def start(self) -> None:
        """Begin to record."""
        self._thread = ThreadPoolExecutor(1, "event-recorder")
        self._task = asyncio.create_task(self._run(), name="event-recorder")

    async def stop(self) -> None:
        """Take nothing more and record the rest. Safe twice and before :meth:`start`."""
        self._closed = True
        self._arrived.set()
        self._hurry.set()
        task, self._task = self._task, None
        if task is not None:
            await task
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()

    async def _run(self) -> None:
        is_last = False
        while not is_last:
            await self._arrived.wait()
            # not wait_for: before Python 3.12 it loses a cancellation that comes together with the event
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._hurry.wait()
            is_last = self._closed
            if not is_last:
                self._arrived.clear()
                self._hurry.clear()
            await self._flush()

    async def _flush(self) -> None:
        for lane in self._lanes:
            while lane.waiting:
                taken = [lane.waiting.popleft() for _ in range(min(len(lane.waiting), _RECORD))]
                await self._accept(lane.stream, taken)

    async def _accept(self, stream: str, events: Sequence[Event]) -> None:
        """Bring events into the outbox.

        Tries until the outbox accepts; meanwhile new ones wait, and the oldest go beyond the capacity.
        """
        payload, count = await asyncio.get_running_loop().run_in_executor(self._thread, self._encode, events)
        self.counters.unstorable += len(events) - count
        backoff = Backoff(longest=5.0)
        while count:
            try:
                await self._outbox.append(stream, payload, count)
            except StoreError as error:
                _log.error("%d %s cannot be accepted for now: %s", count, stream, error)
                if self._closed and backoff.tries >= _LAST_TRIES:
                    self.counters.dropped += count
                    return
                await asyncio.sleep(backoff.next())
            else:
                self.counters.stored += count
                return

    def _encode(self, events: Sequence[Event]) -> tuple[bytes, int]:
        """Write a record of the events that can be kept, and count them."""
        kept: list[StoredEvent] = []
        for event in events:
            try:
                kept.append(self._codec.stored(event))
            except UnstorableEventError as error:
                _log.error("an event of the type %r cannot be kept: %s", event.type, error)
        return records.write(kept), len(kept)
