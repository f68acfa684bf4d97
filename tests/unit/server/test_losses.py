from __future__ import annotations

import pytest

from core.time import TICKS_PER_SECOND
from server.losses import Loss, LossCount, LossWatch
from tests.clock import START, ManualClock
from tests.waiting import until


class Places:
    """Counts that a test sets, and what a watch told of them."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.clock = ManualClock()
        self.told: list[Loss] = []

    def lose(self, place: str, samples: int, reason: str = "full") -> None:
        self.counts[place, reason] = self.counts.get((place, reason), 0) + samples

    def watch(self, interval: float = 3600) -> LossWatch:
        return LossWatch(
            lambda: (LossCount(*key, samples) for key, samples in self.counts.items()),
            self.told.append,
            interval=interval,
            clock=self.clock,
        )


async def test_what_came_new_is_told_by_place_with_its_interval() -> None:
    places = Places()
    watch = places.watch()
    places.lose("recorder", 7)
    places.lose("operator/x", 0)
    await places.clock.advance(1)
    watch.compare()
    await places.clock.advance(1)
    watch.compare()
    places.lose("recorder", 5)
    places.lose("operator/x", 2)
    await places.clock.advance(1)
    watch.compare()
    moments = [START + second * TICKS_PER_SECOND for second in range(4)]
    assert places.told == [
        Loss("recorder", 7, "full", moments[0], moments[1]),
        Loss("recorder", 5, "full", moments[2], moments[3]),
        Loss("operator/x", 2, "full", moments[2], moments[3]),
    ]
    assert (watch.losses, watch.total()) == (3, 14)


async def test_however_often_a_place_loses_it_is_one_event_with_the_sum_and_every_reason() -> None:
    places = Places()
    watch = places.watch()
    for _ in range(100):
        places.lose("outbox/samples", 3, "bytes")
        places.lose("outbox/samples", 1, "age")
    places.lose("outbox/pubsub", 1, "bytes")
    watch.compare()
    assert [(loss.place, loss.samples, loss.reason) for loss in places.told] == [
        ("outbox/samples", 400, "bytes; age"),
        ("outbox/pubsub", 1, "bytes"),
    ]


async def test_a_place_that_comes_later_is_told_from_its_first_loss_on() -> None:
    places = Places()
    watch = places.watch()
    watch.compare()
    places.lose("dataset/new", 4)
    watch.compare()
    assert [loss.samples for loss in places.told] == [4]


async def test_it_compares_by_itself_and_for_the_last_time_at_its_stop() -> None:
    places = Places()
    watch = places.watch(interval=0.01)
    await watch.start()
    places.lose("recorder", 1)
    await until(lambda: places.told)
    await watch.stop()
    slow = places.watch()
    await slow.start()
    places.lose("recorder", 1)
    await slow.stop()
    await slow.stop()
    assert [loss.samples for loss in places.told] == [1, 2]


async def test_stop_before_start_tells_nothing() -> None:
    places = Places()
    places.lose("recorder", 1)
    await places.watch().stop()
    assert not places.told


async def test_a_fault_in_the_telling_ends_nothing_and_the_loss_is_told_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    places = Places()
    told: list[Loss] = []
    faults = [ValueError("one listener's fault")]

    def tell(loss: Loss) -> None:
        if faults:
            raise faults.pop()
        told.append(loss)

    watch = LossWatch(lambda: [LossCount("recorder", "full", places.counts["recorder", "full"])], tell, interval=0.01)
    places.lose("recorder", 9)
    await watch.start()
    await until(lambda: told)
    await watch.stop()
    assert [loss.samples for loss in told] == [9]
    assert caplog.text.count("losses could not be compared, or told") == 1
