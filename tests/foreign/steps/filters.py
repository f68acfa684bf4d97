"""Data change filters and index ranges (Part 4 v1.05 7.22.2, 7.27)."""

from __future__ import annotations

from tests.foreign.steps.described import data_change, item
from tests.foreign.steps.message import statuses
from tests.foreign.steps.stage import TAGS, Stage, Subscription
from tests.foreign.steps.status import name
from tests.foreign.steps.step import steps

STATUS, STATUS_VALUE, STATUS_VALUE_TIMESTAMP = range(3)
ABSOLUTE, PERCENT = 1, 2


def trigger_status(stage: Stage) -> None:
    register = stage.node("plc.Register", TAGS)
    stage.device.put("holding", 0, [5])
    stage.wait(lambda: stage.read(register) == 5)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(register, filtered=data_change(STATUS)))
    assert [name(one.status) for one in subscription.changes(1)] == ["Good"]
    stage.device.put("holding", 0, [6])
    stage.wait(lambda: stage.read(register) == 6)
    assert subscription.changes() == [], "the value alone is no change"
    stage.device.refuse("holding", 0, 0, 4)
    found = subscription.changes(1)
    assert [name(one.status) for one in found] == ["BadDeviceFailure"]
    stage.device.behave()
    assert [(one.value, name(one.status)) for one in subscription.changes(1)] == [(6, "Good")]


def trigger_status_value(stage: Stage) -> None:
    stage.write("Level", 1.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level"), filtered=data_change(STATUS_VALUE)))
    assert subscription.values(1) == [1.0]
    stage.write("Level", 1.0)
    assert subscription.values() == [], "the time alone is no change"
    stage.write("Level", 2.0)
    assert subscription.values(1) == [2.0]


def trigger_status_value_timestamp(stage: Stage) -> None:
    stage.write("Level", 1.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level"), filtered=data_change(STATUS_VALUE_TIMESTAMP)))
    (before,) = subscription.changes(1)
    stage.write("Level", 1.0)
    (after,) = subscription.changes(1)
    assert (before.value, after.value) == (1.0, 1.0)
    assert before.source_time < after.source_time


def deadband_absolute(stage: Stage) -> None:
    stage.write("Plain", 0.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Plain"), filtered=data_change(STATUS_VALUE, ABSOLUTE, 5.0)))
    assert subscription.values(1) == [0.0]
    stage.write("Plain", 3.0, 5.0, 5.5, 10.0, 11.0, 7.0, 5.0)
    assert subscription.values(2) == [5.5, 11.0, 5.0], "each measured from what was reported last"


def deadband_percent(stage: Stage) -> None:
    stage.write("Level", 0.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level"), filtered=data_change(STATUS_VALUE, PERCENT, 5.0)))
    assert subscription.values(1) == [0.0]
    stage.write("Level", 9.5, 10.5, 20.0, 21.0)  # EURange is -100 to 100: 5 % are 10
    assert subscription.values(2) == [10.5, 21.0]


def deadbands_refused(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    answer = subscription.create(
        item(stage.node("Plain"), filtered=data_change(STATUS_VALUE, PERCENT, 5.0)),
        item(stage.node("Level"), filtered=data_change(STATUS_VALUE, PERCENT, 101.0)),
        item(stage.node("Level"), filtered=data_change(STATUS_VALUE, ABSOLUTE, -1.0)),
        item(stage.node("Level"), filtered=data_change(STATUS_VALUE, 9, 1.0)),
        item(stage.node("Name"), filtered=data_change(STATUS_VALUE, ABSOLUTE, 1.0)),
        item(stage.node("Level"), 6, filtered=data_change(STATUS_VALUE, ABSOLUTE, 1.0)),
    )
    wrong = "BadDeadbandFilterInvalid"
    assert statuses(answer) == [wrong, wrong, wrong, wrong, "BadFilterNotAllowed", "Good"]
    assert [one.handle for one in subscription.changes(1)] == [6]


def index_range(stage: Stage) -> None:
    stage.write("Curve", [1.0, 2.0, 3.0, 4.0])
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Curve"), index_range="1:2"))
    assert subscription.values(1) == [[2.0, 3.0]]
    stage.write("Curve", [9.0, 2.0, 3.0, 9.0])
    assert subscription.values() == [], "the part that is watched is as it was"
    stage.write("Curve", [9.0, 2.0, 8.0, 9.0])
    assert subscription.values(1) == [[2.0, 8.0]]


def index_range_refused(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    answer = subscription.create(
        item(stage.node("Curve"), 1, index_range="3:1"), item(stage.node("Curve"), 2, index_range="0")
    )
    assert statuses(answer) == ["BadIndexRangeInvalid", "Good"]
    assert [one.handle for one in subscription.changes(1)] == [2]


def index_range_without_data(stage: Stage) -> None:
    stage.write("Curve", [1.0, 2.0])
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Curve"), index_range="2:3"))
    assert [name(one.status) for one in subscription.changes(1)] == ["BadIndexRangeNoData"]
    stage.write("Curve", [1.0, 2.0, 3.0, 4.0])
    assert subscription.values(1) == [[3.0, 4.0]], "the array has grown into the range"


STEPS = steps(
    trigger_status,
    trigger_status_value,
    trigger_status_value_timestamp,
    deadband_absolute,
    deadband_percent,
    deadbands_refused,
    index_range,
    index_range_refused,
    index_range_without_data,
)
