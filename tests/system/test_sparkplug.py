"""A whole gateway as a Sparkplug edge node: a host of other hands sees its points and writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.broker import Broker, free_port
from tests.foreign.sparkplug_host import SparkplugHost, sparkplug_host
from tests.system.commanded import add_user
from tests.system.plant import lay_down, running
from tests.waiting import until

PUBSUB = """\
pubsub:
  broker: {url}
  encoding: sparkplug
  retry_first: 20ms
  retry_longest: 100ms
  sparkplug: {{group: Plant}}
  commands: {{user: scada}}
  datasets:
    tank: {{nodes: [/Objects/Tank/*], publish: 20ms, names: path}}
"""


def present(host: SparkplugHost, metric: str) -> Any:
    """Give what the host takes for a metric's value."""
    told = host.values("DDATA", metric)
    return told[-1]["value"] if told else None


async def test_a_host_reads_and_writes_the_points_of_a_gateway(tmp_path: Path, mosquitto: Broker) -> None:
    config = lay_down(tmp_path, port=free_port(), anonymous="Observer")
    config.write_text(config.read_text() + PUBSUB.format(url=mosquitto.url))
    async with sparkplug_host(mosquitto.url, "Plant", "test") as host, running(config) as plant:
        await add_user(plant, "scada", "Operator")
        await until(lambda: host.of("DBIRTH"))
        born = dict(host.of("DBIRTH")[0]["metrics"])
        assert born["Tank/Level"]["value"] == 12.5
        assert born["Tank/Level"]["properties"]["engHigh"] == 200
        assert born["Tank/Total"]["type"] == "Int64"
        assert born["Tank/Name"]["value"] == "Fräse"
        for metric, kind, value in (
            ("Tank/Level", "Double", 20.25),
            ("Tank/Count", "Int32", -3),
            ("Tank/Name", "String", "Säge"),
        ):
            await host.ask("write", device="tank", metric=metric, type=kind, value=value)
            await until(lambda: present(host, metric) == value)  # noqa: B023 - it is awaited here
        # What an OPC UA client may not write, a host may not either; and nothing of it is written.
        await host.ask("write", device="tank", metric="Tank/Serial", type="Int32", value=1)
        await host.ask("write", device="tank", metric="Tank/Count", type="Double", value=1.5)
        await host.ask("write", device="tank", metric="Tank/Count", type="Int32", value=4)
        await until(lambda: present(host, "Tank/Count") == 4)
        await until(lambda: present(host, "Tank/Serial") == 99)
        assert not [one for one in host.seen if one.get("gap") or one.get("unknown")]
