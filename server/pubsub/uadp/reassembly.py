"""Chunks back to payloads (Part 14 v1.05 7.2.4.4.4), in bounded memory and time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from server.pubsub.uadp.errors import MalformedMessage, MessageTooLarge
from server.pubsub.uadp.messages import ReceivedChunk
from server.pubsub.uadp.publisher_id import PublisherId

_Key = tuple[PublisherId | None, int | None]
_MOST_CHUNKS: Final = 65_536
_MOST_PENDING: Final = 1_024
"""Payloads that wait for chunks. What each of them costs beside its bytes is not in ``room``."""
_MOST_PIECES: Final = 4 * _MOST_CHUNKS
"""Chunks that wait, of all payloads: many of one byte cost a hundred times what they hold."""


@dataclass(slots=True)
class ReassemblyCounters:
    """``whole``: payloads put together; ``expired``: given up after the timeout; ``dropped``: for room, a newer one."""

    whole: int = 0
    expired: int = 0
    dropped: int = 0


@dataclass(slots=True)
class _Pending:
    sequence: int
    total: int
    since: float
    pieces: dict[int, bytes] = field(default_factory=dict[int, bytes])
    size: int = 0


class Reassembly:
    """The payloads of which chunks are missing: one for each DataSetWriter, the newest."""

    def __init__(self, *, largest: int = 16 * 1024 * 1024, room: int = 64 * 1024 * 1024, timeout: float = 30.0) -> None:
        """Bound it. ``largest``: bytes of a payload; ``room``: of all chunks that wait; ``timeout``: seconds of one."""
        self._largest = largest
        self._room = room
        self._timeout = timeout
        self._pending: dict[_Key, _Pending] = {}
        self._held = self._pieces = 0
        self.counters = ReassemblyCounters()

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return self._held

    def add(self, publisher: PublisherId | None, chunk: ReceivedChunk, moment: float) -> bytes | None:
        """Take a chunk; give the payload if it was the last one. ``moment``: seconds of a clock that never jumps.

        Raises :class:`~.errors.MessageTooLarge` and :class:`~.errors.MalformedMessage`; then the payload is given up.
        """
        self.expire(moment)
        key = (publisher, chunk.writer)
        if chunk.total > self._largest:
            message = f"a payload of {chunk.total} bytes is announced, and {self._largest} are taken"
            raise MessageTooLarge(message)
        pending = self._pending.get(key)
        if pending is not None and (pending.sequence != chunk.sequence or pending.total != chunk.total):
            self._drop(key)
            self.counters.dropped += 1
            pending = None
        if pending is None:
            pending = self._pending[key] = _Pending(chunk.sequence, chunk.total, moment)
        known = pending.pieces.get(chunk.offset)
        if known is None:
            if len(pending.pieces) >= _MOST_CHUNKS or pending.size + len(chunk.data) > pending.total:
                self._drop(key)
                message = "the chunks of a payload overlap"
                raise MalformedMessage(message)
            pending.pieces[chunk.offset] = chunk.data
            pending.size += len(chunk.data)
            self._held += len(chunk.data)
            self._pieces += 1
        if pending.size == pending.total:
            self._drop(key)
            return self._joined(pending)
        while self._held > self._room or self._pieces > _MOST_PIECES or len(self._pending) > _MOST_PENDING:
            self._drop(next(iter(self._pending)))
            self.counters.dropped += 1
        return None

    def expire(self, moment: float) -> None:
        """Give up what has missed a chunk for too long."""
        while self._pending:
            key, oldest = next(iter(self._pending.items()))  # they stand in the order in which they began
            if moment - oldest.since <= self._timeout:
                return
            self._drop(key)
            self.counters.expired += 1

    def _joined(self, pending: _Pending) -> bytes:
        at = 0
        for offset in sorted(pending.pieces):
            if offset != at:
                message = "the chunks of a payload overlap"
                raise MalformedMessage(message)
            at += len(pending.pieces[offset])
        self.counters.whole += 1
        return b"".join(pending.pieces[offset] for offset in sorted(pending.pieces))

    def _drop(self, key: _Key) -> None:
        gone = self._pending.pop(key)
        self._held -= gone.size
        self._pieces -= len(gone.pieces)
