"""AggregateFilter (Part 4 v1.05 7.22.4, Part 13 v1.05)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import fmean

from tests.foreign.relay import ANSWERS_WITHIN
from tests.foreign.steps.described import item
from tests.foreign.steps.items import SCAN
from tests.foreign.steps.message import Change, statuses
from tests.foreign.steps.stage import TAGS, Stage, Subscription
from tests.foreign.steps.status import CALCULATED, is_good
from tests.foreign.steps.step import steps

AVERAGE = "i=2342"
PROCESSING = 500.0
"""Milliseconds."""


def aggregate_average(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    ramp = stage.node("sim.ramp", TAGS)
    made, _ = subscription.monitor(item(ramp, 1, size=100, filtered=_average(AVERAGE)), item(ramp, 2, size=5000))
    result = made["filterResult"]
    assert result["is"] == "AggregateFilterResult"
    assert result["revisedProcessingInterval"] == PROCESSING
    found: list[Change] = []
    scans: list[Change] = []
    deadline = time.monotonic() + ANSWERS_WITHIN
    while len(found) < 4:  # one more than is looked at
        assert time.monotonic() < deadline, f"there came {found}"
        changes = subscription.publish().changes
        found += [one for one in changes if one.handle == 1 and is_good(one.status)]
        scans += [one for one in changes if one.handle == 2]
    width = timedelta(milliseconds=PROCESSING)
    starts = [one.source_time for one in found]
    # A gateway that stood still has intervals without any scan.
    assert all(after > before and not (after - before) % width for before, after in pairwise(starts))
    for start, one in list(zip(starts, found, strict=True))[1:]:
        assert one.type == "Double"
        assert one.status & CALCULATED == CALCULATED
        within = [scan.value for scan in scans if start <= scan.source_time < start + width]
        assert abs(one.value - fmean(within)) < 2 * SCAN / 1e3, (start, one, within)


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
