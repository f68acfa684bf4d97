from __future__ import annotations

from analytics.robust_zscore.manifest import MANIFEST


def test_the_object_is_named_as_configured_else_after_the_input_and_the_type() -> None:
    section = {"operator": "robust-zscore", "input": "i=1"}
    unnamed = MANIFEST.settings.model_validate(section)
    named = MANIFEST.settings.model_validate(section | {"name": "Watch"})
    assert MANIFEST.object_name(unnamed, "Temperature") == "TemperatureRobustZScore"
    assert MANIFEST.object_name(named, "Temperature") == "Watch"
