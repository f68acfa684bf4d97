"""Requests that stay encoded: Read, Write, the View, Subscription and MonitoredItem services, from bytes to bytes.

What a client asks most often never becomes asyncua's objects; the rest is in
:mod:`~server.ua_stack.other_services`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from asyncua import ua
from asyncua.common.utils import ServiceError

from core.time import now
from server.address_space.decoding import DecodingError
from server.address_space.view.steps import first_turn, in_turns
from server.ua_stack.channel import GatewayChannel
from server.ua_stack.discovery.services import SERVICES as DISCOVERY
from server.ua_stack.other_services import OTHER_SERVICES
from server.ua_stack.request_header import RequestHeader, read_header
from server.ua_stack.sessions import GatewaySession, SessionState

if TYPE_CHECKING:
    from server.ua_stack.internal_server import GatewayInternalServer

_log = logging.getLogger("plantspace.endpoint")
_ids = ua.ObjectIds
# A message begins with its type as a NodeId, in our answers one of four bytes (Part 6 v1.05 5.2.2.9).
_RESPONSE = Struct("<BBHqII")
_REST = b"\x00" + b"\xff\xff\xff\xff" + b"\x00\x00\x00"
"""No diagnostics, no strings, no AdditionalHeader (Part 4 v1.05 7.33)."""
MAX_UNSENT = 32 * 1024 * 1024
"""Bytes that a client may leave unread before its connection is closed (threat 18)."""


Later = Callable[[], Awaitable[bytes]]
"""Begins what takes its time; never called where the connection is lost before its turn."""


class _Service(NamedTuple):
    """``answer`` gives the response's parameters at once, or what does so later."""

    response: int
    answer: Callable[[GatewaySession, bytes], bytes | Later]


def _read(session: GatewaySession, body: bytes) -> bytes | Later:
    steps = session.server.batch_read.steps(body, session.context)
    answer = first_turn(steps)
    return partial(in_turns, steps) if answer is None else answer


def _write(session: GatewaySession, body: bytes) -> Later:
    return partial(session.write, body)


def _browse(session: GatewaySession, body: bytes) -> Later:
    return partial(session.server.views.wire.browse, session.view, body)


def _browse_next(session: GatewaySession, body: bytes) -> Later:
    return partial(session.server.views.wire.browse_next, session.view, body)


def _translate(session: GatewaySession, body: bytes) -> Later:
    return partial(session.server.views.wire.translate, session.view, body)


def _register(session: GatewaySession, body: bytes) -> bytes:
    return session.server.views.wire.register(session.view, body)


def _unregister(session: GatewaySession, body: bytes) -> bytes:
    return session.server.views.wire.unregister(session.view, body)


def _at_once(name: str) -> Callable[[GatewaySession, bytes], bytes]:
    """Give what answers one of the services of :class:`~server.ua_stack.subscription_wire.SubscriptionWire`."""

    def answer(session: GatewaySession, body: bytes) -> bytes:
        answered: bytes = getattr(session.server.subscription_wire, name)(session, body)
        return answered

    return answer


def _in_slices(name: str) -> Callable[[GatewaySession, bytes], Later]:
    """Do so for one that lets others have their turn."""

    def answer(session: GatewaySession, body: bytes) -> Later:
        return partial(getattr(session.server.subscription_wire, name), session, body)

    return answer


def _kept(answer: Callable[[GatewaySession, bytes], bytes | Later]) -> Callable[[GatewaySession, bytes], bytes | Later]:
    """Answer once the disk has what was changed of durable subscriptions, if anything was."""

    def kept(session: GatewaySession, body: bytes) -> bytes | Later:
        keeper = session.server.subscriptions.keeper
        given = answer(session, body)
        if keeper is None or (isinstance(given, bytes) and not keeper.is_behind):
            return given

        async def later() -> bytes:
            answered = given if isinstance(given, bytes) else await given()
            if keeper.is_behind:
                await keeper.settle()
            return answered

        return later

    return kept


def _services() -> dict[int, _Service]:
    answers: dict[str, Callable[[GatewaySession, bytes], bytes | Later]] = {
        "Read": _read,
        "Write": _write,
        "Browse": _browse,
        "BrowseNext": _browse_next,
        "TranslateBrowsePathsToNodeIds": _translate,
        "RegisterNodes": _register,
        "UnregisterNodes": _unregister,
        "CreateSubscription": _at_once("create_subscription"),
        "ModifySubscription": _kept(_at_once("modify_subscription")),
        "SetPublishingMode": _kept(_at_once("set_publishing_mode")),
        "Republish": _at_once("republish"),
        "TransferSubscriptions": _at_once("transfer_subscriptions"),
        "DeleteSubscriptions": _kept(_at_once("delete_subscriptions")),
        "CreateMonitoredItems": _kept(_in_slices("create_monitored_items")),
        "ModifyMonitoredItems": _kept(_in_slices("modify_monitored_items")),
        "SetMonitoringMode": _kept(_in_slices("set_monitoring_mode")),
        "SetTriggering": _kept(_at_once("set_triggering")),
        "DeleteMonitoredItems": _kept(_in_slices("delete_monitored_items")),
    }
    return {
        int(getattr(_ids, f"{name}Request_Encoding_DefaultBinary")): _Service(
            int(getattr(_ids, f"{name}Response_Encoding_DefaultBinary")), answer
        )
        for name, answer in answers.items()
    }


_SERVICES = _services()
_PUBLISH = int(_ids.PublishRequest_Encoding_DefaultBinary)
_FAULT = int(_ids.ServiceFault_Encoding_DefaultBinary)


def _kinds(service: str) -> tuple[int, int]:
    """Give the types of a service's requests and of its responses."""
    return tuple(int(getattr(_ids, f"{service}{part}_Encoding_DefaultBinary")) for part in ("Request", "Response"))  # type: ignore[return-value]  # two of them


_CREATE_SESSION, _CREATED = _kinds("CreateSession")
_ACTIVATE_SESSION, _ACTIVATED = _kinds("ActivateSession")
_CLOSE_SESSION, _CLOSED = _kinds("CloseSession")
_CANCEL, _CANCELLED = _kinds("Cancel")


def _are_cancelled() -> bool:
    """Tell whether the connection is given up, and not just what it waits for, as by a driver that is stopped."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Answer(NamedTuple):
    """A response's type, its StatusCode and its parameters."""

    kind: int
    status: int
    body: bytes


async def _given(kind: int, later: Later) -> _Answer:
    return _Answer(kind, ua.StatusCodes.Good, await later())


class GatewayProcessor:
    """Answers one connection."""

    def __init__(self, server: GatewayInternalServer, transport: asyncio.Transport, channel: GatewayChannel) -> None:
        """Answer what comes on ``channel``, by ``transport``."""
        self._server = server
        self._transport = transport
        self._ledger = server.ledger
        self.channel = channel
        self.session: GatewaySession | None = None
        """The session that was asked for last; a connection may have several."""

    def receive(self, request_id: int, data: bytes) -> Awaitable[bool | None] | None:
        """Answer a request at once, or give what answers it; False from that closes the connection."""
        session = self.session
        header = None if session is None else session.known_header.read(data)
        try:
            if header is None:
                header = read_header(data)
        except DecodingError:
            self._ledger.rejected(None, None, ua.StatusCodes.BadDecodingError)
            self.refuse(request_id, 0, ua.StatusCodes.BadDecodingError)
            return None
        service = _SERVICES.get(header.kind) if isinstance(header.kind, int) else None
        if service is not None or header.kind == _PUBLISH:
            return self._answer(request_id, header, service, data)
        return self._answer_later(request_id, header, partial(self._answered, header, data))

    def respond(self, request_id: int, kind: int, handle: int, body: bytes) -> None:
        """Send a response's parameters."""
        self._send(request_id, kind, handle, 0, body)

    def refuse(self, request_id: int, handle: int, status: int) -> None:
        """Send a ServiceFault."""
        self._ledger.publish_refused(self.session, status)
        self._send(request_id, _FAULT, handle, status, b"")

    def _answer(
        self, request_id: int, header: RequestHeader, service: _Service | None, data: bytes
    ) -> Awaitable[bool] | None:
        try:
            session = self._session(header)
            session.requests.received(header.kind)
            body = data[header.at :]
            if service is None:
                session.server.subscription_wire.publish(session, body, self, request_id, header)
                return None
            answer = service.answer(session, body)
            if not isinstance(answer, bytes):
                return self._answer_later(request_id, header, partial(_given, service.response, answer))
            self.respond(request_id, service.response, header.handle, answer)
        except Exception as error:  # noqa: BLE001 - one request's fault must not end the connection
            self._failed(request_id, header, error)
        return None

    async def _answer_later(
        self, request_id: int, header: RequestHeader, later: Callable[[], Awaitable[_Answer]]
    ) -> bool:
        try:
            kind, status, body = await later()
        except asyncio.CancelledError:
            if _are_cancelled():
                raise
            self.refuse(request_id, header.handle, ua.StatusCodes.BadOperationAbandoned)
        except Exception as error:  # noqa: BLE001 - one request's fault must not end the connection
            self._failed(request_id, header, error)
        else:
            self._send(request_id, kind, header.handle, status, body)
        return True

    async def _answered(self, header: RequestHeader, data: bytes) -> _Answer:
        """Answer what makes and ends sessions, what needs none, and what asyncua decodes."""
        kind, body, service = header.kind, data[header.at :], self._server.session_service
        asked = DISCOVERY.get(kind) if isinstance(kind, int) else None
        if asked is not None:
            return _Answer(
                asked.response, ua.StatusCodes.Good, asked.answer(self._server.discovery, body, self.channel.hello_url)
            )
        if self.channel.discovery_only:
            raise ServiceError(ua.StatusCodes.BadSecurityPolicyRejected)
        if kind == _CREATE_SESSION:
            answer, self.session = await service.create(body, header, self.channel, self)
            return _Answer(_CREATED, ua.StatusCodes.Good, answer)
        if kind == _ACTIVATE_SESSION:
            return await self._activate(header, body)
        session = self._session(header, activated=kind != _CLOSE_SESSION)
        session.requests.received(kind)
        if kind == _CLOSE_SESSION:
            return _Answer(_CLOSED, ua.StatusCodes.Good, service.close(body, header, session))
        if kind == _CANCEL:
            return _Answer(_CANCELLED, ua.StatusCodes.Good, service.cancel(body, session))
        other = OTHER_SERVICES.get(kind)
        if other is None:
            raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
        return _Answer(other.response, ua.StatusCodes.Good, await other.answer(session, header, data))

    async def _activate(self, header: RequestHeader, body: bytes) -> _Answer:
        known = self._server.session_service.registry.get(header.token)
        if known is not None:
            known.requests.received(header.kind)
        activated = await self._server.session_service.activate(body, header, self.channel, self)
        self.session = activated.session
        return _Answer(_ACTIVATED, activated.status, activated.body)

    def _failed(self, request_id: int, header: RequestHeader, error: Exception) -> None:
        if isinstance(error, DecodingError):
            status = int(getattr(error, "status", ua.StatusCodes.BadDecodingError))
            _log.debug("a request of %s cannot be decoded: %s", self.channel.peer, error)
        elif isinstance(error, ServiceError):
            status = error.code
        else:
            _log.error("a request failed", exc_info=error)
            status = ua.StatusCodes.BadInternalError
        session = self._server.session_service.registry.get(header.token)
        self._ledger.rejected(header.kind, session, status)
        self.refuse(request_id, header.handle, status)

    def _session(self, header: RequestHeader, *, activated: bool = True) -> GatewaySession:
        """Give the request's session, which has to be active, and this connection's (Part 4 v1.05 7.32)."""
        session = before = self.session
        if session is None or header.token != session.token_key:
            session = self._server.session_service.registry.get(header.token)
        if session is None or session.state is SessionState.CLOSED:
            raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
        if session.connection is not self:  # whose it never was is not told that there is such a session
            codes = ua.StatusCodes
            raise ServiceError(codes.BadSecureChannelIdInvalid if session is before else codes.BadSessionIdInvalid)
        if activated and session.state is not SessionState.ACTIVATED:
            raise ServiceError(ua.StatusCodes.BadSessionNotActivated)
        self.session = session
        session.audit_entry = header.audit_entry
        session.touch()
        return session

    def _send(self, request_id: int, kind: int, handle: int, status: int, body: bytes) -> None:
        message = b"".join((_RESPONSE.pack(1, 0, kind, now(), handle, status), _REST, body))
        session = self.session
        most = 0 if session is None else session.most_response
        if not self.channel.fits(len(message)) or 0 < most < len(message):
            status = ua.StatusCodes.BadResponseTooLarge
            message = b"".join((_RESPONSE.pack(1, 0, _FAULT, now(), handle, status), _REST))
        self._write(self.channel.message_to_binary(message, request_id=request_id))

    def _write(self, data: bytes) -> None:
        transport = self._transport
        transport.write(data)
        if transport.get_write_buffer_size() > MAX_UNSENT:
            _log.warning("%s does not read what it is sent: its connection is closed", self.channel.peer)
            transport.abort()

    def connection_lost(self) -> None:
        """Forget the Publish requests that came on this connection, and the sessions that end with it."""
        service = self._server.session_service
        for session in service.registry.of(self):
            session.publishing.drop(lambda request: getattr(request, "responder", None) is self)
        service.connection_lost(self)
