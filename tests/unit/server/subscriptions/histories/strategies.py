"""Random histories: short lists of what clients and devices do; drawn as bytes, which is quick and shrinks well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st

from core.datatypes import DataType
from tests.unit.server.subscriptions.histories.messages import (
    ABSOLUTE,
    BOTH,
    DISABLED,
    NEITHER,
    NO_DEADBAND,
    PERCENT,
    REPORTING,
    SAMPLING,
    SERVER,
    SOURCE,
    STATUS,
    STATUS_VALUE,
    STATUS_VALUE_TIMESTAMP,
    ItemParameters,
    ItemRequest,
    PointKind,
    SubscriptionParameters,
)

STEP_BYTES = 24
NO_INDEX = 23
"""Names no subscription and no item; all below name one of those that there are."""
T = TypeVar("T")


@dataclass(frozen=True)
class CreateSubscription:
    session: int
    parameters: SubscriptionParameters
    enabled: bool


@dataclass(frozen=True)
class ModifySubscription:
    subscription: int
    parameters: SubscriptionParameters


@dataclass(frozen=True)
class SetPublishing:
    subscription: int
    enabled: bool


@dataclass(frozen=True)
class DeleteSubscription:
    subscription: int


@dataclass(frozen=True)
class Cycle:
    subscription: int


@dataclass(frozen=True)
class Publish:
    """A request of the session that has a subscription, or of one that has none.

    ``acks``: which of the messages that came are acknowledged, as bits; bit 7 acknowledges one that never was.
    """

    subscription: int
    acks: int


@dataclass(frozen=True)
class Republish:
    subscription: int
    back: int


@dataclass(frozen=True)
class Transfer:
    subscription: int
    session: int
    initial: bool


@dataclass(frozen=True)
class Resend:
    subscription: int


@dataclass(frozen=True)
class CreateItems:
    subscription: int
    items: tuple[ItemRequest, ...]
    stamps: int


@dataclass(frozen=True)
class ModifyItem:
    """``drawn``: what :func:`parameters_for` makes the item's parameters of, once its point is known."""

    subscription: int
    item: int
    stamps: int
    drawn: bytes


@dataclass(frozen=True)
class SetMode:
    subscription: int
    items: int
    mode: int


@dataclass(frozen=True)
class DeleteItems:
    subscription: int
    items: int


@dataclass(frozen=True)
class SetTriggering:
    subscription: int
    item: int
    add: int
    remove: int


@dataclass(frozen=True)
class Put:
    """``values``: slot and value of each point that a device tells, all with one ``status``."""

    values: tuple[tuple[int, Any], ...]
    status: int


@dataclass(frozen=True)
class Tick:
    """Let one of the sampling clocks that are in use strike."""

    clock: int


Step = (
    CreateSubscription
    | ModifySubscription
    | SetPublishing
    | DeleteSubscription
    | Cycle
    | Publish
    | Republish
    | Transfer
    | Resend
    | CreateItems
    | ModifyItem
    | SetMode
    | DeleteItems
    | SetTriggering
    | Put
    | Tick
)

NUMBERS = (0.0, 1.0, 2.0, 3.0, 10.0, -10.0, 0.5, 99.0)
REALS = (*NUMBERS, math.nan, math.inf, -math.inf, 1e300)
VALUES: dict[DataType, Sequence[Any]] = {
    DataType.DOUBLE: REALS,
    DataType.FLOAT: (*NUMBERS, math.nan, math.inf, -math.inf, 2.0**100),
    DataType.INT16: (0, 1, 2, 3, 10, -10, -32768, 32767),
    DataType.UINT64: (0, 1, 2, 3, 10, 2**64 - 1, 2**64 - 2, 2**53, 2**53 + 1, 2**63),
    DataType.BOOLEAN: (False, True),
    DataType.STRING: ("", "on", "off", None),
    DataType.VARIANT: ([], [1.0], [1.0, 2.0], [1.0, 3.0], [1.0, math.nan], [0.0, 1.0, 2.0, 3.0], [9.0, 1.0, 2.0, 3.0]),
}
STATUSES = (0, 0, 0, 0, 0x40900000, 0x80310000)
SAMPLINGS = (0.0, 0.0, 0.0, 50.0, 100.0, 250.0, 1000.0, 3000.0, -1.0)
FILTERS: Sequence[tuple[int, int, float] | None] = (
    None,
    (STATUS, NO_DEADBAND, 0.0),
    (STATUS_VALUE, NO_DEADBAND, 0.0),
    (STATUS_VALUE_TIMESTAMP, NO_DEADBAND, 0.0),
)
DEADBANDS: Sequence[tuple[int, int, float] | None] = (
    *FILTERS,
    (STATUS_VALUE, ABSOLUTE, 1.0),
    (STATUS_VALUE, ABSOLUTE, 5.0),
    (STATUS_VALUE, ABSOLUTE, 0.0),
    (STATUS_VALUE_TIMESTAMP, ABSOLUTE, 1.0),
    (STATUS, ABSOLUTE, 1.0),
)
PERCENTS: Sequence[tuple[int, int, float] | None] = (
    *DEADBANDS,
    (STATUS_VALUE, PERCENT, 1.0),
    (STATUS_VALUE, PERCENT, 5.0),
    (STATUS_VALUE_TIMESTAMP, PERCENT, 100.0),
)
REFUSED: Sequence[tuple[int, int, float]] = (
    (STATUS_VALUE, PERCENT, 100.5),
    (STATUS_VALUE, PERCENT, 1.0),
    (STATUS_VALUE, ABSOLUTE, -1.0),
    (STATUS_VALUE, ABSOLUTE, 1.0),
    (STATUS_VALUE, ABSOLUTE, math.nan),
)
"""What some points or all refuse."""
MODES = (REPORTING, REPORTING, REPORTING, SAMPLING, DISABLED)
RANGES = (None, (1, 1), (0, 1), (2, 5), (1, 3))
SWITCH = (True, True, True, False)
STAMPS = (BOTH, BOTH, SOURCE, SERVER, NEITHER)


class _Bytes:
    """Takes choices from bytes; zeros, to which hypothesis shrinks, choose the first."""

    def __init__(self, raw: bytes) -> None:
        self.raw = iter(raw)

    def number(self, below: int) -> int:
        return next(self.raw, 0) % below

    def pick(self, options: Sequence[T]) -> T:
        return options[self.number(len(options))]

    def index(self) -> int:
        """Choose a subscription or an item, and now and then none that there is."""
        return self.number(NO_INDEX + 1)

    def flag(self) -> bool:
        return bool(self.number(2))


def _subscription(raw: _Bytes) -> SubscriptionParameters:
    keep_alive = raw.pick((3, 1, 2, 5))
    return SubscriptionParameters(raw.pick((0, 9, 15, 3)), keep_alive, raw.pick((0, 0, 1, 2, 3)), raw.pick((0, 0, 7)))


def _parameters(raw: _Bytes, kind: PointKind) -> ItemParameters:
    sampling, size, discard_oldest = raw.pick(SAMPLINGS), raw.pick((3, 1, 2, 4, 0)), not raw.flag()
    filters = DEADBANDS if kind.span is None else PERCENTS
    if kind.is_array or not kind.is_number:
        filters = FILTERS
    if raw.number(12) == 11:
        filters = REFUSED
    return ItemParameters(sampling, size, discard_oldest, raw.pick(filters))


def _create_items(raw: _Bytes, kinds: Sequence[PointKind]) -> CreateItems:
    subscription, stamps, count = raw.index(), raw.pick(STAMPS), 1 + raw.number(3)
    items: list[ItemRequest] = []
    for _ in range(count):
        slot = raw.number(len(kinds))
        mode, parameters = raw.pick(MODES), _parameters(raw, kinds[slot])
        items.append(ItemRequest(slot, mode, parameters, raw.pick(RANGES) if kinds[slot].is_array else None))
    return CreateItems(subscription, tuple(items), stamps)


def parameters_for(drawn: bytes, kind: PointKind) -> ItemParameters:
    """Make parameters for an item on a point of ``kind``."""
    return _parameters(_Bytes(drawn), kind)


def _put(raw: _Bytes, kinds: Sequence[PointKind]) -> Put:
    status, chosen = raw.pick(STATUSES), raw.number(256) | raw.number(256) or 1
    slots = [slot for slot in range(len(kinds)) if chosen >> slot & 1]
    return Put(tuple((slot, raw.pick(VALUES[kinds[slot].type])) for slot in slots), status)


def _step(raw: bytes, kinds: Sequence[PointKind]) -> Step | None:  # noqa: C901, PLR0911, PLR0912 - one branch a kind of step
    source = _Bytes(raw)
    match source.pick(_WEIGHTS):
        case "nothing":
            return None
        case "put":
            return _put(source, kinds)
        case "cycle":
            return Cycle(source.index())
        case "publish":
            return Publish(source.index(), source.number(256) & source.number(256))
        case "tick":
            return Tick(source.number(8))
        case "create items":
            return _create_items(source, kinds)
        case "modify item":
            return ModifyItem(source.index(), source.index(), source.pick(STAMPS), bytes(source.raw))
        case "set mode":
            return SetMode(source.index(), source.number(256), source.pick(MODES))
        case "delete items":
            return DeleteItems(source.index(), source.number(256))
        case "create subscription":
            return CreateSubscription(source.pick((0, 2, 0, 1)), _subscription(source), source.pick(SWITCH))
        case "modify subscription":
            return ModifySubscription(source.index(), _subscription(source))
        case "set publishing":
            return SetPublishing(source.index(), source.pick(SWITCH))
        case "delete subscription":
            return DeleteSubscription(source.index())
        case "republish":
            return Republish(source.index(), source.number(5))
        case "transfer":
            return Transfer(source.index(), source.pick((0, 2, 0, 2, 1)), source.flag())
        case "resend":
            return Resend(source.index())
        case _:
            return SetTriggering(source.index(), source.index(), source.number(256), source.number(256))


_WEIGHTS = (
    "nothing",
    *["put"] * 18,
    *["cycle"] * 10,
    *["publish"] * 12,
    *["tick"] * 5,
    *["modify item"] * 5,
    *["set mode"] * 3,
    *["create items"] * 3,
    *["republish"] * 2,
    "set publishing",
    "delete items",
    "create subscription",
    "modify subscription",
    "delete subscription",
    "transfer",
    "triggering",
    "resend",
)


def _history(kinds: Sequence[PointKind], first: bytes, second: bytes, rest: list[bytes]) -> list[Step]:
    opening = _Bytes(first)
    steps = (_step(raw, kinds) for raw in rest)
    return [
        CreateSubscription(0, _subscription(opening), opening.pick(SWITCH)),
        _create_items(_Bytes(second), kinds),
        *(step for step in steps if step is not None),
    ]


def histories(kinds: Sequence[PointKind], least: int, most: int) -> st.SearchStrategy[list[Step]]:
    """Draw histories of about ``least`` to ``most`` steps after the first subscription and its first items.

    A failing one is cut down to fewer, since the least of all steps is to do nothing.
    """
    raw = st.binary(min_size=STEP_BYTES, max_size=STEP_BYTES)
    drawn = st.tuples(raw, raw, st.lists(raw, min_size=least, max_size=most))
    return drawn.map(lambda parts: _history(kinds, *parts))
