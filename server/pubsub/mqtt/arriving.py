"""PUBLISH packets that come in (MQTT 5.0, 3.3): messages of subscriptions."""

from __future__ import annotations

from dataclasses import dataclass

from server.pubsub.contract import MqttMessage
from server.pubsub.mqtt.properties import Property, read_properties
from server.pubsub.mqtt.publishing import KIND
from server.pubsub.mqtt.wire import PROTOCOL_ERROR, Reader


@dataclass(frozen=True, slots=True)
class Publish:
    """A message of a subscription. ``packet_id``: to be acknowledged; 0 with QoS 0."""

    message: MqttMessage
    packet_id: int


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A message of a subscription that has more bytes than are taken; what it says is passed over."""

    topic: str
    packet_id: int
    size: int


def decode_too_large(reader: Reader, flags: int, there: int, size: int) -> TooLarge | None:
    """Read the beginning of a PUBLISH, of which ``there`` bytes have arrived; None if more is needed.

    Raises :class:`~server.pubsub.mqtt.wire.BrokenProtocol`.
    """
    has_id = bool(flags & 6)
    if there < 2:  # noqa: PLR2004 - the length of the topic
        return None
    at = reader.at
    needed = 2 + reader.number(2, "3.3.2.1") + 2 * has_id
    reader.at = at
    if there < needed:
        return None
    topic = reader.text("3.3.2.1")
    return TooLarge(topic, reader.packet_id() if has_id else 0, size)


def decode_publish(reader: Reader, flags: int, *, is_v5: bool) -> Publish:
    """Read a PUBLISH with QoS 0 or 1, which is all that is subscribed here.

    Raises :class:`~server.pubsub.mqtt.wire.BrokenProtocol`.
    """
    qos = flags >> 1 & 3
    if qos > 1:
        problem = f"QoS {qos} was not asked for" if qos == 2 else "QoS 3 does not exist"  # noqa: PLR2004 - QoS 2
        reader.fail(problem, "3.3.1.2", at=0, code=0x9B if qos == 2 else 0x81)  # noqa: PLR2004 - as above
    if flags & 8 and not qos:
        reader.fail("a duplicate of QoS 0", "3.3.1.1", at=0)
    begin = reader.at
    topic = reader.text("3.3.2.1")
    if "#" in topic or "+" in topic or (not topic and not is_v5):
        reader.fail("the topic's name is empty or holds a wildcard", "3.3.2.1", at=begin)
    packet_id = reader.packet_id() if qos else 0
    retain = bool(flags & 1)
    if not is_v5 or (topic and reader.skip_zero()):
        payload = reader.take(reader.end - reader.at, "3.3.3")
        return Publish(MqttMessage(topic, payload, qos, retain), packet_id)
    properties = read_properties(reader, "3.3.2.3")
    if not topic or Property.TOPIC_ALIAS in properties.numbers:
        # We announce no Topic Alias Maximum, so it is 0.
        reader.fail("a topic alias, though none were offered", "3.3.2.3.4", at=begin, code=PROTOCOL_ERROR)
    response = properties.texts.get(Property.RESPONSE_TOPIC, "")
    if "#" in response or "+" in response:
        reader.fail("the response topic holds a wildcard", "3.3.2.3.5", code=PROTOCOL_ERROR)
    kinds = [value for name, value in properties.user if name == KIND]
    message = MqttMessage(
        topic,
        reader.take(reader.end - reader.at, "3.3.3"),
        qos,
        retain,
        kind=kinds[0] if kinds else "",
        content_type=properties.texts.get(Property.CONTENT_TYPE, ""),
        expiry=properties.numbers.get(Property.MESSAGE_EXPIRY),
        response_topic=response,
        correlation=properties.binaries.get(Property.CORRELATION_DATA, b""),
        properties=tuple((name, value) for name, value in properties.user if name != KIND),
    )
    return Publish(message, packet_id)
