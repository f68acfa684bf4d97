"""The Server object's methods for subscriptions (Part 5 v1.05 9.1, 9.2, 9.3)."""

from __future__ import annotations

from tests.foreign.steps.described import SAMPLING, item
from tests.foreign.steps.stage import Stage, Subscription
from tests.foreign.steps.step import steps

GET_MONITORED_ITEMS, RESEND_DATA, SET_SUBSCRIPTION_DURABLE = "i=11492", "i=12873", "i=12749"
NOBODY = 1_000_000_000
"""A SubscriptionId that was never given."""


def get_monitored_items(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    made = subscription.monitor(item(stage.node("Level"), 11), item(stage.node("Name"), 12))
    status, outputs = stage.method(stage.session, GET_MONITORED_ITEMS, subscription.id)
    assert status == "Good"
    told = sorted(zip(*outputs, strict=True))
    assert told == sorted(zip([one["monitoredItemId"] for one in made], [11, 12], strict=True))
    assert stage.method(stage.session, GET_MONITORED_ITEMS, NOBODY)[0] == "BadSubscriptionIdInvalid"
    with stage.other_session() as other:
        assert stage.method(other, GET_MONITORED_ITEMS, subscription.id)[0] == "BadUserAccessDenied"


def resend_data(stage: Stage) -> None:
    stage.write("Level", 6.5)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level"), 1), item(stage.node("Count"), 2, mode=SAMPLING))
    assert [one.handle for one in subscription.changes(1)] == [1]
    assert stage.method(stage.session, RESEND_DATA, subscription.id)[0] == "Good"
    assert [(one.handle, one.value) for one in subscription.changes(1)] == [(1, 6.5)]
    assert stage.method(stage.session, RESEND_DATA, NOBODY)[0] == "BadSubscriptionIdInvalid"
    with stage.other_session() as other:
        assert stage.method(other, RESEND_DATA, subscription.id)[0] == "BadUserAccessDenied"


def set_subscription_durable(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    status, outputs = stage.method(stage.session, SET_SUBSCRIPTION_DURABLE, subscription.id, 1)
    assert status == "Good"
    assert outputs[0] >= 1, "hours, revised"
    assert stage.method(stage.session, SET_SUBSCRIPTION_DURABLE, NOBODY, 1)[0] == "BadSubscriptionIdInvalid"
    subscription.monitor(item(stage.node("Level")))
    assert stage.method(stage.session, SET_SUBSCRIPTION_DURABLE, subscription.id, 1)[0] == "BadInvalidState"


STEPS = steps(get_monitored_items, resend_data, set_subscription_durable)
