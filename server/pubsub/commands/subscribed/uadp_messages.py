"""UADP NetworkMessages taken apart (Part 14 v1.05 7.2.4), with what their metadata and chunks before them said."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
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
from server.pubsub.uadp.decoding import Limits
from server.pubsub.uadp.errors import UadpError
from server.pubsub.uadp.flags import DataSetMessageType
from server.pubsub.uadp.publisher_id import PublisherId
from server.pubsub.uadp.security import ReceivingKeys, SecurityMode
from server.pubsub.uadp.subscriber import UadpSubscriber

_WRAPS: Final = 1 << 16
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


@dataclass(frozen=True, slots=True)
class Security:
    """What others' messages are secured with. ``mode``: how they have to be, at least."""

    keys: ReceivingKeys
    mode: SecurityMode


class UadpSource:
    """Reads one topic's messages of up to ``most`` bytes. ``clock``: seconds.

    With ``security`` a message that lacks it cannot be read, and one that came before is passed over.
    """

    def __init__(
        self, most: int, security: Security | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Know no metadata yet."""
        self._clock = clock
        keys, mode = (None, None) if security is None else (security.keys, security.mode)
        self._subscriber = UadpSubscriber(keys=keys, required=mode, limits=Limits(most, _MOST_VALUES))

    def messages(self, payload: bytes) -> list[ReceivedMessage]:
        """Give the DataSetMessages of a message; none of a chunk that is not the last.

        Raises :class:`MessageUnreadable`.
        """
        network = self._read(payload)
        if network is None or not isinstance(network.payload, tuple):
            return []
        return [self._message(network, one) for one in network.payload if one.valid]

    def metadata(self, payload: bytes) -> list[ReceivedMetaData]:
        """Give the DataSetMetaData of an announcement; none of other messages. Raises :class:`MessageUnreadable`."""
        network = self._read(payload)
        if network is None or not isinstance(network.payload, uadp.ReceivedMetaData) or is_bad(network.payload.status):
            return []
        content = network.payload
        names = tuple(one.name for one in content.metadata.fields)
        major, minor = content.metadata.version
        return [ReceivedMetaData(_text(network.publisher), content.writer, major, names, minor)]

    def _read(self, payload: bytes) -> uadp.NetworkMessage | None:
        try:
            return self._subscriber.receive(payload, self._clock())
        except UadpError as error:
            raise MessageUnreadable(str(error)) from None

    def _message(self, network: uadp.NetworkMessage, given: uadp.ReceivedDataSetMessage) -> ReceivedMessage:
        known = self._subscriber.metadata(network.publisher, given.writer)
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
