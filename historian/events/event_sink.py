"""The sinks that turn outbox records back into events for a store: one a stream, all with the same store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Final

from historian.contract import OpenOutcome, PoisonRecord, Record
from historian.encoding import DamagedData
from historian.events import records as event_records
from historian.events.contract import EventDelivery, EventStore, StoredEvent
from historian.outbox import Outbox

ALARMS: Final = "alarms"
"""The outbox stream of Conditions' events, which is dropped last of all."""
EVENTS: Final = "events"
"""The outbox stream of all other events."""
STREAMS: Final = (ALARMS, EVENTS)


def sink_name(stream: str) -> str:
    """Give the name that the outbox knows the cursor of a stream's sink by."""
    return f"{stream} history"


class EventSinks:
    """The sinks of one store, which is open as long as one of them is."""

    def __init__(self, store: EventStore, outbox: Outbox) -> None:
        """Join a store with the outbox that the records come from."""
        self.store = store
        self.outcome = OpenOutcome()
        """What opening the store found; known once a sink is open."""
        self.outbox = outbox
        self._users: set[str] = set()
        self._one = asyncio.Lock()

    def of(self, stream: str) -> EventSink:
        """Make the sink of a stream."""
        return EventSink(self, stream)

    async def open(self, stream: str) -> None:
        """Open the store for a stream's sink. Raises :class:`~core.errors.StoreUnavailable`."""
        async with self._one:
            if not self._users:
                try:
                    self.outcome = await self.store.open()
                except BaseException:  # cancelled half way, its threads run: the next stream would begin them again
                    await self.store.close()
                    raise
            self._users.add(stream)

    async def close(self, stream: str) -> None:
        """Close the store with its last sink; safe twice."""
        async with self._one:
            self._users.discard(stream)
            if not self._users:
                await self.store.close()


class EventSink:
    """Delivers the records of one stream."""

    def __init__(self, sinks: EventSinks, stream: str) -> None:
        """Deliver to the store of ``sinks``."""
        self._sinks = sinks
        self._stream = stream
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Open the store. Raises :class:`~core.errors.StoreUnavailable`."""
        await self._sinks.open(self._stream)
        self._thread = ThreadPoolExecutor(1, f"{self._stream}-sink")

    async def deliver(self, records: Sequence[Record]) -> None:
        """Store the records, a commit an origin.

        Raises :class:`~core.errors.StoreUnavailable`, :class:`PoisonRecord`.
        """
        loop = asyncio.get_running_loop()
        origins = self._sinks.outbox.origins
        for origin, group in groupby(records, key=lambda record: origins.of(record.sequence)):
            deliveries = await loop.run_in_executor(self._thread, _decoded, list(group))
            # sequences are the outbox's, over all streams, and each stream comes by itself
            await self._sinks.store.append(deliveries, f"{origin}/{self._stream}")

    async def close(self) -> None:
        """Close the store if no other sink has it; safe twice and before :meth:`open`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()
        await self._sinks.close(self._stream)


def _decoded(group: Sequence[Record]) -> list[EventDelivery]:
    return [EventDelivery(record.sequence, _events(record)) for record in group]


def _events(record: Record) -> list[StoredEvent]:
    try:
        return event_records.read(record.payload)
    except DamagedData as error:
        raise PoisonRecord(record.sequence, str(error)) from error
