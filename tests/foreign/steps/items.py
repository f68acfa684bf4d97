"""Sampling intervals, monitoring modes and triggering (Part 4 v1.05 5.13.1, 5.13.2, 5.13.4, 5.13.5)."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

from tests.foreign.steps.described import DISABLED, REPORTING, SAMPLING, item
from tests.foreign.steps.message import Change
from tests.foreign.steps.stage import INTERVAL, NEITHER, SERVER_TIME, SOURCE, TAGS, Stage, Subscription
from tests.foreign.steps.status import name, names
from tests.foreign.steps.step import steps

SCAN = 20.0
"""Milliseconds: how often the simulator's values are made."""


def initial_value(stage: Stage) -> None:
    stage.write("Level", 12.5)
    stage.write("Name", "Fräse", kind="String")
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level"), 1), item(stage.node("Name"), 2))
    found = subscription.changes(2)
    assert [(one.handle, one.value, one.type, one.status) for one in sorted(found, key=_handle)] == [
        (1, 12.5, "Double", 0),
        (2, "Fräse", "String", 0),
    ]


def _handle(change: Change) -> int:
    return change.handle


def sampling_interval_revised(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    ramp = stage.node("sim.ramp", TAGS)
    asked = (-1.0, 0.0, SCAN / 4, 250.0, 1e12)
    results = subscription.monitor(*[item(ramp, number, sampling=one) for number, one in enumerate(asked)])
    told = [one["revisedSamplingInterval"] for one in results]
    assert told[0] == INTERVAL, "a negative interval is the publishing interval"
    assert 0.0 <= told[1] <= SCAN
    assert told[2] == SCAN, "no faster than the values are made, and told so"
    assert told[3] == 250.0
    assert 0.0 < told[4] < 1e12


def sampling_interval_honoured(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    subscription.monitor(
        item(stage.node("sim.ramp", TAGS), 1, sampling=200.0, size=1000),
        item(stage.node("sim.counter", TAGS), 2, sampling=0.0, size=1000),
    )
    found = subscription.gather(60)
    slow = [one.source_time for one in found if one.handle == 1]
    assert len(slow) >= 3
    # A sample is the scan's value of the moment, and a gateway that stood still takes the next one when it is due: from
    # any to any later one there are no more intervals than fit, but for one that began late.
    least = [timedelta(milliseconds=200.0 * (apart - 1) - 3 * SCAN) for apart in range(len(slow))]
    assert all(slow[last] - slow[first] >= least[last - first] for first, last in combinations(range(len(slow)), 2))
    assert slow == sorted(set(slow))
    fast = [one.value for one in found if one.handle == 2]
    assert fast == list(range(int(fast[0]), int(fast[0]) + len(fast))), "every scan's value is there"


def timestamps_to_return(stage: Stage) -> None:
    stage.write("Level", 1.5)
    subscription = Subscription(stage.session).begun()
    seen: dict[int, tuple[bool, bool]] = {}
    for which in (SOURCE, SERVER_TIME, NEITHER):
        subscription.monitor(item(stage.node("Level"), which), timestamps=which)
        (change,) = subscription.changes(1)
        seen[change.handle] = (change.source is not None, change.server is not None)
    assert seen == {SOURCE: (True, False), SERVER_TIME: (False, True), NEITHER: (False, False)}
    answer = subscription.create(item(stage.node("Level")), timestamps=4)
    assert name(answer["result"]) == "BadTimestampsToReturnInvalid"


def mode_disabled(stage: Stage) -> None:
    stage.write("Level", 1.0)
    subscription = Subscription(stage.session).begun()
    (made,) = subscription.monitor(item(stage.node("Level"), mode=DISABLED))
    stage.write("Level", 2.0, 3.0)
    assert subscription.values() == []
    assert subscription.mode(REPORTING, made["monitoredItemId"]) == ["Good"]
    assert subscription.values(1) == [3.0], "enabled, it reports the first sample"
    subscription.enable(publishing=False)
    stage.write("Level", 4.0)
    assert subscription.mode(DISABLED, made["monitoredItemId"]) == ["Good"]
    subscription.enable(publishing=True)
    assert subscription.values() == [], "what was queued is deleted"


def mode_sampling(stage: Stage) -> None:
    stage.write("Level", 1.0)
    subscription = Subscription(stage.session).begun()
    (made,) = subscription.monitor(item(stage.node("Level"), mode=SAMPLING))
    stage.write("Level", 2.0, 3.0)
    assert subscription.values() == []
    wrong = made["monitoredItemId"] + 1_000_000
    assert subscription.mode(REPORTING, made["monitoredItemId"], wrong) == ["Good", "BadMonitoredItemIdInvalid"]
    assert subscription.values(3) == [1.0, 2.0, 3.0], "what was queued while sampling is reported"


def triggering(stage: Stage) -> None:
    stage.write("Level", 0.0)
    stage.write("Count", 0, kind="Int32")
    subscription = Subscription(stage.session).begun()
    leader, led = subscription.monitor(item(stage.node("Level"), 1), item(stage.node("Count"), 2, mode=SAMPLING))
    assert [one.handle for one in subscription.changes(1)] == [1]
    wrong = led["monitoredItemId"] + 1_000_000
    given = {"subscriptionId": subscription.id, "triggeringItemId": leader["monitoredItemId"]}
    links = [led["monitoredItemId"], wrong]
    answer = stage.session.call("SetTriggering", **given, linksToAdd=links, linksToRemove=[])
    assert name(answer["result"]) == "Good"
    assert names(answer["addResults"]) == ["Good", "BadMonitoredItemIdInvalid"]
    stage.write("Count", 1, 2, kind="Int32")
    assert subscription.changes() == [], "a linked item reports nothing of itself"
    stage.write("Level", 1.0)
    found = subscription.changes(2)
    assert [one.value for one in found if one.handle == 1] == [1.0]
    assert [one.value for one in found if one.handle == 2] == [0, 1, 2]
    answer = stage.session.call("SetTriggering", **given, linksToAdd=[], linksToRemove=links)
    assert names(answer["removeResults"]) == ["Good", "BadMonitoredItemIdInvalid"]
    stage.write("Count", 3, kind="Int32")
    stage.write("Level", 2.0)
    assert [(one.handle, one.value) for one in subscription.changes(1)] == [(1, 2.0)]


STEPS = steps(
    initial_value,
    sampling_interval_revised,
    sampling_interval_honoured,
    timestamps_to_return,
    mode_disabled,
    mode_sampling,
    triggering,
)
