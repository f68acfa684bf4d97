"""Payloads too large for one message, in chunks (Part 14 v1.05 7.2.4.4.4)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from server.pubsub.uadp.flags import SEQUENCE_MASK

_CHUNK: Final = Struct("<HIIi")
CHUNK_OVERHEAD: Final = _CHUNK.size
"""Bytes in front of a chunk's data."""
_LEAST: Final = 64
"""Bytes of a chunk's data, however small the messages shall be."""


def split(payload: bytes, sequence: int, room: int) -> Iterator[bytes]:
    """Give the payloads of the chunks, up to ``room`` bytes each; all but the last are of one size."""
    size = max(room - CHUNK_OVERHEAD, _LEAST)
    total = len(payload)
    for offset in range(0, total, size):
        data = payload[offset : offset + size]
        yield _CHUNK.pack(sequence & SEQUENCE_MASK, offset, total, len(data)) + data
