"""An edge node over the outbox: what a host of other hands gets when the broker was away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.broker import Broker
from tests.foreign.sparkplug_host import sparkplug_host
from tests.unit.server.pubsub.plant import FIELDS, Plant, running, settings_of
from tests.waiting import until


async def test_fault_21_what_was_sampled_without_a_broker_comes_as_history(
    tmp_path: Path, new_mosquitto: Callable[[], Broker]
) -> None:
    broker = new_mosquitto()
    settings = settings_of(
        broker.url,
        {"meters": {"samples": "all"}},
        encoding="sparkplug",
        sparkplug={"group": "Plant", "primary_host": "scada", "rebirth_interval": "10ms"},
    )
    async with (
        sparkplug_host(broker.url, "Plant", "line-1", "scada") as host,
        running(tmp_path, settings) as plant,
    ):
        plant.apply(0.0, 0.0, 0.0)
        await until(lambda: plant.pubsub.statistics().writers["meters"].values == 3)
        assert len(host.seen) == 1
        await host.ask("state", online=True)
        await until(lambda: host.values("DDATA", "p0"))
        plant.apply(1.0)
        await until(lambda: len(host.values("DDATA", "p0")) == 2)

        broker.stop()
        for number in range(2, 6):
            plant.apply(float(number))
        await until(lambda: plant.pubsub.statistics().writers["meters"].values == 8)
        broker.start()
        await until(lambda: len(host.of("ready")) == 2)
        await host.ask("state", online=True)
        await until(lambda: len(host.values("DDATA", "p0")) == 6)
        plant.apply(6.0)
        await until(lambda: len(host.values("DDATA", "p0")) == 7)
    shown = [(one["value"], one["historical"]) for one in host.values("DDATA", "p0")]
    # The broker was there when 0 was sampled, but no host that would have taken it.
    assert shown == [(0, True), (1, False), (2, True), (3, True), (4, True), (5, True), (6, False)]
    births = [dict(one["metrics"])["bdSeq"]["value"] for one in host.of("NBIRTH")]
    assert len(births) == 2
    assert births[0] < births[1]
    assert host.values("DBIRTH", "p0")[1]["value"] == 5
    assert not [one for one in host.seen if one.get("gap") or one.get("unknown")]


async def test_data_of_a_metric_that_is_no_more_reach_the_host(
    tmp_path: Path, new_mosquitto: Callable[[], Broker]
) -> None:
    broker = new_mosquitto()
    broker.stop()
    settings = settings_of(
        broker.url, {"meters": {"samples": "all"}}, encoding="sparkplug", sparkplug={"group": "Plant"}
    )
    before = Plant(tmp_path, settings, fields=FIELDS[:2])
    await before.start()
    before.apply(1.0, 2.0)
    await until(lambda: before.pubsub.statistics().writers["meters"].values == 2)
    await before.stop()

    broker.start()
    after = Plant(tmp_path, settings, fields=FIELDS[1:])
    try:
        async with sparkplug_host(broker.url, "Plant", "line-1") as host:
            await after.start()
            await until(lambda: host.of("DDATA"))
            after.apply(3.0, 4.0, 5.0)
            await until(lambda: len(host.of("DDATA")) == 2)
            await after.stop()
    finally:
        await after.stop()
    (birth,) = host.of("DBIRTH")
    assert [(name, told["value"]) for name, told in birth["metrics"]][-1] == ("p0", None)
    shown = [[(name, told["value"], told["historical"]) for name, told in one["metrics"]] for one in host.of("DDATA")]
    assert shown == [[("p0", 1, True), ("p1", 2, True)], [("p1", 4, False), ("p2", 5, False)]]
    assert not [one for one in host.seen if one.get("gap") or one.get("unknown")]
