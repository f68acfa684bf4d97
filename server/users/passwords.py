"""Passwords: Argon2id (RFC 9106), what a new one must be, and one-time ones."""

from __future__ import annotations

import base64
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from server.users.errors import BAD_OUT_OF_RANGE, UserRefused
from server.users.names import folded

MEMORY_KIB: Final = 65_536
PASSES: Final = 1
"""One verification takes about 80 ms of one core and 64 MiB while it lasts."""
_HASH_BYTES: Final = 32
_SALT_BYTES: Final = 16
_MOST_BYTES: Final = 4096
"""Of a password that is verified; longer ones are wrong without being looked at."""
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of one-time passwords: none that is taken for another one."""
_GROUPS: Final = 4
_GROUP: Final = 5
_FEWEST_DIFFERENT: Final = 5


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What a new password must be. ``shortest`` and ``longest`` are in characters."""

    shortest: int = 12
    longest: int = 256

    def check(self, password: str, name: str) -> None:
        """Raise :class:`~server.users.errors.UserRefused` for a password that is too easy; it is never shown."""
        text = unicodedata.normalize("NFC", password)
        if not self.shortest <= len(text) <= self.longest:
            problem = f"a password has {self.shortest} to {self.longest} characters"
            raise UserRefused(BAD_OUT_OF_RANGE, problem, "a few words in a row are easy to remember")
        if len(set(text)) < _FEWEST_DIFFERENT:
            problem = f"a password has at least {_FEWEST_DIFFERENT} different characters"
            raise UserRefused(BAD_OUT_OF_RANGE, problem, "a few words in a row are easy to remember")
        if folded(name) in folded(text):
            problem = "a password does not contain the user's name"
            raise UserRefused(BAD_OUT_OF_RANGE, problem, "choose words that have nothing to do with it")


class Passwords:
    """Hashes and verifies, in the calling thread. ``computed`` counts verifications: right, wrong and for nobody."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        """Take the price of one verification: KiB of memory and passes over it (RFC 9106 3.1)."""
        self._hasher = PasswordHasher(passes, memory_kib, 1, _HASH_BYTES, _SALT_BYTES, type=Type.ID)
        salt, digest = (_base64(secrets.token_bytes(size)) for size in (_SALT_BYTES, _HASH_BYTES))
        self._nobodys = f"$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${digest}"
        self._lock = threading.Lock()
        self.computed = 0

    def hash(self, password: str) -> str:
        """Give what is kept of a password: parameters, salt and digest as text."""
        return self._hasher.hash(unicodedata.normalize("NFC", password))

    def verify(self, kept: str | None, password: bytes) -> bool:
        """Tell whether ``password`` (UTF-8) is the one that ``kept`` was made of.

        None, text that is not UTF-8 and passwords that are too long cost what a wrong one costs, and are wrong.
        """
        with self._lock:
            self.computed += 1
        try:
            text = unicodedata.normalize("NFC", password[: _MOST_BYTES + 1].decode())
        except UnicodeDecodeError:
            text, kept = "", None
        if len(password) > _MOST_BYTES:
            text, kept = "", None
        try:
            return self._hasher.verify(kept or self._nobodys, text) and kept is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made at another price than is asked now."""
        return self._hasher.check_needs_rehash(kept)


def one_time_password() -> str:
    """Make a password that nobody guesses (99 bits) and that can be typed from a screen."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode().rstrip("=")
