"""Where answers go, and where they never do."""

from __future__ import annotations

import json

import pytest

from server.pubsub.commands.answers import Reply, ReplyTopics, as_duplicate, encoded, matches
from server.pubsub.commands.refusal import CommandRefused
from server.pubsub.contract import MqttMessage

TOPICS = ReplyTopics("plant/json/commands/p", ["plant/"])


def asked(topic: str, correlation: bytes = b"", topics: ReplyTopics = TOPICS) -> Reply | None:
    return topics.asked_for(MqttMessage("t", b"", response_topic=topic, correlation=correlation))


def test_a_response_topic_is_used_with_its_correlation() -> None:
    assert asked("ann/answers", b"7") == Reply("ann/answers", b"7")
    assert asked("plant/json/commands/p/answers/ann") == Reply("plant/json/commands/p/answers/ann")
    assert asked("") is None
    assert TOPICS.by_id("x").topic == "plant/json/commands/p/answers/x"
    only = ReplyTopics("c", [], ["ann/+"])
    assert asked("ann/1", topics=only) is not None
    with pytest.raises(CommandRefused):
        asked("bob/1", topics=only)


@pytest.mark.parametrize(
    "topic",
    [
        *("other/json/data/q/g/w", "a/b/uadp/status/q", "other/json/commands/q", "json/metadata/q"),
        *(
            "a/+",
            "a/#",
            "$SYS/a",
            "plant/json/data/p/g/w",
            "plant/json/commands/p",
            "spBv1.0/g/DCMD/n/d",
            "a" * 2000,
            "a\0",
        ),
    ],
)
def test_other_peoples_topics_get_no_answers(topic: str) -> None:
    with pytest.raises(CommandRefused):
        asked(topic)


def test_correlation_data_are_bounded() -> None:
    with pytest.raises(CommandRefused):
        asked("a", b"x" * 2000)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "fits"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a", True),
        ("+/b", "a/c", False),
        ("a/b/#", "a", False),
    ],
)
def test_filters(topic_filter: str, topic: str, *, fits: bool) -> None:
    assert matches(topic_filter, topic) is fits


def test_a_very_long_answer_goes_without_its_values() -> None:
    made: dict[str, object] = {"id": "a", "status": {"Code": 0}, "results": ["x" * 300_000], "duplicate": False}
    short = encoded(made)
    assert len(short) < 1000
    assert json.loads(as_duplicate(short))["duplicate"] is True
