"""AggregateFilter (Part 4 v1.05 7.22.4, Part 13 v1.05)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.foreign.steps.described import item
from tests.foreign.steps.items import SCAN
from tests.foreign.steps.message import statuses
from tests.foreign.steps.stage import TAGS, Stage, Subscription
from tests.foreign.steps.status import CALCULATED, is_good
from tests.foreign.steps.step import steps

AVERAGE = "i=2342"
PROCESSING = 500.0
"""Milliseconds."""
RAMP = timedelta(seconds=100)
"""A period, in which the simulator's ramp rises from 0 to 100."""


def aggregate_average(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    ramp = stage.node("sim.ramp", TAGS)
    (made,) = subscription.monitor(item(ramp, size=100, filtered=_average(AVERAGE)))
    result = made["filterResult"]
    assert result["is"] == "AggregateFilterResult"
    assert result["revisedProcessingInterval"] == PROCESSING
    found = [one for one in subscription.gather(5) if is_good(one.status)][1:]
    assert len(found) >= 3
    starts = [one.source_time for one in found]
    apart = {after - before for before, after in pairwise(starts)}
    assert apart == {timedelta(milliseconds=PROCESSING)}
    for start, one in zip(starts, found, strict=True):
        assert one.type == "Double"
        assert one.status & CALCULATED == CALCULATED
        middle = (start + timedelta(milliseconds=PROCESSING / 2)).timestamp() % RAMP.total_seconds()
        turns = not PROCESSING / 1e3 < middle < RAMP.total_seconds() - PROCESSING / 1e3
        assert turns or abs(one.value - middle) < 2 * SCAN / 1e3, (start, one)


def aggregate_refused(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    answer = subscription.create(item(stage.node("Level"), 1, filtered=_average("i=85")), item(stage.node("Level"), 2))
    assert statuses(answer) == ["BadAggregateNotSupported", "Good"]
    assert [one.handle for one in subscription.changes(1)] == [2]


def _average(aggregate: str) -> dict[str, object]:
    return {
        "is": "AggregateFilter",
        "startTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "aggregateType": aggregate,
        "processingInterval": PROCESSING,
        "aggregateConfiguration": {"useServerCapabilitiesDefaults": True},
    }


STEPS = steps(aggregate_average, aggregate_refused)
