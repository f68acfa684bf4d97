"""The sessions that there are, by token; who asks for too many loses those that nobody has logged in to."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator

from asyncua import ua
from asyncua.common.utils import ServiceError

from server.address_space.keys import NodeKey
from server.ua_stack.session.limits import SessionLimits
from server.ua_stack.sessions import GatewaySession, SessionState

_TOKEN_BYTES = 32


class SessionRegistry:
    """Knows all sessions. ``monotonic``: seconds."""

    def __init__(self, limits: SessionLimits, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin without sessions."""
        self.limits = limits
        self._monotonic = monotonic
        self._sessions: dict[NodeKey, GatewaySession] = {}

    def __len__(self) -> int:
        """Count the sessions."""
        return len(self._sessions)

    def __iter__(self) -> Iterator[GatewaySession]:
        """Give all sessions, the oldest first."""
        return iter(tuple(self._sessions.values()))

    def get(self, token: NodeKey) -> GatewaySession | None:
        """Give the session of an AuthenticationToken."""
        return self._sessions.get(token)

    @staticmethod
    def new_token() -> NodeKey:
        """Make an AuthenticationToken that nobody can guess (Part 4 v1.05 7.35; threat 6)."""
        return (0, secrets.token_bytes(_TOKEN_BYTES))

    def make_room(self, channel: object) -> None:
        """See that one more session may be made for a channel. Raises :class:`ServiceError`: BadTooManySessions.

        Where there are as many as there may be, one goes that was not activated: of the address that has most of them,
        the oldest (Part 4 v1.05 5.7.2.1).
        """
        waiting = [one for one in self._sessions.values() if one.state is SessionState.CREATED and not one.activating]
        own = [one for one in waiting if one.channel is channel]
        of_channel = sum(one.channel is channel for one in self._sessions.values())
        if len(own) >= self.limits.unactivated or of_channel >= self.limits.of_channel:
            raise ServiceError(ua.StatusCodes.BadTooManySessions)
        if len(self._sessions) < self.limits.sessions:
            return
        waiting = waiting or [one for one in self._sessions.values() if one.is_left and not one.activating]
        if not waiting:
            raise ServiceError(ua.StatusCodes.BadTooManySessions)
        (worst, _), *_ = Counter(one.channel.peer for one in waiting).most_common(1)
        self.end(next(one for one in waiting if one.channel.peer == worst))

    def add(self, session: GatewaySession) -> None:
        """Take a session in."""
        self._sessions[session.token_key] = session

    def end(self, session: GatewaySession, *, delete_subscriptions: bool = True, timed_out: bool = False) -> None:
        """Close a session and forget it; safe twice."""
        if self._sessions.pop(session.token_key, None) is not None:
            session.close(delete_subscriptions=delete_subscriptions, timed_out=timed_out)

    def of(self, connection: object) -> list[GatewaySession]:
        """Give the sessions that a connection has."""
        return [one for one in self._sessions.values() if one.connection is connection]

    def overdue(self) -> list[GatewaySession]:
        """Give the sessions whose client has been silent for too long, or has not logged in in time."""
        moment = self._monotonic()
        return [one for one in self._sessions.values() if not one.activating and self._is_overdue(one, moment)]

    def _is_overdue(self, session: GatewaySession, moment: float) -> bool:
        allowed = session.session_timeout
        if session.state is SessionState.CREATED:
            allowed = min(allowed, self.limits.activation)
        return moment - session.last_activity > allowed
