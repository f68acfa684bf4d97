"""The properties of MQTT 5.0 (2.2.2.2): which packet may have which, how each is written, what their values may be."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

from server.pubsub.mqtt.wire import PROTOCOL_ERROR, Reader, binary_field, text_field, variable


class Property(enum.IntEnum):
    """Identifiers of properties."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_IDENTIFIER = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_IDENTIFIER = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTHENTICATION_METHOD = 0x15
    AUTHENTICATION_DATA = 0x16
    RESPONSE_INFORMATION = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARDS_AVAILABLE = 0x28
    SUBSCRIPTION_IDENTIFIERS_AVAILABLE = 0x29
    SHARED_SUBSCRIPTIONS_AVAILABLE = 0x2A


_BYTE: Final = frozenset({0x01, 0x24, 0x25, 0x28, 0x29, 0x2A})
"""All of them are 0 or 1."""
_NUMBERS: Final = {0x02: 4, 0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x23: 2, 0x27: 4}
_NOT_ZERO: Final = frozenset({0x0B, 0x21, 0x23, 0x27})
_TEXTS: Final = frozenset({0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F})
_BINARIES: Final = frozenset({0x09, 0x16})

_REASONED: Final = frozenset({0x1F, 0x26})
ALLOWED: Final = {
    "CONNACK": frozenset(
        {0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A}
    ),
    "PUBLISH": frozenset({0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26}),
    "PUBACK": _REASONED,
    "SUBACK": _REASONED,
    "UNSUBACK": _REASONED,
    "DISCONNECT": frozenset({0x11, 0x1C, 0x1F, 0x26}),
}
"""Which packets from a broker may have which."""


@dataclass(slots=True)
class Properties:
    """What a packet's properties say, each by its identifier; user properties in their order."""

    numbers: dict[int, int] = field(default_factory=dict[int, int])
    texts: dict[int, str] = field(default_factory=dict[int, str])
    binaries: dict[int, bytes] = field(default_factory=dict[int, bytes])
    user: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def explained(self, text: str) -> str:
        """Add what the broker says about a reason, in one line and not at any length."""
        told = [self.texts.get(Property.REASON_STRING, "")]
        if Property.SERVER_REFERENCE in self.texts:
            told.append(f"it names {self.texts[Property.SERVER_REFERENCE]}")
        shown = "; ".join("".join(c if c.isprintable() else "?" for c in part[:200]) for part in told if part)
        return f"{text} ({shown})" if shown else text


def read_properties(reader: Reader, clause: str) -> Properties:
    """Read the properties of the reader's packet. Raises :class:`~server.pubsub.mqtt.wire.BrokenProtocol`."""
    made = Properties()
    length = reader.variable(clause)
    whole, end = reader.end, reader.at + length
    if end > whole:
        reader.fail(f"{length} bytes of properties are announced and {whole - reader.at} are there", clause)
    reader.end = end
    allowed = ALLOWED[reader.packet]
    while reader.at < end:
        begin = reader.at
        identifier = reader.variable(clause)
        if identifier not in allowed:
            problem = f"the property {identifier:#04x} does not belong into a {reader.packet}"
            reader.fail(problem, clause, at=begin, code=PROTOCOL_ERROR)
        if identifier == Property.USER_PROPERTY:
            made.user.append((reader.text(clause), reader.text(clause)))
        elif identifier in _TEXTS:
            _once(reader, made.texts, identifier, begin, clause)
            made.texts[identifier] = reader.text(clause)
        elif identifier in _BINARIES:
            _once(reader, made.binaries, identifier, begin, clause)
            made.binaries[identifier] = reader.binary(clause)
        else:
            _read_number(reader, made.numbers, identifier, begin, clause)
    reader.end = whole
    return made


def _read_number(reader: Reader, numbers: dict[int, int], identifier: int, begin: int, clause: str) -> None:
    if identifier == Property.SUBSCRIPTION_IDENTIFIER:  # one for each subscription that a PUBLISH matches
        number = reader.variable(clause)
    else:
        _once(reader, numbers, identifier, begin, clause)
        number = reader.number(_NUMBERS.get(identifier, 1), clause)
    if (identifier in _BYTE and number > 1) or (identifier in _NOT_ZERO and not number):
        problem = f"the property {identifier:#04x} must not be {number}"
        reader.fail(problem, clause, at=begin, code=PROTOCOL_ERROR)
    numbers[identifier] = number


def _once(
    reader: Reader, known: dict[int, int] | dict[int, str] | dict[int, bytes], identifier: int, begin: int, clause: str
) -> None:
    if identifier in known:
        problem = f"the property {identifier:#04x} is there twice"
        reader.fail(problem, clause, at=begin, code=PROTOCOL_ERROR)


def number_property(identifier: Property, number: int) -> bytes:
    """Write a property of two or four bytes."""
    return bytes((identifier,)) + number.to_bytes(_NUMBERS[identifier], "big")


def text_property(identifier: Property, text: str, what: str) -> bytes:
    """Write a property that is a text. Raises :class:`ValueError` that names ``what``."""
    return bytes((identifier,)) + text_field(text, what)


def binary_property(identifier: Property, data: bytes, what: str) -> bytes:
    """Write a property that is bytes. Raises :class:`ValueError` that names ``what``."""
    return bytes((identifier,)) + binary_field(data, what)


def user_property(name: str, value: str) -> bytes:
    """Write a user property. Raises :class:`ValueError` for a text that MQTT does not take."""
    return b"\x26" + text_field(name, "a user property's name") + text_field(value, f"the user property {name!r}")


def with_length(properties: bytes) -> bytes:
    """Put the length before them, as they stand in a packet."""
    return variable(len(properties)) + properties
