"""A slow, obvious model of the services of Part 4 v1.05 5.13 and 5.14: one item, one value at a time.

The model is told each thing that was asked of the engine and all that the engine answered, and raises
:class:`~tests.unit.server.subscriptions.histories.messages.Difference` where Part 4 does not allow the answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from tests.unit.server.subscriptions.histories.filters import filter_of, is_allowed
from tests.unit.server.subscriptions.histories.item import ModelItem
from tests.unit.server.subscriptions.histories.messages import (
    BAD_INDEX_RANGE_NO_DATA,
    BAD_MESSAGE_NOT_AVAILABLE,
    BAD_MONITORED_ITEM_ID_INVALID,
    BAD_SEQUENCE_NUMBER_UNKNOWN,
    BAD_SUBSCRIPTION_ID_INVALID,
    BAD_TIMEOUT,
    BAD_TOO_MANY_PUBLISH_REQUESTS,
    BAD_USER_ACCESS_DENIED,
    DISABLED,
    FILTER_REFUSALS,
    GOOD,
    GOOD_SUBSCRIPTION_TRANSFERRED,
    Answer,
    ItemParameters,
    ItemRequest,
    ItemResult,
    Message,
    PointKind,
    Sample,
    SubscriptionParameters,
    SubscriptionResult,
    require,
)
from tests.unit.server.subscriptions.histories.subscription import ModelSubscription, Truth, check_revised

Acknowledgement = tuple[int, int]
"""Subscription and sequence number."""


class Model:
    """All sessions and subscriptions. ``now``: what each point shows."""

    def __init__(self, kinds: Sequence[PointKind], now: Sequence[Sample]) -> None:
        self.kinds = list(kinds)
        self.now = list(now)
        self.subscriptions: dict[int, ModelSubscription] = {}
        self.requests: dict[int, deque[tuple[int | None, ...]]] = {}
        """For each session, the results of the acknowledgements of each Publish request that waits."""
        self.notices: dict[int, list[tuple[int, int, frozenset[int]]]] = {}
        """For each session the StatusChangeNotifications that it may get: subscription, status, sequence numbers."""

    # -- samples

    def put(self, samples: Mapping[int, Sample]) -> None:
        """Take new values of points in: those items see them that have no slower clock of their own."""
        for slot, sample in samples.items():
            self.now[slot] = sample
        for subscription in self.subscriptions.values():
            chosen = [key for key, item in subscription.items.items() if item.on_change and item.slot in samples]
            self._observe(subscription, chosen)

    def tick(self, interval: float) -> None:
        """Let the sampling clock of ``interval`` ms strike."""
        for subscription in self.subscriptions.values():
            chosen = [
                key for key, item in subscription.items.items() if not item.on_change and item.sampling == interval
            ]
            self._observe(subscription, chosen)

    def _observe(self, subscription: ModelSubscription, chosen: Sequence[int]) -> None:
        for key in chosen:
            item = subscription.items[key]
            possibly, certainly = item.observe(self.now[item.slot])
            if possibly:
                self._trigger(subscription, item, surely=certainly)

    @staticmethod
    def _trigger(subscription: ModelSubscription, item: ModelItem, *, surely: bool) -> None:
        for link in item.links & set(subscription.items):
            subscription.items[link].release(surely=surely)

    # -- subscriptions

    def created(
        self, session: int, asked: SubscriptionParameters, result: SubscriptionResult, *, enabled: bool
    ) -> None:
        require(result.status == GOOD, f"no subscription: 0x{result.status:08X}")
        check_revised(asked, result)
        require(result.subscription not in self.subscriptions, "an id in use")
        self.subscriptions[result.subscription] = ModelSubscription(
            result.subscription, session, enabled, asked.limit, asked.priority, result.lifetime, result.keep_alive
        )

    def modified(self, subscription: int, asked: SubscriptionParameters, result: SubscriptionResult) -> None:
        if (known := self._known(subscription, result.status)) is not None:
            known.revise(asked, result)

    def publishing_set(self, subscription: int, status: int, *, enabled: bool) -> None:
        if (known := self._known(subscription, status)) is not None:
            known.set_publishing(enabled=enabled)

    def deleted(self, subscription: int, status: int) -> None:
        if (known := self._known(subscription, status)) is not None:
            self._end(known)

    def cycled(self, subscription: int, answers: Sequence[Answer], *, alive: bool) -> None:
        known = self.subscriptions[subscription]
        require(all(answer.subscription == subscription for answer in answers), f"of another: {answers}")
        waiting = len(self.requests.get(known.session, ()))
        for answer in answers:
            self._consume(answer)
        known.cycle(waiting, [answer for answer in answers if answer.message.status is None])
        if not alive:
            self._owe(known, BAD_TIMEOUT)
        for answer in answers:
            self._noticed(answer)
        self._lifetime(known, alive=alive)

    def published(
        self, session: int, acks: Sequence[Acknowledgement], refused: Sequence[int], answers: Sequence[Answer]
    ) -> None:
        """Check a Publish request: its acknowledgements are done at once, it waits unless someone is late for it."""
        mine = [one for one in self.subscriptions.values() if one.session == session]
        results = tuple(self._acknowledge(session, *ack) for ack in acks)
        waiting = self.requests.setdefault(session, deque())
        waiting.append(results)
        for status in refused:  # 5.14.5.1: the oldest goes where there are too many; how many that is, is left open
            require(status == BAD_TOO_MANY_PUBLISH_REQUESTS and len(waiting) > len(mine), f"0x{status:08X}")
            waiting.popleft()
        for one in mine:
            one.unused = 0
        for answer in answers:
            self._consume(answer)
            if self._noticed(answer):
                continue
            require(answer.subscription in self.subscriptions, f"from a subscription that is no more: {answer}")
            chosen = self.subscriptions[answer.subscription]
            require(chosen in mine, f"from another's subscription: {answer}")
            require(chosen.ready() != Truth.NO, f"subscription {chosen.id} was not late: {answer}")
            for one in mine:  # 5.14.2.2, priority
                if one.priority > chosen.priority:
                    require(one.ready() != Truth.YES, f"{chosen.id} went before {one.id}, of a higher priority")
                    one.not_ready()
            chosen.published(answer)
        if self.requests.get(session):
            for one in mine:
                require(one.ready() != Truth.YES, f"subscription {one.id} was late, and the request was not used")
                one.not_ready()

    def refused(self, session: int) -> None:
        """Check that a Publish request was refused with BadNoSubscription."""
        require(not self.of(session), "the session has subscriptions")

    def republished(self, subscription: int, sequence: int, status: int, message: Message | None) -> None:
        if (known := self._known(subscription, status, BAD_MESSAGE_NOT_AVAILABLE)) is None:
            return
        known.unused = 0
        if sequence in known.told:
            return
        kept = known.kept.get(sequence)
        require((status == GOOD) == (kept is not None), f"Republish {sequence}: 0x{status:08X}, kept {kept}")
        require(message == kept, f"Republish gave {message}, not {kept}")

    def transferred(
        self,
        subscription: int,
        session: int,
        status: int,
        available: Sequence[int],
        told: Sequence[Answer],
        *,
        initial: bool,
    ) -> None:
        if (known := self._known(subscription, status, BAD_USER_ACCESS_DENIED)) is None:
            return
        same_user = known.session % 2 == session % 2
        require((status == GOOD) == same_user, f"transferred to another user's session: 0x{status:08X}")
        if not same_user:
            return
        require(set(available) - known.told == set(known.kept) - known.told, f"available {available}")
        before = known.session
        for answer in told:
            self._consume(answer)
        self._owe(known, GOOD_SUBSCRIPTION_TRANSFERRED)
        known.transferred(session)
        if initial:
            known.resend(self.now)
        if self.requests.get(session):
            # Free is whether a late subscription uses at once a request that waits in its new session.
            known.late, known.more = min(known.late, Truth.MAYBE), min(known.more, Truth.MAYBE)
        for answer in told:
            if not self._noticed(answer):
                known.published(answer)
        self._leave(before)

    def resent(self, subscription: int, status: int) -> None:
        if (known := self._known(subscription, status)) is not None:
            known.unused = 0
            known.resend(self.now)

    def of(self, session: int) -> list[ModelSubscription]:
        """Give a session's subscriptions."""
        return [one for one in self.subscriptions.values() if one.session == session]

    # -- monitored items

    def items_created(
        self,
        subscription: int,
        asked: Sequence[tuple[int, ItemRequest]],
        stamps: int,
        status: int,
        results: Sequence[ItemResult],
    ) -> None:
        """``asked``: client handle and request of each item."""
        if (known := self._known(subscription, status)) is None:
            return
        known.unused = 0
        require(len(results) == len(asked), f"{len(results)} results for {len(asked)} items")
        for (handle, request), result in zip(asked, results, strict=True):
            kind = self.kinds[request.slot]
            if result.status == BAD_INDEX_RANGE_NO_DATA and request.index_range is not None:
                # Free is whether a range that has nothing in it now is refused (5.13.2.4), or waits for something.
                value = self.now[request.slot].value
                require(value is None or len(value) <= request.index_range[0], f"no data in {value}: {request}")
                continue
            if not self._accepted(request.parameters, kind, result):
                continue
            require(result.item not in known.items, "an id in use")
            item = ModelItem(
                handle,
                request.slot,
                kind,
                request.mode,
                result.sampling,
                self._on_change(kind, request.parameters, result),
                result.size,
                request.parameters.discard_oldest,
                filter_of(request.parameters.filter, kind),
                stamps,
                request.index_range,
            )
            known.items[result.item] = item
            if request.mode != DISABLED:
                item.begin(self.now[request.slot])

    def item_modified(
        self,
        subscription: int,
        key: int,
        asked: ItemParameters,
        stamps: int,
        status: int,
        result: ItemResult | None,
    ) -> None:
        if (known := self._known(subscription, status)) is None or result is None:
            return
        known.unused = 0
        item = known.items.get(key)
        if item is None:
            require(result.status == BAD_MONITORED_ITEM_ID_INVALID, f"item {key}: 0x{result.status:08X}")
            return
        if not self._accepted(asked, item.kind, result):
            return
        item.sampling, item.size, item.discard_oldest = result.sampling, result.size, asked.discard_oldest
        item.on_change = self._on_change(item.kind, asked, result)
        item.filter = filter_of(asked.filter, item.kind)
        if item.modified(stamps, self.now[item.slot]):
            self._trigger(known, item, surely=False)

    def mode_set(self, subscription: int, keys: Sequence[int], mode: int, status: int, results: Sequence[int]) -> None:
        if (known := self._known(subscription, status)) is None:
            return
        known.unused = 0
        self._check_items(known, keys, results)
        items = [known.items[key] for key in keys if key in known.items]
        begun = [item for item in items if item.set_mode(mode, self.now[item.slot])]
        for item in begun:
            # Free is whether the first sample of a triggering item, which no filter has passed, triggers.
            self._trigger(known, item, surely=False)

    def items_deleted(self, subscription: int, keys: Sequence[int], status: int, results: Sequence[int]) -> None:
        if (known := self._known(subscription, status)) is None:
            return
        known.unused = 0
        self._check_items(known, keys, results)
        for key in keys:
            known.items.pop(key, None)

    def triggering_set(
        self,
        subscription: int,
        triggering: int,
        add: Sequence[int],
        remove: Sequence[int],
        results: tuple[int, Sequence[int], Sequence[int]],
    ) -> None:
        """Check SetTriggering (5.13.5); ``results``: the service's StatusCode, then those of what is added, removed."""
        status, added, removed = results
        known = self._known(subscription, status, BAD_MONITORED_ITEM_ID_INVALID)
        if known is None:
            return
        known.unused = 0
        item = known.items.get(triggering)
        require((status == GOOD) == (item is not None), f"triggering item {triggering}: 0x{status:08X}")
        if item is None:
            return
        linked = {link for link in item.links if link in known.items}
        # The list of links to remove is processed before the links to add.
        for key, code in zip(remove, removed, strict=True):
            require((code == GOOD) == (key in linked), f"unlinked {key}: 0x{code:08X}")
            linked.discard(key)
        for key, code in zip(add, added, strict=True):
            require((code == GOOD) == (key in known.items), f"linked {key}: 0x{code:08X}")
            if code == GOOD:
                linked.add(key)
        item.links = linked

    # -- what several have in common

    def _owe(self, known: ModelSubscription, status: int) -> None:
        """Let a session be told that a subscription is its no more, at once or with its next request (5.14.1.1).

        Free is whether the notice uses a sequence number, and whether it is told at all where no request waits.
        """
        self.notices.setdefault(known.session, []).append((known.id, status, frozenset(known.next_sequence)))
        known.notice_sent()

    def _noticed(self, answer: Answer) -> bool:
        """Tell whether an answer is such a notice; it is told once."""
        message = answer.message
        if message.status is None:
            return False
        owed = self.notices.get(answer.session, [])
        found = [one for one in owed if one[:2] == (answer.subscription, message.status) and message.sequence in one[2]]
        require(found and not message.values, f"a notice of nothing: {answer}, owed {owed}")
        owed.remove(found[0])
        return True

    def _known(self, subscription: int, status: int, *also: int) -> ModelSubscription | None:
        known = self.subscriptions.get(subscription)
        if known is None:
            require(status == BAD_SUBSCRIPTION_ID_INVALID, f"subscription {subscription}: 0x{status:08X}")
        else:
            require(status in (GOOD, *also), f"subscription {subscription}: 0x{status:08X}")
        return known

    @staticmethod
    def _check_items(known: ModelSubscription, keys: Sequence[int], results: Sequence[int]) -> None:
        gone: set[int] = set()
        require(len(results) == len(keys), f"{len(results)} results for {len(keys)} items")
        for key, code in zip(keys, results, strict=True):
            expected = GOOD if key in known.items and key not in gone else BAD_MONITORED_ITEM_ID_INVALID
            require(code == expected, f"item {key}: 0x{code:08X}, not 0x{expected:08X}")

    @staticmethod
    def _accepted(asked: ItemParameters, kind: PointKind, result: ItemResult) -> bool:
        allowed = is_allowed(asked.filter, kind)
        if result.status != GOOD:
            require(not allowed and result.status in FILTER_REFUSALS, f"{asked} of {kind}: 0x{result.status:08X}")
            return False
        require(allowed is not False, f"{asked} of {kind} was taken")
        # 5.13.1.5 and 7.21: 0 and 1 mean 1; a server may only offer less than asked where it has a limit.
        require(result.size == max(1, asked.size), f"queue of {result.size} for {asked.size}")
        # 7.21: equal or higher than requested. Faster than the point's own scan there is nothing to be had.
        if asked.sampling >= 0:
            highest = max(asked.sampling, kind.scan * 1e3)
            require(asked.sampling <= result.sampling <= highest, f"sampling {result.sampling} for {asked.sampling}")
        return True

    @staticmethod
    def _on_change(kind: PointKind, asked: ItemParameters, result: ItemResult) -> bool:
        return asked.sampling == 0 or result.sampling <= kind.scan * 1e3

    def _acknowledge(self, session: int, subscription: int, sequence: int) -> int | None:
        known = self.subscriptions.get(subscription)
        if known is None or known.session != session:
            return BAD_SUBSCRIPTION_ID_INVALID
        done = known.acknowledge(sequence)
        return None if done is None else GOOD if done else BAD_SEQUENCE_NUMBER_UNKNOWN

    def _consume(self, answer: Answer) -> None:
        """Use the request up that has waited longest (5.14.1.4, DequeuePublishReq)."""
        waiting = self.requests.get(answer.session)
        require(waiting, f"nobody asked for {answer}")
        expected = waiting.popleft() if waiting else ()
        same = len(expected) == len(answer.results) and all(
            code is None or code == given for code, given in zip(expected, answer.results, strict=True)
        )
        require(same, f"acknowledgements answered {answer.results}, not {expected}")

    def _lifetime(self, known: ModelSubscription, *, alive: bool) -> None:
        """5.14.1.1 counts up to the lifetime; the state table's row 27 ends it one or two cycles before."""
        if alive:
            require(known.unused < known.lifetime, f"alive after {known.unused} unused cycles, of {known.lifetime}")
        else:
            require(known.unused >= known.lifetime - 2, f"ended after {known.unused} cycles, of {known.lifetime}")
            self._end(known)

    def _end(self, known: ModelSubscription) -> None:
        del self.subscriptions[known.id]
        self._leave(known.session)

    def _leave(self, session: int) -> None:
        """Answer the requests of a session that has no subscription any more, with BadNoSubscription."""
        if not self.of(session):
            self.requests.pop(session, None)
