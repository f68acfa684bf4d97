"""The vectorised engine against a slow, obvious model of Part 4 v1.05 5.13 and 5.14, in random histories."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from tests.thorough import examples
from tests.unit.server.subscriptions.histories.driver import KINDS, Engine
from tests.unit.server.subscriptions.histories.history import History
from tests.unit.server.subscriptions.histories.strategies import Step, histories

HISTORIES = examples(1_500, 100_000)
SHARDS = 10
"""Tests that share the histories, so that several processes can."""
LEAST, MOST = 15, 40


@pytest.mark.parametrize("shard", range(SHARDS))
@settings(
    max_examples=max(1, HISTORIES // SHARDS),
    deadline=None,
    phases=[Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps=histories(KINDS, LEAST, MOST))
async def test_the_engine_does_what_the_model_allows(shard: int, steps: list[Step]) -> None:
    del shard
    note("the history:\n" + "\n".join(map(repr, steps)))
    engine = Engine(KINDS)
    try:
        await History(engine, KINDS).play(steps)
    finally:
        engine.close()
