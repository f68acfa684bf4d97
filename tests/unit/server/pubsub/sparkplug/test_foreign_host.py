"""A host of other hands on a real broker follows births, aliases, numbers, rebirths and deaths."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.datatypes import DataType
from server.pubsub.mqtt.connection import BrokerConnection
from server.pubsub.mqtt.settings import BrokerSettings
from server.pubsub.sparkplug.commands import SparkplugCommand
from server.pubsub.sparkplug.session import SparkplugSession
from tests.broker import Broker
from tests.foreign.sparkplug_host import sparkplug_host
from tests.unit.server.pubsub.sparkplug.edge import PRESENT, edge_node, frame, values
from tests.waiting import until

QUICK = {"rebirth_interval": "10ms"}


class Edge:
    """The gateway's side without an outbox: ``send`` publishes as a delivery would."""

    def __init__(self, broker: Broker, folder: Path, **settings: Any) -> None:
        self.node, self.state = edge_node(folder, None, **QUICK, **settings)
        self.commands: list[SparkplugCommand] = []
        self.session = SparkplugSession(
            self.node, self.state, PRESENT.__getitem__, on_command=self.commands.append, has_backlog=lambda: False
        )
        quick = {"retry_first": "20ms", "retry_longest": "50ms", "connect_timeout": "30s"}
        chosen = BrokerSettings.model_validate({"broker": broker.url, **quick})
        self.connection = BrokerConnection(chosen, self.session, client_id="plantspace-line-1")

    async def send(self, dataset: str, *given: float, status: int = 0, replayed: bool = False) -> None:
        """Publish values of the first metric of a DataSet, a Double."""
        link = await self.connection.link()
        frames = [frame(values(DataType.DOUBLE, [0], [one], status)) for one in given]
        made = self.node.encoding(dataset).data(frames, 1 << 20)
        for one in made:
            flight = link.fly(
                [*self.session.before(one.message), self.session.finish(one.message, replayed=replayed)], 1
            )
            await flight.wait()
            assert set(flight.codes) <= {0, 16}


@asynccontextmanager
async def edge(broker: Broker, folder: Path, **settings: Any) -> AsyncGenerator[Edge]:
    made = Edge(broker, folder, **settings)
    await made.connection.start()
    try:
        yield made
    finally:
        await made.connection.stop()


async def test_a_host_follows_births_data_and_a_rebirth(mosquitto: Broker, tmp_path: Path) -> None:
    async with sparkplug_host(mosquitto.url, "Plant", "line-1") as host, edge(mosquitto, tmp_path) as gateway:
        await gateway.send("filler", 22.0, 23.0)
        await gateway.send("filler", 20.0, replayed=True)
        await until(lambda: len(host.of("DDATA")) == 2)
        assert [one["verb"] for one in host.seen[1:4]] == ["NBIRTH", "DBIRTH", "DBIRTH"]
        birth = dict(host.of("NBIRTH")[0]["metrics"])
        assert birth["bdSeq"]["value"] == 0
        assert birth["Node Control/Rebirth"]["value"] is False
        assert birth["Properties/Software"]["value"] == "Plantspace"
        born = {one["device"]: dict(one["metrics"]) for one in host.of("DBIRTH")}
        temperature = born["filler"]["Temperature"]
        assert (temperature["value"], temperature["type"]) == (21.5, "Double")
        assert temperature["properties"] == {
            "engUnit": "°C",
            "engLow": 0,
            "engHigh": 100,
            "nodeId": "nsu=urn:plant;s=Temperature",
            "Quality": 192,
        }
        assert born["filler"]["Count"]["value"] == -7
        assert born["capper"]["Torque"]["properties"]["Quality"] == 0
        assert born["capper"]["Torque"]["properties"]["StatusCode"] == 0x80310000
        shown = [(one["value"], one["historical"]) for one in host.values("DDATA", "Temperature")]
        assert shown == [(22, False), (23, False), (20, True)]

        await host.ask("rebirth")
        await until(lambda: len(host.of("NBIRTH")) == 2 and len(host.of("DBIRTH")) == 4)
        await gateway.send("capper", 1.0)
        await until(lambda: host.values("DDATA", "Torque"))
        again = host.of("NBIRTH")[1]
        assert (again["seq"], dict(again["metrics"])["bdSeq"]["value"]) == (0, 0)
        assert not [one for one in host.seen[1:] if one["gap"] or one["unknown"] or one["retain"]]
        assert {one["qos"] for one in host.seen[1:] if "BIRTH" in one["verb"]} == {0}
        await gateway.connection.stop()
        await until(lambda: host.of("NDEATH"))
        assert dict(host.of("NDEATH")[0]["metrics"])["bdSeq"]["value"] == 0


async def test_a_host_writes(mosquitto: Broker, tmp_path: Path) -> None:
    async with sparkplug_host(mosquitto.url, "Plant", "line-1") as host, edge(mosquitto, tmp_path) as gateway:
        await until(lambda: len(host.of("DBIRTH")) == 2)
        await host.ask("write", device="filler", metric="Count", type="Int32", value=-5)
        await host.ask("write", device="filler", metric="Count", type="String", value="five")
        await host.ask("write", device="capper", metric="Nothing", type="Double", value=1)
        await until(lambda: len(gateway.commands) == 3)
        written, wrong_type, unknown = gateway.commands
        (one,) = written.writes
        assert (written.device, one.metric, one.node, one.slot, one.value) == (
            *("filler", "Count", "nsu=urn:plant;s=Count"),
            *(1, -5),
        )
        assert written.identifier
        assert not wrong_type.writes
        assert "INT32" in wrong_type.refusals[0][1]
        assert unknown.refusals == (("Nothing", "there is no such metric"),)


async def test_a_device_dies_and_lives(mosquitto: Broker, tmp_path: Path) -> None:
    async with (
        sparkplug_host(mosquitto.url, "Plant", "line-1") as host,
        edge(mosquitto, tmp_path, death_after="1s") as gateway,
    ):
        # Its one metric is Bad from the beginning. A second is longer than the two messages below need.
        await until(lambda: host.of("DDEATH"))
        await gateway.send("capper", 3.0, status=0x80310000)
        await gateway.send("capper", 19.0, replayed=True)
        await gateway.send("capper", 3.0, status=0x80310000)
        await until(lambda: len(host.of("DDEATH")) == 2)
        # Born again for what it had still to say.
        told = [(one["verb"], one["device"]) for one in host.seen[1:]]
        assert told == [
            *[("NBIRTH", ""), ("DBIRTH", "filler"), ("DBIRTH", "capper"), ("DDEATH", "capper"), ("NDATA", "")],
            *[("DBIRTH", "capper"), ("DDATA", "capper"), ("DDATA", "capper"), ("DDEATH", "capper")],
        ]
        await host.ask("rebirth")
        await until(lambda: len(host.of("NBIRTH")) == 2)
        await gateway.send("capper", 4.0)
        await until(lambda: len(host.of("DDATA")) == 3)
        assert [one["device"] for one in host.of("DBIRTH")[3:]] == ["filler", "capper"]
        assert not [one for one in host.seen[1:] if one["gap"] or one["unknown"]]


async def test_nothing_goes_out_without_the_primary_host(mosquitto: Broker, tmp_path: Path) -> None:
    async with (
        sparkplug_host(mosquitto.url, "Plant", "line-1", "scada") as host,
        edge(mosquitto, tmp_path, primary_host="scada") as gateway,
    ):
        await until(lambda: gateway.connection.present is not None)
        await host.ask("state", online=False, timestamp=1)
        await host.ask("state", online=True, timestamp=3)
        await until(lambda: len(host.of("DBIRTH")) == 2)
        await gateway.send("filler", 1.0)
        await host.ask("state", online=False, timestamp=2)
        await gateway.send("filler", 2.0)
        await until(lambda: len(host.of("DDATA")) == 2)
        assert not host.of("NDEATH")
        await host.ask("state", online=False, timestamp=4)
        await until(lambda: host.of("NDEATH") and gateway.connection.present is not None)
        assert len(host.of("NBIRTH")) == 1
        await host.ask("state", online=True, timestamp=5)
        await until(lambda: len(host.of("NBIRTH")) == 2)
        assert dict(host.of("NBIRTH")[1]["metrics"])["bdSeq"]["value"] == 1
