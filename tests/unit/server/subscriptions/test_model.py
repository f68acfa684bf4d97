"""Random traffic through the column engine, and through one plain queue for each item (Part 4 v1.05 5.13)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from tests.unit.server.subscriptions.endpoint import Endpoint, Notified, endpoint, monitoring, plain, request

TYPES = [DataType.DOUBLE, DataType.DOUBLE, DataType.INT16, DataType.BOOLEAN, DataType.STRING]
SCANS = [0.1, 0.0, 0.1, 1.0, 0.1]
OVERFLOW = 0x480
DISABLED, SAMPLING, REPORTING = 0, 1, 2
STATUS, STATUS_VALUE, STATUS_VALUE_TIMESTAMP = 0, 1, 2
Value = tuple[Any, int, int]
"""Value, StatusCode, source time."""


@dataclass
class ModelItem:
    slot: int
    handle: int
    mode: int
    sampling: float
    size: int
    discard_oldest: bool
    trigger: int | None
    deadband: float | None
    queue: list[Value] = field(default_factory=list[Value])
    last: Value | None = None

    @property
    def effective_trigger(self) -> int:
        if self.deadband is not None and self.trigger == STATUS_VALUE_TIMESTAMP:
            return STATUS_VALUE
        return STATUS_VALUE if self.trigger is None else self.trigger

    @property
    def on_change(self) -> bool:
        """Whether every sample of the point counts, because it is not asked more slowly than the point's scan."""
        return self.sampling == 0 or self.sampling / 1e3 <= SCANS[self.slot]

    @property
    def kind(self) -> object:
        """What decides how it is sampled."""
        pace = 0.0 if self.on_change else max(self.sampling, 10.0)
        return pace, self.effective_trigger, bool(self.deadband)

    def observe(self, value: Value) -> None:
        if self.mode != DISABLED and (self.last is None or self._differs(value, self.last)):
            self.push(value)

    def _differs(self, new: Value, old: Value) -> bool:
        if new[1] != old[1]:
            return True
        if self.effective_trigger == STATUS:
            return False
        if self.effective_trigger == STATUS_VALUE_TIMESTAMP and new[2] != old[2]:
            return True
        if plain(new[0]) == plain(old[0]):
            return False
        if self.deadband and isinstance(new[0], (int, float)) and not isinstance(new[0], bool):
            return not abs(new[0] - old[0]) <= self.deadband
        return True

    def push(self, value: Value) -> None:
        self.last = value
        self.queue.append(value)
        self.trim()

    def trim(self) -> None:
        """Cut the queue to its size; the value beside the gap carries the Overflow bit, but not in a queue of one."""
        if len(self.queue) <= self.size:
            return
        if self.discard_oldest:
            self.queue = self.queue[-self.size :]
            marked = 0
        else:
            self.queue = [*self.queue[: self.size - 1], self.queue[-1]]
            marked = -1
        if self.size > 1:
            value, status, time = self.queue[marked]
            self.queue[marked] = (value, status | OVERFLOW, time)


items = st.fixed_dictionaries(
    {
        "mode": st.sampled_from([DISABLED, SAMPLING, REPORTING, REPORTING]),
        "sampling": st.sampled_from([0.0, 0.0, 50.0, 100.0, 250.0, 1000.0, 3000.0]),
        "size": st.integers(1, 4),
        "discard_oldest": st.booleans(),
        "trigger": st.sampled_from([None, STATUS, STATUS_VALUE, STATUS_VALUE_TIMESTAMP]),
        "deadband": st.sampled_from([None, None, 0.0, 1.0, 5.0]),
    }
)
numbers = st.sampled_from([0, 1, 2, 3, 10, -10])
values: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.DOUBLE: numbers.map(float) | st.sampled_from([math.nan, math.inf, 0.5]),
    DataType.INT16: numbers | st.sampled_from([-32768, 32767]),
    DataType.BOOLEAN: st.booleans(),
    DataType.STRING: st.sampled_from(["", "on", "off"]),
}
statuses = st.sampled_from([0, 0, 0, 0x40900000, 0x80310000])


class Traffic:
    """Does each thing to both and compares what comes out."""

    def __init__(self, data: st.DataObject, made: Endpoint) -> None:
        self.data = data
        self.made = made
        self.now: list[Value] = [(None, 0x80320000, 10)] * len(TYPES)
        self.model: dict[int, ModelItem] = {}
        self.subscription: Any = None
        self.limit = 0
        self.handles = 1000

    async def run(self) -> None:
        self.limit = self.data.draw(st.sampled_from([0, 0, 1, 3]), label="max notifications")
        self.subscription = await self.made.subscribe(max_notifications=self.limit)
        actions = [self.create, self.put, self.put, self.put, self.tick, self.modify, self.set_mode, self.delete]
        for _ in range(self.data.draw(st.integers(5, 25), label="steps")):
            await self.data.draw(st.sampled_from([*actions, self.publish]), label="action")()
        for _ in range(200):
            if not self.subscription.pending:
                break
            await self.publish()
        assert not any(item.queue for item in self.model.values() if item.mode == REPORTING)

    async def create(self) -> None:
        slot = self.data.draw(st.integers(0, len(TYPES) - 1), label="slot")
        asked = self._parameters(slot)
        self.handles += 1
        handle = self.handles
        mode = asked.pop("mode")
        (result,) = await self.made.monitor(self.subscription, request(slot, handle, mode, **asked))
        result.StatusCode.check()
        item = ModelItem(slot, handle, mode, **asked)
        self.model[result.MonitoredItemId] = item
        if mode != DISABLED:
            item.push(self.now[slot])

    async def put(self) -> None:
        chosen = self.data.draw(st.sets(st.integers(0, len(TYPES) - 1), min_size=1), label="slots")
        status = self.data.draw(statuses)
        drawn = {slot: self.data.draw(values[TYPES[slot]], label=f"value {slot}") for slot in chosen}
        self.made.put(drawn, status)
        for slot, value in drawn.items():
            if status & 0x80000000:  # the last value is held; one that never was, is the column's zero
                value = self.made.image.read(slot).value  # noqa: PLW2901 - as the image has it; test_image.py says why
            self.now[slot] = (value, status, self.made.moment)
            for item in self.model.values():
                if item.slot == slot and item.on_change:
                    item.observe(self.now[slot])

    async def tick(self) -> None:
        interval = self.data.draw(st.sampled_from([50.0, 100.0, 250.0, 1000.0, 3000.0]), label="interval")
        self.made.clock.tick(interval / 1e3)
        for item in self.model.values():
            if not item.on_change and item.sampling == interval:
                item.observe(self.now[item.slot])

    async def modify(self) -> None:
        if not self.model:
            return
        key = self.data.draw(st.sampled_from(sorted(self.model)), label="item")
        item = self.model[key]
        asked = self._parameters(item.slot)
        del asked["mode"]
        params = ua.ModifyMonitoredItemsParameters()
        params.SubscriptionId = self.subscription.id
        params.TimestampsToReturn = ua.TimestampsToReturn.Both
        changed = ua.MonitoredItemModifyRequest()
        changed.MonitoredItemId = key
        changed.RequestedParameters = monitoring(item.handle, **asked)
        params.ItemsToModify = [changed]
        self.made.service.modify_monitored_items(params)[0].StatusCode.check()
        before, untracked = item.kind, item.on_change and item.kind == (0.0, STATUS_VALUE, False)
        for name, value in asked.items():
            setattr(item, name, value)
        if item.kind != before and item.mode != DISABLED:
            if untracked and item.last is not None:  # whether only the time has changed was of no interest until now
                item.last = (*item.last[:2], self.now[item.slot][2])
            item.observe(self.now[item.slot])

    async def set_mode(self) -> None:
        if not self.model:
            return
        chosen = self.data.draw(st.sets(st.sampled_from(sorted(self.model)), min_size=1), label="items")
        mode = self.data.draw(st.sampled_from([DISABLED, SAMPLING, REPORTING]), label="mode")
        params = ua.SetMonitoringModeParameters()
        params.SubscriptionId = self.subscription.id
        params.MonitoringMode = ua.MonitoringMode(mode)
        params.MonitoredItemIds = sorted(chosen)
        assert all(code.is_good() for code in await self.made.service.set_monitoring_mode(params))
        for key in chosen:
            item = self.model[key]
            before, item.mode = item.mode, mode
            if mode == DISABLED:
                item.queue, item.last = [], None
            elif before == DISABLED:
                item.push(self.now[item.slot])

    async def delete(self) -> None:
        if not self.model:
            return
        key = self.data.draw(st.sampled_from(sorted(self.model)), label="item")
        params = ua.DeleteMonitoredItemsParameters()
        params.SubscriptionId = self.subscription.id
        params.MonitoredItemIds = [key]
        assert self.made.service.delete_monitored_items(params)[0].is_good()
        del self.model[key]

    async def publish(self) -> None:
        for item in self.model.values():
            item.trim()
        waiting = {item.handle: item for item in self.model.values() if item.mode == REPORTING}
        expected = sum(len(item.queue) for item in waiting.values())
        came = await self.made.publish(self.subscription)
        assert len(came) == (min(expected, self.limit) if self.limit else expected)
        for one in came:
            value, status, time = waiting[one.handle].queue.pop(0)
            if status == 0x80320000:
                value = None
            assert one == Notified(one.handle, plain(value), status, time)

    def _parameters(self, slot: int) -> dict[str, Any]:
        asked = dict(self.data.draw(items, label="parameters"))
        if not TYPES[slot].is_number:
            asked["deadband"] = None
        return asked


@settings(max_examples=200, deadline=None)
@given(st.data())
async def test_columns_report_what_a_queue_for_each_item_would(data: st.DataObject) -> None:
    async with endpoint(TYPES, SCANS) as made:
        await Traffic(data, made).run()
