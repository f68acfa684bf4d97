"""What a subscriber reads out of UADP messages."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from server.address_space.decoding import GivenValue
from server.pubsub.frames import PubSubState
from server.pubsub.uadp.flags import AnnouncementType, DataSetMessageType
from server.pubsub.uadp.metadata import DataSetMetaData
from server.pubsub.uadp.publisher_id import PublisherId
from server.pubsub.uadp.security import Secured


@dataclass(frozen=True, slots=True)
class ReceivedField:
    """One field. ``index``: its place in the DataSet; ``value``: as it was sent, the Variant still encoded.

    That is what a Write takes too (:mod:`server.address_space.decoding`). In RawData the Variant is put together with
    the type of the DataSetMetaData.
    """

    index: int
    value: GivenValue


@dataclass(frozen=True, slots=True)
class ReceivedDataSetMessage:
    """One DataSetMessage; None for what its header leaves out. ``status``: a StatusCode; ``time``: DateTime ticks.

    ``writer``: DataSetWriterId. Of a message that is not ``valid`` nothing else counts (Part 14 v1.05 7.2.4.5.4).
    ``raw``: the fields of RawData whose metadata are not known.
    """

    writer: int | None
    valid: bool
    kind: DataSetMessageType
    sequence: int | None = None
    time: int | None = None
    picoseconds: int | None = None
    status: int | None = None
    major: int | None = None
    minor: int | None = None
    fields: tuple[ReceivedField, ...] = ()
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class ReceivedChunk:
    """A piece of a payload. ``writer``: DataSetWriterId, None of an announcement."""

    writer: int | None
    sequence: int
    offset: int
    total: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ReceivedMetaData:
    """The DataSetMetaData of a DataSetWriter; None where the publisher has none, and ``status`` says why."""

    writer: int
    metadata: DataSetMetaData
    status: int
    sequence: int


@dataclass(frozen=True, slots=True)
class ReceivedStatus:
    """A publisher's state."""

    state: PubSubState
    cyclic: bool
    next_report: int | None
    time: int | None
    sequence: int


@dataclass(frozen=True, slots=True)
class ReceivedAnnouncement:
    """A discovery announcement that nobody here needs; ``content``: behind its header."""

    kind: AnnouncementType
    sequence: int
    content: bytes


@dataclass(frozen=True, slots=True)
class ReceivedProbe:
    """A question of a subscriber; brokers retain the answers, so nobody answers it over MQTT."""

    content: bytes


Payload = (
    tuple[ReceivedDataSetMessage, ...]
    | ReceivedChunk
    | ReceivedMetaData
    | ReceivedStatus
    | ReceivedAnnouncement
    | ReceivedProbe
)


@dataclass(frozen=True, slots=True)
class NetworkMessage:
    """A NetworkMessage; None for what its header leaves out. ``time``: ticks; ``promoted``: encoded Variants."""

    payload: Payload
    publisher: PublisherId | None = None
    dataset_class: UUID | None = None
    group: int | None = None
    group_version: int | None = None
    number: int | None = None
    sequence: int | None = None
    time: int | None = None
    picoseconds: int | None = None
    promoted: tuple[bytes, ...] = ()
    secured: Secured | None = None
