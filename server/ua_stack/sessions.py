"""A client's session: who it is, what it may do, and what it owns (Part 4 v1.05 5.7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from enum import Enum
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from asyncua import ua

from server.address_space.keys import NodeKey, nodeid_of
from server.address_space.session_context import SessionContext
from server.subscriptions.publish_queue import PublishQueue
from server.ua_stack.diagnostics.requests import RequestCounts
from server.ua_stack.history.access import HistoryAccess
from server.ua_stack.history.limits import ANSWER_BYTES, LEAST_BYTES, SEALED_BYTES
from server.ua_stack.history.pages import ReadResult, UpdateResult
from server.ua_stack.history.requests import HistoryRead, UpdateDetails
from server.ua_stack.request_header import KnownHeader
from server.users.identity import NOBODY, Identity

if TYPE_CHECKING:
    from server.ua_stack.channel import GatewayChannel
    from server.ua_stack.internal_server import GatewayInternalServer


CALLER: ContextVar[GatewaySession | None] = ContextVar("caller", default=None)
"""Within a method: the session that calls it; None for the gateway itself."""


class SessionState(Enum):
    """Created sessions may be activated and nothing else."""

    CREATED = "created"
    ACTIVATED = "activated"
    CLOSED = "closed"


class GatewaySession:
    """A client's session. It has no rights before a user has logged in, and ends with :meth:`close`."""

    def __init__(
        self,
        server: GatewayInternalServer,
        token: NodeKey,
        channel: GatewayChannel,
        connection: object,
        *,
        name: str,
        application_uri: str,
        timeout: float,
        most_response: int = 0,
    ) -> None:
        """Begin on the channel that it is asked for on. ``timeout``: seconds; ``most_response``: bytes, 0 for any."""
        self.server = server
        self.name = name
        self.session_key: NodeKey = (1, uuid4())
        self.session_id = nodeid_of(self.session_key)
        self.token_key = token
        self.known_header = KnownHeader(token)
        self.application_uri = application_uri
        """As the client's certificate proves it; as it says so itself on a channel of None."""
        self.session_timeout = timeout
        self.most_response = most_response
        self.channel = channel
        self.connection: object | None = connection
        """On which it was activated last: no other is served (Part 4 v1.05 5.7.3.1). None once that is lost."""
        self.client_certificate = channel.client_certificate
        self.endpoint_url = ""
        self.nonce = b""
        """The last that the client was given: what it signs next, and encrypts secrets with."""
        self.state = SessionState.CREATED
        self.activating = False
        self.user: Identity = NOBODY
        self.context = SessionContext(roles=frozenset())
        self.view = server.views.new_session()
        self.publishing = PublishQueue(time.monotonic)
        self.requests = RequestCounts()
        self.closing: dict[object, Callable[[], None]] = {}
        """Called when the session ends: whoever keeps something for it, the key, lets go of it."""
        self.audit_entry = ""
        """What the client calls its last request in its own audit (AuditEntryId)."""
        self.last_activity = time.monotonic()

    @property
    def roles(self) -> frozenset[NodeKey]:
        """The roles that its user has now."""
        return self.context.roles or frozenset()

    @property
    def is_left(self) -> bool:
        """Whether its connection is lost, and it waits for its client to come back."""
        return self.connection is None

    @property
    def idle(self) -> float:
        """Give the seconds since the client's last request."""
        return time.monotonic() - self.last_activity

    @property
    def identity(self) -> object:
        """Who the user is; of anonymous ones the application (Part 4 v1.05 5.14.7.1)."""
        if not self.user.is_anonymous:
            return self.user.key
        proof = "said" if self.client_certificate is None else "proved"
        return (*self.user.key, proof, self.application_uri)

    @property
    def client_user_id(self) -> str:
        """Name the user as audit records do (Part 5 v1.05 6.4.3)."""
        return self.user.name or "Anonymous"

    def is_activated(self) -> bool:
        """Tell whether a user has logged in."""
        return self.state is SessionState.ACTIVATED

    def touch(self) -> None:
        """Note a request: the session is in use."""
        self.last_activity = time.monotonic()

    def become(self, user: Identity, roles: frozenset[NodeKey], locales: Sequence[str], mode: int) -> None:
        """Take a user's rights and languages (Part 4 v1.05 5.7.3)."""
        self.user = user
        self.context = self.view.context = SessionContext(locales=tuple(locales), roles=roles, mode=mode)

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        """Call methods (Part 4 v1.05 5.12.2)."""
        token = CALLER.set(self)
        try:
            results = await self.server.calls.call_as(params, self.context)
        finally:
            CALLER.reset(token)
        self.server.use_audit.called(self, params, results)
        return results

    async def write(self, body: bytes) -> bytes:
        """Answer a Write (Part 4 v1.05 5.11.4) from its body behind the header."""
        token = CALLER.set(self)
        try:
            return await self.server.writing.answer(body, self.context)
        finally:
            CALLER.reset(token)

    async def history_read(self, asked: HistoryRead) -> list[ReadResult]:
        """Read history; continuation points belong to this session, as long as it is one user's."""
        user = self.user.key
        try:
            return await self._history.read(asked, self.session_id, self.context, self._most_history())
        finally:
            if self.state is SessionState.CLOSED or self.user.key != user:  # meanwhile: nobody may go on with it
                self.release_history()

    def release_history(self) -> None:
        """Forget the continuation points of HistoryRead: a new user goes on with nothing that another began."""
        self._history.release_session(self.session_id)

    async def history_update(self, asked: Sequence[UpdateDetails]) -> list[UpdateResult]:
        """Change history (Part 4 v1.05 5.11.5); what has begun goes on also where the client hangs up."""
        return await self.server.history_changes.update(self, asked)

    def history_refused(self, status: int) -> None:
        """Tell the audit trail of a HistoryUpdate that could not be read."""
        self.server.history_changes.refuse(self, status)

    def _most_history(self) -> int:
        """Give the bytes of history in one answer: what this client takes, and what is sent without a long hold."""
        most = ANSWER_BYTES if self.channel.mode == 1 else SEALED_BYTES
        takes = min(self.channel.most_message, self.most_response or self.channel.most_message)
        return max(min(most, takes // 2), LEAST_BYTES)

    @property
    def _history(self) -> HistoryAccess:
        access: Any = self.server.history_manager  # asyncua calls it its own
        return cast("HistoryAccess", access)

    def close(self, *, delete_subscriptions: bool = True, timed_out: bool = False) -> None:
        """End it and its subscriptions, and release its continuation points; safe twice.

        Without ``delete_subscriptions`` they go on, until another session takes them over or their lifetime ends.
        """
        if self.state is SessionState.CLOSED:
            return
        self.state = SessionState.CLOSED
        self.server.ledger.ended(self)
        if delete_subscriptions:
            self.server.subscriptions.session_closed(self, timed_out=timed_out)
        else:
            self.server.subscriptions.session_left(self)
        self.publishing.refuse_all(ua.StatusCodes.BadSessionClosed)
        self._history.release_session(self.session_id)
        self.view.close()
        closing, self.closing = self.closing, {}
        for let_go in closing.values():
            let_go()
