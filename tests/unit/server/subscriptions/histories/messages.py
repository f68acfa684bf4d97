"""What a client gets to see, in plain Python: the words that the model and the driver of the engine share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from core.datatypes import DataType

NOT_A_NUMBER = "NaN"
"""Stands for NaN, so that equal means equal; no string of these histories is called so."""
OVERFLOW = 0x480
"""InfoType DataValue and the Overflow bit (Part 4 v1.05 7.39.1)."""

DISABLED, SAMPLING, REPORTING = 0, 1, 2
STATUS, STATUS_VALUE, STATUS_VALUE_TIMESTAMP = 0, 1, 2
NO_DEADBAND, ABSOLUTE, PERCENT = 0, 1, 2
SOURCE, SERVER, BOTH, NEITHER = 0, 1, 2, 3

GOOD = 0
BAD_TIMEOUT = int(ua.StatusCodes.BadTimeout)
BAD_TOO_MANY_PUBLISH_REQUESTS = int(ua.StatusCodes.BadTooManyPublishRequests)
BAD_USER_ACCESS_DENIED = int(ua.StatusCodes.BadUserAccessDenied)
BAD_NO_SUBSCRIPTION = int(ua.StatusCodes.BadNoSubscription)
BAD_SUBSCRIPTION_ID_INVALID = int(ua.StatusCodes.BadSubscriptionIdInvalid)
BAD_MONITORED_ITEM_ID_INVALID = int(ua.StatusCodes.BadMonitoredItemIdInvalid)
BAD_SEQUENCE_NUMBER_UNKNOWN = int(ua.StatusCodes.BadSequenceNumberUnknown)
BAD_MESSAGE_NOT_AVAILABLE = int(ua.StatusCodes.BadMessageNotAvailable)
BAD_INDEX_RANGE_NO_DATA = int(ua.StatusCodes.BadIndexRangeNoData)
GOOD_SUBSCRIPTION_TRANSFERRED = int(ua.StatusCodes.GoodSubscriptionTransferred)
FILTER_REFUSALS = frozenset(
    int(code)
    for code in (
        ua.StatusCodes.BadFilterNotAllowed,
        ua.StatusCodes.BadMonitoredItemFilterUnsupported,
        ua.StatusCodes.BadMonitoredItemFilterInvalid,
        ua.StatusCodes.BadDeadbandFilterInvalid,
    )
)
"""Part 4 v1.05 5.13.2.4 and 7.22.2 let a server choose among these for a filter that does not fit the variable."""


@dataclass(frozen=True)
class PointKind:
    """A point of the histories: its type, its scan in s (0: values come by themselves), its EURange in units."""

    type: DataType
    scan: float
    span: float | None = None
    is_array: bool = False

    @property
    def is_number(self) -> bool:
        return self.type.is_number

    @property
    def shown_type(self) -> int:
        """The built-in type of the Variants that clients get; arrays here are of Double."""
        return int(DataType.DOUBLE if self.is_array else self.type)


@dataclass(frozen=True, slots=True)
class Sample:
    """A point's value at one moment, as a Read would answer it; times in 100 ns ticks."""

    value: Any
    status: int
    source: int
    server: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One value in a DataChangeNotification."""

    handle: int
    value: Any
    type: int
    status: int
    source: int | None
    server: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """A NotificationMessage; one without ``values`` and ``status`` is a keep-alive."""

    sequence: int
    values: tuple[Seen, ...] = ()
    status: int | None = None

    @property
    def is_keep_alive(self) -> bool:
        return not self.values and self.status is None


@dataclass(frozen=True, slots=True)
class Answer:
    """A Publish response, and the session that it went to; ``results`` are those of the acknowledgements."""

    session: int
    subscription: int
    message: Message
    more: bool
    available: tuple[int, ...]
    results: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ItemParameters:
    """What a client asks of a monitored item; ``filter`` is trigger, deadband type and deadband value, or none."""

    sampling: float
    size: int
    discard_oldest: bool
    filter: tuple[int, int, float] | None = None


@dataclass(frozen=True, slots=True)
class ItemRequest:
    """An item to create on the point of ``slot``; ``index_range`` names elements of an array."""

    slot: int
    mode: int
    parameters: ItemParameters
    index_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The answer to one item of CreateMonitoredItems or ModifyMonitoredItems."""

    status: int
    item: int = 0
    sampling: float = 0.0
    size: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionParameters:
    """What a client asks of a subscription."""

    lifetime: int
    keep_alive: int
    limit: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionResult:
    """The revised parameters of a subscription; the publishing interval in ms."""

    status: int
    subscription: int = 0
    interval: float = 0.0
    lifetime: int = 0
    keep_alive: int = 0


class Difference(AssertionError):  # noqa: N818 - what is looked for, and an assertion to pytest
    """The engine did what the model does not allow."""


def require(holds: object, told: str) -> None:
    """Raise :class:`Difference` unless ``holds``."""
    if not holds:
        raise Difference(told)


def canonical(value: Any) -> Any:
    """Give a value that is equal to another when a client could not tell them apart."""
    if isinstance(value, float) and math.isnan(value):
        return NOT_A_NUMBER
    if isinstance(value, (list, tuple)):
        return tuple(canonical(element) for element in value)  # pyright: ignore[reportUnknownVariableType] - any list
    return value
