"""PUBLISH against an obvious writer of it, against paho-mqtt's reader and writer, and with aliases."""

from __future__ import annotations

from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from server.pubsub.columns import Messages
from server.pubsub.contract import MqttMessage
from server.pubsub.mqtt.arriving import Publish
from server.pubsub.mqtt.framing import Decoder
from server.pubsub.mqtt.publishing import Publisher, encode_publish
from tests.thorough import examples

_LETTERS = st.characters(codec="utf-8", exclude_characters="\0#+")
_TEXTS = st.text(_LETTERS, min_size=1, max_size=20)
MESSAGES = st.builds(
    MqttMessage,
    topic=_TEXTS,
    payload=st.one_of(st.binary(max_size=40), st.sampled_from([0, 99, 127, 200, 16_300, 16_383, 70_000]).map(bytes)),
    qos=st.integers(0, 1),
    retain=st.booleans(),
    kind=st.sampled_from(["", "ua-data", "ua-metadata"]),
    content_type=st.sampled_from(["", "application/json"]),
    expiry=st.none() | st.integers(0, 0xFFFF_FFFF),
    response_topic=st.just("") | _TEXTS,
    correlation=st.binary(max_size=8),
    properties=st.lists(st.tuples(_TEXTS, _TEXTS), max_size=3).map(tuple),
).filter(lambda message: "UAMessageType" not in dict(message.properties))


def _obvious(message: MqttMessage, packet_id: int, *, is_v5: bool) -> bytes:
    """Write a packet as the standard's tables read, a field after the other."""

    def text(value: str | bytes) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        return len(data).to_bytes(2, "big") + data

    def length(number: int) -> bytes:
        digits: list[int] = []
        while True:
            number, digit = divmod(number, 128)
            digits.append(digit + (128 if number else 0))
            if not number:
                return bytes(digits)

    properties = b""
    if message.expiry is not None:
        properties += b"\x02" + message.expiry.to_bytes(4, "big")
    if message.content_type:
        properties += b"\x03" + text(message.content_type)
    if message.response_topic:
        properties += b"\x08" + text(message.response_topic)
    if message.correlation:
        properties += b"\x09" + text(message.correlation)
    kind = [("UAMessageType", message.kind)] if message.kind else []
    for name, value in [*kind, *message.properties]:
        properties += b"\x26" + text(name) + text(value)
    body = text(message.topic)
    body += packet_id.to_bytes(2, "big") if message.qos else b""
    body += length(len(properties)) + properties if is_v5 else b""
    body += message.payload
    return bytes([3 * 16 + 2 * message.qos + message.retain]) + length(len(body)) + body


def _as_v311(message: MqttMessage) -> MqttMessage:
    return MqttMessage(message.topic, message.payload, message.qos, message.retain)


@settings(max_examples=examples(40, 2_000), deadline=None)
@given(message=MESSAGES, is_v5=st.booleans(), number=st.integers(1, 0xFFFF))
def test_what_is_written_is_the_standards_and_comes_back(message: MqttMessage, *, is_v5: bool, number: int) -> None:
    packet_id = number if message.qos else 0
    written = encode_publish(message, packet_id, is_v5=is_v5)
    assert written == _obvious(message, packet_id, is_v5=is_v5)
    read = Decoder(1 << 20, is_v5=is_v5).feed(written)
    assert read == [Publish(message if is_v5 else _as_v311(message), packet_id)]


def _paho(*, is_v5: bool) -> Any:  # what is looked at is private to it
    return paho.Client(CallbackAPIVersion.VERSION2, "c", protocol=paho.MQTTv5 if is_v5 else paho.MQTTv311)


@settings(max_examples=examples(25, 1_000), deadline=None)
@given(message=MESSAGES, is_v5=st.booleans())
def test_paho_understands_it(message: MqttMessage, *, is_v5: bool) -> None:
    client, got = _paho(is_v5=is_v5), list[Any]()

    def arrived(_client: object, _data: object, came: Any) -> None:
        got.append(came)

    client.on_message = arrived
    written = encode_publish(message, 77 if message.qos else 0, is_v5=is_v5)
    start = 2 + sum(byte > 127 for byte in written[1:4]) if written[1] > 127 else 2
    client._in_packet = {"command": written[0], "packet": bytearray(written[start:]), "remaining_length": 0}
    client._handle_publish()
    (came,) = got
    assert (came.topic, came.payload, came.qos, came.retain) == (
        *(message.topic, message.payload, message.qos, message.retain),
    )
    if is_v5:
        told = came.properties
        kind = [("UAMessageType", message.kind)] if message.kind else []
        assert getattr(told, "UserProperty", []) == [*kind, *message.properties]
        assert getattr(told, "ContentType", "") == message.content_type
        assert getattr(told, "ResponseTopic", "") == message.response_topic
        assert getattr(told, "CorrelationData", b"") == message.correlation
        assert getattr(told, "MessageExpiryInterval", None) == message.expiry


@settings(max_examples=examples(25, 1_000), deadline=None)
@given(message=MESSAGES, is_v5=st.booleans())
def test_what_paho_writes_is_understood(message: MqttMessage, *, is_v5: bool) -> None:
    client = _paho(is_v5=is_v5)
    properties: Any = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("UAMessageType", message.kind), *message.properties]
    if message.expiry is not None:
        properties.MessageExpiryInterval = message.expiry
    if message.content_type:
        properties.ContentType = message.content_type
    if message.response_topic:
        properties.ResponseTopic = message.response_topic
    if message.correlation:
        properties.CorrelationData = message.correlation
    sent = list[bytes]()

    def keep(_command: int, packet: bytearray, *_rest: object) -> None:
        sent.append(bytes(packet))

    client._packet_queue = keep
    client._sock = True
    client._send_publish(
        7, message.topic.encode(), message.payload, message.qos, message.retain, dup=False, properties=properties
    )
    client._sock = None
    read = Decoder(1 << 20, is_v5=is_v5).feed(sent[0])
    assert read == [Publish(message if is_v5 else _as_v311(message), 7 if message.qos else 0)]


def test_a_topic_that_comes_again_gets_an_alias_until_there_are_no_more() -> None:
    publisher = Publisher(is_v5=True, aliases=1)
    parts: list[bytes] = []
    topics = ["plant/line-1/data"] * 3 + ["plant/line-2/data"] * 2 + ["short"] * 2
    for place, topic in enumerate(topics):
        message = MqttMessage(topic, b"x", kind="k" * 150 if place == 2 else "ua-data")
        publisher.append(parts, publisher.prepare(Messages.of([message])), 0, 1, place + 1)
    packets = _cut(b"".join(parts))
    fields = [packet[2 + (packet[1] > 127) :] for packet in packets]
    alias = b"\x23\x00\x01"
    names = [field[2 : 2 + int.from_bytes(field[:2], "big")].decode() for field in fields]
    assert names == [*topics[:2], "", *topics[3:]]
    assert [alias in packet for packet in packets] == [False, True, True, False, False, False, False]


def _cut(data: bytes) -> list[bytes]:
    packets: list[bytes] = []
    while data:
        length = data[1] if data[1] < 128 else data[1] & 127 | data[2] << 7
        end = 2 + (data[1] > 127) + length
        packets.append(data[:end])
        data = data[end:]
    return packets


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (MqttMessage("", b""), "has no topic"),
        (MqttMessage("a/#", b""), "holds a wildcard"),
        (MqttMessage("a/+/b", b""), "holds a wildcard"),
        (MqttMessage("a\0", b""), "U\\+0000"),
        (MqttMessage("a\ud800", b""), "lone surrogate"),
        (MqttMessage("a" * 65_536, b""), "65536 bytes"),
        (MqttMessage("a", b"", 2), "QoS 2"),
        (MqttMessage("a", b"x" * 1_000), "packets of 1000"),
        (MqttMessage("a", b"", response_topic="b/#"), "holds a wildcard"),
        (MqttMessage("a", b"", correlation=b"x" * 65_536), "correlation data"),
        (MqttMessage("a", b"", expiry=1 << 32), "cannot expire"),
        (MqttMessage("a", b"", properties=(("n", "\0"),)), "the user property 'n'"),
    ],
)
def test_what_cannot_be_carried_is_refused(message: MqttMessage, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Publisher(is_v5=True, largest=1_000).prepare(Messages.of([message]))


def test_a_broker_that_retains_nothing_is_not_asked_to() -> None:
    publisher, parts = Publisher(is_v5=True, retains=False), list[bytes]()
    message = MqttMessage("a", b"", 1, retain=True)
    publisher.append(parts, publisher.prepare(Messages.of([message])), 0, 1, 1)
    assert parts[0][0] == 0x32


def test_what_is_remembered_of_topics_and_properties_is_bounded() -> None:
    publisher, parts = Publisher(is_v5=True, aliases=1), list[bytes]()
    for number in range(20_000):
        message = MqttMessage(f"plant/line/{number % 17_000}", b"", kind=str(number % 2_000))
        publisher.append(parts, publisher.prepare(Messages.of([message])), 0, 1, 1)
        if number == 0:
            publisher.append(parts, publisher.prepare(Messages.of([message])), 0, 1, 1)
    assert len(publisher._topics) <= 16_384
    assert len(publisher._properties) <= 1_024
    assert publisher.topic("plant/line/0").alias == 1


def test_messages_prepared_together_have_each_its_own_properties() -> None:
    messages = [
        MqttMessage("a", b"1", correlation=b"first"),
        MqttMessage("a", b"2"),
        MqttMessage("a", b"3"),
        MqttMessage("a", b"4", kind="ua-data"),
        MqttMessage("b", b"5", expiry=3),
        MqttMessage("b", b"6", properties=(("k", "v"),)),
        MqttMessage("b", b"7", response_topic="r"),
    ]
    publisher = Publisher(is_v5=True)
    prepared = publisher.prepare(Messages.of(messages))
    assert prepared.properties == [publisher.properties(Messages.of([one]).forms[0]) for one in messages]
    assert [topic.field[2:] for topic in prepared.topics] == [one.topic.encode() for one in messages]
