"""Keys of a SecurityToken and what they do to chunks: HMAC-SHA256, and AES-CBC over it (Part 6 v1.05 6.7.5).

Both keep prepared objects: a chunk costs one pass over its bytes each, and four small calls.
"""

from __future__ import annotations

import hmac
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from server.ua_stack.secure_channel.asymmetric import SealError

SIGNATURE: Final = 32
BLOCK: Final = 16
_SIGNING_KEY: Final = 32


def derived(secret: bytes, seed: bytes, size: int) -> bytes:
    """Give ``size`` bytes of P_SHA256 (RFC 5246 5)."""
    out, step = b"", seed
    while len(out) < size:
        step = hmac.digest(secret, step, "sha256")
        out += hmac.digest(secret, step + seed, "sha256")
    return out[:size]


class ChunkKeys:
    """The keys of one direction. ``encrypts``: whether the mode is SignAndEncrypt."""

    __slots__ = ("_cipher", "_mac", "encrypts")

    def __init__(self, secret: bytes, seed: bytes, encryption_bytes: int, *, encrypts: bool) -> None:
        """Derive them from the nonces; ``seed``: that of who sends."""
        made = derived(secret, seed, _SIGNING_KEY + encryption_bytes + BLOCK)
        end = _SIGNING_KEY + encryption_bytes
        self.encrypts = encrypts
        self._mac = hmac.new(made[:_SIGNING_KEY], digestmod="sha256")
        self._cipher = Cipher(AES(made[_SIGNING_KEY:end]), CBC(made[end:]))

    def room(self, size: int) -> int:
        """Give how many bytes may be sealed so that no more than ``size`` come of it."""
        return size // BLOCK * BLOCK - SIGNATURE - 1 if self.encrypts else size - SIGNATURE

    def sealed_size(self, size: int) -> int:
        """Give how many bytes come of sealing ``size``."""
        return (size + SIGNATURE) // BLOCK * BLOCK + BLOCK if self.encrypts else size + SIGNATURE

    def seal(self, head: bytes, sequence: bytes, part: bytes | memoryview) -> bytes:
        """Give a whole chunk. ``head``: in the clear before it; ``sequence``: the SequenceHeader."""
        mac = self._mac.copy()
        mac.update(head)
        mac.update(sequence)
        mac.update(part)
        if not self.encrypts:
            return b"".join((head, sequence, part, mac.digest()))
        pad = -(len(sequence) + len(part) + 1 + SIGNATURE) % BLOCK
        padding = bytes((pad,)) * (pad + 1)
        mac.update(padding)
        cipher = self._cipher.encryptor()
        return b"".join((head, cipher.update(b"".join((sequence, part, padding, mac.digest())))))

    def unseal(self, head: bytes, sealed: bytes) -> bytes:
        """Give SequenceHeader and body. Raises :class:`SealError`, the same whatever was wrong."""
        if self.encrypts:
            if len(sealed) % BLOCK:
                raise _unsound()
            sealed = self._cipher.decryptor().update(sealed)
        end = len(sealed) - SIGNATURE
        if end < 1:
            raise _unsound()
        mac = self._mac.copy()
        mac.update(head)
        mac.update(memoryview(sealed)[:end])
        if not hmac.compare_digest(mac.digest(), sealed[end:]):
            raise _unsound()
        if self.encrypts:
            end -= sealed[end - 1] + 1
            if end < 0:
                raise _unsound()
        return sealed[:end]


def _unsound() -> SealError:
    return SealError("a signature does not hold")
