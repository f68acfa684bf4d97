"""The headers of UADP messages: what does not change is made once (Part 14 v1.05 7.2.4.4.2 and 7.2.4.5.4)."""

from __future__ import annotations

from collections.abc import Collection
from struct import Struct
from typing import Final

from server.pubsub.frames import WriterIdentity
from server.pubsub.uadp.flags import (
    CHUNK,
    DATASET_CLASS_ID,
    EXTENDED_1,
    EXTENDED_2,
    FIELD_ENCODING_SHIFT,
    FLAGS_2,
    GROUP_HEADER,
    GROUP_SEQUENCE,
    GROUP_VERSION,
    MAJOR_VERSION,
    MESSAGE_PICOSECONDS,
    MESSAGE_TIMESTAMP,
    MINOR_VERSION,
    NETWORK_MESSAGE_NUMBER,
    NETWORK_TYPE_SHIFT,
    PAYLOAD_HEADER,
    PICOSECONDS,
    PROMOTED_FIELDS,
    PUBLISHER_ID,
    SECURITY,
    SEQUENCE,
    SEQUENCE_MASK,
    STATUS,
    TIMESTAMP,
    VALID,
    VERSION,
    WRITER_GROUP_ID,
    DataSetMessageType,
    FieldEncoding,
    NetworkMessageType,
)
from server.pubsub.uadp.publisher_id import PublisherId
from server.pubsub.uadp.settings import UadpSettings

_UINT16: Final = Struct("<H")
_UINT32: Final = Struct("<I")
_INT64: Final = Struct("<q")
_STATUS_SHIFT: Final = 16
"""A DataSetMessage has the upper half of its StatusCode."""


class NetworkHeader:
    """The head of the data NetworkMessages of one DataSetWriter: all that stands before the security header."""

    def __init__(
        self, publisher: PublisherId, identity: WriterIdentity, settings: UadpSettings, *, secured: bool
    ) -> None:
        """Prepare what does not change."""
        network = settings.network
        self._shows_time = "Timestamp" in network
        self._shows_picoseconds = "PicoSeconds" in network
        self._shows_sequence = "SequenceNumber" in network
        self._shows_promoted = "PromotedFields" in network
        self._shows_payload = "PayloadHeader" in network
        self._writer = _UINT16.pack(identity.writer_id)
        self._plain = _head(publisher, settings, secured=secured, chunk=False)
        self._chunk = _head(publisher, settings, secured=secured, chunk=True)
        self._group = _group_header(identity, settings) if "GroupHeader" in network else b""
        self._same = not (self._shows_time or self._shows_sequence or self._shows_promoted)
        self._composed: dict[int, bytes] = {}
        # Without promoted fields, whose size nobody knows beforehand; each DataSetMessage adds its own.
        self.size = len(self.compose(0, 0, 0))
        self.chunk_size = len(self.compose_chunk(0, 0))
        self.size_each = 2 * _UINT16.size if self._shows_payload else 0
        """Bytes of the payload header and of Sizes, for each of several DataSetMessages."""

    @property
    def most_messages(self) -> int:
        """Tell how many DataSetMessages a reader can tell apart in a NetworkMessage."""
        return 0xFF if self._shows_payload and not self._shows_promoted else 1

    def compose(self, sequence: int, time: int, count: int, promoted: bytes = b"") -> bytes:
        """Give the head of a message with ``count`` DataSetMessages. ``promoted``: encoded Variants."""
        known = self._composed.get(count) if self._same else None
        if known is None:
            payload = bytes((count,)) + self._writer * count if self._shows_payload else b""
            known = b"".join((self._plain, self._grouped(sequence), payload, self._extended(time, promoted)))
            if self._same:
                self._composed[count] = known
        return known

    def compose_chunk(self, sequence: int, time: int, promoted: bytes = b"") -> bytes:
        """Give the head of a chunk (Part 14 v1.05 7.2.4.4.4): it always tells whose it is."""
        return b"".join((self._chunk, self._grouped(sequence), self._writer, self._extended(time, promoted)))

    def _grouped(self, sequence: int) -> bytes:
        return self._group + _UINT16.pack(sequence & SEQUENCE_MASK) if self._shows_sequence else self._group

    def _extended(self, time: int, promoted: bytes) -> bytes:
        made = _INT64.pack(time) if self._shows_time else b""
        if self._shows_picoseconds:
            made += b"\0\0"
        return made + _UINT16.pack(len(promoted)) + promoted if self._shows_promoted else made


def _head(publisher: PublisherId, settings: UadpSettings, *, secured: bool, chunk: bool) -> bytes:
    """Give the flags, the PublisherId and the DataSetClassId."""
    network = settings.network
    names = "PublisherId" in network
    second = (CHUNK if chunk else 0) | (PROMOTED_FIELDS if "PromotedFields" in network else 0)
    first = publisher.kind if names else 0
    first |= DATASET_CLASS_ID if settings.dataset_class is not None else 0
    first |= SECURITY if secured else 0
    first |= TIMESTAMP if "Timestamp" in network else 0
    first |= PICOSECONDS if "PicoSeconds" in network else 0
    first |= EXTENDED_2 if second else 0
    flags = VERSION | (PUBLISHER_ID if names else 0) | (GROUP_HEADER if "GroupHeader" in network else 0)
    flags |= PAYLOAD_HEADER if chunk or "PayloadHeader" in network else 0
    flags |= EXTENDED_1 if first else 0
    made = bytes((flags, first, second)[: 3 if second else 2 if first else 1])
    if names:
        made += publisher.encoded()
    return made if settings.dataset_class is None else made + settings.dataset_class.bytes_le


def _group_header(identity: WriterIdentity, settings: UadpSettings) -> bytes:
    """Give the group header but for its sequence number, which stands last."""
    network = settings.network
    flags, made = 0, b""
    if "WriterGroupId" in network:
        flags |= WRITER_GROUP_ID
        made += _UINT16.pack(settings.group_id)
    if "GroupVersion" in network:
        flags |= GROUP_VERSION
        # The layout of a NetworkMessage, which has one writer's messages, changes with that writer's major version.
        made += _UINT32.pack(identity.version[0])
    if "NetworkMessageNumber" in network:
        flags |= NETWORK_MESSAGE_NUMBER
        made += _UINT16.pack(settings.network_message_number)
    if "SequenceNumber" in network:
        flags |= GROUP_SEQUENCE
    return bytes((flags,)) + made


def announcement_head(publisher: PublisherId, *, chunk: bool = False) -> bytes:
    """Give the head of a discovery announcement: these flags and no others (Part 14 v1.05 7.2.4.6.3)."""
    second = NetworkMessageType.DISCOVERY_ANNOUNCEMENT << NETWORK_TYPE_SHIFT | (CHUNK if chunk else 0)
    flags = bytes((VERSION | PUBLISHER_ID | EXTENDED_1, publisher.kind | SECURITY | EXTENDED_2, second))
    return flags + publisher.encoded()


class MessageHeader:
    """The header of the DataSetMessages of one kind, with the places of what changes; -1 for what is left out."""

    def __init__(
        self,
        content: Collection[str],
        version: tuple[int, int],
        kind: DataSetMessageType,
        encoding: FieldEncoding,
    ) -> None:
        """Prepare it for a message that is valid. ``content``: names of UadpDataSetMessageContentMask."""
        second = int(kind) | (MESSAGE_TIMESTAMP if "Timestamp" in content else 0)
        second |= MESSAGE_PICOSECONDS if "PicoSeconds" in content else 0
        first = VALID | encoding << FIELD_ENCODING_SHIFT
        for name, bit in (
            ("SequenceNumber", SEQUENCE),
            ("Status", STATUS),
            ("MajorVersion", MAJOR_VERSION),
            ("MinorVersion", MINOR_VERSION),
        ):
            first |= bit if name in content else 0
        made = bytearray((first | FLAGS_2, second) if second else (first,))
        self.sequence_at = self.time_at = self.status_at = -1
        if first & SEQUENCE:
            self.sequence_at = len(made)
            made += bytes(2)
        if second & MESSAGE_TIMESTAMP:
            self.time_at = len(made)
            made += bytes(8)
        if second & MESSAGE_PICOSECONDS:
            made += bytes(2)
        if first & STATUS:
            self.status_at = len(made)
            made += bytes(2)
        major, minor = version
        made += _UINT32.pack(major) if first & MAJOR_VERSION else b""
        made += _UINT32.pack(minor) if first & MINOR_VERSION else b""
        self.base = bytes(made)

    def compose(self, sequence: int, time: int, status: int) -> bytes:
        """Give the header of one message; ``status``: a whole StatusCode."""
        made = bytearray(self.base)
        if self.sequence_at >= 0:
            _UINT16.pack_into(made, self.sequence_at, sequence & SEQUENCE_MASK)
        if self.time_at >= 0:
            _INT64.pack_into(made, self.time_at, time)
        if self.status_at >= 0:
            _UINT16.pack_into(made, self.status_at, status >> _STATUS_SHIFT)
        return bytes(made)
