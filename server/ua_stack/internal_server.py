"""asyncua's internal server with our services in place of its own (seam: ``Server(iserver=...)``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from asyncua import ua
from asyncua.server.internal_server import InternalServer

from server.address_space.asyncua_seam import UaAddressSpace
from server.address_space.asyncua_services import UaNodeManagement
from server.address_space.attributes import Attributes
from server.address_space.batch_read import BatchRead
from server.address_space.node_management import NodeManagement
from server.address_space.space import AddressSpace
from server.address_space.view.view_service import ViewService
from server.address_space.writing import Writing
from server.events.compiled_filter import EventFilters
from server.events.event_types import EventTypes
from server.events.notifiers import Notifiers
from server.subscriptions.limits import SubscriptionLimits
from server.ua_stack.channel import GatewayChannel
from server.ua_stack.diagnostics.ledger import SessionLedger
from server.ua_stack.diagnostics.nodes import show_diagnostics
from server.ua_stack.discovery.services import Discovery
from server.ua_stack.history.access import HistoryAccess
from server.ua_stack.history_changes import HistoryChanges
from server.ua_stack.method_service import CallService
from server.ua_stack.operation_limits import (
    MAX_NODES_PER_NODE_MANAGEMENT,
    MAX_NODES_PER_READ,
    MAX_NODES_PER_WRITE,
    advertise,
)
from server.ua_stack.point_access import PointAccess
from server.ua_stack.server_methods import bind_server_methods
from server.ua_stack.session.limits import SessionLimits
from server.ua_stack.session.registry import SessionRegistry
from server.ua_stack.session.requests import CreateSessionRequest
from server.ua_stack.session.service import SessionService
from server.ua_stack.sessions import GatewaySession
from server.ua_stack.subscription_service import SubscriptionService
from server.ua_stack.subscription_wire import SubscriptionWire
from server.ua_stack.use_audit import UseAudit


class NoSubscriptions:
    """What asyncua finds in the place of its subscription service: ours is asked by our own code alone."""

    subscriptions: Mapping[int, object] = MappingProxyType({})
    """Of the gateway's own session, which asyncua closes."""

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        """Do nothing: the gateway's own session, which asyncua closes, has no subscriptions."""
        return [ua.StatusCode() for _ in ids]

    async def stop(self) -> None:
        """Do nothing: the subscriptions were stopped before."""


class NoUsers:
    """What asyncua finds in the place of its user manager, which lets everybody in."""

    def get_user(self, *_given: object, **_named: object) -> None:
        """Refuse: users log in by :mod:`server.ua_stack.session`."""


class GatewayInternalServer(InternalServer):
    """Points answered from the process image, subscriptions from columns, history from the historian."""

    def __init__(self, discovery: Discovery, sessions: SessionLimits) -> None:
        """Begin without users: :meth:`SessionService.bind` lets them in."""
        super().__init__(user_manager=NoUsers())  # type: ignore[arg-type]  # asyncua asks for its own class, and never calls it now
        self.allow_remote_admin = False
        self.discovery = discovery
        self.match_discovery_source_ip = False
        self.space = AddressSpace()
        self.attributes = Attributes(self.space)
        self.writing = Writing(self.attributes, MAX_NODES_PER_WRITE)
        self.batch_read = BatchRead(self.attributes, MAX_NODES_PER_READ)
        self.views = ViewService(self.space)
        self.shown = UaAddressSpace(self.attributes, self.writing)
        self.access = PointAccess(self.attributes, self.writing)
        self.history = HistoryAccess(self.space, self.access)
        self.ledger = SessionLedger()
        self.session_service = SessionService(SessionRegistry(sessions), self._new_session, discovery)
        self.limits = SubscriptionLimits()
        self.events = EventTypes(self.space)
        self.event_filters = EventFilters(self.events)
        self.subscriptions = SubscriptionService(Notifiers(self.space), self.limits)
        self.session_service.rights_changed = self.subscriptions.rights_changed
        self.subscription_wire = SubscriptionWire(self.subscriptions)
        self.method_service.stop()  # asyncua's own, whose place ours takes
        self.calls = CallService(self.space, self.shown)
        self.use_audit = UseAudit(self.attributes, self.calls)
        self.writing.witness = self.use_audit
        self.history_changes = HistoryChanges(self.history, self.use_audit)
        replaced: Any = (
            self  # the attributes are typed as asyncua's own classes; ours have the methods that asyncua calls
        )
        replaced.aspace = replaced.isession.aspace = self.shown
        replaced.attribute_service = self.access
        replaced.view_service = self.views
        replaced.node_mgt_service = UaNodeManagement(NodeManagement(self.space, MAX_NODES_PER_NODE_MANAGEMENT))
        replaced.history_manager = self.history
        replaced.method_service = self.calls
        replaced.subscription_service = replaced.isession.subscription_service = NoSubscriptions()

    async def init(self, shelffile: Path | None = None) -> None:
        """Set the server's own nodes up; the standard namespace is there already. A shelf file is refused: a pickle."""
        if shelffile is not None:
            message = "the address space is never loaded from a pickle"
            raise ValueError(message)
        await super().init(None)
        advertise(self.space, self.limits, self.views.limits)
        self.history.nodes.show_nothing()
        bind_server_methods(self.space, self.subscriptions)
        show_diagnostics(self.space, self.subscriptions, self.ledger)

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        """Do nothing: the standard namespace is one of the model's."""

    async def _address_space_fixes(self) -> None:
        """Do nothing: what asyncua mends is right in the published file."""

    def _new_session(
        self, asked: CreateSessionRequest, channel: GatewayChannel, connection: object, timeout: float, application: str
    ) -> GatewaySession:
        session = GatewaySession(
            self,
            SessionRegistry.new_token(),
            channel,
            connection,
            name=(asked.name or "")[:512],
            application_uri=application[:4096],
            timeout=timeout,
            most_response=asked.most_response,
        )
        self.ledger.established(session, asked)
        return session

    async def stop(self) -> None:
        """Go down, subscriptions and sessions first: no task outlives it. Safe twice, and after half a start."""
        self.subscriptions.stop()
        self.session_service.stop()  # also those that wait for a lost client to come back
        clock, self.time_task = self.time_task, None
        if clock is not None:  # asyncua would wait for its next second
            clock.cancel()
            await asyncio.gather(clock, return_exceptions=True)
        await self.history_changes.stop()
        await super().stop()
