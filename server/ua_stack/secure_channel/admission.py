"""Who may connect: so many in all and of one address, and so many bytes of unfinished messages (threats 5 and 9)."""

from __future__ import annotations

from collections import Counter
from typing import Final, Protocol

from asyncua.ua.status_codes import StatusCodes

from server.ua_stack.frames import TransportError

_OF_STRANGERS: Final = 4
"""One part in so many of the unfinished bytes is for those who have not logged in."""


class Guest(Protocol):
    """A connection."""

    @property
    def address(self) -> str:
        """The IP address that it comes from."""
        ...

    @property
    def is_known(self) -> bool:
        """Whether a session was activated on it."""
        ...

    def turn_out(self, why: str) -> None:
        """End it at once."""
        ...


class Admission:
    """Counts connections. One too many takes the place of one that nobody has logged in on (Part 4 v1.05 5.6.2.1)."""

    def __init__(self, most: int, per_address: int) -> None:
        """``most``: of all clients together; ``per_address``: of one IP address."""
        self._most = most
        self._per_address = per_address
        self._guests: dict[Guest, None] = {}
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self._guests)

    def enter(self, guest: Guest) -> None:
        """Let one in. Raises :class:`TransportError` where there is no place and none can be made."""
        address = guest.address
        if self._of[address] >= self._per_address:
            self._make_place([one for one in self._strangers() if one.address == address], f"from {address}")
        if len(self._guests) >= self._most:
            strangers = self._strangers()
            crowds = Counter(one.address for one in strangers)
            largest = max(crowds.values(), default=0)  # whoever has most gives way, not who came from elsewhere
            self._make_place([one for one in strangers if crowds[one.address] == largest], "in all")
        self._guests[guest] = None
        self._of[address] += 1

    def leave(self, guest: Guest) -> None:
        """Let one go; one that was never let in changes nothing."""
        if guest not in self._guests:
            return
        del self._guests[guest]
        self._of[guest.address] -= 1
        if not self._of[guest.address]:
            del self._of[guest.address]

    def _strangers(self) -> list[Guest]:
        return [one for one in self._guests if not one.is_known]

    def _make_place(self, candidates: list[Guest], where: str) -> None:
        if not candidates:
            raise TransportError(StatusCodes.BadTcpServerTooBusy, f"there are too many connections {where}")
        oldest = candidates[0]
        self.leave(oldest)
        oldest.turn_out(f"there are too many connections {where}, and nobody has logged in on this one")


class UnfinishedBytes:
    """A budget over all connections for messages that are not whole yet."""

    def __init__(self, most: int) -> None:
        """``most``: bytes."""
        self._most = most
        self.held = 0
        self._strangers = 0

    def take(self, count: int, *, known: bool) -> None:
        """Take bytes out of it. Raises :class:`TransportError` where there are not so many left."""
        over = self.held + count > self._most
        if over or (not known and self._strangers + count > self._most // _OF_STRANGERS):
            message = "too much of unfinished messages is waiting in all"
            raise TransportError(StatusCodes.BadTcpNotEnoughResources, message)
        self.held += count
        if not known:
            self._strangers += count

    def give(self, count: int, *, known: bool) -> None:
        """Give bytes back, of the kind that they were taken as."""
        self.held -= count
        if not known:
            self._strangers -= count
