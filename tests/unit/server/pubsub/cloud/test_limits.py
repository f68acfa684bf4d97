from __future__ import annotations

from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.presets import PRESETS
from server.pubsub.cloud.topics import IotHubTopics, TopicScheme

AWS = PRESETS["aws-iot-core"].limits


def test_a_topic_has_as_many_slashes_as_are_taken() -> None:
    assert AWS.topic_problem("a/b/c/d/e/f/g/h") == ""
    assert "8 slashes, and 7 are taken" in AWS.topic_problem("a/b/c/d/e/f/g/h/i")


def test_the_first_parts_of_a_rules_topic_do_not_count() -> None:
    assert AWS.topic_problem("$aws/rules/store/a/b/c/d/e/f/g/h") == ""
    assert AWS.topic_problem("$aws/rules/store/a/b/c/d/e/f/g/h/i") != ""


def test_a_topics_bytes_count_and_not_its_letters() -> None:
    assert AWS.topic_problem("ü" * 128) == ""
    assert "258 bytes" in AWS.topic_problem("ü" * 129)


def test_a_message_is_as_large_as_is_taken() -> None:
    assert AWS.problem("t", bytes(131_072)) == ""
    assert "131073 bytes" in AWS.problem("t", bytes(131_073))


def test_what_is_not_limited_has_no_problem() -> None:
    assert not Limits().paces
    assert Limits().topic_problem("a/" * 500) == Limits().problem("t", bytes(10)) == ""


def test_all_that_a_device_of_iot_hub_says_goes_to_its_own_topic() -> None:
    topics: TopicScheme = IotHubTopics("line-1")
    assert topics.data("default", "meters & co") == (
        "devices/line-1/messages/events/$.ct=application%2Fjson&$.ce=utf-8&type=ua-data&dataset=meters%20%26%20co&group=default"
    )
    assert topics.metadata("default", "m").endswith("&type=ua-metadata&dataset=m&group=default")
    assert topics.status.endswith("&type=ua-status")


def test_what_is_no_text_has_no_encoding() -> None:
    topics = IotHubTopics("line-1", "application/opcua+uadp", "")
    assert topics.data("g") == "devices/line-1/messages/events/$.ct=application%2Fopcua%2Buadp&type=ua-data&group=g"
