"""How many requests of each service a session has sent, and how many of them failed (Part 5 v1.05 12.11, 12.13)."""

from __future__ import annotations

from asyncua import ua

SERVICES = (
    "Read",
    "HistoryRead",
    "Write",
    "HistoryUpdate",
    "Call",
    "CreateMonitoredItems",
    "ModifyMonitoredItems",
    "SetMonitoringMode",
    "SetTriggering",
    "DeleteMonitoredItems",
    "CreateSubscription",
    "ModifySubscription",
    "SetPublishingMode",
    "Publish",
    "Republish",
    "TransferSubscriptions",
    "DeleteSubscriptions",
    "AddNodes",
    "AddReferences",
    "DeleteNodes",
    "DeleteReferences",
    "Browse",
    "BrowseNext",
    "TranslateBrowsePathsToNodeIds",
    "QueryFirst",
    "QueryNext",
    "RegisterNodes",
    "UnregisterNodes",
)
"""The services that a SessionDiagnosticsDataType counts, in its order."""


def kind_of(service: str) -> int:
    """Give the type of a service's requests: the number of its Default Binary encoding."""
    return int(getattr(ua.ObjectIds, f"{service}Request_Encoding_DefaultBinary"))


_CLOSE = kind_of("CloseSession")
_OTHER = 0
"""Requests of every other service, which count in the total alone."""
_COUNTED = tuple(kind_of(service) for service in SERVICES)
_KINDS = (*_COUNTED, _CLOSE, _OTHER)


class RequestCounts:
    """Counts one session's requests: two additions a request, and one more for a failure."""

    __slots__ = ("_errors", "_received", "unauthorized")

    def __init__(self) -> None:
        """Begin at 0."""
        self._received = dict.fromkeys(_KINDS, 0)
        self._errors = dict.fromkeys(_KINDS, 0)
        self.unauthorized = 0
        """Requests that were refused because the user may not."""

    def received(self, kind: object) -> None:
        """Count a request. ``kind``: the key of its type's NodeId, whatever that is."""
        counts = self._received
        if kind in counts:
            counts[kind] += 1  # type: ignore[index]  # what is in the dict is one of its keys
        else:
            counts[_OTHER] += 1

    def failed(self, kind: object, status: int) -> None:
        """Count the failure of a request that was received."""
        self._errors[kind if kind in self._errors else _OTHER] += 1  # type: ignore[index]  # as above
        if status == ua.StatusCodes.BadUserAccessDenied:
            self.unauthorized += 1

    @property
    def total(self) -> tuple[int, int]:
        """Give how many requests came, and how many of them failed."""
        return sum(self._received.values()), sum(self._errors.values())

    @property
    def asked_to_close(self) -> bool:
        """Tell whether the client has asked to close the session."""
        return self._received[_CLOSE] > 0

    def of_services(self) -> list[int]:
        """Give the same two numbers for each of :data:`SERVICES`, one behind the other."""
        counts = [0] * (2 * len(_COUNTED))
        counts[::2] = list(self._received.values())[: len(_COUNTED)]
        counts[1::2] = list(self._errors.values())[: len(_COUNTED)]
        return counts
