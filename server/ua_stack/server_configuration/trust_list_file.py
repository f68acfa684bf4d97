"""Who has a TrustList open: FileType (Part 20 v1.05 4.2) as Part 12 v1.05 7.8.2 narrows it, in memory and bounded.

A reader has the list as it was when he opened it. What a writer has written takes effect by CloseAndUpdate alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from asyncua.ua.status_codes import StatusCodes

from server.ua_stack.server_configuration.refusal import ConfigurationRefused
from server.ua_stack.sessions import GatewaySession

READ: Final = 1
WRITE: Final = 6
"""Write and EraseExisting: the modes of Open that there are (Part 12 v1.05 7.8.2.1)."""
MAX_SIZE: Final = 8 * 1024 * 1024
"""MaxTrustListSize in bytes."""
MAX_READ: Final = 1024 * 1024
"""Bytes that one Read gives; a client that asks for more gets these, and reads on (Part 20 v1.05 4.2.4)."""
MAX_HANDLES: Final = 8
ACTIVITY_TIMEOUT: Final = 60.0
"""Seconds after which a handle that nobody uses is closed."""


@dataclass(slots=True)
class _Handle:
    owner: GatewaySession | None
    content: bytearray | bytes
    is_writer: bool
    used: float
    position: int = 0


@dataclass(slots=True, eq=False)
class TrustListFile:
    """The handles of one TrustList; they are a session's own and end with it. ``clock``: seconds."""

    clock: Callable[[], float]
    _handles: dict[int, _Handle] = field(default_factory=dict[int, _Handle])
    _last: int = 0

    @property
    def open_count(self) -> int:
        """Count the handles."""
        self._close_idle()
        return len(self._handles)

    @property
    def is_open(self) -> bool:
        """Whether anybody has the list open."""
        return self.open_count > 0

    def is_written_by(self, session: GatewaySession | None) -> bool:
        """Tell whether a session has the list open for writing."""
        self._close_idle()
        return any(one.is_writer and one.owner is session for one in self._handles.values())

    def open_to_read(self, session: GatewaySession | None) -> int:
        """Give a handle, at first of an empty file; :meth:`fill` gives it what it shows."""
        self._close_idle()
        if any(one.is_writer for one in self._handles.values()):
            raise ConfigurationRefused(StatusCodes.BadNotReadable, "the trust list is open for writing")
        return self._new(session, b"", is_writer=False)

    def open_to_write(self, session: GatewaySession | None) -> int:
        """Give a handle of an empty file; nobody else may have one."""
        self._close_idle()
        if self._handles:
            raise ConfigurationRefused(StatusCodes.BadNotWritable, "the trust list is open")
        return self._new(session, bytearray(), is_writer=True)

    def fill(self, session: GatewaySession | None, number: int, content: bytes) -> None:
        """Let a reader's handle show ``content``."""
        self._handle(session, number).content = content

    def close(self, session: GatewaySession | None, number: int) -> None:
        """Close (4.2.3); what was written is thrown away."""
        self._handle(session, number)
        del self._handles[number]

    def close_all(self, session: GatewaySession | None) -> None:
        """Close what a session that ends has left open."""
        for number in [number for number, one in self._handles.items() if one.owner is session]:
            del self._handles[number]

    def forget(self, number: int) -> None:
        """Close a handle that could not be filled, if it is there still."""
        self._handles.pop(number, None)

    def take(self, session: GatewaySession | None, number: int) -> bytes:
        """Close a writer's handle, and give what was written."""
        handle = self._handle(session, number)
        if not handle.is_writer:
            raise ConfigurationRefused(StatusCodes.BadInvalidState, "the trust list is not open for writing")
        del self._handles[number]
        return bytes(handle.content)

    def read(self, session: GatewaySession | None, number: int, length: int) -> bytes:
        """Read (4.2.4): what is left where that is less, and nothing at the end."""
        handle = self._handle(session, number)
        if length < 0:
            raise ConfigurationRefused(StatusCodes.BadInvalidArgument, f"no {length} bytes can be read")
        if handle.is_writer:
            raise ConfigurationRefused(StatusCodes.BadInvalidState, "the trust list is not open for reading")
        data = bytes(handle.content[handle.position : handle.position + min(length, MAX_READ)])
        handle.position += len(data)
        return data

    def write(self, session: GatewaySession | None, number: int, data: bytes) -> None:
        """Write (4.2.5), over what is there; one that would make the file too large leaves it as it is."""
        handle = self._handle(session, number)
        if not isinstance(handle.content, bytearray):
            raise ConfigurationRefused(StatusCodes.BadInvalidState, "the trust list is not open for writing")
        if handle.position + len(data) > MAX_SIZE:
            message = f"the trust list would have more than {MAX_SIZE} bytes"
            raise ConfigurationRefused(StatusCodes.BadRequestTooLarge, message)
        handle.content[handle.position : handle.position + len(data)] = data
        handle.position += len(data)

    def position(self, session: GatewaySession | None, number: int) -> int:
        """GetPosition (4.2.6)."""
        return self._handle(session, number).position

    def set_position(self, session: GatewaySession | None, number: int, position: int) -> None:
        """SetPosition (4.2.7); beyond the end it is the end."""
        handle = self._handle(session, number)
        handle.position = min(position, len(handle.content))

    def _new(self, session: GatewaySession | None, content: bytearray | bytes, *, is_writer: bool) -> int:
        if len(self._handles) >= MAX_HANDLES:
            message = f"the trust list is open {MAX_HANDLES} times"
            raise ConfigurationRefused(StatusCodes.BadResourceUnavailable, message)
        self._last = self._last % 0xFFFF_FFFF + 1
        self._handles[self._last] = _Handle(session, content, is_writer, self.clock())
        return self._last

    def _handle(self, session: GatewaySession | None, number: int) -> _Handle:
        """Find a handle of the session's own; others' are unknown to it."""
        self._close_idle()
        handle = self._handles.get(number)
        if handle is None or handle.owner is not session:
            raise ConfigurationRefused(StatusCodes.BadInvalidArgument, f"the session has no handle {number}")
        handle.used = self.clock()
        return handle

    def _close_idle(self) -> None:
        until = self.clock() - ACTIVITY_TIMEOUT
        for number in [number for number, one in self._handles.items() if one.used < until]:
            del self._handles[number]
