"""PUBLISH packets that go out (MQTT 5.0, 3.3).

They are made by the thousand: what is the same in many messages (topic, properties) is made once and joined
with what is not (length, packet identifier, payload).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from server.pubsub.columns import Form, Messages
from server.pubsub.contract import MqttMessage
from server.pubsub.mqtt.properties import (
    Property,
    binary_property,
    number_property,
    text_property,
    user_property,
    with_length,
)
from server.pubsub.mqtt.wire import LARGEST_PACKET, text_field, variable

KIND: Final = "UAMessageType"
"""The user property that names Part 14's message type (Part 14 v1.05 7.3.5.8)."""

_KNOWN_TOPICS: Final = 16_384
_KNOWN_PROPERTIES: Final = 1_024
_ALIASED_FROM: Final = 12
"""Bytes of the shortest topic field that an alias is worth: it takes three bytes itself."""
_BESIDES: Final = 10
"""Bytes of a packet besides: one for the type, up to four for the length, two for the identifier, three of an alias."""
_SHORT: Final = Struct(">BB").pack
_LONGER: Final = Struct(">BBB").pack
_IDENTIFIER: Final = Struct(">H").pack


class Topic:
    """A topic as it stands in a packet. ``alias``: 0 until the broker knows one."""

    __slots__ = ("_aliased", "_plain", "alias", "field", "known")

    def __init__(self, field: bytes) -> None:
        """``field``: length and name."""
        self.field = field
        self.alias = 0
        self.known = False
        """Whether it was published before on this link: only what comes again is worth an alias."""
        self._plain = self._aliased = b""

    def aliased(self, properties: bytes) -> bytes:
        """Give properties with the alias; those of one topic are the same again and again."""
        if properties is not self._plain:
            self._plain, self._aliased = properties, _with_alias(properties, self.alias)
        return self._aliased


@dataclass(frozen=True, slots=True)
class Prepared:
    """Messages, and the topic and properties of each as they are written."""

    messages: Messages
    topics: list[Topic]
    properties: list[bytes]


class Publisher:
    """Makes the PUBLISH packets of one link. ``aliases``: how many Topic Aliases the broker takes."""

    def __init__(self, *, is_v5: bool, retains: bool = True, aliases: int = 0, largest: int = LARGEST_PACKET) -> None:
        """``retains``: whether the broker takes retained messages; ``largest``: bytes of the largest packet."""
        self._is_v5 = is_v5
        self._retain = 1 if retains else 0
        self._aliases = aliases if is_v5 else 0
        self._next_alias = 1
        self._largest = largest
        self._topics: dict[str, Topic] = {}
        self._properties: dict[Form, bytes] = {}

    def topic(self, name: str) -> Topic:
        """Give the topic as it is written. Raises :class:`ValueError` for what cannot be published to."""
        known = self._topics.get(name)
        return known if known is not None else self._new_topic(name)

    def properties(self, form: Form) -> bytes:
        """Give the properties of messages with their length; none for MQTT 3.1.1. Raises :class:`ValueError`."""
        if not self._is_v5:
            return b""
        if form.correlation:  # of one request: nobody asks for it again
            return with_length(properties_of(form))
        known = self._properties.get(form)
        if known is None:
            known = with_length(properties_of(form))
            if len(self._properties) >= _KNOWN_PROPERTIES:
                self._properties.clear()
            self._properties[form] = known
        return known

    def prepare(self, messages: Messages) -> Prepared:
        """Check messages, and write what is the same in many.

        Raises:
            ValueError: MQTT or this broker cannot carry one: its topic, its QoS, a text, its size.
        """
        known = self._topics
        try:
            topics = [known[name] for name in messages.topics]
        except KeyError:
            topics = [self.topic(name) for name in messages.topics]
        form = messages.form
        if form is not None:
            properties = [self._checked(form, messages.topics[0])] * len(topics)
        else:
            properties = [self._checked(one, name) for one, name in zip(messages.forms, messages.topics, strict=True)]
        # As size() counts; the longest of each together first: most often that is still far from too much.
        largest = self._largest - _BESIDES
        longest = max(map(len, messages.payloads), default=0) + max(map(len, properties), default=0)
        if longest + max([len(topic.field) for topic in topics], default=0) > largest:
            for topic, written, payload, name in zip(
                topics, properties, messages.payloads, messages.topics, strict=True
            ):
                size = len(topic.field) + len(written) + len(payload)
                if size > largest:
                    size += _BESIDES
                    problem = f"the message to {name} has {size} bytes, and the broker takes packets of {self._largest}"
                    raise ValueError(problem)
        return Prepared(messages, topics, properties)

    def size(self, message: MqttMessage) -> int:
        """Give the bytes of a message's packet, at most."""
        properties = self.properties(Messages.of([message]).forms[0])
        return len(self.topic(message.topic).field) + len(properties) + len(message.payload) + _BESIDES

    def append(
        self, parts: list[bytes], prepared: Prepared, begin: int, end: int, first_id: int, room: int = LARGEST_PACKET
    ) -> tuple[int, int]:
        """Add the packets of some messages to ``parts``, which are joined later; give how many, and their bytes.

        ``first_id``: the packet identifier of the first, which those after it follow, 0 for QoS 0; the bytes are those
        of payloads. Ends before a message of another QoS, and once there are ``room`` bytes.
        """
        packet_id, qos = first_id, 1 if first_id else 0
        plain = 0x32 if qos else 0x30
        made = size = 0
        messages = prepared.messages
        for payload, form, topic, properties in zip(
            messages.payloads[begin:end],
            messages.forms[begin:end],
            prepared.topics[begin:end],
            prepared.properties[begin:end],
            strict=True,
        ):
            if form.qos != qos:
                break
            if topic.alias:
                written = topic.aliased(properties)
                field = b"\0\0"
            else:
                written, field = properties, topic.field
                if not topic.known:
                    topic.known = True
                elif self._next_alias <= self._aliases and len(field) >= _ALIASED_FROM:
                    topic.alias, self._next_alias = self._next_alias, self._next_alias + 1
                    written = topic.aliased(properties)
            first = plain | self._retain if form.retain else plain
            length = len(field) + len(written) + len(payload) + 2 * qos
            if length < 0x80:  # noqa: PLR2004 - seven bits a byte
                start = _SHORT(first, length)
            elif length < 0x4000:  # noqa: PLR2004 - as above
                start = _LONGER(first, length & 0x7F | 0x80, length >> 7)
            else:
                start = bytes((first,)) + variable(length)
            if qos:
                parts += (start, field, _IDENTIFIER(packet_id), written, payload)
                packet_id += 1
            else:
                parts += (start, field, written, payload)
            made += 1
            size += len(payload)
            if size >= room:
                break
        return made, size

    def _checked(self, form: Form, name: str) -> bytes:
        if form.qos not in {0, 1}:
            problem = f"{name} is to be published with QoS {form.qos}, and 0 and 1 are what is used here"
            raise ValueError(problem)
        return self.properties(form)

    def _new_topic(self, name: str) -> Topic:
        made = Topic(topic_field(name))
        if len(self._topics) >= _KNOWN_TOPICS:
            # What has an alias keeps it: the broker remembers it for as long as the link lives.
            self._topics = {known: topic for known, topic in self._topics.items() if topic.alias}
        self._topics[name] = made
        return made


def _with_alias(properties: bytes, alias: int) -> bytes:
    """Put a Topic Alias before properties that have their length."""
    if properties[0] < 0x7D:  # noqa: PLR2004 - the length stays one byte
        return bytes((properties[0] + 3, 0x23, alias >> 8, alias & 0xFF)) + properties[1:]
    start = 1
    while properties[start - 1] & 0x80:
        start += 1
    return with_length(number_property(Property.TOPIC_ALIAS, alias) + properties[start:])


def topic_field(name: str) -> bytes:
    """Write the name of a topic to publish to. Raises :class:`ValueError`: empty, a wildcard (4.7.1), too long."""
    if not name:
        message = "a message has no topic"
        raise ValueError(message)
    if "#" in name or "+" in name:
        message = f"the topic {name} holds a wildcard"
        raise ValueError(message)
    return text_field(name, f"the topic {name[:80]}")


def properties_of(message: MqttMessage | Form) -> bytes:
    """Write a message's properties, without their length. Raises :class:`ValueError` that names the one at fault."""
    parts: list[bytes] = []
    if message.expiry is not None:
        if not 0 <= message.expiry <= 0xFFFF_FFFF:  # noqa: PLR2004 - 3.3.2.3.3: four bytes
            problem = f"a message cannot expire after {message.expiry} s"
            raise ValueError(problem)
        parts.append(number_property(Property.MESSAGE_EXPIRY, message.expiry))
    if message.content_type:
        parts.append(text_property(Property.CONTENT_TYPE, message.content_type, "the content type"))
    if message.response_topic:
        parts.append(bytes((Property.RESPONSE_TOPIC,)) + topic_field(message.response_topic))
    if message.correlation:
        parts.append(binary_property(Property.CORRELATION_DATA, message.correlation, "the correlation data"))
    if message.kind:
        parts.append(user_property(KIND, message.kind))
    parts += [user_property(name, value) for name, value in message.properties]
    return b"".join(parts)


def encode_publish(message: MqttMessage, packet_id: int, *, is_v5: bool) -> bytes:
    """Write one message. Raises :class:`ValueError` as :meth:`Publisher.prepare`."""
    publisher = Publisher(is_v5=is_v5)
    parts: list[bytes] = []
    publisher.append(parts, publisher.prepare(Messages.of([message])), 0, 1, packet_id)
    return b"".join(parts)
