"""What is refused alone, and what may be changed or deleted (Part 4 v1.05 5.13.2 to 5.13.6, 5.14.3, 5.14.8)."""

from __future__ import annotations

from typing import Any

from tests.foreign.relay import ANSWERS_WITHIN
from tests.foreign.steps.described import EVENT_NOTIFIER, data_change, item, parameters
from tests.foreign.steps.message import message_of, statuses
from tests.foreign.steps.stage import Stage, Subscription
from tests.foreign.steps.status import OVERFLOW, name, names
from tests.foreign.steps.step import steps

MAX_ITEMS_PER_CALL = "i=11714"
EXECUTABLE = 21
"""An attribute that only methods have."""


def refused_one_by_one(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    nothing: dict[str, Any] = {"is": "EventFilter", "selectClauses": [], "whereClause": {"elements": []}}
    answer = subscription.create(
        item(stage.node("Nothing"), 1),
        item(stage.node("Level"), 2, attribute=EXECUTABLE),
        item(stage.node("Line"), 3),
        item(stage.node("Level"), 4, filtered=nothing),
        item(stage.node("Level"), 5, attribute=EVENT_NOTIFIER, filtered=nothing),
        item(stage.node("Level"), 6),
    )
    assert name(answer["result"]) == "Good"
    attribute = "BadAttributeIdInvalid"
    assert statuses(answer) == [
        "BadNodeIdUnknown", attribute, attribute, "BadFilterNotAllowed", attribute, "Good"
    ]  # fmt: skip
    assert [one.handle for one in subscription.changes(1)] == [6]


def modify_monitored_items(stage: Stage) -> None:
    stage.write("Plain", 0.0)
    subscription = Subscription(stage.session).begun()
    (made,) = subscription.monitor(item(stage.node("Plain"), 1, size=10))
    assert subscription.values(1) == [0.0]
    subscription.enable(publishing=False)
    stage.write("Plain", 1.0, 2.0, 3.0)
    deadband = data_change(1, 1, 5.0)
    answer = stage.session.call(
        "ModifyMonitoredItems",
        subscriptionId=subscription.id,
        timestampsToReturn=2,
        itemsToModify=[
            {"monitoredItemId": made["monitoredItemId"], "requestedParameters": parameters(7, size=2)},
            {"monitoredItemId": made["monitoredItemId"] + 1_000_000, "requestedParameters": parameters(8)},
            {
                "monitoredItemId": made["monitoredItemId"],
                "requestedParameters": parameters(9, size=2, sampling=0.0, filtered=deadband),
            },
        ],
    )
    assert statuses(answer) == ["Good", "BadMonitoredItemIdInvalid", "Good"]
    assert answer["results"][0]["revisedQueueSize"] == 2
    subscription.enable(publishing=True)
    kept = [(one.handle, one.value, one.status) for one in subscription.changes(1)]
    assert kept == [(9, 2.0, OVERFLOW), (9, 3.0, 0)], "the latest values stay, the newer handle tells of them"
    stage.write("Plain", 7.0, 9.0)
    assert subscription.values(1) == [9.0], "the new filter holds"


def delete_monitored_items(stage: Stage) -> None:
    stage.write("Level", 0.0)
    subscription = Subscription(stage.session).begun()
    gone, stays = subscription.monitor(item(stage.node("Level"), 1), item(stage.node("Level"), 2))
    assert len(subscription.changes(2)) == 2
    ids = [gone["monitoredItemId"], gone["monitoredItemId"], stays["monitoredItemId"] + 1_000_000]
    answer = stage.session.call("DeleteMonitoredItems", subscriptionId=subscription.id, monitoredItemIds=ids)
    assert names(answer["results"]) == ["Good", "BadMonitoredItemIdInvalid", "BadMonitoredItemIdInvalid"]
    stage.write("Level", 1.0)
    assert [one.handle for one in subscription.changes(1)] == [2]


def modify_subscription(stage: Stage) -> None:
    subscription = Subscription(stage.session, requestedMaxKeepAliveCount=1000, requestedLifetimeCount=10_000).begun()
    given = {
        "requestedPublishingInterval": 60_000.0,
        "requestedLifetimeCount": 2,
        "requestedMaxKeepAliveCount": 2,
        "maxNotificationsPerPublish": 1,
        "priority": 0,
    }
    answer = stage.session.call("ModifySubscription", subscriptionId=subscription.id, **given)
    assert name(answer["result"]) == "Good"
    assert answer["revisedLifetimeCount"] >= 3 * answer["revisedMaxKeepAliveCount"]
    given |= {"requestedPublishingInterval": 75.0, "requestedLifetimeCount": 1000}
    answer = stage.session.call("ModifySubscription", subscriptionId=subscription.id, **given)
    assert name(answer["result"]) == "Good"
    assert answer["revisedPublishingInterval"] == 75.0
    assert answer["revisedMaxKeepAliveCount"] == 2
    assert subscription.publish().keeps_alive, "it comes soon now"
    subscription.monitor(item(stage.node("Level"), 1), item(stage.node("Count"), 2))
    assert [len(one.changes) for one in subscription.collect(2)] == [1, 1]
    wrong = stage.session.call("ModifySubscription", subscriptionId=subscription.id + 1_000_000, **given)
    assert name(wrong["result"]) == "BadSubscriptionIdInvalid"


def delete_subscriptions(stage: Stage) -> None:
    subscription = Subscription(stage.session, requestedMaxKeepAliveCount=1000, requestedLifetimeCount=10_000).begun()
    waiting = [subscription.ask(), subscription.ask()]
    ids = [subscription.id, subscription.id, subscription.id + 1_000_000]
    answer = stage.session.call("DeleteSubscriptions", subscriptionIds=ids)
    assert names(answer["results"]) == ["Good", "BadSubscriptionIdInvalid", "BadSubscriptionIdInvalid"]
    told = [message_of(one.result(ANSWERS_WITHIN)) for one in waiting]
    assert [one.result for one in told] == ["BadNoSubscription"] * 2, "what waits for the last one is answered"


def too_many_operations(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    limit = stage.read(MAX_ITEMS_PER_CALL)
    assert limit, "the limit is advertised"
    given = {"subscriptionId": subscription.id, "monitoredItemIds": [1] * (limit + 1)}
    assert name(stage.session.call("DeleteMonitoredItems", **given)["result"]) == "BadTooManyOperations"
    given["monitoredItemIds"] = []
    assert name(stage.session.call("DeleteMonitoredItems", **given)["result"]) == "BadNothingToDo"


STEPS = steps(
    refused_one_by_one,
    modify_monitored_items,
    delete_monitored_items,
    modify_subscription,
    delete_subscriptions,
    too_many_operations,
)
