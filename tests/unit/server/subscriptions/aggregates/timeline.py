"""When samples and intervals count, for items of one AggregateFilter: slow and plain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.quality import Status
from server.subscriptions.aggregates.folding import MOST_INTERVALS
from server.subscriptions.aggregates.kinds import Asked
from tests.unit.server.subscriptions.aggregates.part13 import NO_VALUE, Interval, Result, Sample, calculate

UNREAD = (Status.BAD_WAITING_FOR_INITIAL_DATA | NO_VALUE, Status.BAD_NO_DATA | NO_VALUE)
_SECOND = 10_000_000


@dataclass
class Item:
    """``history``: samples at the times that count for them; ``done``: results by interval, not given yet."""

    open: int
    history: list[Sample] = field(default_factory=list[Sample])
    seen: tuple[int, Any, int] | None = None
    done: dict[int, Result] = field(default_factory=dict[int, Result])


class Timeline:
    def __init__(self, asked: Asked, *, stepped: bool) -> None:
        self.asked = asked
        self.stepped = stepped
        self.grace = min(asked.interval, _SECOND)
        self.items: dict[int, Item] = {}
        self.current = -1
        self.late = self.skipped = self.restarts = 0
        self.earlier: list[tuple[int, int, Result]] = []

    def number(self, moment: int) -> int:
        return max((moment - self.asked.start) // self.asked.interval, -1)

    def start(self, number: int) -> int:
        return self.asked.start + number * self.asked.interval

    def begin(self, index: int, value: Any, status: int, source_time: int, now: int) -> None:
        self.forget(index)
        self.keep_pace(now)
        number = self.number(now)
        if self.items:
            number = max(number, self.current)
        else:
            self.current = number
        item = self.items[index] = Item(number, seen=(source_time, repr(value), status))
        if status not in UNREAD:
            item.history.append(Sample(min(source_time, now), value, status))

    def forget(self, index: int) -> None:
        self.items.pop(index, None)
        self.earlier = [result for result in self.earlier if result[1] != index]

    def offer(self, index: int, value: Any, status: int, source_time: int, now: int) -> None:
        self.keep_pace(now)
        item = self.items[index]
        if item.seen == (source_time, repr(value), status) or status in UNREAD:
            return
        item.seen = (source_time, repr(value), status)
        time = min(source_time, now)
        if item.open >= 0 and time < self.start(item.open):
            time = max(now, self.start(item.open))
            self.late += 1
        if item.history:
            time = max(time, item.history[-1].time)
        sample = Sample(time, value, status)
        self.roll(item, self.number(time), sample)
        item.history.append(sample)

    def close(self, now: int) -> list[tuple[int, int, Result]]:
        """Give (interval's end, item, result), in the order of the intervals."""
        self.keep_pace(now)
        if not self.items:
            return []
        target = max(self.current, self.number(now - self.grace))
        for item in self.items.values():
            self.roll(item, target, None)
        target = max(target, min(self.number(now), *(item.open for item in self.items.values())))
        self.current = target
        given, self.earlier = self.earlier, []
        for number in sorted({number for item in self.items.values() for number in item.done if number < target}):
            for index, item in self.items.items():
                if number in item.done:
                    given.append((self.start(number + 1), index, item.done.pop(number)))
        return given

    def roll(self, item: Item, target: int, after: Sample | None) -> None:
        while item.open < target:
            if item.open >= 0:
                item.done[item.open] = self.result(item, after)
            following = max(item.open + 1, target - (MOST_INTERVALS - 1))
            self.skipped += max(following - max(item.open + 1, 0), 0)
            item.open = following

    def result(self, item: Item, after: Sample | None) -> Result:
        start = self.start(item.open)
        return calculate(
            Interval(
                self.asked.kind,
                self.asked.configuration,
                self.stepped,
                start,
                start + self.asked.interval,
                tuple(item.history),
                after,
            )
        )

    def keep_pace(self, now: int) -> None:
        if self.current < 0 or not self.items or now >= self.start(self.current - 1):
            return
        self.restarts += 1
        for number in sorted({number for item in self.items.values() for number in item.done}):
            for index, item in self.items.items():
                if number in item.done:
                    self.earlier.append((self.start(number + 1), index, item.done[number]))
        items, self.items = self.items, {}
        kept = self.earlier
        for index, item in items.items():
            if item.history:
                last = item.history[-1]
                self.begin(index, last.value, last.status, now, now)
            else:
                self.begin(index, 0, UNREAD[1], now, now)
        self.earlier = kept
