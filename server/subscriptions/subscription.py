"""One subscription: its items, its publishing cycle and the messages kept for Republish (Part 4 v1.05 5.14.1)."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from server.address_space.keys import NodeKey
from server.events.event_queue import EventItem
from server.subscriptions.cohort import Cohort, CohortKey
from server.subscriptions.durable.record import DurableRecord
from server.subscriptions.message import Message
from server.subscriptions.object_items import ObjectItem
from server.subscriptions.publish_queue import PublishQueue, Request
from server.subscriptions.triggering import Links

_log = logging.getLogger("plantspace.subscriptions")
_SEQUENCE_LIMIT = 0xFFFFFFFF
_KEPT_MESSAGES = 1000
KEPT_BYTES = 16 * 1024 * 1024
"""Bytes of messages that a subscription keeps at most, also where its session may keep more."""
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

    def copied(self) -> Parameters:
        """Give a copy, which stays as it is."""
        return replace(self)


@dataclass(slots=True)
class SubscriptionCounters:
    """What a subscription did: the counters of SubscriptionDiagnosticsDataType (Part 5 v1.05 12.15)."""

    modified: int = 0
    enabled: int = 0
    disabled: int = 0
    republish_requests: int = 0
    republished: int = 0
    transfer_requests: int = 0
    transferred_to_other_client: int = 0
    transferred_to_same_client: int = 0
    publish_requests: int = 0
    data_changes: int = 0
    events: int = 0
    messages: int = 0
    late: int = 0
    discarded_messages: int = 0
    lost: int = 0
    event_overflows: int = 0
    """Both of items that are gone; those of the others are with their queues."""


@dataclass(slots=True)
class Item:
    """Where a monitored item lives: in a cohort at ``index``, or as an object."""

    id: int
    handle: int
    node: NodeKey
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
        queue: PublishQueue,
        now: Callable[[], int],
        on_expired: Callable[[Subscription], None],
    ) -> None:
        """Make the subscription; :meth:`start` begins the cycle. ``queue``: its session's Publish requests."""
        self.id = subscription_id
        self.parameters = parameters
        self.queue = queue
        self.items: dict[int, Item] = {}
        self.cohorts: dict[CohortKey, Cohort] = {}
        self.objects: dict[int, ObjectItem] = {}
        self.event_items: dict[int, EventItem] = {}
        self.links = Links()
        self.record: DurableRecord | None = None
        """What is kept of it over a restart, where it is durable (Part 4 v1.05 6.8)."""
        self.reserved: int | None = None
        """The last sequence number that may be used before others are reserved on the disk."""
        self.kept: OrderedDict[int, Message] = OrderedDict()
        self.counters = SubscriptionCounters()
        self.queued = 0
        """Sum of the items' queue sizes."""
        self._kept_bytes = 0
        self._kept_limit = KEPT_BYTES
        self._now = now
        self._on_expired = on_expired
        self._sequence = 0
        self._keep_alive = 0
        self._spoken = False
        """Whether anything was sent yet: the first cycle answers whatever there is (Part 4 v1.05 5.14.1.1)."""
        self._lifetime = 0
        self._late = False
        self._owed = 0
        """Values that were there when the cycle began, and are still to be sent in it."""
        self._timer: asyncio.TimerHandle | None = None
        self._following: asyncio.Handle | None = None

    def start(self) -> None:
        """Begin the publishing cycle."""
        loop = asyncio.get_running_loop()
        self._schedule(loop, loop.time() + self.parameters.interval)

    def stop(self) -> None:
        """End the publishing cycle; safe twice."""
        for handle in (self._timer, self._following):
            if handle is not None:
                handle.cancel()
        self._timer = self._following = None
        self.queue.leave(self)

    @property
    def priority(self) -> int:
        """Whose turn it is first where Publish requests are few."""
        return self.parameters.priority

    @property
    def next_sequence(self) -> int:
        """Give the sequence number of the next message."""
        return self._sequence % _SEQUENCE_LIMIT + 1

    @property
    def sequence(self) -> int:
        """Give the sequence number of the last message; 0 before the first."""
        return self._sequence

    @property
    def _reports(self) -> bool:
        """Whether messages go out: without a reserved number there are keep-alives alone."""
        return self.parameters.enabled and self._sequence != self.reserved

    @property
    def silent_cycles(self) -> int:
        """Count the cycles since the last message."""
        return self._keep_alive

    @property
    def unused_cycles(self) -> int:
        """Count the cycles since the client did anything with the subscription."""
        return self._lifetime

    @property
    def lost(self) -> int:
        """Count the values and events that left a full queue unsent."""
        return (
            self.counters.lost
            + sum(cohort.log.lost for cohort in self.cohorts.values())
            + sum(item.lost for item in self.objects.values())
            + sum(item.lost for item in self.event_items.values())
        )

    @property
    def event_overflows(self) -> int:
        """Count the events that told of a full queue."""
        return self.counters.event_overflows + sum(item.overflows for item in self.event_items.values())

    def revise(self, parameters: Parameters) -> None:
        """Go on with other parameters: the next cycle ends one interval from now (ModifySubscription)."""
        self.parameters = parameters
        self._lifetime = 0
        if self._timer is not None:
            self._timer.cancel()
            self.start()

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

    def resume(self, sequence: int, unused: int, messages: Iterable[Message]) -> None:
        """Go on after a restart: ``sequence`` was used last, the lifetime has run for ``unused`` cycles."""
        self._sequence = self.reserved = sequence
        self._lifetime = unused
        for message in messages:
            self._keep(message)

    def limit_kept(self, most: int) -> None:
        """Keep messages of ``most`` bytes from now on, the latest ones.

        Republish answers BadMessageNotAvailable for the others (Part 4 v1.05 5.14.6).
        """
        self._kept_limit = min(most, KEPT_BYTES)
        self._trim_kept()

    @property
    def waiting(self) -> int:
        """Count the values and events that are to be reported."""
        return (
            sum([cohort.waiting for cohort in self.cohorts.values()])
            + sum([item.waiting for item in self.objects.values()])
            + sum([item.waiting for item in self.event_items.values()])
        )

    def move_to(self, queue: PublishQueue) -> None:
        """Serve another session (TransferSubscriptions, Part 4 v1.05 5.14.7), once it was told so."""
        self.queue.leave(self)
        self.queue = queue
        if self._late:
            queue.wait(self)
            asyncio.get_running_loop().call_soon(queue.serve)

    def ended(self, status: int) -> Message:
        """Give the message that says that the subscription is its client's no more."""
        return Message(self.next_sequence, self._now(), status_change=status)

    def use(self, request: Request) -> None:
        """Answer a Publish request that came while the subscription was late, if only with a keep-alive.

        Part 4 v1.05 5.14.1.2, rows 10 and 11.
        """
        self._lifetime = 0
        self._late = False
        self._owed = self.waiting if self._reports else 0
        self._respond(request)
        self._follow()

    def cycle(self) -> bool:
        """Do what is due at the end of a publishing interval; false when the lifetime is over."""
        self._lifetime += 1
        if self._lifetime >= self.parameters.lifetime_count:
            self._on_expired(self)
            return False
        self._owed = self.waiting if self._reports else 0
        if not self._owed:
            self._keep_alive += 1
        if self._owed or not self._spoken or self._keep_alive >= self.parameters.keep_alive_count:
            self._publish()
        return True

    def _schedule(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._timer = loop.call_at(due, self._tick, loop, due)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._timer = None
        try:
            goes_on = self.cycle()
        except Exception:  # noqa: BLE001 - one cycle that fails must not end the subscription
            _log.exception("subscription %s: a publishing cycle failed", self.id)
            goes_on = True
        if goes_on:
            interval = self.parameters.interval
            missed = max(0, int((loop.time() - due) / interval))
            self._schedule(loop, due + (missed + 1) * interval)

    def _publish(self) -> None:
        """Answer a Publish request; be late where there is none."""
        request = self.queue.take()
        if request is None:
            if not self._late:
                self._late = True
                self.counters.late += 1
            self.queue.wait(self)
            return
        if self._late:
            self._late = False
            self.queue.leave(self)
        self._lifetime = 0
        self._respond(request)
        self._follow()

    def _follow(self) -> None:
        """Send what is left of this cycle with the next request, once others have had their turn on the loop."""
        if self._owed > 0 and self._following is None:
            self._following = asyncio.get_running_loop().call_soon(self._publish_more)

    def _publish_more(self) -> None:
        self._following = None
        if self._owed > 0 and self._reports:
            self._publish()

    def _respond(self, request: Request) -> None:
        message = self._next_message()
        if message.size:  # a keep-alive is not kept
            self._keep(message)
            self.counters.messages += 1
        self._keep_alive = 0
        self._spoken = True
        self.counters.publish_requests += 1
        request.answer(self.id, list(self.kept), message, more=self._owed > 0)

    def _next_message(self) -> Message:
        following = self.next_sequence
        if not self._reports:
            return Message(following, self._now())
        limit = min(self.parameters.max_notifications or _NO_LIMIT, MESSAGE_VALUES)
        changes, changed = self._drain_changes(limit)
        events, happened = self._drain_events(limit - changed)
        if changed or happened:
            self._sequence = following
            self.counters.data_changes += changed
            self.counters.events += happened
        self._owed = max(0, self._owed - changed - happened) if changed or happened else 0
        return Message(following, self._now(), changes, events)

    def _drain_changes(self, limit: int) -> tuple[bytes, int]:
        parts: list[bytes] = []
        count = 0
        for cohort in self.cohorts.values():
            if count >= limit:
                break
            taken, encoded = cohort.drain(limit - count)
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
        return b"".join((count.to_bytes(4, "little"), *parts, b"\xff\xff\xff\xff")), count

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
            self.counters.discarded_messages += 1
