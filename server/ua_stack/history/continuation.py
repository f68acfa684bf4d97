"""Continuation points of HistoryRead (Part 4 v1.05 7.9, Part 11 v1.05 6.3): a session's own, few, and not for ever."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from server.address_space.keys import NodeKey
from server.ua_stack.history.pages import PagedRead

EXPIRES_AFTER = 600.0
"""Seconds that a point is kept unused."""
SESSION_BYTES = 16 * 1024 * 1024
"""What the points of one session keep in memory, but for the newest, which may be larger by itself."""
ALL_BYTES = 128 * 1024 * 1024
"""The same of all sessions."""
_TOKEN_BYTES = 16


@dataclass(slots=True)
class _Kept:
    node: NodeKey
    details: Hashable
    read: PagedRead
    size: int
    until: float


_Points = OrderedDict[bytes, _Kept]


class ContinuationPoints:
    """All sessions' points. Belongs to the event loop."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep ``most`` a session."""
        self._most = most
        self._clock = clock
        self._of: dict[Hashable, _Points] = {}
        self._bytes = 0

    def keep(self, session: Hashable, node: NodeKey, details: Hashable, read: PagedRead) -> bytes:
        """Give a point from which ``read`` goes on; the oldest ones make room (Part 4 v1.05 7.9).

        First the session's own do, so that it has no more than it may, then whosever is the oldest of all. ``details``:
        the kind of read, for which alone the point is good.
        """
        self._expire()
        size = read.size
        held = self._of.setdefault(session, OrderedDict())
        own = sum(one.size for one in held.values()) + size
        while held and (len(held) >= self._most or own > SESSION_BYTES):
            own -= self._forget(session, next(iter(held)))
        while self._bytes and self._bytes + size > ALL_BYTES:
            oldest = min((one for one in self._of if self._of[one]), key=lambda one: _first(self._of[one]).until)
            self._forget(oldest, next(iter(self._of[oldest])))
        token = secrets.token_bytes(_TOKEN_BYTES)
        self._of.setdefault(session, held)[token] = _Kept(node, details, read, size, self._clock() + EXPIRES_AFTER)
        self._bytes += size
        return token

    def take(self, session: Hashable, token: bytes, node: NodeKey, details: Hashable) -> PagedRead | None:
        """Give what goes on from a point, which is used up; None for one that is not of this session, node and kind."""
        self._expire()
        held = self._of.get(session)
        kept = None if held is None else held.get(token)
        if held is None or kept is None or kept.node != node or kept.details != details:
            return None
        self._forget(session, token)
        return kept.read

    def release(self, session: Hashable, token: bytes) -> bool:
        """Forget a point; tell whether there was one."""
        self._expire()
        if token not in self._of.get(session, ()):
            return False
        self._forget(session, token)
        return True

    def release_session(self, session: Hashable) -> None:
        """Forget a session's points; safe for one that has none."""
        gone = self._of.pop(session, None)
        if gone is not None:
            self._bytes -= sum(one.size for one in gone.values())

    @property
    def bytes(self) -> int:
        """What they keep in memory."""
        return self._bytes

    def __len__(self) -> int:
        """Count them."""
        return sum(map(len, self._of.values()))

    def _expire(self) -> None:
        """Forget what nobody came for; each session's points stand in the order in which they were made."""
        present = self._clock()
        for session, held in list(self._of.items()):
            while held and _first(held).until <= present:
                self._forget(session, next(iter(held)))

    def _forget(self, session: Hashable, token: bytes) -> int:
        """Forget a point, and a session without points; give the point's size."""
        held = self._of[session]
        size = held.pop(token).size
        self._bytes -= size
        if not held:
            del self._of[session]
        return size


def _first(held: _Points) -> _Kept:
    return next(iter(held.values()))
