"""The transport protocol of J1939-21 5.10: messages of up to 1785 bytes, overheard as they pass on the bus.

No I/O and no clock. Broadcasts (BAM) and messages between two others (RTS) are put together alike; nothing is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PGN_CONNECTION = 0xEC00
PGN_DATA = 0xEB00

_RTS = 16
_BAM = 32
_FRAME_BYTES = 8
_PACKET_BYTES = 7
_LONGEST = 1785
_SESSIONS_KEPT = 256


@dataclass(slots=True)
class _Session:
    """A message under way from one address to another."""

    pgn: int
    total: int
    next: int = 1
    data: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Transport:
    """Puts messages together, one at a time for each sender and destination."""

    dropped: int = 0
    _sessions: dict[int, _Session] = field(default_factory=dict[int, _Session])

    def announce(self, pair: int, data: bytes) -> None:
        """Take a connection frame. ``pair``: destination and source, the identifier's low 16 bits."""
        if len(data) < _FRAME_BYTES or data[0] not in (_RTS, _BAM):
            return
        if self._sessions.pop(pair, None) is not None:
            self.dropped += 1
        total = int.from_bytes(data[1:3], "little")
        if not _FRAME_BYTES < total <= _LONGEST:
            self.dropped += 1
            return
        if len(self._sessions) >= _SESSIONS_KEPT:
            del self._sessions[next(iter(self._sessions))]
            self.dropped += 1
        self._sessions[pair] = _Session(int.from_bytes(data[5:8], "little"), total)

    def add(self, pair: int, data: bytes) -> tuple[int, bytes] | None:
        """Take a data frame; give the group and the whole payload with the last one, None before."""
        session = self._sessions.get(pair)
        if session is None or not data:
            return None
        if data[0] == session.next - 1:
            return None  # sent once more on request; it is here already
        if data[0] != session.next:
            del self._sessions[pair]
            self.dropped += 1
            return None
        session.next += 1
        session.data += data[1 : 1 + _PACKET_BYTES]
        if len(session.data) < session.total:
            return None
        del self._sessions[pair]
        return session.pgn, bytes(session.data[: session.total])
