from __future__ import annotations

import pytest

from core.errors import SettingError
from server.pubsub.json.topics import Topics
from server.pubsub.topics import check_level, check_prefix


def test_topics_are_those_of_part_14() -> None:
    topics = Topics("opcua", "line-1")
    assert topics.status == "opcua/json/status/line-1"
    assert topics.data("default", "meters") == "opcua/json/data/line-1/default/meters"
    assert topics.metadata("default", "meters") == "opcua/json/metadata/line-1/default/meters"


@pytest.mark.parametrize("text", ["", "a/b", "a+", "#", "a\x00b", "a\nb"])
def test_what_cannot_stand_in_a_level_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="cannot stand in an MQTT topic"):
        check_level(text)


def test_what_is_too_long_for_a_topic_is_refused() -> None:
    longest = "\u00b0" * 6_500
    assert len(Topics(check_prefix(longest), check_level(longest)).metadata(longest, longest).encode()) <= 65_535
    with pytest.raises(SettingError, match="too long"):
        check_level(longest * 2)


@pytest.mark.parametrize("text", ["$SYS", "a//b", "a/#", "x" * 70_000])
def test_what_cannot_be_a_prefix_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        check_prefix(text)


def test_a_prefix_may_have_levels() -> None:
    assert check_prefix("plant/opcua") == "plant/opcua"
