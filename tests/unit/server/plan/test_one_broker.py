"""Connections that their broker would take for one."""

from __future__ import annotations

from pathlib import Path

from tests.unit.server.plan.line import planned, told

HEAD = """\
name: line-1
model: {nodesets: [line.xml]}
pubsub:
"""
DATA = "datasets: {m: {nodes: [/Objects/Line/Total]}}"


async def test_connections_in_each_others_way_are_told(tmp_path: Path) -> None:
    config = (
        HEAD
        + f"""\
  connections:
    one: {{broker: mqtt://127.0.0.1, client_id: x, {DATA}}}
    two: {{broker: mqtt://127.0.0.1:1883, client_id: x, prefix: other, {DATA}}}
    three: {{broker: mqtt://127.0.0.1, {DATA}}}
    four: {{broker: mqtt://127.0.0.1, encoding: sparkplug, {DATA}}}
    five: {{broker: mqtt://127.0.0.1, encoding: sparkplug, sparkplug: {{node: line-1}}, {DATA}}}
"""
    )
    client, topic, node = await told(tmp_path, config)
    assert client == (
        "plant.yaml:6:42: the connections one and two have the client id x at one broker "
        "(give each a client_id: of its own, for the broker throws the first out when the second comes)"
    )
    assert topic == (
        "plant.yaml:7:50: the connections one and three have the topic opcua/json/data/line-1/default/m at one broker "
        "(name one of the two otherwise, or give each connection a publisher: or prefix: of its own)"
    )
    assert node.startswith("plant.yaml:9:59: the connections four and five have the edge node Plantspace/line-1 at")


async def test_connections_that_differ_stand_beside_one_another(tmp_path: Path) -> None:
    config = (
        HEAD
        + f"""\
  connections:
    one: {{broker: mqtt://127.0.0.1, {DATA}}}
    two: {{broker: mqtt://127.0.0.1, encoding: uadp, {DATA}}}
    three: {{broker: mqtt://127.0.0.1, publisher: line-1b, {DATA}}}
    four: {{broker: mqtt://127.0.0.1:1884, client_id: plantspace-line-1-one, {DATA}}}
"""
    )
    async with planned(tmp_path, config) as plan:
        assert plan.pubsub is not None
        assert list(plan.pubsub.connections) == ["one", "two", "three", "four"]


async def test_what_is_one_connections_own_does_not_stand_beside_several(tmp_path: Path) -> None:
    several = f"  connections:\n    one: {{broker: mqtt://127.0.0.1, {DATA}}}\n"
    config = f"{HEAD}  broker: mqtt://127.0.0.1\n  cloud: {{broker: mqtt://127.0.0.2}}\n{several}"
    assert await told(tmp_path, config) == [
        (
            "plant.yaml:4:3: 'broker' is a connection's own, and 'connections' says that there are several "
            "(move it below the name of a connection)"
        ),
        "plant.yaml:5:3: unknown key 'cloud' in 'pubsub' (connections have names: connections: {cloud: …})",
    ]
    misspelled = several.replace("connections", "conections")
    found = await told(tmp_path, HEAD + misspelled)
    assert found[1] == "plant.yaml:4:3: unknown key 'conections' in 'pubsub' (did you mean 'connections'?)"
