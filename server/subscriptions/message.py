"""A NotificationMessage as it is kept for Republish (Part 4 v1.05 7.26)."""

from __future__ import annotations

from dataclasses import dataclass

_MESSAGE_BYTES = 512
"""What a message takes beside its notifications."""


@dataclass(slots=True)
class Message:
    """Encoded notifications. With nothing in it it is a keep-alive."""

    sequence: int
    publish_time: int
    data_changes: bytes = b""
    """Body of a DataChangeNotification."""
    events: bytes = b""
    """Body of an EventNotificationList."""
    status_change: int | None = None

    @property
    def size(self) -> int:
        """Count the bytes of the notifications."""
        return len(self.data_changes) + len(self.events)

    @property
    def cost(self) -> int:
        """Count the bytes that it takes to keep the message."""
        return _MESSAGE_BYTES + self.size
