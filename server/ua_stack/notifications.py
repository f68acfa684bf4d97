"""The way of a subscription's messages to its client: asyncua's Publish queue, our encoded bodies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asyncua import ua

from core.time import to_datetime
from server.subscriptions.subscription import Message
from server.ua_stack.values import status_code

_DATA_CHANGE = ua.NodeId(ua.Int32(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary))
_EVENTS = ua.NodeId(ua.Int32(ua.ObjectIds.EventNotificationList_Encoding_DefaultBinary))

ForwardResult = Callable[[ua.PublishResult, Any], Awaitable[None]]
TakeRequest = Callable[[Any], Any | None]


def to_notification_message(message: Message) -> ua.NotificationMessage:
    """Wrap encoded notifications; an ExtensionObject of bytes goes out as it is (seam: ``ua.ExtensionObject``)."""
    wrapped = ua.NotificationMessage()
    wrapped.SequenceNumber = ua.Counter(message.sequence)
    wrapped.PublishTime = to_datetime(message.publish_time)
    data: list[Any] = []  # the field takes encoded and plain notifications
    if message.data_changes:
        data.append(ua.ExtensionObject(TypeId=_DATA_CHANGE, Body=ua.ByteString(message.data_changes)))
    if message.events:
        data.append(ua.ExtensionObject(TypeId=_EVENTS, Body=ua.ByteString(message.events)))
    if message.status_change is not None:
        change = ua.StatusChangeNotification()
        change.Status = status_code(message.status_change)
        data.append(change)
    wrapped.NotificationData = data
    return wrapped


class SessionChannel:
    """The callbacks of the connection that a subscription's session is on (seam: UaProcessor's publish callbacks)."""

    def __init__(self, forward: ForwardResult, take: TakeRequest | None) -> None:
        """Begin on the connection that created the subscription."""
        self.forward = forward
        self.take = take

    def take_request(self, subscription_id: int) -> Any | None:  # asyncua's PublishRequestData
        """Give a waiting Publish request; none while the connection is gone."""
        if self.take is None or self._is_closing():
            return None
        return self.take(subscription_id)

    async def respond(
        self, subscription_id: int, request: Any, message: Message, available: list[int], *, more: bool
    ) -> None:
        """Answer a Publish request."""
        result = ua.PublishResult()
        result.SubscriptionId = ua.IntegerId(subscription_id)
        result.AvailableSequenceNumbers = [ua.Counter(number) for number in available]
        result.MoreNotifications = more
        result.NotificationMessage = to_notification_message(message)
        await self.forward(result, request)

    def forget(self, subscription_id: int) -> None:
        """Let the connection's next Publish request not go to a subscription that has left it."""
        late = getattr(getattr(self.take, "__self__", None), "_publish_results_subs", None)
        if late is not None:
            late.pop(subscription_id, None)

    def _is_closing(self) -> bool:
        processor = getattr(self.forward, "__self__", None)
        transport = getattr(processor, "_transport", None)
        return transport is not None and bool(transport.is_closing())
