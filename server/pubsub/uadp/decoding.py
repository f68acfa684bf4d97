"""Reading UADP NetworkMessages (Part 14 v1.05 7.2.4). Nothing here trusts a length, and nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from server.address_space.decoding import Cursor, DecodingError
from server.pubsub.frames import PubSubState
from server.pubsub.uadp.errors import MalformedMessage, MessageTooLarge, UnsupportedMessage
from server.pubsub.uadp.flags import (
    CHUNK,
    DATASET_CLASS_ID,
    EXTENDED_1,
    EXTENDED_2,
    EXTENDED_2_RESERVED,
    GROUP_HEADER,
    GROUP_RESERVED,
    GROUP_SEQUENCE,
    GROUP_VERSION,
    NETWORK_MESSAGE_NUMBER,
    NETWORK_TYPE,
    NETWORK_TYPE_SHIFT,
    PAYLOAD_HEADER,
    PICOSECONDS,
    PROMOTED_FIELDS,
    PUBLISHER_ID,
    PUBLISHER_ID_TYPE,
    SECURITY,
    TIMESTAMP,
    VERSION,
    VERSION_BITS,
    WRITER_GROUP_ID,
    AnnouncementType,
    NetworkMessageType,
)
from server.pubsub.uadp.messages import (
    NetworkMessage,
    Payload,
    ReceivedAnnouncement,
    ReceivedChunk,
    ReceivedDataSetMessage,
    ReceivedMetaData,
    ReceivedProbe,
    ReceivedStatus,
)
from server.pubsub.uadp.metadata import DataSetMetaData, read_metadata
from server.pubsub.uadp.publisher_id import PublisherId
from server.pubsub.uadp.reading import read_dataset_message
from server.pubsub.uadp.security import ReceivingKeys, Secured, SecurityMode, check_mode, open_payload

MetaDataLookup = Callable[[PublisherId | None, int | None], DataSetMetaData | None]
"""Gives the DataSetMetaData of a publisher's DataSetWriter; only RawData needs it."""
LARGEST: Final = 16 * 1024 * 1024
MOST_VALUES: Final = 1_000_000
_STATUS_INFORMATION: Final = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one message. ``values``: fields, and elements of arrays that are not numbers."""

    largest: int = LARGEST
    values: int = MOST_VALUES


@dataclass(slots=True)
class _Head:
    """A header while it is read: the second and third byte of flags, and what will be in the message."""

    first: int = 0
    second: int = 0
    publisher: PublisherId | None = None
    dataset_class: UUID | None = None
    group: int | None = None
    group_version: int | None = None
    number: int | None = None
    sequence: int | None = None
    time: int | None = None
    picoseconds: int | None = None
    promoted: tuple[bytes, ...] = ()
    writers: tuple[int, ...] | None = None


def no_metadata(_publisher: PublisherId | None, _writer: int | None) -> None:
    """Know no DataSetMetaData."""


class UadpDecoder:
    """Reads the messages of publishers, with the keys and metadata that are known."""

    def __init__(
        self,
        metadata: MetaDataLookup = no_metadata,
        *,
        keys: ReceivingKeys | None = None,
        required: SecurityMode | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Prepare. ``required``: what data and metadata have to be secured with at least."""
        self._metadata = metadata
        self._keys = keys
        self._required: SecurityMode | None = required
        self._limits = Limits() if limits is None else limits

    def decode(self, data: bytes) -> NetworkMessage:
        """Read one message. A chunk is given as it is (:class:`~.reassembly.Reassembly` puts them together).

        Raises :class:`~.errors.UadpError`: of its kinds one for each way in which a message is of no use.
        """
        if len(data) > self._limits.largest:
            message = f"the message has {len(data)} bytes, and {self._limits.largest} are taken"
            raise MessageTooLarge(message)
        cursor = Cursor(data, most=self._limits.values)
        try:
            return self._read(cursor)
        except DecodingError as error:
            raise MalformedMessage(str(error)) from error

    def payload(self, whole: bytes, chunk: ReceivedChunk, publisher: PublisherId | None) -> Payload:
        """Read what chunks were put together to; ``chunk``: one of them. Raises :class:`~.errors.UadpError`."""
        cursor = Cursor(whole, most=self._limits.values)
        try:
            if chunk.writer is None:
                return _read_announcement(cursor)
            return (self._dataset_message(cursor, publisher, chunk.writer),)
        except DecodingError as error:
            raise MalformedMessage(str(error)) from error

    def _read(self, cursor: Cursor) -> NetworkMessage:
        flags = cursor.byte()
        if flags & VERSION_BITS != VERSION:
            message = f"UADP version {flags & VERSION_BITS} is not understood"
            raise UnsupportedMessage(message)
        head, kind = _read_head(cursor, flags)
        secured: Secured | None = None
        payload = cursor.data[cursor.at :]
        if head.first & SECURITY:
            secured, payload = open_payload(cursor, self._keys)
        content = self._read_payload(Cursor(payload, most=cursor.left), head, kind)
        # A status is a will, which no key is kept for; a probe asks for what everybody may know.
        if not isinstance(content, ReceivedStatus | ReceivedProbe):
            check_mode(self._required, secured)
        return NetworkMessage(
            content,
            head.publisher,
            head.dataset_class,
            head.group,
            head.group_version,
            head.number,
            head.sequence,
            head.time,
            head.picoseconds,
            head.promoted,
            secured,
        )

    def _read_payload(self, cursor: Cursor, head: _Head, kind: NetworkMessageType) -> Payload:
        if head.second & CHUNK:
            return _read_chunk(cursor, head.writers[0] if head.writers else None)
        if kind is NetworkMessageType.DISCOVERY_PROBE:
            return ReceivedProbe(cursor.data)
        if kind is NetworkMessageType.DISCOVERY_ANNOUNCEMENT:
            return _read_announcement(cursor)
        writers = head.writers
        if writers is None:
            # Without a payload header the reader has to know what is inside: one DataSetMessage, as far as we do.
            return (self._dataset_message(cursor, head.publisher, None),)
        if len(writers) == 1:
            return (self._dataset_message(cursor, head.publisher, writers[0]),)
        sizes = [cursor.uint16() for _ in writers]
        made: list[ReceivedDataSetMessage] = []
        for writer, size in zip(writers, sizes, strict=True):
            own = Cursor(cursor.take(size), most=cursor.left)
            made.append(self._dataset_message(own, head.publisher, writer))
            cursor.left = own.left
        return tuple(made)

    def _dataset_message(
        self, cursor: Cursor, publisher: PublisherId | None, writer: int | None
    ) -> ReceivedDataSetMessage:
        return read_dataset_message(cursor, writer, lambda: self._metadata(publisher, writer))


def _read_head(cursor: Cursor, flags: int) -> tuple[_Head, NetworkMessageType]:
    """Read all that stands before the security header."""
    head = _Head()
    if flags & EXTENDED_1:
        head.first = cursor.byte()
        head.second = cursor.byte() if head.first & EXTENDED_2 else 0
    if head.second & EXTENDED_2_RESERVED:
        message = f"extended flags 0x{head.second:02X} are not understood"
        raise UnsupportedMessage(message)
    kind = _network_type(head.second)
    if flags & PUBLISHER_ID:
        head.publisher = PublisherId.read(cursor, head.first & PUBLISHER_ID_TYPE)
    if head.first & DATASET_CLASS_ID:
        head.dataset_class = UUID(bytes_le=cursor.take(16))
    if flags & GROUP_HEADER:
        _read_group(cursor, head)
    if flags & PAYLOAD_HEADER:
        _read_payload_header(cursor, head, kind)
    _read_extended(cursor, head)
    return head, kind


def _network_type(second: int) -> NetworkMessageType:
    kind = (second & NETWORK_TYPE) >> NETWORK_TYPE_SHIFT
    try:
        return NetworkMessageType(kind)
    except ValueError:
        message = f"{kind} is no type of a NetworkMessage"
        raise UnsupportedMessage(message) from None


def _read_group(cursor: Cursor, head: _Head) -> None:
    flags = cursor.byte()
    if flags & GROUP_RESERVED:
        message = f"group flags 0x{flags:02X} are not understood"
        raise UnsupportedMessage(message)
    head.group = cursor.uint16() if flags & WRITER_GROUP_ID else None
    head.group_version = cursor.uint32() if flags & GROUP_VERSION else None
    head.number = cursor.uint16() if flags & NETWORK_MESSAGE_NUMBER else None
    head.sequence = cursor.uint16() if flags & GROUP_SEQUENCE else None


def _read_payload_header(cursor: Cursor, head: _Head, kind: NetworkMessageType) -> None:
    if kind is not NetworkMessageType.DATA:
        message = "only data have a payload header"
        raise MalformedMessage(message)
    count = 1 if head.second & CHUNK else cursor.byte()
    if count == 0:
        message = "the payload header names no DataSetMessage"
        raise MalformedMessage(message)
    head.writers = tuple(cursor.uint16() for _ in range(count))


def _read_extended(cursor: Cursor, head: _Head) -> None:
    head.time = cursor.int64() if head.first & TIMESTAMP else None
    head.picoseconds = cursor.uint16() if head.first & PICOSECONDS else None
    if head.second & PROMOTED_FIELDS:
        inner = Cursor(cursor.take(cursor.uint16()), most=cursor.left)
        promoted: list[bytes] = []
        while inner.at < len(inner.data):
            promoted.append(inner.variant())
        head.promoted = tuple(promoted)


def _read_chunk(cursor: Cursor, writer: int | None) -> ReceivedChunk:
    sequence, offset, total = cursor.uint16(), cursor.uint32(), cursor.uint32()
    data = cursor.bytes() or b""
    if not data or offset + len(data) > total:
        message = f"a chunk of {len(data)} bytes at {offset} is no part of {total} bytes"
        raise MalformedMessage(message)
    return ReceivedChunk(writer, sequence, offset, total, data)


def _read_announcement(cursor: Cursor) -> ReceivedAnnouncement | ReceivedMetaData | ReceivedStatus:
    number, sequence = cursor.byte(), cursor.uint16()
    try:
        kind = AnnouncementType(number)
    except ValueError:
        message = f"{number} is no type of an announcement"
        raise UnsupportedMessage(message) from None
    begin = cursor.at
    if kind is AnnouncementType.DATASET_METADATA:
        writer, metadata = cursor.uint16(), read_metadata(cursor)
        return ReceivedMetaData(writer, metadata, cursor.uint32(), sequence)
    if kind is AnnouncementType.APPLICATION_INFORMATION and cursor.uint16() == _STATUS_INFORMATION:
        return _read_status(cursor, sequence)
    return ReceivedAnnouncement(kind, sequence, cursor.data[begin:])


def _read_status(cursor: Cursor, sequence: int) -> ReceivedStatus:
    cyclic, number = bool(cursor.byte()), cursor.uint32()
    try:
        state = PubSubState(number)
    except ValueError:
        message = f"{number} is no PubSubState"
        raise MalformedMessage(message) from None
    return ReceivedStatus(
        state, cyclic, cursor.int64() if cyclic else None, cursor.int64() if cyclic else None, sequence
    )
