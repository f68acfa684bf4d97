"""A file that clients write NodeSets into: FileType (Part 20 v1.05 4.2), in memory, bounded, one writer at a time.

Its methods give StatusCodes and nothing else when they refuse; who may call them, their RolePermissions say.
"""

from __future__ import annotations

from dataclasses import dataclass

from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from server.ua_stack.sessions import GatewaySession

MAX_SIZE = 32 * 1024 * 1024
"""Bytes; the largest published NodeSet has a fifth of it."""
MAX_READ = 1024 * 1024
"""Bytes that one Read gives; a client that asks for more gets these, and reads on (Part 20 v1.05 4.2.4)."""
MAX_HANDLES = 16
_READ, _WRITE, _ERASE, _APPEND = 1, 2, 4, 8
"""Bits of Open's mode (Part 20 v1.05 4.2.2)."""


class FileRefused(PlantspaceError):  # noqa: N818 - the name says what became of the call
    """A call cannot be served; ``status`` is its StatusCode."""

    def __init__(self, status: int) -> None:
        """Keep the StatusCode."""
        self.status = status
        super().__init__(f"0x{status:08X}")


@dataclass(slots=True)
class _Handle:
    owner: GatewaySession | None
    mode: int
    position: int = 0


class UploadFile:
    """The file's content and who has it open. Handles are a session's own and end with it."""

    def __init__(self) -> None:
        """Begin empty."""
        self._content = bytearray()
        self._handles: dict[int, _Handle] = {}
        self._last = 0

    @property
    def size(self) -> int:
        """Count the bytes."""
        return len(self._content)

    @property
    def open_count(self) -> int:
        """Count the handles."""
        return len(self._handles)

    @property
    def is_written(self) -> bool:
        """Whether somebody has the file open for writing."""
        return any(handle.mode & _WRITE for handle in self._handles.values())

    def content(self) -> bytes:
        """Give all of it. Raises :class:`FileRefused` while somebody writes it."""
        if self.is_written:
            raise FileRefused(StatusCodes.BadInvalidState)
        return bytes(self._content)

    def open(self, session: GatewaySession | None, mode: int) -> int:
        """Open (4.2.2); gives the handle."""
        if not mode & (_READ | _WRITE) or mode & ~(_READ | _WRITE | _ERASE | _APPEND):
            raise FileRefused(StatusCodes.BadInvalidArgument)
        if mode & (_ERASE | _APPEND) and not mode & _WRITE:
            raise FileRefused(StatusCodes.BadInvalidArgument)
        if mode & _WRITE and self._handles:
            raise FileRefused(StatusCodes.BadNotWritable)
        if self.is_written:
            raise FileRefused(StatusCodes.BadNotReadable)
        if len(self._handles) >= MAX_HANDLES:
            raise FileRefused(StatusCodes.BadResourceUnavailable)
        if mode & _ERASE:
            self._content.clear()
        self._last = self._last % 0xFFFF_FFFF + 1
        self._handles[self._last] = _Handle(session, mode, self.size if mode & _APPEND else 0)
        return self._last

    def close(self, session: GatewaySession | None, number: int) -> None:
        """Close (4.2.3)."""
        self._handle(session, number)
        del self._handles[number]

    def close_all(self, session: GatewaySession) -> None:
        """Close what a session that ends has left open."""
        for number in [number for number, handle in self._handles.items() if handle.owner is session]:
            del self._handles[number]

    def read(self, session: GatewaySession | None, number: int, length: int) -> bytes:
        """Read (4.2.4): what is left where that is less, and nothing at the end."""
        handle = self._handle(session, number)
        if length < 0:
            raise FileRefused(StatusCodes.BadInvalidArgument)
        if not handle.mode & _READ:
            raise FileRefused(StatusCodes.BadInvalidState)
        data = bytes(self._content[handle.position : handle.position + min(length, MAX_READ)])
        handle.position += len(data)
        return data

    def write(self, session: GatewaySession | None, number: int, data: bytes) -> None:
        """Write (4.2.5), over what is there; a write that would make the file too large leaves it as it is."""
        handle = self._handle(session, number)
        if not handle.mode & _WRITE:
            raise FileRefused(StatusCodes.BadInvalidState)
        if handle.position + len(data) > MAX_SIZE:
            raise FileRefused(StatusCodes.BadResourceUnavailable)
        self._content[handle.position : handle.position + len(data)] = data
        handle.position += len(data)

    def position(self, session: GatewaySession | None, number: int) -> int:
        """GetPosition (4.2.6)."""
        return self._handle(session, number).position

    def set_position(self, session: GatewaySession | None, number: int, position: int) -> None:
        """SetPosition (4.2.7); beyond the end it is the end."""
        self._handle(session, number).position = min(position, self.size)

    def _handle(self, session: GatewaySession | None, number: int) -> _Handle:
        """Find a handle of the session's own; others' are unknown to it."""
        handle = self._handles.get(number)
        if handle is None or handle.owner is not session:
            raise FileRefused(StatusCodes.BadInvalidArgument)
        return handle
