"""Message security of UADP with AES-CTR and HMAC-SHA256 (Part 14 v1.05 7.2.4.4.3)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, Literal, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from server.address_space.decoding import Cursor
from server.pubsub.uadp.errors import InsecureMessage, UnsupportedMessage
from server.pubsub.uadp.flags import ENCRYPTED, FOOTER, SECURITY_RESERVED, SIGNED

Policy = Literal["PubSub-Aes128-CTR", "PubSub-Aes256-CTR"]
SecurityMode = Literal["Sign", "SignAndEncrypt"]

POLICY_URI: Final = "http://opcfoundation.org/UA/SecurityPolicy#"
SIGNATURE: Final = 32
"""Bytes of an HMAC-SHA256."""
_SIGNING_KEY: Final = 32
_ENCRYPTING_KEY: Final[dict[Policy, int]] = {"PubSub-Aes128-CTR": 16, "PubSub-Aes256-CTR": 32}
_KEY_NONCE: Final = 4
_MESSAGE_NONCE: Final = 8
_HEADER: Final = Struct("<BIB")
_NONCE: Final = Struct("<4sI")
_FIRST_BLOCK: Final = b"\0\0\0\1"
"""The block counter is big-endian and begins at 1 (Part 14 v1.05 Table 140)."""
UNSECURED: Final = _HEADER.pack(0, 0, 0)
"""The security header of a message that must have one and is not secured."""


def key_length(policy: Policy) -> int:
    """Give the bytes of the key data of one token (Part 14 v1.05 Table 138)."""
    return _SIGNING_KEY + _ENCRYPTING_KEY[policy] + _KEY_NONCE


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """The keys of one SecurityTokenId."""

    token: int
    policy: Policy
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse keys that are too short. Raises :class:`ValueError`."""
        if len(self.data) != key_length(self.policy):
            message = f"{self.policy} takes {key_length(self.policy)} bytes of keys, not {len(self.data)}"
            raise ValueError(message)

    def sign(self, message: bytes) -> bytes:
        """Give the signature of a whole message."""
        return hmac.digest(self.data[:_SIGNING_KEY], message, hashlib.sha256)

    def crypt(self, nonce: bytes, payload: bytes) -> bytes:
        """Encrypt or decrypt a payload: with AES-CTR the same."""
        counter = self.data[-_KEY_NONCE:] + nonce + _FIRST_BLOCK
        cipher = Cipher(AES(self.data[_SIGNING_KEY:-_KEY_NONCE]), CTR(counter)).encryptor()
        return cipher.update(payload) + cipher.finalize()


class SendingKeys(Protocol):
    """The keys that a publisher secures with, now."""

    def take(self) -> tuple[MessageKeys, int]:
        """Give the present keys and a number that no other message with these keys has had or will have.

        Raises :class:`~core.errors.StoreUnavailable` when there is no such number left.
        """
        ...


class ReceivingKeys(Protocol):
    """The keys that a subscriber knows."""

    def find(self, token: int) -> MessageKeys | None:
        """Give the keys of a SecurityTokenId; None where they are not known, or no longer."""
        ...


class Protection:
    """Secures the messages of one publisher. ``overhead``: bytes that it adds to each."""

    overhead: Final = _HEADER.size + _MESSAGE_NONCE + SIGNATURE

    def __init__(self, keys: SendingKeys, mode: SecurityMode) -> None:
        """Secure with ``keys``."""
        self._keys = keys
        self._encrypts = mode == "SignAndEncrypt"

    def seal(self, head: bytes, payload: bytes) -> bytes:
        """Give the whole message; ``head``: all that stands before the security header."""
        keys, number = self._keys.take()
        nonce = _NONCE.pack(secrets.token_bytes(4), number)
        flags = SIGNED | (ENCRYPTED if self._encrypts else 0)
        header = _HEADER.pack(flags, keys.token, _MESSAGE_NONCE) + nonce
        message = head + header + (keys.crypt(nonce, payload) if self._encrypts else payload)
        return message + keys.sign(message)


@dataclass(frozen=True, slots=True)
class Secured:
    """How a received message was secured. ``sequence``: of its nonce, for who minds old messages."""

    token: int
    signed: bool
    encrypted: bool
    sequence: int = 0


def open_payload(cursor: Cursor, keys: ReceivingKeys | None) -> tuple[Secured, bytes]:
    """Read the security header and give the payload, checked and decrypted as the header says.

    Raises:
        InsecureMessage: The signature is wrong, or the keys are not known.
        UnsupportedMessage: Flags or a nonce that no policy known here uses.
    """
    flags, token, size = cursor.byte(), cursor.uint32(), cursor.byte()
    nonce = cursor.take(size)
    if flags & (SECURITY_RESERVED | FOOTER):
        message = f"security flags 0x{flags:02X} are not understood"
        raise UnsupportedMessage(message)
    body = cursor.data[cursor.at :]
    encrypted = bool(flags & ENCRYPTED)
    if not flags & SIGNED:
        if encrypted:
            message = "the message is encrypted, but not signed"
            raise InsecureMessage(message)
        return Secured(token, signed=False, encrypted=False), body
    if size != _MESSAGE_NONCE:
        message = f"a nonce of {size} bytes is not understood"
        raise UnsupportedMessage(message)
    found = None if keys is None else keys.find(token)
    if found is None:
        message = f"the keys of security token {token} are not known"
        raise InsecureMessage(message)
    if len(body) < SIGNATURE or not hmac.compare_digest(found.sign(cursor.data[:-SIGNATURE]), cursor.data[-SIGNATURE:]):
        message = "the signature is wrong"
        raise InsecureMessage(message)
    body = body[:-SIGNATURE]
    (_, sequence) = _NONCE.unpack(nonce)
    secured = Secured(token, signed=True, encrypted=encrypted, sequence=sequence)
    return secured, found.crypt(nonce, body) if encrypted else body


def check_mode(required: SecurityMode | None, secured: Secured | None) -> None:
    """Raise :class:`InsecureMessage` for a message that is less secure than it has to be."""
    if required is None:
        return
    signed, encrypted = (False, False) if secured is None else (secured.signed, secured.encrypted)
    if not signed or (required == "SignAndEncrypt" and not encrypted):
        message = f"{required} is required, and the message is {'signed only' if signed else 'not secured'}"
        raise InsecureMessage(message)


_ROUND: Final = 1 << 32
_NEWER: Final = 1 << 30


def is_newer(sequence: int, last: int) -> bool:
    """Tell whether a message comes after the last one, over the wrap of their numbers (Part 14 v1.05 7.2.3)."""
    return (_ROUND - 1 + sequence - last) % _ROUND < _NEWER
