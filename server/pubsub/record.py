"""What an outbox record of the PubSub stream holds (docs/reference/pubsub.md, "Outbox record"): one MQTT message."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from core.errors import PlantspaceError

VERSION: Final = 1
_HEADER: Final = struct.Struct("<BBHI")
"""Version, flags, bytes of the topic, bytes of the message once inflated."""
_QOS: Final = 0x03
_RETAIN: Final = 0x04
_DEFLATED: Final = 0x08
_KNOWN: Final = _QOS | _RETAIN | _DEFLATED
_HIGHEST_QOS: Final = 2
_WORTH_IT: Final = 512
"""Shorter messages are kept as they are."""
_FAST: Final = 1
_LARGEST: Final = 268_435_455
"""Bytes of an MQTT packet (MQTT 5.0, 1.5.5)."""


class DamagedRecord(PlantspaceError):  # noqa: N818 - the name says the state of the bytes
    """The bytes are no record of this form."""


@dataclass(frozen=True, slots=True)
class MqttMessage:
    """One MQTT message."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


def pack(message: MqttMessage) -> bytes:
    """Encode a message; the longer ones are deflated, which JSON repays ten times over."""
    topic = message.topic.encode()
    flags = message.qos | (_RETAIN if message.retain else 0)
    body = message.payload
    if len(body) >= _WORTH_IT:
        deflated = zlib.compress(body, _FAST)
        if len(deflated) < len(body):
            flags |= _DEFLATED
            body = deflated
    return b"".join((_HEADER.pack(VERSION, flags, len(topic), len(message.payload)), topic, body))


def unpack(data: bytes) -> MqttMessage:
    """Decode a message. Raises :class:`DamagedRecord`."""
    if len(data) < _HEADER.size:
        message = f"a record has {len(data)} bytes and its header alone {_HEADER.size}"
        raise DamagedRecord(message)
    version, flags, length, size = _HEADER.unpack_from(data)
    if version != VERSION or flags & ~_KNOWN or flags & _QOS > _HIGHEST_QOS or size > _LARGEST:
        message = f"a record has version {version}, flags {flags:#04x} and says {size} bytes"
        raise DamagedRecord(message)
    start = _HEADER.size + length
    try:
        topic = data[_HEADER.size : start].decode()
        body = _inflate(data[start:], size) if flags & _DEFLATED else data[start:]
    except (UnicodeDecodeError, zlib.error) as error:
        message = f"a record cannot be read: {error}"
        raise DamagedRecord(message) from error
    if len(body) != size or len(data) < start:
        message = f"a record says {size} bytes and holds {len(body)}"
        raise DamagedRecord(message)
    return MqttMessage(topic, body, flags & _QOS, bool(flags & _RETAIN))


def _inflate(body: bytes, size: int) -> bytes:
    # Never more than the header says, whatever the bytes would inflate to.
    return zlib.decompressobj().decompress(body, size + 1)
