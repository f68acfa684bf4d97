"""What keeps the gateway's samples and events: the outbox, the histories and the broker behind it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from core.image import ProcessImage
from core.lifecycle import Lifecycle
from historian.forwarder import Forwarder
from historian.history_sink import SINK as HISTORY_SINK
from historian.history_sink import HistorySink
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from server.event_history.history import SINKS as EVENT_SINKS
from server.event_history.history import EventHistory
from server.history_store import history_store, raw_retention
from server.ledger.bookkeeping import Bookkeeping
from server.plan.plan import Plan
from server.publishing import Publishing
from server.pubsub.component import all_sinks

_log = logging.getLogger("plantspace.gateway")

OUTBOX_FILE: Final = "outbox.sqlite"
_DAY: Final = 86_400.0
_DRAINS_WITHIN: Final = 2.0


class Archive:
    """Starts what a plan asks for, in the order in which samples pass it; the parts are known once they are up."""

    def __init__(
        self, plan: Plan, image: ProcessImage, books: Bookkeeping, on_storage: Callable[[str, str], None]
    ) -> None:
        """Open nothing yet. ``books`` counts what every part takes and loses.

        ``on_storage`` is called with the name of a part that takes nothing for now and why, and with no reason when it
        takes again.
        """
        self._plan = plan
        self._image = image
        self._books = books
        self._on_storage = on_storage
        self._lifecycle = Lifecycle()
        self.outbox: Outbox | None = None
        self.recorder: Recorder | None = None
        self.publishing = Publishing(plan, image, self._opened_outbox)
        self.events: EventHistory | None = None

    @property
    def sinks(self) -> list[str]:
        """The names of the sinks that the configuration has; those of brokers once they are up."""
        plan = self._plan
        return [
            *([HISTORY_SINK] if plan.points.recorded else ()),
            *(EVENT_SINKS if self._keeps_events else ()),
            *self.publishing.sinks(),
        ]

    @property
    def _keeps_events(self) -> bool:
        return self._plan.settings.historian is not None and self._plan.historian.events.enabled

    async def start(self) -> None:
        """Come up. Raises :class:`~core.errors.PlantspaceError`; then everything is down again."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Let each part take what the one before gave it last; what it cannot take waits in the outbox. Safe twice."""
        await self._lifecycle.stop()

    def model_changed(self) -> None:
        """Follow a model that was changed: new notifiers tell that their events are kept."""
        if self.events is not None:
            self.events.offered.model_changed()

    async def _start(self) -> None:
        plan, books = self._plan, self._books
        await self._lifecycle.start("outbox", _Opened(_nothing, self._close_outbox))
        wanted = bool(self.sinks) or plan.pubsub is not None
        if wanted or await asyncio.to_thread((plan.data_dir / OUTBOX_FILE).exists):
            await self._opened_outbox()
        outbox = self.outbox
        if outbox is None:
            await self._publish()
            return
        if plan.points.recorded:
            await self._keep_samples(outbox)
        else:
            await self._lifecycle.start("storage", books.watch_storage(None))
        if self._keeps_events:
            self.events = EventHistory(plan.historian.events, outbox, plan.stack.internal, plan.nodeids, plan.data_dir)
            await self._lifecycle.start("event history", self.events)
            books.record_events(self.events)
        await self._publish()

    async def _opened_outbox(self) -> Outbox:
        """Give the outbox, opened by the first who wants it."""
        if self.outbox is None:
            plan, books = self._plan, self._books
            kept = plan.settings.outbox
            outbox = Outbox(
                plan.data_dir / OUTBOX_FILE,
                largest_bytes=kept.mib << 20,
                longest_days=kept.age / _DAY,
                on_loss=books.outbox_lost,
                on_refusal=lambda stream, reason: self._on_storage(f"outbox/{stream}", reason),
                shares=books.ledger.shares,
            )
            try:
                await outbox.open()
                brokers = plan.pubsub.connections if plan.pubsub is not None else ()
                await outbox.keep_only([*self.sinks, *all_sinks([*brokers, *plan.configured.paused])])
            except BaseException:
                await outbox.close()
                raise
            books.use(outbox)
            self.outbox = outbox
        return self.outbox

    async def _close_outbox(self) -> None:
        outbox = self.outbox
        if outbox is not None:
            await outbox.close()

    async def _keep_samples(self, outbox: Outbox) -> None:
        plan = self._plan
        store = history_store(plan)
        sink = HistorySink(store, outbox)
        forwarder = Forwarder(outbox, STREAM, sink, HISTORY_SINK, on_health=partial(self._on_storage, HISTORY_SINK))
        await self._lifecycle.start("historian", forwarder)
        await self._lifecycle.start("storage", self._books.watch_storage(store))
        await self._lifecycle.start("last samples", _Opened(_nothing, partial(_drained, forwarder)))
        points = {slot: plan.points.points[slot].node for slot in sorted(plan.points.recorded)}
        recorder = Recorder(outbox, points)
        await self._lifecycle.start("recorder", recorder)
        self._image.add_tap(recorder)
        self._books.record(recorder, forwarder, sink)
        self.recorder = recorder
        plan.stack.internal.history.bind(store, plan.nodeids, recorder.records, keeps=raw_retention(plan))

    async def _publish(self) -> None:
        self._books.publish(self.publishing)
        await self._lifecycle.start("pubsub", self.publishing)


async def _nothing() -> None:
    pass


async def _drained(forwarder: Forwarder) -> None:
    """Let the history take what the recorder wrote last; what it cannot take now waits in the outbox."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(forwarder.drain(), _DRAINS_WITHIN)


class _Opened:
    """What is opened and closed, as a component."""

    def __init__(self, open_: Callable[[], Awaitable[Any]], close: Callable[[], Awaitable[None]]) -> None:
        self._open = open_
        self._close = close

    async def start(self) -> None:
        """Open; what was half open is closed again."""
        try:
            await self._open()
        except Exception:
            await self._close()
            raise

    async def stop(self) -> None:
        """Close."""
        await self._close()
