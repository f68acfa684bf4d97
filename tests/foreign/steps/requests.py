"""Publish requests, lifetime, priorities and transfer (Part 4 v1.05 5.14.1, 5.14.5, 5.14.7)."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, wait

from tests.foreign.relay import ANSWERS_WITHIN
from tests.foreign.steps.described import item
from tests.foreign.steps.message import message_of, statuses
from tests.foreign.steps.stage import Stage, Subscription
from tests.foreign.steps.step import steps

MORE_THAN_ANY_QUEUE = 3000


def no_subscription(stage: Stage) -> None:
    told = message_of(stage.session.call("Publish", subscriptionAcknowledgements=[]))
    assert told.result == "BadNoSubscription"


def too_many_publish_requests(stage: Stage) -> None:
    subscription = Subscription(stage.session, requestedPublishingInterval=60_000.0)
    waiting = [subscription.ask() for _ in range(MORE_THAN_ANY_QUEUE)]
    done, _ = wait(waiting, ANSWERS_WITHIN, FIRST_COMPLETED)
    assert done, "none was refused"
    refused = message_of(waiting[0].result(ANSWERS_WITHIN))
    assert refused.result == "BadTooManyPublishRequests", "the oldest makes room for the newest"
    assert not waiting[-1].done()


def lifetime_ends(stage: Stage) -> None:
    subscription = Subscription(stage.session, requestedLifetimeCount=3, requestedMaxKeepAliveCount=1)
    assert subscription.revised["revisedLifetimeCount"] == 3
    stage.let_cycles_pass(8)
    told = subscription.publish()
    assert (told.subscription, told.status_change) == (subscription.id, "BadTimeout"), told
    assert subscription.publish().result == "BadNoSubscription"


def lifetime_is_kept_by_publish(stage: Stage) -> None:
    subscription = Subscription(stage.session, requestedLifetimeCount=6, requestedMaxKeepAliveCount=2)
    # All are sent at once: a client that stands still for a lifetime would end it.
    for waiting in [subscription.ask() for _ in range(8)]:
        assert message_of(waiting.result(ANSWERS_WITHIN)).keeps_alive


def higher_priority_first(stage: Stage) -> None:
    stage.write("Level", 0.0)
    low = Subscription(stage.session, priority=1)
    high = Subscription(stage.session, priority=200)
    low.monitor(item(stage.node("Level"), 1))
    high.monitor(item(stage.node("Level"), 2))
    stage.let_cycles_pass(3)  # both wait for a Publish request now
    order = [low.publish().subscription, low.publish().subscription]
    assert order == [high.id, low.id]


def transfer_with_initial_values(stage: Stage) -> None:
    stage.write("Level", 3.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level"), 4))
    (told,) = subscription.collect(1)
    waiting = subscription.ask()
    with stage.other_session() as other:
        ids = [subscription.id, subscription.id + 1_000_000]
        answer = other.call("TransferSubscriptions", subscriptionIds=ids, sendInitialValues=True)
        assert statuses(answer) == ["Good", "BadSubscriptionIdInvalid"]
        assert answer["results"][0]["availableSequenceNumbers"] == [told.sequence]
        left = message_of(waiting.result(ANSWERS_WITHIN))
        while left.keeps_alive:  # the other session took a while to open
            left = subscription.publish()
        assert (left.subscription, left.status_change) == (subscription.id, "GoodSubscriptionTransferred")
        assert subscription.publish().result == "BadNoSubscription"
        subscription.session = other
        assert [(one.handle, one.value) for one in subscription.changes(1)] == [(4, 3.0)]
        stage.write("Level", 4.0)
        assert subscription.values(1) == [4.0]


def transfer_without_initial_values(stage: Stage) -> None:
    stage.write("Level", 3.0)
    subscription = Subscription(stage.session).begun()
    subscription.monitor(item(stage.node("Level")))
    assert subscription.values(1) == [3.0]
    with stage.other_session() as other:
        answer = other.call("TransferSubscriptions", subscriptionIds=[subscription.id], sendInitialValues=False)
        assert statuses(answer) == ["Good"]
        subscription.session = other
        assert subscription.values() == []
        stage.write("Level", 4.0)
        assert subscription.values(1) == [4.0]


def own_loop_of_the_client(stage: Stage) -> None:
    stage.write("Level", 0.0)
    wanted = [float(number) for number in range(1, 41)]
    assert stage.session.watch(stage.node("Level"), 100) == 0.0
    for value in wanted:
        stage.write("Level", value)
    assert stage.session.watched(41) == [0.0, *wanted]


STEPS = steps(
    no_subscription,
    too_many_publish_requests,
    lifetime_ends,
    lifetime_is_kept_by_publish,
    higher_priority_first,
    transfer_with_initial_values,
    transfer_without_initial_values,
    own_loop_of_the_client,
)
