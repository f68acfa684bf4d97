from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from core.datatypes import DataType
from core.errors import SettingError
from server.pubsub.fields import DataSetField
from server.pubsub.unified_namespace.settings import NamespaceSettings
from server.pubsub.unified_namespace.topics import Place, topics

PLACE = Place("plant/eu", "line-1", "default", "meters")


def field(*path: str, name: str = "") -> DataSetField:
    return DataSetField(name or path[-1], 0, DataType.DOUBLE, f"nsu=urn:p;s={'.'.join(path) or name}", path=path)


@pytest.mark.parametrize(
    ("settings", "path", "expected"),
    [
        ({}, ("Line1", "Filler", "T"), "plant/eu/Line1/Filler/T"),
        ({}, ("Li/ne#1", " a+ "), "plant/eu/Li_ne_1/a_"),
        ({"topic": "{prefix}/{parents}/{dataset}/{group}/{name}"}, ("L", "T"), "plant/eu/L/meters/default/T"),
        (
            {
                "topic": "{enterprise}/{site}/{1}/{2}/{publisher}/{name}",
                "values": {"enterprise": "acme", "site": "eu/berlin"},
            },
            ("Area", "Line", "Cell", "T"),
            "acme/eu/berlin/Area/Line/line-1/T",
        ),
        ({"topic": "uns/{1}/{2}/{3}/{4}/{name}"}, ("A", "T"), "uns/A/T/T"),
    ],
)
def test_topics(settings: dict[str, Any], path: tuple[str, ...], expected: str) -> None:
    assert topics(NamespaceSettings.model_validate(settings), PLACE, [field(*path)]) == [expected]


def test_without_a_path_the_name_says_the_levels() -> None:
    assert topics(NamespaceSettings(), PLACE, [field(name="Filler.T")]) == ["plant/eu/Filler/T"]


def test_two_points_of_one_topic_are_refused() -> None:
    settings = NamespaceSettings(topic="{prefix}/{name}")
    with pytest.raises(SettingError, match="both get the topic plant/eu/T"):
        topics(settings, PLACE, [field("A", "T"), field("B", "T")])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"topic": "{enterprise}/{name}"}, "asks for {enterprise}"),
        ({"topic": "{prefix}/x"}, "the same for all points"),
        ({"topic": "{prefix"}, "is no template"),
        ({"topic": "{0}/{name}"}, "asks for {0}"),
        ({"topic": "{}/{name}"}, "asks for {}"),
        ({"topic": "{x.__class__}/{name}", "values": {"x": "a"}}, "asks for"),
        ({"topic": "{name:>9}"}, "only names can stand in it"),
        ({"values": {"a": "x#"}}, "cannot stand in an MQTT topic"),
        ({"values": {"name": "x"}}, "cannot be the name of a value"),
        ({"qos": 2}, "less than or equal to 1"),
    ],
)
def test_settings_that_cannot_be(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        NamespaceSettings.model_validate(given)


def test_a_topic_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match="belongs to the broker"):
        topics(NamespaceSettings(topic="$SYS/{name}"), PLACE, [field("T")])
