from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from server.pubsub.sparkplug.settings import SparkplugSettings


def test_an_edge_node_needs_nothing_said() -> None:
    settings = SparkplugSettings()
    assert (settings.group, settings.node, settings.primary_host, settings.qos) == ("Plantspace", "", "", 1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"group": ""}, "cannot stand in an MQTT topic"),
        ({"node": "a/b"}, "cannot stand in an MQTT topic"),
        ({"primary_host": "+"}, "cannot stand in an MQTT topic"),
        ({"qos": 2}, "less than or equal to 1"),
        ({"devices": "all"}, "dataset"),
        ({"rebirth_interval": "0s"}, "rebirth_interval"),
    ],
)
def test_settings_that_cannot_be(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        SparkplugSettings.model_validate(given)
