"""Queues of monitored items (Part 4 v1.05 5.13.1.5)."""

from __future__ import annotations

from tests.foreign.steps.described import item
from tests.foreign.steps.stage import Stage, Subscription
from tests.foreign.steps.status import OVERFLOW
from tests.foreign.steps.step import steps


def queue_discards_the_oldest(stage: Stage) -> None:
    assert _five_values(stage, size=3, discard_oldest=True) == [(3.0, OVERFLOW), (4.0, 0), (5.0, 0)]


def queue_discards_the_newest(stage: Stage) -> None:
    assert _five_values(stage, size=3, discard_oldest=False) == [(1.0, 0), (2.0, 0), (5.0, OVERFLOW)]


def queue_of_one_never_overflows(stage: Stage) -> None:
    assert _five_values(stage, size=1, discard_oldest=True) == [(5.0, 0)]


def queue_size_is_revised(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    results = subscription.monitor(*[item(stage.node("Level"), size=size) for size in (0, 1, 7, 4_000_000_000)])
    told = [one["revisedQueueSize"] for one in results]
    assert told[:3] == [1, 1, 7]
    assert 7 < told[3] < 4_000_000_000


def _five_values(stage: Stage, *, size: int, discard_oldest: bool) -> list[tuple[float, int]]:
    """Write 1 to 5 between two messages of an item."""
    stage.write("Level", 0.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level"), size=size, discard_oldest=discard_oldest))
    assert subscription.values(1) == [0.0]
    subscription.enable(publishing=False)
    stage.write("Level", 1.0, 2.0, 3.0, 4.0, 5.0)
    subscription.enable(publishing=True)
    return [(one.value, one.status) for one in subscription.changes(1)]


STEPS = steps(queue_discards_the_oldest, queue_discards_the_newest, queue_of_one_never_overflows, queue_size_is_revised)
