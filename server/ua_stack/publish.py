"""Publish and Republish from bytes to bytes (Part 4 v1.05 5.14.5, 5.14.6): notifications go out as they were packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Protocol

import numpy as np
from asyncua import ua
from asyncua.common.utils import ServiceError

from server.address_space.decoding import Cursor
from server.address_space.encoding import encode_uint32
from server.subscriptions.limits import MAX_ACKNOWLEDGEMENTS
from server.subscriptions.message import Message

_RESPONSE = int(ua.ObjectIds.PublishResponse_Encoding_DefaultBinary)
_HEAD = Struct("<Ii")
_MESSAGE = Struct("<Iqi")
_BODY = Struct("<BBHBi")
"""An ExtensionObject's type (a NodeId of four bytes), that its body is bytes, and how many."""
_DATA_CHANGE = int(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary)
_EVENTS = int(ua.ObjectIds.EventNotificationList_Encoding_DefaultBinary)
_STATUS_CHANGE = int(ua.ObjectIds.StatusChangeNotification_Encoding_DefaultBinary)
_STATUS = Struct("<IB")
"""A StatusChangeNotification: the status, and no DiagnosticInfo."""
_NO_DIAGNOSTICS = b"\xff\xff\xff\xff"
_ACKNOWLEDGEMENT = np.dtype([("subscription", "<u4"), ("sequence", "<u4")])


class Responder(Protocol):
    """The connection on which a request came."""

    def respond(self, request_id: int, kind: int, handle: int, body: bytes) -> None:
        """Answer."""
        ...

    def refuse(self, request_id: int, handle: int, status: int) -> None:
        """Answer with a ServiceFault."""
        ...


@dataclass(slots=True, eq=False)
class PublishRequest:
    """One Publish request that waits. ``deadline``: monotonic seconds after which its client waits no more."""

    responder: Responder
    request_id: int
    handle: int
    deadline: float
    results: Sequence[int]

    def answer(self, subscription_id: int, available: Sequence[int], message: Message, *, more: bool) -> None:
        """Send a NotificationMessage."""
        head = (
            _HEAD.pack(subscription_id, len(available)),
            np.array(available, "<u4").tobytes(),
            b"\x01" if more else b"\x00",
        )
        results = (len(self.results).to_bytes(4, "little"), np.array(self.results, "<u4").tobytes(), _NO_DIAGNOSTICS)
        body = b"".join((*head, *_parts(message), *results))
        self.responder.respond(self.request_id, _RESPONSE, self.handle, body)

    def refuse(self, status: int) -> None:
        """Answer with a ServiceFault."""
        self.responder.refuse(self.request_id, self.handle, status)


def acknowledgements(body: bytes) -> list[tuple[int, int]]:
    """Read a PublishRequest's parameters: subscription and sequence number of each message that came.

    Raises :class:`~server.address_space.decoding.DecodingError`, and :class:`ServiceError` for too many.
    """
    cursor = Cursor(body)
    count = cursor.count(_ACKNOWLEDGEMENT.itemsize)
    if count > MAX_ACKNOWLEDGEMENTS:
        raise ServiceError(ua.StatusCodes.BadTooManyOperations)
    return np.frombuffer(cursor.take(count * _ACKNOWLEDGEMENT.itemsize), _ACKNOWLEDGEMENT).tolist()


def republished(message: Message) -> bytes:
    """Give a RepublishResponse's parameters."""
    return b"".join(_parts(message))


def _parts(message: Message) -> list[bytes]:
    """Write a NotificationMessage (Part 4 v1.05 7.26); its notifications are not copied."""
    notifications: list[bytes] = []
    for kind, body in ((_DATA_CHANGE, message.data_changes), (_EVENTS, message.events)):
        if body:
            notifications += (_BODY.pack(1, 0, kind, 1, len(body)), body)
    if message.status_change is not None:
        notifications += (
            _BODY.pack(1, 0, _STATUS_CHANGE, 1, _STATUS.size),
            _STATUS.pack(message.status_change, 0),
        )
    return [_MESSAGE.pack(message.sequence, message.publish_time, len(notifications) // 2), *notifications]


def encode_statuses(statuses: Sequence[int]) -> bytes:
    """Write results and no diagnostics, as most services answer."""
    return encode_uint32(len(statuses)) + np.array(statuses, "<u4").tobytes() + _NO_DIAGNOSTICS
