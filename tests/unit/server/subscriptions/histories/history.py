"""Does one history to both, the engine and the model, and lets the model judge each answer."""

from __future__ import annotations

from collections.abc import Sequence

from tests.unit.server.subscriptions.histories.driver import Engine
from tests.unit.server.subscriptions.histories.messages import (
    BAD_NO_SUBSCRIPTION,
    DISABLED,
    Answer,
    ItemRequest,
    PointKind,
    require,
)
from tests.unit.server.subscriptions.histories.model import Model
from tests.unit.server.subscriptions.histories.strategies import (
    NO_INDEX,
    CreateItems,
    CreateSubscription,
    Cycle,
    DeleteItems,
    DeleteSubscription,
    ModifyItem,
    ModifySubscription,
    Publish,
    Put,
    Republish,
    Resend,
    SetMode,
    SetPublishing,
    SetTriggering,
    Step,
    Tick,
    Transfer,
    parameters_for,
)

MOST_SUBSCRIPTIONS, MOST_ITEMS = 3, 8
NOBODY = 4711
"""An id that no subscription and no item has."""


class History:
    """Plays the steps; indexes in them name whatever there is then, or something that is not."""

    def __init__(self, engine: Engine, kinds: Sequence[PointKind]) -> None:
        self.engine = engine
        self.model = Model(kinds, [engine.now(slot) for slot in range(len(kinds))])
        self.seen: list[Answer] = []
        self.handle = 1000

    async def play(self, steps: Sequence[Step]) -> None:
        """Play all steps, then publish what still waits. Raises :class:`Difference`."""
        for step in steps:
            await self._do(step)
        for subscription in tuple(self.model.subscriptions.values()):
            await self._drain(subscription.id)

    async def _drain(self, subscription: int) -> None:
        known = self.model.subscriptions[subscription]
        self._do_set_publishing(subscription, enabled=True)
        for _ in range(MOST_ITEMS * 8):
            if not known.pending() and known.sent:
                return
            await self._do_publish(known.session, 0)
            await self._do_cycle(subscription)
            if subscription not in self.model.subscriptions:
                return
        require(not known.pending(), f"still waits after many cycles: {known.items}")

    async def _do(self, step: Step) -> None:  # noqa: C901, PLR0912 - one branch a kind of step
        match step:
            case Put():
                self.model.put(self.engine.put(dict(step.values), step.status))
            case Tick():
                self._do_tick(step)
            case Cycle():
                await self._do_cycle(self._subscription(step.subscription))
            case Publish():
                await self._do_publish(self._session(step.subscription), step.acks)
            case CreateItems():
                await self._do_create_items(step)
            case ModifyItem():
                await self._do_modify_item(step)
            case SetMode():
                await self._do_set_mode(step)
            case DeleteItems():
                await self._do_delete_items(step)
            case CreateSubscription():
                self._do_create_subscription(step)
            case ModifySubscription():
                chosen = self._subscription(step.subscription)
                result = self.engine.modify_subscription(self._owner(chosen), chosen, step.parameters)
                self.model.modified(chosen, step.parameters, result)
            case SetPublishing():
                self._do_set_publishing(self._subscription(step.subscription), enabled=step.enabled)
            case DeleteSubscription():
                chosen = self._subscription(step.subscription)
                self.model.deleted(chosen, self.engine.delete_subscription(self._owner(chosen), chosen))
            case Republish():
                self._do_republish(step)
            case Transfer():
                await self._do_transfer(step)
            case Resend():
                chosen = self._subscription(step.subscription)
                self.model.resent(chosen, self.engine.resend(self._owner(chosen), chosen))
            case SetTriggering():
                self._do_set_triggering(step)

    def _do_tick(self, step: Tick) -> None:
        intervals = {
            item.sampling
            for subscription in self.model.subscriptions.values()
            for item in subscription.items.values()
            if not item.on_change and item.mode != DISABLED
        }
        clocks = sorted(intervals | set(self.engine.intervals()))
        if clocks:
            interval = clocks[step.clock % len(clocks)]
            self.engine.tick(interval)
            self.model.tick(interval)

    async def _do_cycle(self, subscription: int) -> None:
        if subscription in self.model.subscriptions:
            answers, alive = await self.engine.cycle(subscription)
            self.seen.extend(answers)
            self.model.cycled(subscription, answers, alive=alive)

    async def _do_publish(self, session: int, chosen: int) -> None:
        acks = [
            (answer.subscription, answer.message.sequence)
            for bit, answer in enumerate(self.seen[-7:])
            if chosen >> bit & 1
        ]
        if chosen & 0x80:
            acks += [(self.seen[-1].subscription, NOBODY) if self.seen else (NOBODY, 1)]
        status, refused, answers = await self.engine.publish(session, acks)
        self.seen.extend(answers)
        if status == BAD_NO_SUBSCRIPTION:
            self.model.refused(session)
            return
        self.model.published(session, acks, refused, answers)

    def _do_create_subscription(self, step: CreateSubscription) -> None:
        if len(self.model.subscriptions) < MOST_SUBSCRIPTIONS:
            result = self.engine.create_subscription(step.session, step.parameters, enabled=step.enabled)
            self.model.created(step.session, step.parameters, result, enabled=step.enabled)

    def _do_set_publishing(self, subscription: int, *, enabled: bool) -> None:
        status = self.engine.set_publishing(self._owner(subscription), subscription, enabled=enabled)
        self.model.publishing_set(subscription, status, enabled=enabled)

    def _do_republish(self, step: Republish) -> None:
        subscription, sequence = self._subscription(step.subscription), NOBODY
        for answer in self.seen[::-1][step.back : step.back + 1]:
            subscription, sequence = answer.subscription, answer.message.sequence
        status, message = self.engine.republish(self._owner(subscription), subscription, sequence)
        self.model.republished(subscription, sequence, status, message)

    async def _do_transfer(self, step: Transfer) -> None:
        subscription = self._subscription(step.subscription)
        known = self.model.subscriptions.get(subscription)
        if known is not None and known.session == step.session:
            return  # to the session that has it: the state table (22) refuses, other servers find nothing to do
        status, available, told = await self.engine.transfer(subscription, step.session, initial=step.initial)
        self.model.transferred(subscription, step.session, status, available, told, initial=step.initial)

    async def _do_create_items(self, step: CreateItems) -> None:
        count = sum(len(one.items) for one in self.model.subscriptions.values())
        asked: list[tuple[int, ItemRequest]] = []
        for request in step.items[: MOST_ITEMS - count]:
            self.handle += 1
            asked.append((self.handle, request))
        if asked:
            subscription = self._subscription(step.subscription)
            status, results = await self.engine.create_items(
                self._owner(subscription), subscription, asked, step.stamps
            )
            self.model.items_created(subscription, asked, step.stamps, status, results)

    async def _do_modify_item(self, step: ModifyItem) -> None:
        subscription = self._subscription(step.subscription)
        item = self._item(subscription, step.item)
        known = self.model.subscriptions.get(subscription)
        modified = known.items.get(item) if known is not None else None
        handle, kind = (modified.handle, modified.kind) if modified is not None else (1, self.model.kinds[0])
        asked = parameters_for(step.drawn, kind)
        status, result = await self.engine.modify_item(
            self._owner(subscription), subscription, (item, handle), asked, step.stamps
        )
        self.model.item_modified(subscription, item, asked, step.stamps, status, result)

    async def _do_set_mode(self, step: SetMode) -> None:
        subscription = self._subscription(step.subscription)
        items = self._items(subscription, step.items)
        status, results = await self.engine.set_mode(self._owner(subscription), subscription, items, step.mode)
        self.model.mode_set(subscription, items, step.mode, status, results)

    async def _do_delete_items(self, step: DeleteItems) -> None:
        subscription = self._subscription(step.subscription)
        items = self._items(subscription, step.items)
        status, results = await self.engine.delete_items(self._owner(subscription), subscription, items)
        self.model.items_deleted(subscription, items, status, results)

    def _do_set_triggering(self, step: SetTriggering) -> None:
        subscription = self._subscription(step.subscription)
        item = self._item(subscription, step.item)
        add, remove = (self._items(subscription, bits) for bits in (step.add, step.remove))
        results = self.engine.set_triggering(self._owner(subscription), subscription, item, add, remove)
        self.model.triggering_set(subscription, item, add, remove, results)

    def _owner(self, subscription: int) -> int:
        """Give the session that a subscription belongs to; of none, any."""
        known = self.model.subscriptions.get(subscription)
        return known.session if known is not None else 0

    def _session(self, index: int) -> int:
        known = self.model.subscriptions.get(self._subscription(index))
        return known.session if known is not None else NOBODY

    def _subscription(self, index: int) -> int:
        """Name one of those there are, or none."""
        there = sorted(self.model.subscriptions)
        return there[index % len(there)] if there and index != NO_INDEX else NOBODY

    def _item(self, subscription: int, index: int) -> int:
        known = self.model.subscriptions.get(subscription)
        there = sorted(known.items) if known is not None else []
        return there[index % len(there)] if there and index != NO_INDEX else NOBODY

    def _items(self, subscription: int, bits: int) -> list[int]:
        """Name some of those there are, at least one; all bits name one that is not there, too."""
        known = self.model.subscriptions.get(subscription)
        there = sorted(known.items) if known is not None else []
        chosen = [key for bit, key in enumerate(there) if bits >> bit & 1]
        if bits == 0xFF or not there:
            chosen.append(NOBODY)
        return chosen or there[:1]
