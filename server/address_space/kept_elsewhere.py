"""Values that no node keeps: they are settings of the gateway, read where they are and written there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.address_space.decoding import GivenValue
from server.address_space.session_context import SessionContext


@dataclass(frozen=True, slots=True)
class KeptElsewhere:
    """The value of a Variable that a client may write.

    ``write`` gets the whole new value as an encoded Variant of the Variable's type, and who asks; it gives the
    operation's StatusCode. It is asked only where AccessLevel and the user's rights allow a write.
    """

    read: Callable[[], GivenValue]
    write: Callable[[bytes, SessionContext], Awaitable[int]]

    def __call__(self) -> GivenValue:
        """Give the value as it stands."""
        return self.read()
