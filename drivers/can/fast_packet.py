"""NMEA 2000 fast packets: messages of up to 223 bytes sent in frames of one identifier, put together.

No I/O and no clock: frames go in, whole payloads come out. A message with a frame missing is dropped and counted once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_FAST_FIRST_BYTES = 6
_SEQUENCE_MASK = 0xE0
_COUNTER_MASK = 0x1F
_FAST_LONGEST = 223
_SENDERS_KEPT = 1024
_HEADER = 2


@dataclass(slots=True)
class _Open:
    """A message of which some frames are still to come. ``sequence``: which message of the sender's it is."""

    sequence: int
    total: int
    next: int = 1
    data: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class FastPackets:
    """Puts fast packets together, one message at a time for each identifier (sender and group)."""

    dropped: int = 0
    _open: dict[int, _Open] = field(default_factory=dict[int, _Open])
    _lost: dict[int, int] = field(default_factory=dict[int, int])

    def __len__(self) -> int:
        """Count the messages under way and the broken ones remembered."""
        return len(self._open) + len(self._lost)

    def add(self, key: int, data: bytes) -> bytes | None:
        """Take a frame; give the whole payload with its last frame, None before."""
        if len(data) < _HEADER:
            self._drop(key, data[0] & _SEQUENCE_MASK if data else 0)
            return None
        sequence, counter = data[0] & _SEQUENCE_MASK, data[0] & _COUNTER_MASK
        if counter == 0:
            return self._begin(key, sequence, data)
        message = self._open.get(key)
        if message is None or message.sequence != sequence or message.next != counter:
            self._drop(key, sequence)
            return None
        message.next += 1
        message.data += data[1:]
        return self._whole(key, message)

    def _begin(self, key: int, sequence: int, data: bytes) -> bytes | None:
        stale = self._open.pop(key, None)
        if stale is not None:
            self.dropped += 1
        self._lost.pop(key, None)
        total = data[1]
        if total > _FAST_LONGEST:
            self._drop(key, sequence)
            return None
        if len(self._open) >= _SENDERS_KEPT:
            del self._open[next(iter(self._open))]
            self.dropped += 1
        message = _Open(sequence, total, data=bytearray(data[_HEADER : _HEADER + _FAST_FIRST_BYTES]))
        self._open[key] = message
        return self._whole(key, message)

    def _whole(self, key: int, message: _Open) -> bytes | None:
        if len(message.data) < message.total:
            return None
        del self._open[key]
        return bytes(message.data[: message.total])

    def _drop(self, key: int, sequence: int) -> None:
        """Count a broken message once, however many of its frames still come."""
        broken = self._open.pop(key, None)
        if broken is not None:
            self.dropped += 1
            if broken.sequence == sequence:
                self._remember(key, sequence)
                return
        if self._lost.get(key) != sequence:
            self.dropped += 1
            self._remember(key, sequence)

    def _remember(self, key: int, sequence: int) -> None:
        if len(self._lost) >= _SENDERS_KEPT:
            del self._lost[next(iter(self._lost))]
        self._lost[key] = sequence
