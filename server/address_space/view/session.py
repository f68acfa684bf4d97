"""What a session has of the View services: its continuation points, its languages and its rights."""

from __future__ import annotations

import secrets

from server.address_space.session_context import SessionContext
from server.address_space.view.cursor import Cursor

MAX_LOCALES = 16
_LONGEST_LOCALE = 64
_NOBODY = SessionContext(roles=frozenset())


class ViewSession:
    """One per session, owned by it; :meth:`close` when the session ends.

    A continuation point is looked for in its own session only, so a foreign one is as unknown as one made up.
    """

    def __init__(self, continuation_points: int, context: SessionContext = _NOBODY) -> None:
        """``continuation_points``: how many may be held at a time. ``context``: before a log-in it has no rights."""
        self._most = continuation_points
        self._points: dict[bytes, Cursor] = {}
        self._locales: tuple[str, ...] = ()
        self.context = context
        self.freed = 0
        """Continuation points that had to go for those of later requests (Part 4 v1.05 7.9)."""
        self.registered = 0
        """Nodes that the client registered; registering costs nothing and is not remembered."""

    @property
    def context(self) -> SessionContext:
        """With whose rights is browsed, also where a continuation point is resumed."""
        return self._context

    @context.setter
    def context(self, context: SessionContext) -> None:
        self._context = context
        usable = [one.lower() for one in context.locales if one and len(one) <= _LONGEST_LOCALE]
        self._locales = tuple(usable[:MAX_LOCALES])

    @property
    def locales(self) -> tuple[str, ...]:
        """The LocaleIds of ActivateSession that names are told in, the preferred first."""
        return self._locales

    @property
    def held(self) -> int:
        """How many continuation points are held."""
        return len(self._points)

    def keep(self, cursor: Cursor) -> bytes:
        """Give a new continuation point; where there are too many, the oldest goes (Part 4 v1.05 7.9)."""
        while len(self._points) >= self._most:
            del self._points[next(iter(self._points))]
            self.freed += 1
        point = secrets.token_bytes(16)
        self._points[point] = cursor
        return point

    def resume(self, point: bytes | None) -> Cursor | None:
        """Give what a continuation point stands for, and forget it; None for one that is not held."""
        return self._points.pop(point, None) if point else None

    def close(self) -> None:
        """Release all continuation points."""
        self._points.clear()
