"""A Unified Namespace over the outbox and a real broker, followed by ``mosquitto_sub``."""

from __future__ import annotations

from pathlib import Path

from server.pubsub.fields import DataSetField
from tests.broker import Broker
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.plant import FIELDS, Plant, settings_of
from tests.waiting import until


async def test_values_and_descriptions_are_in_their_places(tmp_path: Path, mosquitto: Broker) -> None:
    fields = [
        DataSetField(one.name, one.slot, one.datatype, one.node, one.unit, path=("Line1", one.name)) for one in FIELDS
    ]
    settings = settings_of(
        mosquitto.url,
        {"meters": {"keyframe": 1_000_000}},  # none but the first, which would tell the same values once more
        prefix="uns",
        encoding="unified-namespace",
        namespace={"topic": "{enterprise}/{path}", "values": {"enterprise": "acme"}},
    )
    plant = Plant(tmp_path, settings, fields=fields)
    try:
        async with Consumer(mosquitto, tmp_path, "acme/#", "-t", "uns/_status/#") as consumer:
            plant.apply(1.0, 2.0, 3.0)
            await plant.start()
            await until(lambda: [one for one in consumer.messages if one.topic == "acme/Line1/p2"])
            plant.apply(1.5)
            await until(lambda: len([one for one in consumer.messages if one.topic == "acme/Line1/p0"]) == 2)
            await plant.stop()
            await until(lambda: len([one for one in consumer.messages if "_status" in one.topic]) == 2)
            seen = consumer.messages
        async with Consumer(mosquitto, tmp_path, "acme/+/p0") as late:
            await until(lambda: late.messages)
            assert late.messages[0].retained
            assert late.messages[0].json["value"] == 1.5
    finally:
        await plant.stop()
    values = [one.json for one in seen if one.topic == "acme/Line1/p0"]
    assert [one["value"] for one in values] == [1.0, 1.5]
    assert values[1]["quality"] == "Good"
    assert values[1]["unit"] == "bar"
    assert "backfill" not in values[1]
    assert {one.topic for one in seen if "_meta" in one.topic} == {f"acme/Line1/p{slot}/_meta" for slot in range(3)}
    assert [one.json["status"] for one in seen if one.topic == "uns/_status/line-1"] == ["online", "offline"]
