"""Sessions with an owner's rights: what one created no other may touch (seam: ``InternalServer.create_session``)."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import ADMIN_TYPES, PermissionRuleset, User, UserRole
from asyncua.server.internal_session import InternalSession

from server.address_space.asyncua_services import context_of
from server.address_space.session_context import SessionContext
from server.ua_stack.history_access import HistoryAccess
from server.ua_stack.method_service import CallService
from server.ua_stack.subscription_service import SubscriptionService

if TYPE_CHECKING:
    from asyncua.server.internal_server import InternalServer

    from server.ua_stack.internal_server import GatewayInternalServer


CALLER: ContextVar[GatewaySession | None] = ContextVar("caller", default=None)
"""Within a method: the session that calls it; None for the gateway itself."""


class AnonymousRole:
    """The only identity there is before users exist: anonymous, with the role that the configuration gives."""

    def __init__(self, role: str) -> None:
        """``role``: ``none``, ``Observer`` (reads) or ``Operator`` (also writes and calls)."""
        self._role = role

    def get_user(
        self, iserver: InternalServer, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """Give the user of a session (seam: ``user_manager``); None refuses it."""
        del iserver, password, certificate
        if username is not None or self._role == "none":
            return None
        return User(UserRole.User if self._role == "Operator" else UserRole.Anonymous, "anonymous")


class ClientServices(PermissionRuleset):
    """The services that clients may ask for at all; Write and Call look at the user's role themselves.

    asyncua's own rules let an anonymous user read nothing (seam: ``Server.set_security_policy``).
    """

    _refused = frozenset(ua.NodeId(ua.Int32(number)) for number in ADMIN_TYPES)

    def check_validity(  # pyright: ignore[reportIncompatibleMethodOverride] - the base is untyped
        self, user: User, action_type_id: ua.NodeId, body: Any
    ) -> bool:
        """Tell whether a request is served; node management and registration are nobody's but the server's own."""
        del user, body
        return action_type_id not in self._refused


class GatewaySession(InternalSession):
    """A client's session."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """Begin without rights; activation gives them."""
        super().__init__(*given, **named)
        self.view = self.server.views.new_session()
        self.context: SessionContext = context_of(self.user)
        self.closing: dict[object, Callable[[], None]] = {}
        """Called when the session ends: whoever keeps something for it, the key, lets go of it."""

    @property
    def server(self) -> GatewayInternalServer:
        """The server whose session this is."""
        return cast("GatewayInternalServer", self.iserver)

    def activate_session(
        self, params: ua.ActivateSessionParameters, peer_certificate: bytes | None
    ) -> ua.ActivateSessionResult:
        """Take the user's rights and languages (Part 4 v1.05 5.7.3)."""
        result = super().activate_session(params, peer_certificate)
        self.view.locales = params.LocaleIds or ()
        self.context = context_of(self.user)._replace(locales=self.view.locales)
        return result

    async def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        """Read with the session's rights."""
        return self.server.access.read(params, self.context)

    async def write(self, params: ua.WriteParameters) -> list[ua.StatusCode]:
        """Write as the session's user."""
        return await self.server.access.write(params, self.user)

    async def browse(self, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        """Browse; continuation points belong to this session."""
        return await self.server.views.browse_for(self.view, params)

    async def browse_next(self, parameters: ua.BrowseNextParameters) -> list[ua.BrowseResult]:
        """Go on with a Browse of this session."""
        return await self.server.views.browse_next_for(self.view, parameters)

    async def translate_browsepaths_to_nodeids(self, params: list[ua.BrowsePath]) -> list[ua.BrowsePathResult]:
        """Follow browse paths."""
        return await self.server.views.translate_for(self.view, params)

    async def register_nodes(self, nodes: list[ua.NodeId]) -> list[ua.NodeId]:
        """Register nodes."""
        return self.server.views.register_nodes(self.view, nodes)

    async def unregister_nodes(self, nodes: list[ua.NodeId]) -> None:
        """Forget registered nodes."""
        self.server.views.unregister_nodes(self.view, nodes)

    async def call(self, params: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        """Call methods (Part 4 v1.05 5.12.2); an Observer may not."""
        service = cast("CallService", self.iserver.method_service)
        token = CALLER.set(self)
        try:
            return await service.call_as(
                params, permitted=not self.external or self.user.role is not UserRole.Anonymous
            )
        finally:
            CALLER.reset(token)

    async def history_read(self, params: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        """Read history; continuation points belong to this session."""
        access = cast("HistoryAccess", self.iserver.history_manager)
        return await access.read(params, self.session_id)

    async def close_session(self, delete_subs: bool = True) -> None:  # noqa: FBT001, FBT002 - asyncua's own signature
        """Close, and release the session's continuation points."""
        cast("HistoryAccess", self.iserver.history_manager).release_session(self.session_id)
        self.view.close()
        closing, self.closing = self.closing, {}
        for let_go in closing.values():
            let_go()
        await super().close_session(delete_subs)

    def publish(  # pyright: ignore[reportIncompatibleMethodOverride] - the base says what asyncua's service gives
        self, acks: list[ua.SubscriptionAcknowledgement] | None = None
    ) -> tuple[int, list[ua.StatusCode]]:
        """Acknowledge messages of this session's subscriptions."""
        return self._service.publish(acks or [], self.session_id)

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        """Give a kept message of this session's subscription."""
        self._own(params.SubscriptionId)
        return self._service.republish(params)

    def modify_subscription(self, params: ua.ModifySubscriptionParameters) -> ua.ModifySubscriptionResult:
        """Modify a subscription of this session."""
        self._own(params.SubscriptionId)
        return self._service.modify_subscription(params)

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        """Create items in a subscription of this session."""
        self._own(params.SubscriptionId)
        return await self._service.create_monitored_items(params)

    async def modify_monitored_items(
        self, params: ua.ModifyMonitoredItemsParameters
    ) -> list[ua.MonitoredItemModifyResult]:
        """Modify items of a subscription of this session."""
        self._own(params.SubscriptionId)
        return self._service.modify_monitored_items(params)

    async def set_monitoring_mode(self, params: ua.SetMonitoringModeParameters) -> list[ua.StatusCode]:
        """Set the mode of items of a subscription of this session."""
        self._own(params.SubscriptionId)
        return await self._service.set_monitoring_mode(params)

    async def delete_monitored_items(self, params: ua.DeleteMonitoredItemsParameters) -> list[ua.StatusCode]:
        """Delete items of a subscription of this session."""
        self._own(params.SubscriptionId)
        return self._service.delete_monitored_items(params)

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        """Delete subscriptions of this session; others' are unknown to it."""
        known = [subscription_id if self._owns(subscription_id) else 0 for subscription_id in ids]
        return await self._service.delete_subscriptions(known)

    async def set_publishing_mode(self, params: ua.SetPublishingModeParameters) -> list[ua.StatusCode]:
        """Set the publishing mode of subscriptions of this session; others' are unknown to it."""
        params.SubscriptionIds = [held if self._owns(held) else ua.IntegerId(0) for held in params.SubscriptionIds]
        return await self._service.set_publishing_mode(params)

    @property
    def _service(self) -> SubscriptionService:
        return cast("SubscriptionService", self.subscription_service)

    def _owns(self, subscription_id: int) -> bool:
        held = self._service.subscriptions.get(int(subscription_id))
        return held is not None and (held.session_id == self.session_id or not self.external)

    def _own(self, subscription_id: int) -> None:
        if not self._owns(subscription_id):
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)
