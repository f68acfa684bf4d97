"""What a Publish request is answered with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.foreign.relay import Answer
from tests.foreign.steps.status import name


@dataclass(frozen=True, slots=True)
class Change:
    """A value of a DataChangeNotification."""

    handle: int
    value: Any
    status: int
    source: str | None
    server: str | None
    type: str

    @property
    def source_time(self) -> datetime:
        """Its source timestamp, to the millisecond, which is what JavaScript knows."""
        assert self.source is not None
        return datetime.fromisoformat(self.source[: len("2026-01-01T00:00:00.000")]).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Message:
    """The answer to a Publish request."""

    result: str
    subscription: int = 0
    sequence: int = 0
    more: bool = False
    available: list[int] = field(default_factory=list[int])
    acknowledged: list[str] = field(default_factory=list[str])
    changes: list[Change] = field(default_factory=list[Change])
    events: list[tuple[int, list[Any]]] = field(default_factory=list[tuple[int, list[Any]]])
    """Client handle, and the fields' values."""
    status_change: str | None = None

    @property
    def keeps_alive(self) -> bool:
        """Tell whether it says nothing new."""
        return self.result == "Good" and not self.changes and not self.events and self.status_change is None


def message_of(answer: Answer) -> Message:
    """Read a PublishResponse."""
    if answer["result"]:
        return Message(name(answer["result"]))
    notified = answer["notificationMessage"]
    changes: list[Change] = []
    events: list[tuple[int, list[Any]]] = []
    status: str | None = None
    for data in _list(notified["notificationData"]):
        changes += [Change(one["clientHandle"], **one["value"]) for one in _list(data.get("monitoredItems"))]
        events += [
            (one["clientHandle"], [held["value"] for held in _list(one["eventFields"])])
            for one in _list(data.get("events"))
        ]
        if data["is"] == "StatusChangeNotification":
            status = name(data["status"])
    return Message(
        "Good",
        answer["subscriptionId"],
        notified["sequenceNumber"],
        answer["moreNotifications"],
        list(answer["availableSequenceNumbers"] or ()),
        [name(one) for one in answer["results"] or ()],
        changes,
        events,
        status,
    )


def _list(held: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Take a null array for an empty one (Part 6 v1.05 5.2.5)."""
    return held or []


def statuses(answer: Answer) -> list[str]:
    """Name the StatusCodes of the operations of a call that is Good as a whole."""
    assert name(answer["result"]) == "Good"
    return [name(one["statusCode"]) for one in answer["results"]]
