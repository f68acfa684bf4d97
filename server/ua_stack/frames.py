"""OPC UA TCP's message chunks out of a stream of bytes (Part 6 v1.05 7.1.2.2), without I/O."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError

_HEADER = Struct("<3scI")
_CHUNKS = {b"MSG": b"FCA", b"HEL": b"F", b"OPN": b"F", b"CLO": b"F"}
"""What a client may send: Acknowledge and Error are the server's, and only a MSG has parts (Part 6 v1.05 7.1.2.2)."""


class TransportError(PlantspaceError):
    """What a peer sent ends its connection; ``status`` is what it is told (Part 6 v1.05 7.1.5)."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the StatusCode."""
        super().__init__(message)
        self.status = status


class FrameBuffer:
    """Holds one unfinished chunk at most, and no more of it than came."""

    def __init__(self, largest: int) -> None:
        """``largest``: bytes of a chunk, its header included (ReceiveBufferSize)."""
        self._largest = largest
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give the chunks that are whole now, headers included.

        Raises :class:`TransportError` as soon as a header makes no sense: nothing is waited for or kept for it.
        """
        if not self._held and len(data) >= _HEADER.size and self._size(data) == len(data):
            yield data  # the ordinary case: one request, one segment
            return
        held = self._held
        held += data
        while len(held) >= _HEADER.size:
            size = self._size(held)
            if len(held) < size:
                return
            frame = bytes(memoryview(held)[:size])
            del held[:size]
            yield frame

    def _size(self, data: bytes | bytearray) -> int:
        kind, chunk, size = _HEADER.unpack_from(data)
        if chunk not in _CHUNKS.get(kind, b""):
            message = f"{bytes(kind + chunk)!r} is no message type of OPC UA TCP"
            raise TransportError(StatusCodes.BadTcpMessageTypeInvalid, message)
        if size <= _HEADER.size or size > self._largest:
            message = f"a chunk of {size} bytes; {self._largest} are allowed"
            raise TransportError(StatusCodes.BadTcpMessageTooLarge, message)
        return int(size)
