"""The packets of MQTT besides PUBLISH: those of a client are written, those of a broker read. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.pubsub.contract import FAILURE, MqttMessage, Subscription
from server.pubsub.mqtt.properties import (
    Properties,
    Property,
    number_property,
    read_properties,
    text_property,
    with_length,
)
from server.pubsub.mqtt.publishing import properties_of, topic_field
from server.pubsub.mqtt.reasons import of_v311
from server.pubsub.mqtt.wire import PROTOCOL_ERROR, Reader, binary_field, text_field, variable

PINGREQ: Final = b"\xc0\x00"

NAMES: Final = {
    2: "CONNACK",
    3: "PUBLISH",
    4: "PUBACK",
    5: "PUBREC",
    6: "PUBREL",
    7: "PUBCOMP",
    9: "SUBACK",
    11: "UNSUBACK",
    13: "PINGRESP",
    14: "DISCONNECT",
    15: "AUTH",
}
"""Packets that a broker may send (2.1.2)."""


@dataclass(frozen=True, slots=True)
class Connect:
    """What a CONNECT says besides that it wants a clean session, which is always so here (ADR 0006).

    ``keep_alive``: seconds; ``receive_maximum``, ``max_packet``: what we take from the broker (MQTT 5.0 only).
    """

    client_id: str
    keep_alive: int
    username: str = ""
    password: bytes | None = None
    will: MqttMessage | None = None
    receive_maximum: int = 0xFFFF
    max_packet: int = 0


def encode_connect(connect: Connect, *, is_v5: bool) -> bytes:
    """Write a CONNECT (3.1). Raises :class:`ValueError` for a will or a text that MQTT does not take."""
    flags = 0x02
    payload = [text_field(connect.client_id, "the client identifier")]
    will = connect.will
    if will is not None:
        if will.qos not in {0, 1}:
            problem = f"a will with QoS {will.qos}, and 0 and 1 are what is used here"
            raise ValueError(problem)
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        if is_v5:
            payload.append(with_length(properties_of(will)))
        payload += [topic_field(will.topic), binary_field(will.payload, "the will")]
    if connect.username:
        flags |= 0x80
        payload.append(text_field(connect.username, "the username"))
    if connect.password is not None and (connect.username or is_v5):
        flags |= 0x40
        payload.append(binary_field(connect.password, "the password"))
    head = b"\x00\x04MQTT" + bytes((5 if is_v5 else 4, flags)) + connect.keep_alive.to_bytes(2, "big")
    if is_v5:
        properties = number_property(Property.RECEIVE_MAXIMUM, connect.receive_maximum)
        if connect.max_packet:
            properties += number_property(Property.MAXIMUM_PACKET_SIZE, connect.max_packet)
        head += with_length(properties)
    return _packet(0x10, head + b"".join(payload))


def encode_subscribe(packet_id: int, subscriptions: Sequence[Subscription], *, is_v5: bool) -> bytes:
    """Write a SUBSCRIBE (3.8). Raises :class:`ValueError` for a filter that MQTT does not take, and for QoS 2."""
    body = [packet_id.to_bytes(2, "big"), b"\0" if is_v5 else b""]
    for wanted in subscriptions:
        if wanted.qos not in {0, 1}:
            problem = f"{wanted.topic_filter} is subscribed with QoS {wanted.qos}, and 0 and 1 are what is used here"
            raise ValueError(problem)
        options = wanted.qos | (0x04 if wanted.no_local and is_v5 else 0)
        body += [filter_field(wanted.topic_filter), bytes((options,))]
    return _packet(0x82, b"".join(body))


def encode_unsubscribe(packet_id: int, filters: Sequence[str], *, is_v5: bool) -> bytes:
    """Write an UNSUBSCRIBE (3.10). Raises :class:`ValueError` for a filter that MQTT does not take."""
    return _packet(0xA2, b"".join([packet_id.to_bytes(2, "big"), b"\0" if is_v5 else b"", *map(filter_field, filters)]))


def encode_puback(packet_id: int, code: int = 0, *, is_v5: bool) -> bytes:
    """Write a PUBACK (3.4); MQTT 3.1.1 has no reason code."""
    if code and is_v5:
        return bytes((0x40, 3, packet_id >> 8, packet_id & 0xFF, code))
    return bytes((0x40, 2, packet_id >> 8, packet_id & 0xFF))


def encode_disconnect(code: int = 0, reason: str = "", *, is_v5: bool) -> bytes:
    """Write a DISCONNECT (3.14); MQTT 3.1.1 has no reason code."""
    if not is_v5 or not code:
        return b"\xe0\x00"
    properties = text_property(Property.REASON_STRING, reason, "the reason") if reason else b""
    return _packet(0xE0, bytes((code,)) + with_length(properties))


def filter_field(name: str) -> bytes:
    """Write a topic filter (4.7). Raises :class:`ValueError`: empty, a wildcard amid a level, too long."""
    levels = name.split("/")
    wild = any(("#" in level or "+" in level) and len(level) > 1 for level in levels) or "#" in levels[:-1]
    if not name or wild:
        problem = f"{name!r} is no topic filter: + stands for a level, # for all at the end"
        raise ValueError(problem)
    return text_field(name, f"the topic filter {name[:80]}")


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + variable(len(body)) + body


@dataclass(frozen=True, slots=True)
class Connack:
    """The broker's answer to CONNECT, its code as MQTT 5.0 writes it."""

    code: int
    properties: Properties


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """PUBACKs that came together, each packet's identifier and reason code; ``texts``: of some, by identifier."""

    ids: list[int]
    codes: list[int]
    texts: dict[int, str]


@dataclass(frozen=True, slots=True)
class Suback:
    """The answer to a SUBSCRIBE or an UNSUBSCRIBE: a reason code for each filter; MQTT 3.1.1's UNSUBACK has none."""

    packet_id: int
    codes: list[int]
    text: str


@dataclass(frozen=True, slots=True)
class Pingresp:
    """The answer to a ping."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The broker ends the link, and why."""

    code: int
    properties: Properties


def decode_connack(reader: Reader, *, is_v5: bool) -> Connack:
    """Read a CONNACK (3.2) to a CONNECT with a clean session."""
    flags = reader.number(1, "3.2.2.1")
    code = reader.number(1, "3.2.2.2")
    if flags > 1 or (flags and code):
        reader.fail(f"the flags are {flags:#04x}", "3.2.2.1", at=reader.at - 2)
    if flags:
        problem = "a session is present, though a clean one was asked for"
        reader.fail(problem, "3.2.2.1.1", at=reader.at - 2, code=PROTOCOL_ERROR)
    properties = Properties()
    if is_v5 and not (code and reader.at == reader.end):
        # A broker without MQTT 5.0 refuses in the form of 3.1.1: return code 1 and nothing after it.
        properties = read_properties(reader, "3.2.2.3")
    reader.finish("3.2")
    if not is_v5 or 0 < code < FAILURE:
        if code > 5:  # noqa: PLR2004 - the last return code of MQTT 3.1.1
            reader.fail(f"the code {code:#04x} does not exist", "3.2.2.2")
        code = of_v311(code)
    return Connack(code, properties)


def decode_puback(reader: Reader, *, is_v5: bool) -> tuple[int, int, str]:
    """Read one PUBACK (3.4): identifier, reason code, reason string."""
    packet_id = reader.packet_id()
    if not is_v5 or reader.at == reader.end:
        reader.finish("3.4")
        return packet_id, 0, ""
    code = reader.number(1, "3.4.2.1")
    if code not in {0x00, 0x10} and code < FAILURE:
        reader.fail(f"the reason code {code:#04x} does not belong into a PUBACK", "3.4.2.1")
    text = ""
    if reader.at < reader.end:
        text = read_properties(reader, "3.4.2.2").explained("")
    reader.finish("3.4")
    return packet_id, code, text.strip()


def decode_suback(reader: Reader, *, is_v5: bool) -> Suback:
    """Read a SUBACK (3.9) or UNSUBACK (3.11)."""
    packet_id = reader.packet_id()
    text = read_properties(reader, "3.9.2.1").explained("").strip() if is_v5 else ""
    codes = list(reader.take(reader.end - reader.at, "3.9.3"))
    if reader.packet == "UNSUBACK":
        known = all(code in {0x00, 0x11} or code >= FAILURE for code in codes) and (is_v5 or not codes)
    else:
        known = all(code <= 2 or code >= FAILURE for code in codes)  # noqa: PLR2004 - QoS 2
    if not known:
        reader.fail("a reason code that does not belong here", "3.9.3", at=reader.at - len(codes))
    return Suback(packet_id, codes, text)


def decode_disconnect(reader: Reader, *, is_v5: bool) -> Disconnect:
    """Read a DISCONNECT (3.14); in MQTT 3.1.1 only clients send it."""
    if not is_v5:
        reader.fail("no broker sends it in MQTT 3.1.1", "3.14", at=0, code=PROTOCOL_ERROR)
    if reader.at == reader.end:
        return Disconnect(0, Properties())
    code = reader.number(1, "3.14.2.1")
    properties = read_properties(reader, "3.14.2.2") if reader.at < reader.end else Properties()
    reader.finish("3.14")
    return Disconnect(code, properties)
