"""What an outbox record of PubSub holds (docs/reference/pubsub.md, "Outbox record"): a burst of MQTT messages."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeVar

import numpy as np

from core.errors import PlantspaceError
from server.pubsub.columns import EncodedMessages, Form, Messages
from server.pubsub.contract import Encoded, MqttMessage

_T = TypeVar("_T")

VERSION: Final = 2
_FIRST_VERSION: Final = 1
_FIRST_HEADER: Final = struct.Struct("<BBHI")
"""Version 1, one message: version, flags, bytes of the topic, bytes of the message once inflated."""
_HEADER: Final = struct.Struct("<BBHHHIIq")
"""Version, flags, bytes of the names of DataSet and encoding, forms, topics, messages, time."""
_BODY: Final = struct.Struct("<I")
"""Bytes of the body once inflated."""
_FORM: Final = struct.Struct("<BIBBHHB")
"""Flags, expiry, bytes of kind, content type, response topic and correlation, user properties."""
_PAIR: Final = struct.Struct("<HH")
_QOS: Final = 0x03
_RETAIN: Final = 0x04
_DEFLATED: Final = 0x08
_EXPIRES: Final = 0x10
_KNOWN_FIRST: Final = _QOS | _RETAIN | _DEFLATED
_KNOWN_FORM: Final = _QOS | _RETAIN | _EXPIRES
_HIGHEST_QOS: Final = 2
_WORTH_IT: Final = 512
"""Shorter bodies are kept as they are."""
_REPAYS: Final = 0.9
"""What deflates to more than this part of itself stays as it is: inflating would cost more than the disk."""
_FAST: Final = 1
_LARGEST: Final = 1 << 29
"""Bytes of a body: two of the largest MQTT packets (MQTT 5.0, 1.5.5)."""
_NUMBERS: Final = 4
"""Numbers of a message in the table: its topic, its form, its bytes, its values."""


class DamagedRecord(PlantspaceError):  # noqa: N818 - the name says the state of the bytes
    """The bytes are no record of this form."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Messages of one DataSet that were accepted together, and how many values stand in each.

    ``dataset``: its DataSetWriter's name, empty in a record of version 1; ``time``: when they were made, ticks.
    """

    dataset: str
    encoding: str
    time: int
    messages: Messages
    values: list[int]


def pack(dataset: str, encoding: str, moment: int, burst: Sequence[Encoded]) -> bytes:
    """Encode messages together; what they repeat is written once, and all of it deflated where that repays."""
    columns = EncodedMessages.of(burst)
    messages = columns.messages
    topics = dict.fromkeys(messages.topics)
    made = [messages.form] if messages.form is not None else list(dict.fromkeys(messages.forms))
    names = [topic.encode() for topic in topics]
    count, lengths = len(columns), struct.pack(f"<{len(names)}H", *map(len, names))
    table = b"".join(
        struct.pack(f"<{count}I", *column)  # faster than an array of numpy's: the numbers are Python's
        for column in (
            _places(messages.topics, topics),
            _places(messages.forms, made),
            map(len, messages.payloads),
            columns.values,
        )
    )
    body = b"".join((*map(_pack_form, made), lengths, *names, table, *messages.payloads))
    size, flags = len(body), 0
    if size >= _WORTH_IT:
        deflated = zlib.compress(body, _FAST)
        if len(deflated) < size * _REPAYS:
            flags, body = _DEFLATED, deflated
    called = dataset.encode(), encoding.encode()
    counts = len(made), len(topics), count
    header = _HEADER.pack(VERSION, flags, len(called[0]), len(called[1]), *counts, moment)
    return b"".join((header, _BODY.pack(size), *called, body))


def unpack(data: bytes) -> Burst:
    """Decode a record of this or an earlier version. Raises :class:`DamagedRecord`."""
    if data[:1] == bytes((_FIRST_VERSION,)):
        return _unpack_first(data)
    if len(data) < _HEADER.size + _BODY.size:
        message = f"a record has {len(data)} bytes and its header alone {_HEADER.size + _BODY.size}"
        raise DamagedRecord(message)
    version, flags, of_dataset, of_encoding, forms, topics, count, moment = _HEADER.unpack_from(data)
    (size,) = _BODY.unpack_from(data, _HEADER.size)
    if version != VERSION or flags & ~_DEFLATED or size > _LARGEST:
        message = f"a record has version {version}, flags {flags:#04x} and says {size} bytes"
        raise DamagedRecord(message)
    start = _HEADER.size + _BODY.size
    names, begin = data[start : start + of_dataset + of_encoding], start + of_dataset + of_encoding
    try:
        body = _inflate(data[begin:], size) if flags & _DEFLATED else data[begin:]
        if len(body) != size:
            message = f"a record says {size} bytes and holds {len(body)}"
            raise DamagedRecord(message)
        dataset, encoding = names[:of_dataset].decode(), names[of_dataset:].decode()
        messages, values = _messages(body, forms, topics, count)
    except (ValueError, struct.error, IndexError, zlib.error) as error:
        message = f"a record cannot be read: {error}"
        raise DamagedRecord(message) from error
    return Burst(dataset, encoding, moment, messages, values)


def dataset_of(data: bytes) -> str | None:
    """Read the DataSet's name alone; None where the bytes tell none."""
    if len(data) < _HEADER.size or data[0] != VERSION:
        return None
    start = _HEADER.size + _BODY.size
    try:
        return data[start : start + int(_HEADER.unpack_from(data)[2])].decode() or None
    except UnicodeDecodeError:
        return None


def topic_of(data: bytes) -> str | None:
    """Read the topic of a record of version 1; None where the bytes are none."""
    if len(data) < _FIRST_HEADER.size or data[0] != _FIRST_VERSION:
        return None
    length = int(_FIRST_HEADER.unpack_from(data)[2])
    try:
        return data[_FIRST_HEADER.size : _FIRST_HEADER.size + length].decode()
    except UnicodeDecodeError:
        return None


def _places(of_each: Sequence[_T], different: Collection[_T]) -> Sequence[int]:
    """Tell where the one of each message stands among those that differ."""
    if len(different) == len(of_each):  # all differ, and so they stand in the same order
        return range(len(of_each))
    if len(different) == 1:
        return [0] * len(of_each)
    places = {one: place for place, one in enumerate(different)}
    return [places[one] for one in of_each]


def _pack_form(form: Form) -> bytes:
    flags = form.qos | (_RETAIN if form.retain else 0) | (0 if form.expiry is None else _EXPIRES)
    kind, content, response = form.kind.encode(), form.content_type.encode(), form.response_topic.encode()
    lengths = len(kind), len(content), len(response), len(form.correlation), len(form.properties)
    parts = [_FORM.pack(flags, form.expiry or 0, *lengths), kind, content, response, form.correlation]
    for key, value in form.properties:
        pair = key.encode(), value.encode()
        parts += (_PAIR.pack(len(pair[0]), len(pair[1])), *pair)
    return b"".join(parts)


def _messages(body: bytes, of_forms: int, of_topics: int, count: int) -> tuple[Messages, list[int]]:
    forms: list[Form] = []
    at = 0
    for _ in range(of_forms):
        form, at = _unpack_form(body, at)
        forms.append(form)
    sizes: list[int] = np.frombuffer(body, "<u2", of_topics, at).tolist()
    at += 2 * of_topics
    places = accumulate(sizes, initial=at)
    topics = [body[begin : begin + size].decode() for begin, size in zip(places, sizes, strict=False)]
    at += sum(sizes)
    table = np.frombuffer(body, "<u4", _NUMBERS * count, at).reshape(_NUMBERS, count)
    rows: list[list[int]] = table.tolist()
    of_topic, of_form, lengths, values = rows
    at += table.nbytes
    if at + sum(lengths) != len(body):
        message = f"the messages have {sum(lengths)} bytes and {len(body) - at} are there"
        raise DamagedRecord(message)
    begins = accumulate(lengths, initial=at)
    payloads = [body[begin : begin + length] for begin, length in zip(begins, lengths, strict=False)]
    made = Messages([topics[topic] for topic in of_topic], payloads, [forms[form] for form in of_form])
    return made, values


def _unpack_form(body: bytes, at: int) -> tuple[Form, int]:
    flags, expiry, kind, content, response, correlation, properties = _FORM.unpack_from(body, at)
    if flags & ~_KNOWN_FORM or flags & _QOS > _HIGHEST_QOS:
        message = f"a message has flags {flags:#04x}"
        raise DamagedRecord(message)
    at += _FORM.size
    raw: list[bytes] = []
    for length in (kind, content, response, correlation):
        raw.append(body[at : at + length])
        at += length
    pairs: list[tuple[str, str]] = []
    for _ in range(properties):
        key, value = _PAIR.unpack_from(body, at)
        at += _PAIR.size
        pairs.append((body[at : at + key].decode(), body[at + key : at + key + value].decode()))
        at += key + value
    form = Form(
        flags & _QOS,
        bool(flags & _RETAIN),
        raw[0].decode(),
        raw[1].decode(),
        expiry if flags & _EXPIRES else None,
        raw[2].decode(),
        raw[3],
        tuple(pairs),
    )
    return form, at


def _unpack_first(data: bytes) -> Burst:
    """Decode version 1: one JSON message; its retained ones were metadata."""
    if len(data) < _FIRST_HEADER.size:
        message = f"a record has {len(data)} bytes and its header alone {_FIRST_HEADER.size}"
        raise DamagedRecord(message)
    _, flags, length, size = _FIRST_HEADER.unpack_from(data)
    if flags & ~_KNOWN_FIRST or flags & _QOS > _HIGHEST_QOS or size > _LARGEST:
        message = f"a record has version 1, flags {flags:#04x} and says {size} bytes"
        raise DamagedRecord(message)
    start = _FIRST_HEADER.size + length
    try:
        topic = data[_FIRST_HEADER.size : start].decode()
        body = _inflate(data[start:], size) if flags & _DEFLATED else data[start:]
    except (UnicodeDecodeError, zlib.error) as error:
        message = f"a record cannot be read: {error}"
        raise DamagedRecord(message) from error
    if len(body) != size or len(data) < start:
        message = f"a record says {size} bytes and holds {len(body)}"
        raise DamagedRecord(message)
    kind = "ua-metadata" if flags & _RETAIN else "ua-data"
    one = MqttMessage(topic, body, flags & _QOS, bool(flags & _RETAIN), kind, "application/json")
    return Burst("", "json", 0, Messages.of([one]), [0])


def _inflate(body: bytes, size: int) -> bytes:
    # Never more than the header says, whatever the bytes would inflate to.
    inflater = zlib.decompressobj()
    inflated = inflater.decompress(body, size + 1)
    if len(inflated) == size and not inflater.eof:
        message = "it ends early"
        raise zlib.error(message)
    return inflated
