from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from core.errors import SettingError
from core.time import now
from server.pubsub.connection import Surroundings
from server.pubsub.record import unpack
from tests.broker import Broker
from tests.clock import ManualClock
from tests.loop_monitor import held_each_time
from tests.mqtt_proxy import mqtt_proxy
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.plant import FIELDS, Plant, running, settings_of
from tests.waiting import until


def _messages(consumer: Consumer) -> list[dict[str, Any]]:
    return [message for received in consumer.of("data") for message in received.json["Messages"]]


async def test_mosquitto_sub_sees_key_frames_and_deltas(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, {"meters": {"keyframe": 5}}, prefix="t1")
    async with Consumer(mosquitto, tmp_path, "t1/#") as consumer, running(tmp_path, settings) as plant:
        plant.apply(1.0, 2.0, 3.0)
        await until(lambda: any(len(m["Payload"]) == 3 for m in _messages(consumer)))
        changes = count(10)

        def has_seen_a_delta() -> bool:
            plant.apply(float(next(changes)))  # again and again: one that comes when a key frame is due is in that one
            return any(m["MessageType"] == "ua-deltaframe" for m in _messages(consumer))

        await until(has_seen_a_delta)
        plant.apply(1.5)

        def is_told_in_a_key_frame() -> bool:
            last = _messages(consumer)[-1]
            return last["MessageType"] == "ua-keyframe" and last["Payload"]["p0"]["Value"] == 1.5

        await until(is_told_in_a_key_frame)
        messages = _messages(consumer)
        first = messages[0]
        assert first["MessageType"] == "ua-keyframe"
        assert list(first["Payload"]) == ["p0", "p1", "p2"]
        delta = next(m for m in messages if m["MessageType"] == "ua-deltaframe")
        assert delta["Payload"].keys() <= {"p0", "p1", "p2"}
        assert messages[-1]["Payload"]["p0"]["Value"] == 1.5
        assert messages[-1]["Payload"]["p1"]["Value"] == 2.0
        sequences = [m["SequenceNumber"] for m in messages]
        assert sequences == list(range(1, len(messages) + 1))
        assert {received.topic for received in consumer.of("data")} == {"t1/json/data/line-1/default/meters"}


async def test_what_never_had_a_value_is_published_with_its_status_alone(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, prefix="t11")
    async with Consumer(mosquitto, tmp_path, "t11/json/data/#") as consumer, running(tmp_path, settings) as plant:
        await until(lambda: _messages(consumer))
        plant.apply(1.5)
        await until(lambda: any("Value" in m["Payload"].get("p0", {}) for m in _messages(consumer)))
        first, *_ = _messages(consumer)
        latest = _messages(consumer)[-1]
    assert first["Status"]["Symbol"] == "Bad"
    assert list(first["Payload"]) == ["p0", "p1", "p2"]
    for field in first["Payload"].values():
        assert field.keys() == {"Status", "SourceTimestamp"}
        assert field["Status"] == {"Code": 0x80320000, "Symbol": "BadWaitingForInitialData"}
    assert latest["Payload"]["p0"].keys() == {"Value", "SourceTimestamp"}


async def test_nothing_changed_says_nothing_between_key_frames(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, {"meters": {"keyframe": 4}}, prefix="t2")
    async with Consumer(mosquitto, tmp_path, "t2/json/data/#") as consumer, running(tmp_path, settings):
        await until(lambda: len(_messages(consumer)) >= 3)
    assert {m["MessageType"] for m in _messages(consumer)} == {"ua-keyframe"}


async def test_every_sample_is_published_when_all_are_asked_for(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, {"meters": {"samples": "all", "keyframe": 3}}, prefix="t3")
    start = now()
    async with Consumer(mosquitto, tmp_path, "t3/json/data/#") as consumer, running(tmp_path, settings) as plant:
        for number in range(100):
            plant.apply(float(number), moment=start + number)
            plant.apply(float(number), -float(number), moment=start + number)
        await until(lambda: plant.pubsub.statistics().writers["meters"].values == 300)
        await until(lambda: any(m["MessageType"] == "ua-keepalive" for m in _messages(consumer)))
    frames = [m for m in _messages(consumer) if m["MessageType"] != "ua-keepalive"]
    got = [m["Payload"]["p0"]["Value"] for m in frames]
    assert got == [float(number) for number in range(100) for _ in range(2)]
    alive = next(m for m in _messages(consumer) if m["MessageType"] == "ua-keepalive")
    assert alive["SequenceNumber"] in {frames[-1]["SequenceNumber"] + 1, 1}


@pytest.mark.parametrize("encoding", ["json", "uadp", "unified-namespace"])
async def test_a_class_has_a_prefix_of_its_own(mosquitto: Broker, tmp_path: Path, encoding: str) -> None:
    datasets = {"meters": {}, "state": {"class": "events"}}
    settings = settings_of(mosquitto.url, datasets, prefix="t30", prefixes={"events": "t30e/own"}, encoding=encoding)
    wanted = {
        "json": "t30e/own/json/data/line-1/default/state",
        "uadp": "t30e/own/uadp/data/line-1/default/state",
        "unified-namespace": "t30e/own/",
    }[encoding]
    options = ("-t", "t30e/#", "-F", "%t\t%r\t%x")
    async with Consumer(mosquitto, tmp_path, "t30/#", *options) as consumer, running(tmp_path, settings):

        def topics() -> set[str]:
            return {message.topic for message in consumer.messages}

        await until(lambda: any(topic.startswith(wanted) for topic in topics()))
        await until(lambda: any(topic.startswith("t30/") and "/status" not in topic for topic in topics()))
        assert not any("state" in topic.split("/") for topic in topics() if topic.startswith("t30/"))


async def test_metadata_is_retained_and_describes_the_data(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, prefix="t4")
    async with running(tmp_path, settings) as plant:
        await until(lambda: plant.pubsub.statistics().delivery.acknowledged >= 2)
        async with Consumer(mosquitto, tmp_path, "t4/#") as consumer:
            await until(lambda: consumer.of("metadata") and consumer.of("data"))
            (metadata,) = consumer.of("metadata")
            assert metadata.retained
            assert metadata.topic == "t4/json/metadata/line-1/default/meters"
            described = metadata.json["MetaData"]
            assert [field["Name"] for field in described["Fields"]] == [field.name for field in FIELDS]
            assert [field["DataSetFieldId"] for field in described["Fields"]] == [field.field_id for field in FIELDS]
            (message, *_) = _messages(consumer)
            assert message["MetaDataVersion"] == described["ConfigurationVersion"]
            assert message["DataSetWriterId"] == metadata.json["DataSetWriterId"]


async def test_the_metadata_version_follows_the_model_over_restarts(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, prefix="t5")
    versions: list[dict[str, int]] = []
    units = ["bar", "bar", "Pa"]
    async with Consumer(mosquitto, tmp_path, "t5/json/metadata/#") as consumer:
        for run, unit in enumerate(units):
            plant = Plant(tmp_path, settings, fields=[replace(field, unit=unit) for field in FIELDS])
            await plant.start()
            await until(lambda run=run: len(consumer.messages) > run)
            await plant.stop()
            versions.append(consumer.messages[-1].json["MetaData"]["ConfigurationVersion"])
    assert versions[0] == versions[1]
    assert versions[2]["MajorVersion"] > versions[1]["MajorVersion"]


async def test_metadata_dropped_over_the_cap_is_published_in_front_of_what_is_left(
    new_mosquitto: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = new_mosquitto()
    broker.stop()
    settings = settings_of(broker.url, {"meters": {"publish": "5ms", "samples": "all"}})
    plant = Plant(tmp_path, settings, largest_bytes=4_000)
    await plant.start()
    try:
        while (await plant.outbox.statistics()).streams["pubsub"].lost_records < 2:
            plant.apply(1.0, 2.0, 3.0)
            before = plant.pubsub.statistics().writers["meters"].messages
            await until(lambda before=before: plant.pubsub.statistics().writers["meters"].messages > before)
        assert not unpack((await plant.outbox.read("pubsub", 0))[0].payload).messages[0].retain
        broker.start()
        async with Consumer(broker, tmp_path, "opcua/json/#") as consumer:
            await until(lambda: consumer.of("metadata") and consumer.of("data"))
    finally:
        await plant.stop()
    (described,) = consumer.of("metadata")
    (version,) = {str(message["MetaDataVersion"]) for message in _messages(consumer)}
    assert version == str(described.json["MetaData"]["ConfigurationVersion"])


async def test_fault_23_a_slow_broker_leaves_the_backlog_on_the_disk(mosquitto: Broker, tmp_path: Path) -> None:
    start = now()
    async with mqtt_proxy(mosquitto.port) as proxy, Consumer(mosquitto, tmp_path, "t12/json/data/#") as consumer:
        settings = settings_of(proxy.url, {"meters": {"publish": "5ms", "samples": "all"}}, prefix="t12", in_flight=3)
        async with running(tmp_path, settings) as plant:
            await until(lambda: plant.pubsub.statistics().connection.connected)
            proxy.stalled_down = True
            for number in range(50):
                plant.apply(float(number), moment=start + number)
                await until(lambda number=number: plant.pubsub.statistics().writers["meters"].values > number)
            assert await plant.backlog() >= 40
            proxy.stalled_down = False
            await until(lambda: plant.pubsub.statistics().delivery.samples == 50)
            assert proxy.most_in_flight <= 3
        await until(lambda: len([m for m in _messages(consumer) if "Payload" in m]) == 50)
    values = [m["Payload"]["p0"]["Value"] for m in _messages(consumer) if "Payload" in m]
    assert values == [float(number) for number in range(50)]


async def test_a_dataset_that_is_gone_takes_its_metadata_along(mosquitto: Broker, tmp_path: Path) -> None:
    for datasets in ({"old": {}, "meters": {}}, {"meters": {"group": "g2"}}):
        async with running(tmp_path, settings_of(mosquitto.url, datasets, prefix="t6")) as plant:
            # Data are accepted behind their metadata, and behind what takes the metadata of others away.
            await until(lambda plant=plant: all(one.messages for one in plant.pubsub.statistics().writers.values()))
            await asyncio.wait_for(plant.pubsub.drain(), 30)
    async with Consumer(mosquitto, tmp_path, "t6/json/metadata/#") as consumer:
        await until(lambda: consumer.messages)
        assert [message.topic for message in consumer.messages] == ["t6/json/metadata/line-1/g2/meters"]


async def test_the_status_is_retained_and_the_last_will_tells_the_end(mosquitto: Broker, tmp_path: Path) -> None:
    async with Consumer(mosquitto, tmp_path, "t7/json/status/#") as consumer, mqtt_proxy(mosquitto.port) as proxy:
        async with running(tmp_path, settings_of(proxy.url, prefix="t7")):
            await until(lambda: consumer.messages)
            assert consumer.messages[-1].json["Status"] == 2
            proxy.cut()
            await until(lambda: [m.json["Status"] for m in consumer.messages] == [2, 3, 2])
        await until(lambda: [m.json["Status"] for m in consumer.messages] == [2, 3, 2, 0])
    async with Consumer(mosquitto, tmp_path, "t7/json/status/#") as consumer:
        await until(lambda: consumer.messages)
        (message,) = consumer.messages
        assert message.retained
        assert message.json == {
            "MessageId": message.json["MessageId"],
            "MessageType": "ua-status",
            "PublisherId": "line-1",
            "IsCyclic": False,
            "Status": 0,
        }


async def test_an_older_protocol_carries_the_same(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, prefix="t8", protocol="mqttv311")
    async with Consumer(mosquitto, tmp_path, "t8/#") as consumer, running(tmp_path, settings):
        await until(lambda: consumer.of("data") and consumer.of("metadata") and consumer.of("status"))
    assert " p2, c1" in mosquitto.log or "as plantspace-line-1 (p2" in mosquitto.log


async def test_a_consumer_on_mqtt_5_sees_what_kind_of_message_it_is(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, prefix="t9")
    consumer = Consumer(mosquitto, tmp_path, "t9/json/data/#", "-F", "%t\t%r\t%C %P")
    async with consumer, running(tmp_path, settings):
        # The first may have waited for the link, and say so.
        await until(lambda: [m.payload for m in consumer.messages][-1:] == ["application/json UAMessageType:ua-data"])


async def test_a_broker_that_lost_everything_gets_metadata_and_status_again(
    new_mosquitto: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = new_mosquitto()
    async with running(tmp_path, settings_of(broker.url)) as plant:
        await until(lambda: plant.pubsub.statistics().delivery.acknowledged >= 2)
        broker.kill()
        await until(lambda: not plant.pubsub.statistics().connection.connected)
        broker.start()
        await until(lambda: plant.pubsub.statistics().connection.connects == 2)
        async with Consumer(broker, tmp_path, "opcua/#") as consumer:
            await until(lambda: any(m.retained for m in consumer.of("metadata")))
            await until(lambda: [m.json["Status"] for m in consumer.of("status")] == [2])


@contextlib.contextmanager
def _no_collection() -> Generator[None]:
    """Keep Python's own pauses out of what is measured: pytest's objects make them long."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def test_a_broker_that_is_away_holds_nothing_up(free_port: Callable[[], int], tmp_path: Path) -> None:
    async with running(tmp_path, settings_of(f"mqtt://127.0.0.1:{free_port()}")) as plant:

        async def publish() -> None:
            told = plant.pubsub.statistics()
            values, failures = told.writers["meters"].values, told.connection.failures
            for number in range(20):
                plant.apply(values + float(number))
                await until(lambda number=number: plant.pubsub.statistics().writers["meters"].values > values + number)
            await until(lambda: plant.pubsub.statistics().connection.failures >= failures + 3)
            assert "cannot be reached" in plant.pubsub.statistics().connection.last_error
            assert await plant.backlog() >= 10

        # By the CPU's time: what others on this machine take is no fault of ours.
        with _no_collection():
            assert await held_each_time(publish) == []


async def test_stop_leaves_what_was_not_delivered_in_the_outbox(free_port: Callable[[], int], tmp_path: Path) -> None:
    settings = settings_of(f"mqtt://127.0.0.1:{free_port()}", {"meters": {"samples": "all", "publish": "1h"}})
    plant = Plant(tmp_path, settings)
    await plant.start()
    for number in range(10):
        plant.apply(float(number))
    await plant.pubsub.stop()
    await plant.pubsub.stop()
    assert plant.pubsub.statistics().writers["meters"].values == 10
    assert await plant.backlog() == 2  # the metadata and one message with ten DataSetMessages
    await plant.outbox.close()


async def test_a_class_waits_no_longer_than_it_may(free_port: Callable[[], int], tmp_path: Path) -> None:
    clock = ManualClock()
    settings = settings_of(f"mqtt://127.0.0.1:{free_port()}", keep={"telemetry": "1h"})
    plant = Plant(tmp_path, settings, clock=clock)
    await plant.start()
    plant.apply(1.0)
    await until(lambda: plant.pubsub.statistics().writers["meters"].messages > 0)
    await plant.pubsub.stop()
    waits = await plant.backlog()
    assert waits > 0
    await clock.advance(3_600.0)
    await plant.outbox.enforce_cap()
    assert await plant.backlog() == waits
    await clock.advance(1.0)
    await plant.outbox.enforce_cap()
    assert await plant.backlog() == 0
    (loss,) = (await plant.outbox.statistics()).losses
    assert (loss.stream, loss.reason, loss.records) == ("pubsub", "age", waits)
    await plant.outbox.close()


async def test_stop_is_safe_before_start(tmp_path: Path) -> None:
    await Plant(tmp_path, settings_of("mqtt://127.0.0.1:1")).pubsub.stop()


async def test_sequence_numbers_go_on_after_a_restart(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, {"meters": {"keyframe": 1}}, prefix="t10")
    async with Consumer(mosquitto, tmp_path, "t10/json/data/#") as consumer:
        for run in (1, 2):
            async with running(tmp_path, settings):
                await until(lambda run=run: len(_messages(consumer)) >= 3 * run)
    sequences = [m["SequenceNumber"] for m in _messages(consumer)]
    assert sequences == list(range(1, len(sequences) + 1))


def test_what_cannot_be_published_is_refused_at_once(tmp_path: Path) -> None:
    settings = settings_of("mqtt://127.0.0.1:1")
    with pytest.raises(SettingError, match="cannot stand in an MQTT topic"):
        Plant(tmp_path, settings, name="line/1")
    plant = Plant(tmp_path, settings)
    for fields, told in (([], "no fields"), ([FIELDS[0], FIELDS[0]], "two fields named p0")):
        with pytest.raises(ValueError, match=told):
            type(plant.pubsub)(
                settings, Surroundings(plant.image, plant.outbox, tmp_path), gateway="g", fields={"meters": fields}
            )


async def test_the_outbox_holds_what_the_reference_says(free_port: Callable[[], int], tmp_path: Path) -> None:
    async with running(tmp_path, settings_of(f"mqtt://127.0.0.1:{free_port()}")) as plant:
        await until(lambda: plant.pubsub.statistics().writers["meters"].messages >= 1)
        records = await plant.outbox.read("pubsub", 0)
    assert [unpack(record.payload).dataset for record in records[:2]] == ["meters", "meters"]
    metadata, data = (unpack(record.payload).messages[0] for record in records[:2])
    assert (metadata.retain, metadata.qos, records[0].samples) == (True, 1, 0)
    assert (data.retain, data.qos, records[1].samples) == (False, 1, 3)
    assert json.loads(data.payload)["MessageType"] == "ua-data"


async def test_an_outbox_full_of_alarms_keeps_nobody_from_starting(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(mosquitto.url, prefix="t13")
    plant = Plant(tmp_path, settings, largest_bytes=1_000)
    await plant.outbox.open()
    await plant.outbox.register("bell", "pubsub/bell/alarms")
    await plant.outbox.append("pubsub/bell/alarms", bytes(950))
    try:
        await plant.pubsub.start()
        async with Consumer(mosquitto, tmp_path, "t13/json/metadata/#") as consumer:
            await until(lambda: consumer.messages)
        assert consumer.messages[0].json["MetaData"]["Name"] == "meters"
    finally:
        await plant.stop()
