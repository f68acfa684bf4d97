"""The PubSubConfiguration object: a file that is read, not written (Part 20 v1.05 4.2, Part 14 v1.05 9.1.3.7)."""

# The seam on asyncua, whose exports are known to itself alone.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from server.address_space.encoding import boolean_variant, uint16_variant
from server.pubsub_model.answering import Answer, answering
from server.pubsub_model.instances import Parts
from server.pubsub_model.refusal import PubSubRefused
from server.ua_stack.sessions import CALLER, GatewaySession

_READ: Final = 1
_MOST_HANDLES: Final = 16
_MOST_READ: Final = 1 << 20
_UINT64: Final = 9
_kinds = ua.VariantType


@dataclass(slots=True)
class _Handle:
    owner: GatewaySession | None
    content: bytes
    position: int = 0


class ConfigurationFile:
    """Who has the file open. Each handle reads what was configured when it was opened."""

    def __init__(self, content: Callable[[], bytes]) -> None:
        """``content`` gives the file as it is now."""
        self._content = content
        self._handles: dict[int, _Handle] = {}
        self._last = 0

    def parts(self) -> Parts:
        """Give values and methods."""
        calls = {
            "Open": self._open,
            "Close": self._close,
            "Read": self._read,
            "GetPosition": self._get_position,
            "SetPosition": self._set_position,
        }
        values: dict[str, Callable[[], bytes]] = {
            "Size": lambda: bytes((_UINT64,)) + len(self._content()).to_bytes(8, "little"),
            "Writable": lambda: boolean_variant(value=False),
            "UserWritable": lambda: boolean_variant(value=False),
            "OpenCount": lambda: uint16_variant(len(self._handles)),
        }
        return Parts(values, {name: answering(name, call) for name, call in calls.items()})

    async def _open(self, mode: int) -> Answer:
        if mode != _READ:
            raise PubSubRefused(StatusCodes.BadNotWritable, "the file is only read", "open it with the mode 1")
        if len(self._handles) >= _MOST_HANDLES:
            raise PubSubRefused(StatusCodes.BadResourceUnavailable, "PubSubConfiguration is open too often already")
        session = CALLER.get()
        self._last = self._last % 0xFFFF_FFFF + 1
        self._handles[self._last] = _Handle(session, self._content())
        if session is not None:
            session.closing[self] = lambda: self._close_all(session)
        return [ua.Variant(self._last, _kinds.UInt32)]

    async def _close(self, number: int) -> Answer:
        self._handle(number)
        del self._handles[number]
        return []

    async def _read(self, number: int, length: int) -> Answer:
        handle = self._handle(number)
        if length < 0:
            raise PubSubRefused(StatusCodes.BadInvalidArgument, f"no {length} bytes can be read")
        data = handle.content[handle.position : handle.position + min(length, _MOST_READ)]
        handle.position += len(data)
        return [ua.Variant(data, _kinds.ByteString)]

    async def _get_position(self, number: int) -> Answer:
        return [ua.Variant(self._handle(number).position, _kinds.UInt64)]

    async def _set_position(self, number: int, position: int) -> Answer:
        handle = self._handle(number)
        handle.position = min(position, len(handle.content))
        return []

    def _close_all(self, session: GatewaySession) -> None:
        for number in [number for number, handle in self._handles.items() if handle.owner is session]:
            del self._handles[number]

    def _handle(self, number: int) -> _Handle:
        handle = self._handles.get(number)
        if handle is None or handle.owner is not CALLER.get():
            raise PubSubRefused(StatusCodes.BadInvalidArgument, "there is no such handle of this session")
        return handle
