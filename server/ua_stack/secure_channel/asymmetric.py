"""RSA as the policies use it (Part 6 v1.05 6.7.2.5, 6.7.4): what opens a channel, and what a session signs.

An operation with a private key takes half a millisecond to four: call these from a thread.
"""

from __future__ import annotations

from struct import pack, unpack_from
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from server.ua_stack.secure_channel.suites import Suite

_MOST_BLOCKS: Final = 16
"""Of an OpenSecureChannel request; it needs two to eight."""
_LONG_KEY: Final = 256
"""Bytes of a key beyond which the size of the padding takes two bytes (Part 6 v1.05 6.7.2.5.1)."""


class SealError(ValueError):
    """What came was not encrypted for this key, or not signed with that one. It tells no more than that."""


def sign(suite: Suite, key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    """Sign by the policy."""
    return key.sign(data, suite.signature_padding, hashes.SHA256())


def verify(suite: Suite, key: rsa.RSAPublicKey, data: bytes, signature: bytes) -> None:
    """Raise :class:`SealError` unless the key has made the signature."""
    try:
        key.verify(signature, data, suite.signature_padding, hashes.SHA256())
    except (InvalidSignature, ValueError):
        message = "a signature does not hold"
        raise SealError(message) from None


def seal(suite: Suite, key: rsa.RSAPrivateKey, peer: rsa.RSAPublicKey, head: bytes, plain: bytes) -> bytes:
    """Give a chunk: signed with our key, encrypted for the peer's.

    ``head``: the chunk's first bytes, MessageHeader and SecurityHeader; its MessageSize is written here. ``plain``:
    SequenceHeader and body.
    """
    block, room = peer.key_size // 8, peer.key_size // 8 - suite.overhead
    signature = key.key_size // 8
    extra = 2 if block > _LONG_KEY else 1
    pad = -(len(plain) + extra + signature) % room
    padding = bytes((pad & 0xFF,)) * (pad + 1) + (bytes((pad >> 8,)) if extra > 1 else b"")
    blocks = (len(plain) + len(padding) + signature) // room
    head = head[:4] + pack("<I", len(head) + blocks * block) + head[8:]
    whole = plain + padding
    whole += sign(suite, key, head + whole)
    way = suite.encryption_padding
    return head + b"".join(peer.encrypt(whole[at : at + room], way) for at in range(0, len(whole), room))


def unseal(suite: Suite, key: rsa.RSAPrivateKey, peer: rsa.RSAPublicKey, head: bytes, sealed: bytes) -> bytes:
    """Give SequenceHeader and body of a chunk that was encrypted for our key and signed with the peer's.

    Raises :class:`SealError`, the same whatever was wrong.
    """
    whole = decrypt(suite, key, sealed, _MOST_BLOCKS * (key.key_size // 8))
    size = peer.key_size // 8
    if len(whole) <= size:
        raise _unsound()
    verify(suite, peer, head + whole[:-size], whole[-size:])
    plain = whole[:-size]
    if key.key_size // 8 > _LONG_KEY:
        if len(plain) < 2:  # noqa: PLR2004 - the bytes of PaddingSize and ExtraPaddingSize
            raise _unsound()
        pad = plain[-1] << 8 | plain[-2]
        extra = 2
    else:
        pad, extra = plain[-1], 1
    if len(plain) < pad + extra:
        raise _unsound()
    return plain[: len(plain) - pad - extra]


def decrypt(suite: Suite, key: rsa.RSAPrivateKey, sealed: bytes, most: int) -> bytes:
    """Give what was encrypted for our key, in blocks; each costs an operation with the private key, so ``most`` bytes.

    Raises :class:`SealError`, the same whatever was wrong.
    """
    block = key.key_size // 8
    if not sealed or len(sealed) % block or len(sealed) > most:
        raise _unsound()
    way = suite.encryption_padding
    try:
        return b"".join(key.decrypt(sealed[at : at + block], way) for at in range(0, len(sealed), block))
    except ValueError:
        raise _unsound() from None


def _unsound() -> SealError:
    return SealError("what came was not encrypted for this key")


def sequence_of(plain: bytes) -> tuple[int, int]:
    """Give SequenceNumber and RequestId of what :func:`unseal` gave. Raises :class:`SealError`."""
    if len(plain) < 8:  # noqa: PLR2004 - two UInt32
        raise _unsound()
    sequence, request = unpack_from("<II", plain)
    return int(sequence), int(request)
