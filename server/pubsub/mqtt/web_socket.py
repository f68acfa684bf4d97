"""MQTT over a WebSocket (MQTT 5.0, 6): the opening handshake and the frames of a client (RFC 6455)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from typing import Final

import numpy as np

from server.pubsub.mqtt.settings import BrokerSettings
from server.pubsub.mqtt.transport import Receiver, Wire

_ACCEPTS: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Put behind the key before hashing (RFC 6455, 1.3)."""
_LONGEST_HEAD: Final = 16 * 1024
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_LONGEST_CONTROL: Final = 125


class WebSocketWire(Wire):
    """A wire whose bytes travel in binary frames. A frame's bytes are handed on as they come, whatever its length."""

    def __init__(self, receiver: Receiver) -> None:
        """Prepare for one connection; ``receiver`` gets the bytes inside the frames."""
        super().__init__(receiver)
        self._key = base64.b64encode(os.urandom(16))
        self._accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opened = False
        self._closing = False
        self._kept: bytes = b""
        """The beginning of the head, or of a frame's head, or of a control frame."""
        self._left = 0
        """Bytes of a data frame's payload that are still to come."""
        self._fragmented = False

    async def open(self, settings: BrokerSettings) -> None:
        """Ask for the WebSocket. Raises :class:`OSError` that says what the server answered."""
        address = settings.address
        host = f"[{address.host}]" if ":" in address.host else address.host
        lines = [
            f"GET {address.path} HTTP/1.1",
            f"Host: {host}:{address.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {self._key.decode()}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: mqtt",
        ]
        super().write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._accepted

    def write(self, data: bytes) -> None:
        """Send bytes in one frame."""
        self._send(_BINARY, data)

    async def close(self) -> None:
        """Say that it ends (RFC 6455, 7.1.2), then end as every wire."""
        if self._opened and not self._closing:
            self._closing = True
            self._send(_CLOSE, b"\x03\xe8")
        await super().close()

    def take(self, data: bytes) -> None:
        """Take what has arrived: the answer to the handshake first, frames then."""
        if self._closing:
            return
        data, self._kept = self._kept + data, b""
        if not self._opened:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._kept = head
                if len(head) > _LONGEST_HEAD:
                    self._fail("its answer to the WebSocket's handshake has no end")
                return
            problem = self._judge(head)
            if problem:
                self._fail(problem)
                return
            self._opened = True
            if not self._accepted.done():
                self._accepted.set_result(None)
        at = 0
        while at < len(data) and not self._closing:
            if self._left:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                self.receiver.arrived(piece)
                continue
            after = self._take_head(data, at)
            if after == at:
                self._kept = data[at:]
                return
            at = after

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the end; called by the loop."""
        if not self._accepted.done():
            self._accepted.set_exception(exc or ConnectionResetError(0, "the WebSocket's handshake was not answered"))
            self._accepted.exception()  # whoever opens gets it; nobody has to
        super().connection_lost(exc)

    def _judge(self, head: bytes) -> str:
        """Say what is wrong with the answer to the handshake (RFC 6455, 4.1); empty if nothing is."""
        lines = head.decode("latin-1").split("\r\n")
        status = lines[0].split(" ", 2)
        if len(status) < 2 or not status[0].startswith("HTTP/1.") or status[1] != "101":  # noqa: PLR2004 - version, code
            shown = "".join(c if c.isprintable() else "?" for c in lines[0][:100])
            return f"it answers the WebSocket's handshake with {shown!r}"
        fields: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        accept = base64.b64encode(hashlib.sha1(self._key + _ACCEPTS, usedforsecurity=False).digest()).decode()
        upgrades = (
            fields.get("upgrade", "").lower() == "websocket" and "upgrade" in fields.get("connection", "").lower()
        )
        if not upgrades or fields.get("sec-websocket-accept") != accept:
            return "its answer to the WebSocket's handshake is not one to ours"
        if fields.get("sec-websocket-protocol") != "mqtt" or "sec-websocket-extensions" in fields:
            return "it does not speak the WebSocket subprotocol mqtt"
        return ""

    def _take_head(self, data: bytes, at: int) -> int:
        """Read a frame's head at ``at``, and all of a control frame; give where to go on, ``at`` if more is needed."""
        if len(data) - at < 2:  # noqa: PLR2004 - the shortest head
            return at
        first, length = data[at], data[at + 1]
        opcode, begin = first & 0x0F, at + 2
        size = {126: 2, 127: 8}.get(length & 0x7F, 0)
        if len(data) < begin + size:
            return at
        masked = length & 0x80
        if size:
            length = int.from_bytes(data[begin : begin + size], "big")
            begin += size
        expected = opcode == _CONTINUATION if self._fragmented else opcode == _BINARY
        is_control = opcode in {_CLOSE, _PING, _PONG} and first & 0x80 and length <= _LONGEST_CONTROL
        if first & 0x70 or masked or length >> 63 or not (is_control or expected):
            self._fail(f"it breaks the WebSocket's protocol: a frame that begins with {data[at:begin].hex()}")
            return begin
        if not is_control:
            self._fragmented = not first & 0x80
            self._left = length
            return begin
        if len(data) < begin + length:
            return at
        self._take_control(opcode, data[begin : begin + length])
        return begin + length

    def _take_control(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING and not self.paused:
            self._send(_PONG, payload)
        elif opcode == _CLOSE:
            self._send(_CLOSE, payload[:2])
            code = int.from_bytes(payload[:2], "big") if payload else 1005  # RFC 6455, 7.1.5: none was given
            reason = "".join(c if c.isprintable() else "?" for c in payload[2:].decode("utf-8", "replace"))
            self._fail(f"the broker closed the WebSocket: {code} {reason}".rstrip())

    def _send(self, opcode: int, payload: bytes) -> None:
        """Send one whole frame, masked as a client's have to be (RFC 6455, 5.3)."""
        length = len(payload)
        if length <= _LONGEST_CONTROL:
            head = bytes((0x80 | opcode, 0x80 | length))
        elif length <= 0xFFFF:  # noqa: PLR2004 - two bytes
            head = bytes((0x80 | opcode, 0x80 | 126)) + length.to_bytes(2, "big")
        else:
            head = bytes((0x80 | opcode, 0x80 | 127)) + length.to_bytes(8, "big")
        mask = os.urandom(4)
        super().write(b"".join((head, mask, masked(payload, mask))))

    def _fail(self, reason: str) -> None:
        self._closing = True
        if not self._accepted.done():
            self._accepted.set_exception(ConnectionAbortedError(0, reason))
            self._accepted.exception()  # whoever opens gets it; nobody has to
        self.receiver.ended(reason)
        self.abort()


def masked(payload: bytes, mask: bytes) -> bytes:
    """Combine each byte with that of the mask whose turn it is (RFC 6455, 5.3)."""
    length = len(payload)
    words = np.frombuffer(payload + bytes(-length % 4), np.uint32)
    return (words ^ np.frombuffer(mask, np.uint32)).tobytes()[:length]
