"""The SecurityTokens of a channel: which one a message may have, which one we send with, when all is over.

Part 4 v1.05 5.6.2.1: until the client uses a new token we send with the one before, or until that expires. Once the
client has used the new one the one before is no more. A token is taken for 25 % of its lifetime longer than it lasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from asyncua.ua.status_codes import StatusCodes

from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel.symmetric import ChunkKeys

_OVERLAP: Final = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """One SecurityToken. ``lifetime``: seconds; ``created``: by the monotonic clock; no keys on a channel of None."""

    number: int
    lifetime: float
    created: float
    receiving: ChunkKeys | None = None
    sending: ChunkKeys | None = None

    @property
    def expires(self) -> float:
        """From when on we do not send with it any more."""
        return self.created + self.lifetime

    @property
    def ends(self) -> float:
        """From when on it is not taken any more."""
        return self.created + self.lifetime * _OVERLAP


class Tokens:
    """The token in use, and one that is to follow it."""

    __slots__ = ("_following", "current")

    def __init__(self, first: Token) -> None:
        """Begin with the first."""
        self.current = first
        self._following: Token | None = None

    @property
    def numbers(self) -> frozenset[int]:
        """The TokenIds that are known."""
        return frozenset({self.current.number, *([self._following.number] if self._following else [])})

    @property
    def ends(self) -> float:
        """From when on nothing is taken any more, unless the channel is renewed before."""
        return (self._following or self.current).ends

    def renew(self, token: Token) -> None:
        """Have another follow; one that was to follow and was never used is forgotten."""
        self._following = token

    def receiving(self, number: int, moment: float) -> Token:
        """Give the token of a message. Raises :class:`TransportError` for one that is unknown or has expired."""
        token = self.current if number == self.current.number else self._following
        if token is None or token.number != number:
            raise TransportError(StatusCodes.BadSecureChannelTokenUnknown, f"token {number} is not known")
        if moment > token.ends:
            raise TransportError(StatusCodes.BadSecureChannelTokenUnknown, f"token {number} has expired")
        return token

    def used(self, token: Token) -> None:
        """Note that the client has used a token, in a message that was sound."""
        if token is self._following:
            self.current, self._following = token, None

    def sending(self, moment: float) -> Token:
        """Give the token to send with."""
        if self._following is not None and moment > self.current.expires:
            return self._following
        return self.current
