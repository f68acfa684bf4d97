"""UADP from a process image through the outbox and Mosquitto to ``mosquitto_sub``."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from core.time import SystemClock
from server.address_space.asyncua_values import decode_variant
from server.pubsub.connection import PubSubConnection, Surroundings
from server.pubsub.frames import PubSubState
from server.pubsub.uadp.decoding import UadpDecoder
from server.pubsub.uadp.flags import DataSetMessageType
from server.pubsub.uadp.keys import GroupKeys, SecurityGroups
from server.pubsub.uadp.messages import NetworkMessage, ReceivedDataSetMessage, ReceivedStatus
from server.pubsub.uadp.settings import UadpSecuritySettings
from server.pubsub.uadp.subscriber import UadpSubscriber
from tests.broker import Broker
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.plant import FIELDS, Plant, running, settings_of
from tests.waiting import until


def _read(consumer: Consumer) -> list[tuple[str, NetworkMessage]]:
    subscriber = UadpSubscriber()
    read: list[tuple[str, NetworkMessage]] = []
    for message in sorted(consumer.messages, key=lambda one: "/metadata/" not in one.topic):
        got = subscriber.receive(bytes.fromhex(message.payload), 0.0)
        if got is not None:
            read.append((message.topic, got))
    return read


def _data(consumer: Consumer) -> list[ReceivedDataSetMessage]:
    return [one for _, got in _read(consumer) if isinstance(got.payload, tuple) for one in got.payload]


async def test_mosquitto_sub_gets_data_metadata_and_status(mosquitto: Broker, tmp_path: Path) -> None:
    datasets = {"meters": {"keyframe": 5, "content": ["RawData"]}, "all": {"samples": "all"}}
    settings = settings_of(mosquitto.url, datasets, prefix="u1", encoding="uadp")
    in_hex = ("-F", "%t\t%r\t%X")
    async with Consumer(mosquitto, tmp_path, "u1/#", *in_hex) as consumer:
        async with running(tmp_path, settings) as plant:
            plant.apply(1.0, 2.0, 3.0)
            await until(lambda: any(topic.endswith("/all") for topic, _ in _read(consumer)))
            await until(lambda: any(_is_key_frame(one) for one in _data(consumer)))
            changes = count(10)

            def has_seen_a_delta() -> bool:
                plant.apply(float(next(changes)))  # again and again: one that comes with a key frame is in that one
                return any(one.kind is DataSetMessageType.DELTA_FRAME for one in _data(consumer))

            await until(has_seen_a_delta)
            await until(lambda: plant.waiting == 0)
        await until(lambda: _states(consumer)[-1:] == [PubSubState.DISABLED])
        topics = {topic for topic, _ in _read(consumer)}
        values = [
            decode_variant(field.value.variant or b"").Value
            for one in _data(consumer)
            if _is_key_frame(one)
            for field in one.fields
        ]
    assert values[:3] == [1.0, 2.0, 3.0]
    assert _states(consumer) == [PubSubState.OPERATIONAL, PubSubState.DISABLED]
    assert topics == {
        "u1/uadp/status/line-1",
        "u1/uadp/data/line-1/default/meters",
        "u1/uadp/data/line-1/default/all",
        "u1/uadp/metadata/line-1/default/meters",
        "u1/uadp/metadata/line-1/default/all",
    }


def _is_key_frame(one: ReceivedDataSetMessage) -> bool:
    """Tell whether it is one of the first DataSet's, and its values are Good."""
    return one.writer == 1 and one.status == 0 and one.kind is DataSetMessageType.KEY_FRAME


def _states(consumer: Consumer) -> list[PubSubState]:
    return [got.payload.state for _, got in _read(consumer) if isinstance(got.payload, ReceivedStatus)]


async def test_secured_messages_and_metadata_with_each_new_key(mosquitto: Broker, tmp_path: Path) -> None:
    security = {"group": "line", "mode": "SignAndEncrypt"}
    settings = settings_of(mosquitto.url, {"meters": {"uadp": {"security": security}}}, prefix="u2", encoding="uadp")
    groups = SecurityGroups(tmp_path, SystemClock())
    groups.ensure(UadpSecuritySettings.model_validate(security))
    plant = Plant(tmp_path, settings)
    around = Surroundings(plant.image, plant.outbox, tmp_path, security=groups)
    plant.pubsub = PubSubConnection(settings, around, gateway="line-1", fields={"meters": FIELDS})
    in_hex = ("-F", "%t\t%r\t%X")
    async with Consumer(mosquitto, tmp_path, "u2/#", *in_hex) as consumer:
        await plant.start()
        try:
            plant.apply(1.0, 2.0, 3.0)
            await until(lambda: _tokens(consumer, groups) == {1})
            groups.renew("line")
            await plant.pubsub.describe()
            plant.apply(4.0)
            await until(lambda: _tokens(consumer, groups) == {1, 2})
            metadata = [one for one in consumer.messages if "/metadata/" in one.topic]
        finally:
            await plant.stop()
    assert all(b"urn:plant".hex() not in one.payload.lower() for one in metadata)


def _tokens(consumer: Consumer, groups: SecurityGroups) -> set[int]:
    """Give the tokens that data and metadata both came with."""
    decoder = UadpDecoder(keys=GroupKeys(groups, "line"), required="SignAndEncrypt")
    tokens: dict[bool, set[int]] = {True: set(), False: set()}
    for message in consumer.messages:
        got = decoder.decode(bytes.fromhex(message.payload))
        if not isinstance(got.payload, ReceivedStatus) and got.secured is not None:
            tokens["/metadata/" in message.topic].add(got.secured.token)
    return tokens[True] & tokens[False]
