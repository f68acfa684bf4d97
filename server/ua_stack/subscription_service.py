"""The Subscription services (Part 4 v1.05 5.14) over all sessions."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, Protocol

from asyncua import ua
from asyncua.common.utils import ServiceError

from core.batch import Samples
from core.quality import Status
from core.time import now
from server.address_space.keys import NodeKey
from server.address_space.session_context import SessionContext
from server.events.event import Event
from server.events.notifiers import Notifiers
from server.subscriptions.limits import MAX_DURABLE_QUEUE, MAX_QUEUE, Room, SubscriptionLimits
from server.subscriptions.message import Message
from server.subscriptions.publish_queue import PublishQueue, Request
from server.subscriptions.requests import Asked
from server.subscriptions.subscription import Parameters, Subscription
from server.ua_stack.item_service import ItemService

_log = logging.getLogger("plantspace.subscriptions")
FASTEST_PUBLISHING = 0.01
SLOWEST_PUBLISHING = 3600.0
LONGEST_DURABLE = 720
"""Hours that a durable subscription lives without its client."""
_KEEP_ALIVE_LIMIT = 10_000
_LIFETIME_LIMIT = 30_000
_LONGEST_LIFETIME = 48
"""Hours that a subscription lives without its client; three publishing intervals at least."""
_MOST_CYCLES = 0xFFFF_FFFF
_SPARE_REQUESTS = 10
"""Publish requests that a session may queue beyond one for each of its subscriptions (Part 4 v1.05 5.14.5.1)."""
_GOOD = 0
_UNKNOWN = ua.StatusCodes.BadSubscriptionIdInvalid


class Owner(Protocol):
    """The session that has subscriptions."""

    @property
    def publishing(self) -> PublishQueue:
        """Its Publish requests."""
        ...

    @property
    def context(self) -> SessionContext:
        """Its rights and languages."""
        ...

    @property
    def identity(self) -> object:
        """Who its user is: another session of an equal one may take its subscriptions over."""
        ...


class Keeper(Protocol):
    """What keeps durable subscriptions over a restart (Part 4 v1.05 6.8)."""

    @property
    def is_behind(self) -> bool:
        """Tell whether a definition has changed that the disk does not have yet."""
        ...

    async def settle(self) -> None:
        """Let the disk have the definitions."""
        ...

    def forget(self, core: Subscription) -> None:
        """Keep a subscription no more: it has ended."""
        ...

    def look_last(self) -> None:
        """See what is to be kept: all subscriptions are about to end with the server."""
        ...


@dataclass(slots=True, eq=False)
class HeldSubscription:
    """A subscription and its session."""

    core: Subscription
    owner: Owner
    left: bool = False
    """Its session was closed without it; it waits for another to take it over."""


class Transferred(NamedTuple):
    """A TransferResult (Part 4 v1.05 5.14.7.2)."""

    status: int
    available: Sequence[int] = ()


class SubscriptionService:
    """Every subscription of the server. What belongs to another session is unknown to who asks (threat 7)."""

    def __init__(self, notifiers: Notifiers, limits: SubscriptionLimits) -> None:
        """Serve within ``limits``."""
        self.limits = limits
        self.items = ItemService(notifiers)
        self._rights = notifiers.space.rights
        self._rights.listen(self.rights_changed)
        self.held: dict[int, HeldSubscription] = {}
        self.keeper: Keeper | None = None
        """Who keeps durable subscriptions over a restart."""
        self.on_event: list[Callable[[Event], None]] = []
        """Who is told of every event beside the monitored items; they keep nobody waiting."""
        self.created = 0
        """Count of all subscriptions since the start."""
        self._next = 1

    def offer(self, samples: Samples) -> None:
        """Take what the process image hands on (:class:`~core.image.Tap`); what came late is no change."""
        if not samples.backfill:
            self.items.offer(samples)

    def happened(self, event: Event) -> None:
        """Offer an event to who listens."""
        self.items.happened(event)
        for tell in self.on_event:
            tell(event)

    def stop(self) -> None:
        """End all subscriptions; safe twice."""
        for held in self.held.values():
            held.core.stop()
        if self.keeper is not None:
            self.keeper.look_last()
        self.items.stop()
        self.held.clear()
        self._rights.unlisten(self.rights_changed)

    def create(self, owner: Owner, asked: Asked) -> Subscription:
        """CreateSubscription (5.14.2). Raises :class:`ServiceError`."""
        if len(self.held) >= self.limits.subscriptions:
            self._end_oldest_left()
        if len(self.held) >= self.limits.subscriptions or len(self.of(owner)) >= self.limits.session_subscriptions:
            raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)
        core = Subscription(self._next, _revised(asked), owner.publishing, now, self.expire)
        self._next += 1
        self.created += 1
        self.held[core.id] = HeldSubscription(core, owner)
        self._share_kept()
        core.start()
        return core

    def modify(self, owner: Owner, subscription_id: int, asked: Asked) -> Parameters:
        """ModifySubscription (5.14.3); whether it publishes stays. Raises :class:`ServiceError`."""
        core = self.mine(owner, subscription_id)
        revised = _revised(asked._replace(enabled=core.parameters.enabled), durable=core.record is not None)
        core.revise(revised)
        core.counters.modified += 1
        return core.parameters

    def set_publishing(self, owner: Owner, ids: Sequence[int], *, enabled: bool) -> list[int]:
        """SetPublishingMode (5.14.4)."""
        results: list[int] = []
        for subscription_id in ids:
            held = self._found(owner, subscription_id)
            if held is None:
                results.append(_UNKNOWN)
                continue
            held.core.touched()
            held.core.parameters.enabled = enabled
            counters = held.core.counters
            counters.enabled += enabled
            counters.disabled += not enabled
            results.append(_GOOD)
        return results

    def acknowledge(self, owner: Owner, acks: Sequence[tuple[int, int]]) -> list[int]:
        """Take the acknowledgements of a Publish request (5.14.5): who publishes uses all its subscriptions.

        Raises :class:`ServiceError` for a session without subscriptions, once it was told how they ended.
        """
        mine = {held.core.id: held.core for held in self.of(owner)}
        if not mine and not owner.publishing.notices:
            raise ServiceError(ua.StatusCodes.BadNoSubscription)
        for core in mine.values():
            core.touched()
        results: list[int] = []
        for subscription_id, sequence in acks:
            core = mine.get(subscription_id)
            if core is None:
                results.append(_UNKNOWN)
            else:
                known = core.acknowledge(sequence)
                results.append(_GOOD if known else ua.StatusCodes.BadSequenceNumberUnknown)
        return results

    def publish(self, owner: Owner, request: Request) -> None:
        """Take a Publish request (5.14.5)."""
        owner.publishing.put(request, len(self.of(owner)) + _SPARE_REQUESTS)

    def republish(self, owner: Owner, subscription_id: int, sequence: int) -> Message:
        """Republish (5.14.6): any number of times, until acknowledged. Raises :class:`ServiceError`."""
        core = self.mine(owner, subscription_id)
        core.counters.republish_requests += 1
        message = core.kept.get(sequence)
        if message is None:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        core.counters.republished += 1
        return message

    def transfer(self, owner: Owner, ids: Sequence[int], *, send_initial_values: bool) -> list[Transferred]:
        """TransferSubscriptions (5.14.7), to another session of the same user alone."""
        results = [self._transfer(owner, one, send_initial_values=send_initial_values) for one in ids]
        self._share_kept()
        return [
            one if one.status else Transferred(_GOOD, tuple(self.held[subscription_id].core.kept))
            for subscription_id, one in zip(ids, results, strict=True)
        ]

    def delete(self, owner: Owner, ids: Sequence[int]) -> list[int]:
        """DeleteSubscriptions (5.14.8)."""
        results: list[int] = []
        for subscription_id in ids:
            held = self._found(owner, subscription_id)
            if held is None:
                results.append(_UNKNOWN)
            else:
                self._end(held)
                results.append(_GOOD)
        self._share_kept()
        if not self.of(owner):
            owner.publishing.refuse_all(Status.BAD_NO_SUBSCRIPTION)
        return results

    def session_closed(self, owner: Owner, *, timed_out: bool = False) -> None:
        """Delete a session's subscriptions; durable ones only where its client asked for that."""
        ending = [held.core for held in self.of(owner) if not (timed_out and held.core.record is not None)]
        self.delete(owner, [core.id for core in ending])

    def session_left(self, owner: Owner) -> None:
        """Go on with the subscriptions of a session that was closed without them, while there is room (threat 16)."""
        for held in self.of(owner):
            held.left = True

    def leave_points(self, nodes: Collection[NodeKey]) -> None:
        """Go on with the items on nodes that are points no more, or are gone."""
        if nodes:
            self.items.leave_points([(held.core, held.owner.context) for held in self.held.values()], nodes)

    def rights_changed(self, owner: Owner | None = None) -> None:
        """Go on with a session's items as its rights are now, or with all items where nodes or roles are others.

        What may no longer be read stops, and says so once (Part 4 v1.05 5.13.2.1).
        """
        for held in tuple(self.held.values()):
            if owner is None or held.owner is owner:
                self.items.rights_changed(held.core, held.owner.context)

    def mine(self, owner: Owner, subscription_id: int) -> Subscription:
        """Give a subscription of a session, which uses it by asking. Raises :class:`ServiceError`."""
        held = self._found(owner, subscription_id)
        if held is None:
            raise ServiceError(_UNKNOWN)
        held.core.touched()
        return held.core

    def of(self, owner: Owner) -> list[HeldSubscription]:
        """Give a session's subscriptions."""
        return [held for held in self.held.values() if held.owner is owner]

    def restore(self, core: Subscription, owner: Owner) -> None:
        """Take a subscription back that was kept over a restart."""
        self._next = max(self._next, core.id + 1)
        self.held[core.id] = HeldSubscription(core, owner)
        self._share_kept()

    def expire(self, core: Subscription) -> None:
        """End a subscription whose lifetime is over."""
        _log.info("subscription %s ended: no Publish request within its lifetime", core.id)
        held = self.held.get(core.id)
        if held is None:
            return
        self._end(held)
        self._share_kept()
        held.owner.publishing.notify(core.id, core.ended(Status.BAD_TIMEOUT))

    def room(self, owner: Owner, core: Subscription | None = None) -> Room:
        """Sum up what the subscriptions hold; nothing is counted beside them, so what ends is free at once.

        ``core``: the one that wants more; a durable one may have longer queues.
        """
        limits = self.limits
        room = Room(limits.items - self.items.count, limits.queued, limits.cohorts, links=limits.links)
        mine = Room(limits.session_items, limits.session_queued, limits.session_cohorts, links=limits.session_links)
        for held in self.held.values():
            room.values -= held.core.queued
            room.cohorts -= len(held.core.cohorts)
            room.links -= len(held.core.links)
            if held.owner is owner:
                mine.items -= len(held.core.items)
                mine.values -= held.core.queued
                mine.cohorts -= len(held.core.cohorts)
                mine.links -= len(held.core.links)
        longest = MAX_QUEUE if core is None or core.record is None else MAX_DURABLE_QUEUE
        return Room(
            min(room.items, mine.items),
            min(room.values, mine.values),
            min(room.cohorts, mine.cohorts),
            longest,
            min(room.links, mine.links),
        )

    def __iter__(self) -> Iterator[HeldSubscription]:
        """Give all subscriptions."""
        return iter(tuple(self.held.values()))

    def _transfer(self, owner: Owner, subscription_id: int, *, send_initial_values: bool) -> Transferred:
        held = self.held.get(subscription_id)
        if held is None:
            return Transferred(_UNKNOWN)
        if held.owner.identity != owner.identity:
            return Transferred(ua.StatusCodes.BadUserAccessDenied)
        core, before = held.core, held.owner
        if before is not owner and len(self.of(owner)) >= self.limits.session_subscriptions:
            return Transferred(ua.StatusCodes.BadTooManySubscriptions)
        core.counters.transfer_requests += 1
        core.touched()
        if before is not owner:
            held.owner, held.left = owner, False
            core.move_to(owner.publishing)
            core.counters.transferred_to_same_client += 1
            if not owner.context.has_rights_of(before.context):
                self.items.rights_changed(core, owner.context)
            before.publishing.notify(core.id, core.ended(ua.StatusCodes.GoodSubscriptionTransferred))
            if not self.of(before):
                before.publishing.refuse_all(Status.BAD_NO_SUBSCRIPTION)
        if send_initial_values:
            self.items.resend(core)
        return Transferred(_GOOD)

    def _found(self, owner: Owner, subscription_id: int) -> HeldSubscription | None:
        held = self.held.get(subscription_id)
        return held if held is not None and held.owner is owner else None

    def _end_oldest_left(self) -> None:
        left = next((held for held in self.held.values() if held.left and held.core.record is None), None)
        if left is not None:
            _log.info("subscription %s ended: its session left it, and others need its place", left.core.id)
            self._end(left)

    def _end(self, held: HeldSubscription) -> None:
        self.held.pop(held.core.id, None)
        self.items.remove_all(held.core)
        held.core.stop()
        if self.keeper is not None and held.core.record is not None:
            self.keeper.forget(held.core)

    def _share_kept(self) -> None:
        """Give each subscription its part of what its session, and all, may keep for Republish."""
        mine = Counter(id(held.owner) for held in self.held.values())
        for held in self.held.values():
            of_session = self.limits.session_kept_bytes // mine[id(held.owner)]
            held.core.limit_kept(min(of_session, self.limits.kept_bytes // len(self.held)))


def _revised(asked: Asked, *, durable: bool = False) -> Parameters:
    """Revise what a client asks (Part 4 v1.05 5.14.2.2): the lifetime is at least three keep-alives."""
    seconds = asked.interval / 1e3
    revised = min(max(seconds, FASTEST_PUBLISHING), SLOWEST_PUBLISHING) if seconds == seconds else 1.0  # noqa: PLR0124 - NaN
    longest = min(cycles(_LONGEST_LIFETIME, revised), _LIFETIME_LIMIT)
    kept_alive = min(max(asked.keep_alive_count, 1), _KEEP_ALIVE_LIMIT, max(longest // 3, 1))
    most = cycles(LONGEST_DURABLE, revised) if durable else longest
    lifetime_count = max(min(max(asked.lifetime_count, 3 * kept_alive), most), 3 * kept_alive)
    return Parameters(revised, lifetime_count, kept_alive, asked.max_notifications, asked.priority, asked.enabled)


def cycles(hours: int, interval: float) -> int:
    """Give the LifetimeCount of a lifetime in hours; ``interval`` in seconds."""
    return min(ceil(hours * 3600 / interval), _MOST_CYCLES)
