"""The history of events as one part of the gateway: recorded, forwarded, kept, offered to clients."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from historian.events.event_sink import ALARMS, EVENTS, STREAMS, EventSinks, sink_name
from historian.events.sqlite import SQLiteEventStore
from historian.forwarder import Forwarder
from historian.outbox import Outbox
from server.event_history.access import EventHistoryAccess
from server.event_history.codec import EventCodec
from server.event_history.offering import OfferedHistory
from server.event_history.recording import EventRecorder
from server.event_history.settings import EventHistorySettings
from server.events.notifiers import Notifiers
from server.ua_stack.internal_server import GatewayInternalServer
from server.ua_stack.nodeids import NodeIds

EVENTS_FILE: Final = "events.sqlite"
SINKS: Final = tuple(map(sink_name, STREAMS))
"""What the outbox knows the history of events by (:meth:`~historian.outbox.Outbox.keep_only`)."""
_DAY: Final = 86_400.0
_DRAINS_WITHIN: Final = 2.0


class EventHistory:
    """Keeps the events of ``internal``. Start it once the outbox is open and the roles are known."""

    def __init__(
        self,
        settings: EventHistorySettings,
        outbox: Outbox,
        internal: GatewayInternalServer,
        nodeids: NodeIds,
        folder: Path,
    ) -> None:
        """Keep them in a file in ``folder``; nothing is opened yet."""
        self._internal = internal
        codec = EventCodec(nodeids)
        self.store = SQLiteEventStore(
            folder / EVENTS_FILE, retention_days=settings.retention / _DAY, largest_bytes=settings.mib << 20
        )
        sinks = EventSinks(self.store, outbox)
        self.forwarders = {
            stream: Forwarder(outbox, stream, sinks.of(stream), sink_name(stream)) for stream in (ALARMS, EVENTS)
        }
        self.recorder = EventRecorder(outbox, internal.space, codec, audit=settings.audit)
        self.offered = OfferedHistory(internal.events, audit=settings.audit)
        self._is_running = False
        self.access = EventHistoryAccess(
            self.store, Notifiers(internal.space), internal.events, internal.event_filters, codec
        )

    async def start(self) -> None:
        """Begin. Raises :class:`~core.errors.StoreUnavailable` of the outbox."""
        try:
            for forwarder in self.forwarders.values():
                await forwarder.start()
            await self.recorder.start()
            self._is_running = True
            await self.offered.start()
        except BaseException:
            await self.stop()
            raise
        self._internal.subscriptions.on_event.append(self.recorder.offer)
        self._internal.history.bind_events(self.access)

    async def stop(self) -> None:
        """Record and keep the rest; what cannot be kept now waits in the outbox.

        Safe twice and before :meth:`start`.
        """
        listeners = self._internal.subscriptions.on_event
        if self.recorder.offer in listeners:
            listeners.remove(self.recorder.offer)
        await self.offered.stop()
        await self.recorder.stop()
        is_running, self._is_running = self._is_running, False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAINS_WITHIN):
                for forwarder in self.forwarders.values() if is_running else ():
                    await forwarder.drain()
        for forwarder in self.forwarders.values():
            await forwarder.stop()

    def dead(self) -> Iterable[tuple[str, int]]:
        """Count the events by stream that the store can never take, which the outbox set aside."""
        return [(stream, forwarder.counters.dead_samples) for stream, forwarder in self.forwarders.items()]
