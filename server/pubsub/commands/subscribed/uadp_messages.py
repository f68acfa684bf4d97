"""UADP NetworkMessages taken apart (Part 14 v1.05 7.2.4), with what their metadata and chunks before them said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from asyncua.ua.status_codes import StatusCodes

from core.quality import is_bad
from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import GivenValue
from server.address_space.encoding import TYPE
from server.pubsub.commands.port import EncodedVariant
from server.pubsub.commands.subscribed.messages import (
    DELTA_FRAME,
    EVENT,
    KEEP_ALIVE,
    KEY_FRAME,
    MessageUnreadable,
    ReceivedField,
    ReceivedMessage,
    ReceivedMetaData,
)
from server.pubsub.uadp import messages as uadp
from server.pubsub.uadp.decoding import Limits, UadpDecoder
from server.pubsub.uadp.errors import UadpError
from server.pubsub.uadp.flags import DataSetMessageType
from server.pubsub.uadp.metadata import DataSetMetaData
from server.pubsub.uadp.publisher_id import PublisherId
from server.pubsub.uadp.reassembly import Reassembly

_WRAPS: Final = 1 << 16
_MOST_METADATA: Final = 256
"""DataSets whose metadata are known at once; the oldest is forgotten."""
_MOST_VALUES: Final = 100_000
_KINDS: Final = {
    DataSetMessageType.KEY_FRAME: KEY_FRAME,
    DataSetMessageType.DELTA_FRAME: DELTA_FRAME,
    DataSetMessageType.EVENT: EVENT,
    DataSetMessageType.KEEP_ALIVE: KEEP_ALIVE,
}
_INDEXED: Final = frozenset(
    {
        *(BuiltInType.NodeId, BuiltInType.ExpandedNodeId, BuiltInType.QualifiedName, BuiltInType.ExtensionObject),
        *(BuiltInType.DataValue, BuiltInType.Variant, BuiltInType.DiagnosticInfo),
    }
)
"""Types whose binary form may hold namespace indexes, which are the publisher's own."""

_Key = tuple[PublisherId | None, int | None]


class UadpSource:
    """Reads one topic's messages of up to ``most`` bytes. ``clock``: seconds."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Know no metadata yet."""
        self._clock = clock
        self._known: dict[_Key, DataSetMetaData] = {}
        self._decoder = UadpDecoder(self._metadata_of, limits=Limits(most, _MOST_VALUES))
        self._chunks = Reassembly(largest=most, room=4 * most)

    def messages(self, payload: bytes) -> list[ReceivedMessage]:
        """Give the DataSetMessages of a message; none of a chunk that is not the last.

        Raises :class:`MessageUnreadable`.
        """
        network, content = self._read(payload)
        if not isinstance(content, tuple):
            return []
        return [self._message(network, one) for one in content if one.valid]

    def metadata(self, payload: bytes) -> list[ReceivedMetaData]:
        """Give the DataSetMetaData of an announcement; none of other messages. Raises :class:`MessageUnreadable`."""
        network, content = self._read(payload)
        if not isinstance(content, uadp.ReceivedMetaData) or is_bad(content.status):
            return []
        key = (network.publisher, content.writer)
        self._known.pop(key, None)
        self._known[key] = content.metadata
        while len(self._known) > _MOST_METADATA:
            self._known.pop(next(iter(self._known)))
        names = tuple(one.name for one in content.metadata.fields)
        major, minor = content.metadata.version
        return [ReceivedMetaData(_text(network.publisher), content.writer, major, names, minor)]

    def _read(self, payload: bytes) -> tuple[uadp.NetworkMessage, uadp.Payload]:
        try:
            network = self._decoder.decode(payload)
            content = network.payload
            if isinstance(content, uadp.ReceivedChunk):
                whole = self._chunks.add(network.publisher, content, self._clock())
                if whole is not None:
                    return network, self._decoder.payload(whole, content, network.publisher)
        except UadpError as error:
            raise MessageUnreadable(str(error)) from None
        return network, content

    def _metadata_of(self, publisher: PublisherId | None, writer: int | None) -> DataSetMetaData | None:
        return self._known.get((publisher, writer))

    def _message(self, network: uadp.NetworkMessage, given: uadp.ReceivedDataSetMessage) -> ReceivedMessage:
        known = self._metadata_of(network.publisher, given.writer)
        names = () if known is None else tuple(one.name for one in known.fields)
        return ReceivedMessage(
            _text(network.publisher),
            network.group,
            given.writer,
            _KINDS[given.kind],
            given.sequence,
            _WRAPS,
            given.major,
            given.minor,
            given.time if given.time is not None else network.time,
            given.status,
            {names[one.index]: _field(one.value) for one in given.fields if one.index < len(names)},
        )


def _text(publisher: PublisherId | None) -> str:
    return "" if publisher is None else str(publisher.value)


def _field(given: GivenValue) -> ReceivedField:
    variant = given.variant
    if not variant or not variant[0]:
        return ReceivedField(None, given.status, given.source_time)
    if variant[0] & TYPE in _INDEXED:  # what they mean here is not known
        return ReceivedField(None, int(StatusCodes.BadDataEncodingUnsupported), given.source_time)
    return ReceivedField(EncodedVariant(variant), given.status, given.source_time)
