"""asyncua's internal server with our services in place of its own (seam: ``Server(iserver=...)``)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer

from server.address_space.asyncua_seam import UaAddressSpace
from server.address_space.asyncua_services import UaNodeManagement
from server.address_space.attributes import Attributes
from server.address_space.batch_read import BatchRead
from server.address_space.node_management import NodeManagement
from server.address_space.space import AddressSpace
from server.address_space.view.view_service import ViewService
from server.address_space.writing import Writing
from server.subscriptions.limits import SubscriptionLimits
from server.ua_stack.history_access import HistoryAccess
from server.ua_stack.method_service import CallService
from server.ua_stack.operation_limits import (
    MAX_NODES_PER_NODE_MANAGEMENT,
    MAX_NODES_PER_READ,
    MAX_NODES_PER_WRITE,
    advertise,
)
from server.ua_stack.point_access import PointAccess
from server.ua_stack.sessions import AnonymousRole, GatewaySession
from server.ua_stack.subscription_service import SubscriptionService


class GatewayInternalServer(InternalServer):
    """Points answered from the process image, subscriptions from columns, history from the historian."""

    def __init__(self, role: str) -> None:
        """``role``: what anonymous clients are (``none``, ``Observer``, ``Operator``)."""
        super().__init__(user_manager=AnonymousRole(role))  # type: ignore[arg-type]  # asyncua asks for its own class, and only calls get_user
        self.allow_remote_admin = False
        self.match_discovery_source_ip = False
        self.space = AddressSpace()
        self.attributes = Attributes(self.space)
        self.writing = Writing(self.attributes, MAX_NODES_PER_WRITE)
        self.batch_read = BatchRead(self.attributes, MAX_NODES_PER_READ)
        self.views = ViewService(self.space)
        self.shown = UaAddressSpace(self.attributes, self.writing)
        self.access = PointAccess(self.attributes, self.writing, self.shown)
        self.history = HistoryAccess(self.space, self.access)
        self.limits = SubscriptionLimits()
        self.subscriptions = SubscriptionService(self.shown, self.limits)
        self.method_service.stop()  # asyncua's own, whose place ours takes
        self.calls = CallService(self.space, self.shown)
        replaced: Any = (
            self  # the attributes are typed as asyncua's own classes; ours have the methods that asyncua calls
        )
        replaced.aspace = replaced.isession.aspace = self.shown
        replaced.attribute_service = self.access
        replaced.view_service = self.views
        replaced.node_mgt_service = UaNodeManagement(NodeManagement(self.space, MAX_NODES_PER_NODE_MANAGEMENT))
        replaced.history_manager = self.history
        replaced.method_service = self.calls
        replaced.subscription_service = self.subscriptions
        replaced.isession.subscription_service = self.subscriptions

    async def init(self, shelffile: Path | None = None) -> None:
        """Set the server's own nodes up; the standard namespace is there already. A shelf file is refused: a pickle."""
        if shelffile is not None:
            message = "the address space is never loaded from a pickle"
            raise ValueError(message)
        await super().init(None)
        advertise(self.space, self.limits, self.views.limits)

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        """Do nothing: the standard namespace is one of the model's."""

    async def _address_space_fixes(self) -> None:
        """Do nothing: what asyncua mends is right in the published file."""

    def create_session(
        self,
        name: str,
        user: User | None = None,
        external: bool = False,  # noqa: FBT001, FBT002 - asyncua's own signature
    ) -> GatewaySession:
        """Make a session that minds its owner's rights."""
        given = user if user is not None else User(role=UserRole.Anonymous)
        service: Any = self.subscriptions  # as above
        shown: Any = self.shown  # as above
        return GatewaySession(self, shown, service, name, user=given, external=external)

    def register_server(self, server: object, conf: object = None) -> None:
        """Refuse: this is no discovery server, and anyone could ask before logging in."""
        del server, conf
        raise ServiceError(ua.StatusCodes.BadServiceUnsupported)

    async def stop(self) -> None:
        """Go down, subscriptions and sessions first: no task outlives it. Safe twice, and after half a start."""
        await self.subscriptions.stop()
        for session in tuple(self._external_sessions.values()):  # also those that wait for a lost client to come back
            await session.close_session()
        clock, self.time_task = self.time_task, None
        if clock is not None:  # asyncua would wait for its next second
            clock.cancel()
            await asyncio.gather(clock, return_exceptions=True)
        await super().stop()
