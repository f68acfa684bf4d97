"""Notification messages: cycles, keep-alives, acknowledgement, Republish (Part 4 v1.05 5.14.1, 5.14.4 to 5.14.6)."""

from __future__ import annotations

from tests.foreign.steps.described import item
from tests.foreign.steps.stage import Stage, Subscription
from tests.foreign.steps.status import name, names
from tests.foreign.steps.step import steps


def subscription_revised(stage: Stage) -> None:
    fast = Subscription(
        stage.session, requestedPublishingInterval=0.0, requestedLifetimeCount=1, requestedMaxKeepAliveCount=0
    ).revised
    assert fast["revisedPublishingInterval"] > 0.0
    assert fast["revisedMaxKeepAliveCount"] >= 1
    assert fast["revisedLifetimeCount"] >= 3 * fast["revisedMaxKeepAliveCount"]
    slow = Subscription(stage.session, requestedPublishingInterval=1e12).revised
    assert 0.0 < slow["revisedPublishingInterval"] < 1e12
    plain = Subscription(stage.session, requestedPublishingInterval=250.0, requestedLifetimeCount=90).revised
    assert (plain["revisedPublishingInterval"], plain["revisedLifetimeCount"]) == (250.0, 90)
    assert plain["revisedMaxKeepAliveCount"] == 3


def keep_alive(stage: Stage) -> None:
    subscription = Subscription(stage.session)
    first, second = subscription.publish(), subscription.publish()
    assert first.keeps_alive
    assert second.keeps_alive
    assert (first.sequence, second.sequence) == (1, 1), "the number that the next notification will have"
    assert first.available == []
    subscription.monitor(item(stage.node("Level")))
    (told,) = subscription.collect(1)
    assert told.sequence == 1
    after = subscription.publish()
    assert after.keeps_alive
    assert after.sequence == 2
    assert after.available == [1]


def max_notifications_per_publish(stage: Stage) -> None:
    subscription = Subscription(stage.session, maxNotificationsPerPublish=2).begun()
    subscription.monitor(*[item(stage.node("Level"), number) for number in range(5)])
    told = subscription.collect(5)
    assert [len(one.changes) for one in told] == [2, 2, 1]
    assert [one.more for one in told] == [True, True, False]
    assert [one.sequence for one in told] == [1, 2, 3]


def set_publishing_mode(stage: Stage) -> None:
    stage.write("Level", 0.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level")))
    assert subscription.values(1) == [0.0]
    subscription.enable(publishing=False)
    stage.write("Level", 1.0, 2.0)
    assert [subscription.publish().keeps_alive for _ in range(2)] == [True, True], "keep-alives go on"
    ids = [subscription.id, subscription.id + 1_000_000]
    answer = stage.session.call("SetPublishingMode", publishingEnabled=True, subscriptionIds=ids)
    assert names(answer["results"]) == ["Good", "BadSubscriptionIdInvalid"]
    assert subscription.values(2) == [1.0, 2.0]


def acknowledgements(stage: Stage) -> None:
    stage.write("Level", 0.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level")))
    (first,) = subscription.collect(1)
    stage.write("Level", 1.0)
    (second,) = subscription.collect(1)
    assert second.available == [first.sequence, second.sequence]
    mine = subscription.id
    told = subscription.publish((mine, first.sequence), (mine, first.sequence), (mine, 999), (mine + 1_000_000, 1))
    unknown = "BadSequenceNumberUnknown"
    assert told.acknowledged == ["Good", unknown, unknown, "BadSubscriptionIdInvalid"]
    assert told.available == [second.sequence]


def republish(stage: Stage) -> None:
    stage.write("Level", 7.25)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level"), 5))
    (told,) = subscription.collect(1)
    given = {"subscriptionId": subscription.id, "retransmitSequenceNumber": told.sequence}
    for _ in range(2):
        again = stage.session.call("Republish", **given)
        assert name(again["result"]) == "Good"
        assert again["notificationMessage"]["sequenceNumber"] == told.sequence
        ((data,),) = [again["notificationMessage"]["notificationData"]]
        ((one,),) = [data["monitoredItems"]]
        assert (one["clientHandle"], one["value"]["value"]) == (5, 7.25)
        assert one["value"]["source"] == told.changes[0].source
    assert subscription.publish((subscription.id, told.sequence)).acknowledged == ["Good"]
    assert name(stage.session.call("Republish", **given)["result"]) == "BadMessageNotAvailable"
    given["subscriptionId"] += 1_000_000
    assert name(stage.session.call("Republish", **given)["result"]) == "BadSubscriptionIdInvalid"


STEPS = steps(
    subscription_revised,
    keep_alive,
    max_notifications_per_publish,
    set_publishing_mode,
    acknowledgements,
    republish,
)
