"""One subscription: its items, its publishing cycle and the messages kept for Republish (Part 4 v1.05 5.14.1)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from server.subscriptions.cohort import Cohort, CohortKey
from server.subscriptions.encoding import EncodeVariant
from server.subscriptions.object_items import EventItem, ObjectItem

_SEQUENCE_LIMIT = 0xFFFFFFFF
_KEPT_MESSAGES = 1000
KEPT_BYTES = 16 * 1024 * 1024
"""Bytes of messages that a subscription keeps at most, also where its session may keep more."""
_MESSAGE_BYTES = 512
"""What a message takes beside its notifications."""
_NO_LIMIT = 1 << 30
MESSAGE_VALUES = 10_000
"""Values in one NotificationMessage where the client sets no limit: keeps one encoding step under 5 ms."""


@dataclass(slots=True)
class Parameters:
    """Revised subscription parameters. ``interval`` in seconds."""

    interval: float
    lifetime_count: int
    keep_alive_count: int
    max_notifications: int
    priority: int
    enabled: bool


@dataclass(slots=True)
class Message:
    """An encoded NotificationMessage as it is kept for Republish. With nothing in it it is a keep-alive."""

    sequence: int
    publish_time: int
    data_changes: bytes = b""
    """Body of a DataChangeNotification."""
    events: bytes = b""
    """Body of an EventNotificationList."""
    status_change: int | None = None

    @property
    def size(self) -> int:
        """Count the bytes of the notifications."""
        return len(self.data_changes) + len(self.events)

    @property
    def cost(self) -> int:
        """Count the bytes that it takes to keep the message."""
        return _MESSAGE_BYTES + self.size


class Channel(Protocol):
    """The way to the client, owned by the stack; a session's that moved to another connection is put in its place."""

    def take_request(self, subscription_id: int) -> object | None:
        """Give a waiting Publish request, or None; then the stack calls :meth:`Subscription.answer` when one comes."""
        ...

    async def respond(
        self, subscription_id: int, request: object, message: Message, available: list[int], *, more: bool
    ) -> None:
        """Answer a Publish request."""
        ...


@dataclass(slots=True)
class SubscriptionCounters:
    """What a subscription did."""

    notifications: int = 0
    publishes: int = 0
    lost: int = 0


@dataclass(slots=True)
class Item:
    """Where a monitored item lives: in a cohort at ``index``, or as an object."""

    id: int
    node: Any  # the stack's NodeId; only it looks inside
    attribute: int
    mode: int
    interval: float
    size: int = 0
    """Its revised queue size."""
    cohort: Cohort | None = None
    index: int = -1
    object_item: ObjectItem | EventItem | None = None


class Subscription:
    """Runs one publishing cycle. ``on_expired`` is called when the lifetime ends without Publish requests."""

    def __init__(
        self,
        subscription_id: int,
        parameters: Parameters,
        channel: Channel,
        encode_variant: EncodeVariant,
        now: Callable[[], int],
        on_expired: Callable[[Subscription], Awaitable[None]],
    ) -> None:
        """Make the subscription; :meth:`start` begins the cycle."""
        self.id = subscription_id
        self.parameters = parameters
        self.channel = channel
        self.items: dict[int, Item] = {}
        self.cohorts: dict[CohortKey, Cohort] = {}
        self.objects: dict[int, ObjectItem] = {}
        self.event_items: dict[int, EventItem] = {}
        self.kept: OrderedDict[int, Message] = OrderedDict()
        self.counters = SubscriptionCounters()
        self.queued = 0
        """Sum of the items' queue sizes."""
        self._kept_bytes = 0
        self._kept_limit = KEPT_BYTES
        self._encode_variant = encode_variant
        self._now = now
        self._on_expired = on_expired
        self._sequence = 0
        self._keep_alive = parameters.keep_alive_count
        """At its limit from the start: the first cycle answers whatever there is (Part 4 v1.05 5.14.1.2)."""
        self._lifetime = 0
        self._late = False
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def start(self) -> None:
        """Begin the publishing cycle."""
        self._task = asyncio.create_task(self._run(), name=f"subscription-{self.id}")

    async def stop(self) -> None:
        """End the publishing cycle; safe twice."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def revise(self, parameters: Parameters) -> None:
        """Go on with other parameters from the next cycle on (ModifySubscription)."""
        self.parameters = parameters
        self._lifetime = 0
        self._changed.set()

    def touched(self) -> None:
        """Count a service call that uses the subscription: the lifetime begins anew (Part 4 v1.05 5.14.1.1)."""
        self._lifetime = 0

    def acknowledge(self, sequence: int) -> bool:
        """Forget a message; false for one that is not kept."""
        message = self.kept.pop(sequence, None)
        if message is None:
            return False
        self._kept_bytes -= message.cost
        return True

    def limit_kept(self, most: int) -> None:
        """Keep messages of ``most`` bytes from now on, the latest ones.

        Republish answers BadMessageNotAvailable for the others (Part 4 v1.05 5.14.6).
        """
        self._kept_limit = min(most, KEPT_BYTES)
        self._trim_kept()

    @property
    def pending(self) -> bool:
        """Tell whether there is anything to report."""
        return (
            any(cohort.waiting for cohort in self.cohorts.values())
            or any(item.waiting for item in self.objects.values())
            or any(item.waiting for item in self.event_items.values())
        )

    async def tell_end(self, channel: Channel, status: int) -> None:
        """Say with a Publish request of ``channel``, if one waits, that the subscription is its client's no more."""
        request = channel.take_request(self.id)
        if request is not None:
            message = Message(self._sequence % _SEQUENCE_LIMIT + 1, self._now(), status_change=status)
            await channel.respond(self.id, request, message, [], more=False)

    async def answer(self, request: object) -> bool:
        """Use a Publish request that came while the subscription was late; false when it has nothing to say."""
        self._lifetime = 0
        if not self._late:
            return False
        await self._respond(request)
        if self.pending and self.parameters.enabled:
            await self._publish()
        else:
            self._late = False
        return True

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.parameters.interval
        while True:
            try:
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
            except TimeoutError:
                if not await self._cycle():
                    return
                interval = self.parameters.interval
                due += interval * (max(0, int((loop.time() - due) / interval)) + 1)
            else:
                self._changed.clear()
                due = loop.time() + self.parameters.interval

    async def _cycle(self) -> bool:
        """Do what is due at the end of a publishing interval; false when the lifetime is over."""
        self._lifetime += 1
        if self._lifetime > self.parameters.lifetime_count:
            await self._on_expired(self)
            return False
        if self.pending and self.parameters.enabled:
            await self._publish()
        else:
            self._keep_alive += 1
            if self._keep_alive >= self.parameters.keep_alive_count:
                await self._publish()
        return True

    async def _publish(self) -> None:
        """Answer Publish requests until nothing waits, or none is left; then be late."""
        while True:
            request = self.channel.take_request(self.id)
            if request is None:
                self._late = True
                return
            self._late = False
            self._lifetime = 0
            await self._respond(request)
            if not (self.pending and self.parameters.enabled):
                return

    async def _respond(self, request: object) -> None:
        message = self._next_message()
        if message.size:  # a keep-alive is not kept
            self._keep(message)
        self._keep_alive = 0
        self.counters.publishes += 1
        more = self.pending and self.parameters.enabled
        await self.channel.respond(self.id, request, message, list(self.kept), more=more)

    def _next_message(self) -> Message:
        following = self._sequence % _SEQUENCE_LIMIT + 1
        if not self.parameters.enabled:
            return Message(following, self._now())
        limit = min(self.parameters.max_notifications or _NO_LIMIT, MESSAGE_VALUES)
        changes, changed = self._drain_changes(limit)
        events, happened = self._drain_events(limit - changed)
        if changed or happened:
            self._sequence = following
            self.counters.notifications += changed + happened
        return Message(following, self._now(), changes, events)

    def _drain_changes(self, limit: int) -> tuple[bytes, int]:
        parts: list[bytes] = []
        count = 0
        for cohort in self.cohorts.values():
            if count >= limit:
                break
            taken, encoded = cohort.drain(limit - count, self._encode_variant)
            if taken:
                count += taken
                parts.append(encoded)
        for item in self.objects.values():
            if count >= limit:
                break
            notifications = item.drain(limit - count)
            count += len(notifications)
            parts.extend(notifications)
        if not count:
            return b"", 0
        # MonitoredItems as an array, then DiagnosticInfos as a null array (Part 6 v1.05 5.2.5).
        return count.to_bytes(4, "little") + b"".join(parts) + b"\xff\xff\xff\xff", count

    def _drain_events(self, limit: int) -> tuple[bytes, int]:
        parts: list[bytes] = []
        for item in self.event_items.values():
            if len(parts) >= limit:
                break
            parts.extend(item.drain(limit - len(parts)))
        if not parts:
            return b"", 0
        return len(parts).to_bytes(4, "little") + b"".join(parts), len(parts)

    def _keep(self, message: Message) -> None:
        self.kept[message.sequence] = message
        self._kept_bytes += message.cost
        self._trim_kept()

    def _trim_kept(self) -> None:
        while len(self.kept) > _KEPT_MESSAGES or self._kept_bytes > self._kept_limit:
            _, oldest = self.kept.popitem(last=False)
            self._kept_bytes -= oldest.cost
