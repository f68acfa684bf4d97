"""SecurityGroups that two places describe differently."""

from __future__ import annotations

from pathlib import Path

from tests.unit.server.plan.line import planned, told

HEAD = """\
name: line-1
model: {nodesets: [line.xml]}
pubsub:
  connections:
"""
NODES = "nodes: [/Objects/Line/Total]"


def sent(name: str, dataset: str, security: str) -> str:
    datasets = f"{dataset}: {{{NODES}, uadp: {{security: {security}}}}}"
    return f"    {name}: {{broker: mqtt://127.0.0.1, encoding: uadp, prefix: {name}, datasets: {{{datasets}}}}}\n"


def read(name: str, security: str) -> str:
    topics = "topic: a/b, metadata_topic: a/c, encoding: uadp"
    given = f"back: {{{topics}, user: ann, fields: {{x: /Objects/Line/Setpoint}}, security: {security}}}"
    return f"    {name}: {{broker: mqtt://127.0.0.1, subscribed: {{{given}}}}}\n"


async def test_a_group_is_one_wherever_it_is_named(tmp_path: Path) -> None:
    config = HEAD + sent("one", "m", "{group: g}") + sent("two", "n", "{group: g, key_lifetime: 1d}")
    config += read("three", "{group: g, policy: PubSub-Aes128-CTR}") + read("four", "{group: g, mode: Sign}")
    two, three = await told(tmp_path, config)
    assert two == (
        "plant.yaml:6:118: the SecurityGroup g has other keys here than at one datasets m "
        "(write the same policy, keys and lifetimes, or name another group)"
    )
    assert three.startswith("plant.yaml:7:")
    assert "the SecurityGroup g has other keys here than at one datasets m" in three


async def test_groups_of_their_own_and_sections_that_are_not_used_are_nothing_to_tell(tmp_path: Path) -> None:
    config = HEAD + sent("one", "m", "{group: g}") + read("two", "{group: h, policy: PubSub-Aes128-CTR}")
    async with planned(tmp_path, config) as plan:
        assert plan.pubsub is not None
        assert list(plan.pubsub.connections) == ["one", "two"]
