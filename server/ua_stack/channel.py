"""A secure channel: its keys, and its chunks, taken apart and put together with few objects (Part 6 v1.05 6.7).

Who may open one, and with which keys, is decided in :mod:`server.ua_stack.secure_channel`.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from struct import Struct
from struct import error as struct_error

from asyncua import ua
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.verdict import Verdict
from core.security_mode import SecurityMode
from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel import asymmetric
from server.ua_stack.secure_channel.admission import UnfinishedBytes
from server.ua_stack.secure_channel.asymmetric import SealError
from server.ua_stack.secure_channel.identities import ServerIdentity
from server.ua_stack.secure_channel.limits import BUFFER, KNOWN_PEER, MOST_CHUNKS, UNKNOWN_PEER
from server.ua_stack.secure_channel.messages import Hello
from server.ua_stack.secure_channel.suites import NONE, Suite
from server.ua_stack.secure_channel.tokens import Token, Tokens

__all__ = ["KNOWN_PEER", "UNKNOWN_PEER", "Client", "GatewayChannel", "Security"]

_PLAIN = Struct("<3scIIIII")
"""MessageHeader, token, SequenceNumber and RequestId of a chunk."""
_SECURED = Struct("<3scIII")
"""What stands before the part that is encrypted."""
_SEQUENCE = Struct("<II")
_WRAPS_FROM = (1 << 32) - 1024
"""The last SequenceNumber (Part 6 v1.05 6.7.2.4); the next is below 1 024."""
_WRAPS_TO = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """Who has opened a channel, proved by a signature. ``chain``: the leaf and its issuers, DER."""

    chain: list[bytes]
    key: rsa.RSAPublicKey


@dataclass(frozen=True, slots=True, eq=False)
class Security:
    """What a channel is secured with, the same for its whole life; nothing of it on a channel of None."""

    mode: SecurityMode = SecurityMode.NONE
    suite: Suite | None = None
    identity: ServerIdentity | None = None
    client: Client | None = None


_UNBOUNDED = 1 << 31
"""For a client that does not bound messages: more than any has."""


@dataclass(slots=True)
class _Unfinished:
    """A message of which the end has not come. ``known``: whose budget its bytes are of."""

    request: int = 0
    known: bool = False
    size: int = 0
    parts: list[bytes] = field(default_factory=list[bytes])


class GatewayChannel:
    """One connection's channel."""

    def __init__(self, peer: str = "", unfinished: UnfinishedBytes | None = None) -> None:
        """Begin, not open yet. ``peer``: the client's address; ``unfinished``: the budget over all connections."""
        self.peer = peer
        """The client's address, without its port."""
        self.hello_url = ""
        """The URL that the client's Hello names; empty before."""
        self.channel_id = 0
        """The SecureChannelId; 0 before it is open."""
        self.discovery_only = False
        """Whether nothing but GetEndpoints and FindServers is answered: None, where it is not offered for sessions."""
        self.largest = UNKNOWN_PEER
        """Bytes of a message that is taken; more once a session is active (threat 9)."""
        self.security = Security()
        self.distrusted: Verdict | None = None
        """Why the client's certificate is trusted no longer, where that is what ends the channel."""
        self.tokens: Tokens | None = None
        """None while the channel is not open."""
        self._budget = unfinished if unfinished is not None else UnfinishedBytes(KNOWN_PEER)
        self._unfinished = _Unfinished()
        self._send_buffer = BUFFER
        self._most_bytes = 0
        self._most_chunks = 0
        self._sequence = 0
        self._peer_sequence: int | None = None
        self._held: list[bytes] | None = None

    @property
    def policy_uri(self) -> str:
        """The SecurityPolicyUri."""
        return NONE if self.security.suite is None else self.security.suite.uri

    @property
    def mode(self) -> int:
        """The MessageSecurityMode: 1 None, 2 Sign, 3 SignAndEncrypt."""
        return int(self.security.mode)

    @property
    def client_certificate(self) -> bytes | None:
        """The leaf that the client proved to own, DER; None on a channel of None, which proves nothing (threat 2)."""
        return None if self.security.client is None else self.security.client.chain[0]

    @property
    def client_chain(self) -> list[bytes]:
        """The client's leaf and the issuers that it sent along, DER; empty on a channel of None."""
        return [] if self.security.client is None else list(self.security.client.chain)

    @property
    def server_certificate(self) -> bytes | None:
        """The leaf that this channel shows, DER; None on a channel of None."""
        return None if self.security.identity is None else self.security.identity.der

    @property
    def is_known(self) -> bool:
        """Whether a session was activated on it."""
        return self.largest > UNKNOWN_PEER

    def sign(self, data: bytes) -> tuple[str, bytes]:
        """Give the algorithm's URI and the gateway's signature; both empty on a channel of None. Takes milliseconds."""
        suite, identity = self.security.suite, self.security.identity
        if suite is None or identity is None:
            return "", b""
        return suite.signature_uri, asymmetric.sign(suite, identity.key, data)

    def verify(self, data: bytes, signature: bytes) -> None:
        """Raise :class:`TransportError` unless the client's certificate made the signature; None asks for none."""
        suite, client = self.security.suite, self.security.client
        if suite is None or client is None:
            return
        try:
            asymmetric.verify(suite, client.key, data, signature)
        except SealError as error:
            raise TransportError(ua.StatusCodes.BadApplicationSignatureInvalid, str(error)) from None

    def greeted(self, hello: Hello) -> None:
        """Take what the client said first."""
        self.hello_url = hello.url
        self._send_buffer = min(hello.receive, BUFFER)
        self._most_bytes, self._most_chunks = hello.most_bytes, hello.most_chunks

    def opened(self, channel_id: int, security: Security, token: Token) -> None:
        """Begin to take messages."""
        self.channel_id, self.security, self.tokens = channel_id, security, Tokens(token)

    def close(self) -> None:
        """Take no more messages, and forget what is not whole; safe twice."""
        self.tokens = None
        self._forget()

    def open_message(self, frame: bytes) -> tuple[int, bytes] | None:
        """Take a MSG or CLO chunk; give RequestId and body once a message is whole, None before.

        Raises :class:`TransportError` where the connection has to end.
        """
        tokens = self.tokens
        if tokens is None:
            raise TransportError(ua.StatusCodes.BadSecureChannelIdInvalid, "a message before the channel is open")
        try:
            _, chunk, _, channel, number = _SECURED.unpack_from(frame)
            if channel != self.channel_id:
                raise TransportError(ua.StatusCodes.BadSecureChannelIdInvalid, f"channel {channel} is not this one")
            token = tokens.receiving(number, time.monotonic())
            keys = token.receiving
            rest = frame[_SECURED.size :]
            plain = rest if keys is None else keys.unseal(frame[: _SECURED.size], rest)
            sequence, request = _SEQUENCE.unpack_from(plain)
        except struct_error:
            raise TransportError(ua.StatusCodes.BadTcpMessageTypeInvalid, "a chunk is too short") from None
        except SealError as error:
            raise TransportError(ua.StatusCodes.BadSecurityChecksFailed, str(error)) from None
        self.take_sequence(sequence)
        tokens.used(token)
        if chunk == b"F" and not self._unfinished.parts:
            return self._whole(request, plain[_SEQUENCE.size :])
        return self._join(chunk, request, plain[_SEQUENCE.size :])

    def _whole(self, request: int, body: bytes) -> tuple[int, bytes]:
        if len(body) > self.largest:
            raise TransportError(ua.StatusCodes.BadTcpMessageTooLarge, f"a message of {len(body)} bytes")
        return request, body

    def _join(self, chunk: bytes, request: int, part: bytes) -> tuple[int, bytes] | None:
        held = self._unfinished
        if held.parts and request != held.request:
            raise TransportError(ua.StatusCodes.BadSecurityChecksFailed, "chunks of two messages are mixed")
        if chunk == b"A":  # the message is given up, the channel goes on (Part 6 v1.05 6.7.3)
            self._forget()
            return None
        if not held.parts:
            held.request, held.known = request, self.is_known
        if len(held.parts) == MOST_CHUNKS or held.size + len(part) > self.largest:
            message = f"a message of over {held.size} bytes in {len(held.parts)} chunks"
            raise TransportError(ua.StatusCodes.BadTcpMessageTooLarge, message)
        self._budget.take(len(part), known=held.known)
        held.parts.append(part)
        held.size += len(part)
        if chunk == b"C":
            return None
        whole = b"".join(held.parts)
        self._forget()
        return request, whole

    def _forget(self) -> None:
        held, self._unfinished = self._unfinished, _Unfinished()
        self._budget.give(held.size, known=held.known)

    def take_sequence(self, sequence: int) -> None:
        """Take a chunk's SequenceNumber. Raises :class:`TransportError` unless it follows the one before."""
        before = self._peer_sequence
        wrapped = before is not None and before >= _WRAPS_FROM and sequence < _WRAPS_TO
        if before is not None and sequence != before + 1 and not wrapped:
            message = f"sequence number {sequence} after {before}"
            raise TransportError(ua.StatusCodes.BadSecurityChecksFailed, message)
        self._peer_sequence = sequence

    def next_sequence(self) -> int:
        """Give the SequenceNumber of the next chunk that we send."""
        self._sequence = 1 if self._sequence >= _WRAPS_FROM else self._sequence + 1
        return self._sequence

    @contextmanager
    def holding(self) -> Generator[list[bytes]]:
        """Hold what is sent back meanwhile: it follows a chunk that is in the making and has its number already."""
        self._held = held = []
        try:
            yield held
        finally:
            self._held = None

    def message_to_binary(self, message: bytes, *, request_id: int = 0) -> bytes:
        """Put a message into as many chunks as it needs.

        It gives nothing where they are held back (:meth:`holding`), or where the channel is closed by now.
        """
        if self.tokens is None:
            return b""
        token = self.tokens.sending(time.monotonic())
        room = self._room(token)
        if len(message) <= room:
            chunks = self._chunk(token, b"F", message, request_id)
        else:
            view = memoryview(message)
            last = (len(message) - 1) // room * room
            parts = [self._chunk(token, b"C", view[at : at + room], request_id) for at in range(0, last, room)]
            parts.append(self._chunk(token, b"F", view[last:], request_id))
            chunks = b"".join(parts)
        if self._held is None:
            return chunks
        self._held.append(chunks)
        return b""

    def fits(self, size: int) -> bool:
        """Tell whether the client takes a message of so many bytes (Part 6 v1.05 7.1.2.3)."""
        if 0 < self._most_bytes < size:
            return False
        return self._most_chunks <= 0 or (
            self.tokens is not None and size <= self._most_chunks * self._room(self.tokens.current)
        )

    @property
    def most_message(self) -> int:
        """Bytes of a message that the client takes."""
        bounds = [self._most_bytes or _UNBOUNDED]
        if self._most_chunks > 0 and self.tokens is not None:
            bounds.append(self._most_chunks * self._room(self.tokens.current))
        return min(bounds)

    def _room(self, token: Token) -> int:
        """Give how many bytes of a message a chunk takes."""
        largest = self._send_buffer - _SECURED.size
        return (largest if token.sending is None else token.sending.room(largest)) - _SEQUENCE.size

    def _chunk(self, token: Token, kind: bytes, part: bytes | memoryview, request_id: int) -> bytes:
        sequence, keys = self.next_sequence(), token.sending
        if keys is None:
            size = _PLAIN.size + len(part)
            header = _PLAIN.pack(b"MSG", kind, size, self.channel_id, token.number, sequence, request_id)
            return b"".join((header, part))
        size = _SECURED.size + keys.sealed_size(_SEQUENCE.size + len(part))
        header = _SECURED.pack(b"MSG", kind, size, self.channel_id, token.number)
        return keys.seal(header, _SEQUENCE.pack(sequence, request_id), part)
