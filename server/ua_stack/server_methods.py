"""The Server object's methods for who has subscriptions: GetMonitoredItems and ResendData (Part 5 v1.05 9.1, 9.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asyncua import ua
from asyncua.common.utils import ServiceError

from server.address_space.keys import numeric_key
from server.address_space.node import SpaceNode
from server.address_space.space import AddressSpace
from server.subscriptions.subscription import Subscription
from server.ua_stack.sessions import CALLER
from server.ua_stack.subscription_service import SubscriptionService

_Answer = list[ua.Variant]
_Method = Callable[..., Awaitable[_Answer]]
"""Takes the arguments as plain values. Raises :class:`ServiceError` for a call that it refuses."""


def bind_server_methods(space: AddressSpace, subscriptions: SubscriptionService) -> None:
    """Let the Server object answer both methods, of which the standard's file says that everybody may call them.

    They change nothing but the caller's own subscriptions, so that is no question of the role.
    """

    async def get_monitored_items(subscription_id: int) -> _Answer:
        items = _callers_subscription(subscriptions, subscription_id).items.values()
        return [_handles([item.id for item in items]), _handles([item.handle for item in items])]

    async def resend_data(subscription_id: int) -> _Answer:
        subscriptions.items.resend(_callers_subscription(subscriptions, subscription_id))
        return []

    _bind(space, "GetMonitoredItems", get_monitored_items)
    _bind(space, "ResendData", resend_data)


def _bind(space: AddressSpace, name: str, method: _Method) -> None:
    async def answer(_parent: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode | _Answer:
        try:
            return await method(*(argument.Value for argument in arguments))
        except ServiceError as refused:
            return ua.StatusCode(ua.UInt32(refused.code))

    _node(space, f"Server_{name}").definition = answer


def _node(space: AddressSpace, name: str) -> SpaceNode:
    return space[numeric_key(0, int(getattr(ua.ObjectIds, name)))]


def _callers_subscription(subscriptions: SubscriptionService, subscription_id: int) -> Subscription:
    """Give the subscription that a method is called for; the call is a use of it (Part 4 v1.05 5.14.1.1).

    Raises :class:`ServiceError`: BadSubscriptionIdInvalid, or BadUserAccessDenied for another session's.
    """
    held = subscriptions.held.get(subscription_id)
    if held is None:
        raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)
    if held.owner is not CALLER.get():
        raise ServiceError(ua.StatusCodes.BadUserAccessDenied)
    held.core.touched()
    return held.core


def _handles(numbers: list[int]) -> ua.Variant:
    return ua.Variant(numbers, ua.VariantType.UInt32, is_array=True)
