"""A subscriber's side of UADP: messages of any number of publishers, with what is remembered of them, bounded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from core.quality import is_bad
from server.pubsub.uadp.decoding import Limits, UadpDecoder
from server.pubsub.uadp.messages import NetworkMessage, ReceivedChunk, ReceivedDataSetMessage, ReceivedMetaData
from server.pubsub.uadp.metadata import DataSetMetaData
from server.pubsub.uadp.publisher_id import PublisherId
from server.pubsub.uadp.reassembly import Reassembly, ReassemblyCounters
from server.pubsub.uadp.security import ReceivingKeys, SecurityMode, is_newer

_Writer = tuple[PublisherId | None, int | None]
_Value = TypeVar("_Value")
_REMEMBERED: Final = 256
"""DataSetWriters of whom something is known; past it the one heard of least lately is forgotten."""


@dataclass(slots=True)
class SubscriberCounters:
    """``messages``: NetworkMessages read; ``old``: secured ones that came again or too late, and were passed over."""

    messages: int = 0
    old: int = 0
    chunks: ReassemblyCounters = field(default_factory=ReassemblyCounters)


class UadpSubscriber:
    """Reads messages, puts chunks together, keeps the DataSetMetaData, and minds that secured messages come once."""

    def __init__(
        self,
        *,
        keys: ReceivingKeys | None = None,
        required: SecurityMode | None = None,
        limits: Limits | None = None,
        timeout: float = 30.0,
    ) -> None:
        """Prepare. ``required``: how messages have to be secured; ``timeout``: seconds of an unfinished payload."""
        given = Limits() if limits is None else limits
        self._decoder = UadpDecoder(self.metadata, keys=keys, required=required, limits=given)
        self._reassembly = Reassembly(largest=given.largest, room=4 * given.largest, timeout=timeout)
        self._metadata: dict[_Writer, DataSetMetaData] = {}
        self._last: dict[tuple[_Writer, int], int] = {}
        self.counters = SubscriberCounters(chunks=self._reassembly.counters)

    def metadata(self, publisher: PublisherId | None, writer: int | None) -> DataSetMetaData | None:
        """Give what a DataSetWriter has said of its DataSet."""
        return self._metadata.get((publisher, writer))

    def receive(self, data: bytes, moment: float) -> NetworkMessage | None:
        """Read a message; None for a chunk after which others are missing, and for a secured one that came before.

        ``moment``: seconds of a clock that never jumps. Raises :class:`~.errors.UadpError`.
        """
        message = self._decoder.decode(data)
        self.counters.messages += 1
        payload = message.payload
        if isinstance(payload, ReceivedMetaData):
            self._know(message, payload)
            return message
        if isinstance(payload, tuple | ReceivedChunk) and not self._is_new(message, _writer_of(payload)):
            self.counters.old += 1
            return None
        if not isinstance(payload, ReceivedChunk):
            return message
        whole = self._reassembly.add(message.publisher, payload, moment)
        if whole is None:
            return None
        read = self._decoder.payload(whole, payload, message.publisher)
        if isinstance(read, ReceivedMetaData):
            self._know(message, read)
        return replace(message, payload=read)

    def _know(self, message: NetworkMessage, said: ReceivedMetaData) -> None:
        if not is_bad(said.status):
            _remember(self._metadata, (message.publisher, said.writer), said.metadata)

    def _is_new(self, message: NetworkMessage, writer: int | None) -> bool:
        """Tell whether a secured message is newer than its writer's last: on a topic they come in order."""
        secured = message.secured
        if secured is None or not secured.signed:
            return True
        key = ((message.publisher, writer), secured.token)
        last = self._last.get(key)
        if last is not None and not is_newer(secured.sequence, last):
            return False
        _remember(self._last, key, secured.sequence)
        return True


def _writer_of(payload: tuple[ReceivedDataSetMessage, ...] | ReceivedChunk) -> int | None:
    return payload.writer if isinstance(payload, ReceivedChunk) else payload[0].writer


_Key = TypeVar("_Key")


def _remember(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]
