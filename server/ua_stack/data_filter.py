"""Data change filters as clients send them, checked (Part 4 v1.05 7.22.2; percent deadbands Part 8 v1.05 7.2)."""

from __future__ import annotations

import math
from struct import Struct

from asyncua import ua

from core.datatypes import DataType
from server.address_space.attributes import AttributeRefused, Attributes
from server.address_space.keys import NodeKey
from server.address_space.session_context import GATEWAY
from server.subscriptions.filters import DataFilter, Trigger
from server.subscriptions.requests import Filter
from server.ua_stack.refusal import ItemRefusedError

DATA_CHANGE_FILTER = int(ua.ObjectIds.DataChangeFilter_Encoding_DefaultBinary)
EVENT_FILTER = int(ua.ObjectIds.EventFilter_Encoding_DefaultBinary)
AGGREGATE_FILTER = int(ua.ObjectIds.AggregateFilter_Encoding_DefaultBinary)
_BODY = Struct("<IId")
"""DataChangeTrigger, DeadbandType, DeadbandValue."""
_RANGE = int(ua.ObjectIds.Range_Encoding_DefaultBinary)
_RANGE_VARIANT = Struct("<BBBHBi2d")
"""A Variant that holds a Range: ExtensionObject, its type's NodeId in four bytes, body of bytes, Low and High."""
_HAS_PROPERTY = int(ua.ObjectIds.HasProperty)
_WHOLE = 100.0
"""Percent of a range."""


def data_filter(attributes: Attributes, asked: Filter | None, node: NodeKey, datatype: DataType | None) -> DataFilter:
    """Check a filter on a variable's values; None stands for the default one (Part 4 v1.05 7.21).

    ``datatype``: None where values may be of any type, so that a deadband is refused.
    Raises :class:`ItemRefusedError`.
    """
    if asked is None:
        return DataFilter()
    trigger, kind, amount = _read(asked)
    if kind == ua.DeadbandType.None_:
        return DataFilter(trigger)
    if datatype is None or not datatype.is_number:
        raise ItemRefusedError(ua.StatusCodes.BadFilterNotAllowed)
    if trigger is Trigger.STATUS_VALUE_TIMESTAMP:
        trigger = Trigger.STATUS_VALUE  # a deadband takes the timestamp out of it (Part 4 v1.05 7.10)
    if not 0.0 <= amount < math.inf:
        raise ItemRefusedError(ua.StatusCodes.BadDeadbandFilterInvalid)
    if kind == ua.DeadbandType.Absolute:
        return DataFilter(trigger, amount)
    span = _eu_span(attributes, node) if kind == ua.DeadbandType.Percent else None
    if span is None or amount > _WHOLE:
        raise ItemRefusedError(ua.StatusCodes.BadDeadbandFilterInvalid)
    return DataFilter(trigger, span * amount / _WHOLE)


def _read(asked: Filter) -> tuple[Trigger, int, float]:
    """Give trigger, DeadbandType and DeadbandValue."""
    if asked.kind == EVENT_FILTER:
        raise ItemRefusedError(ua.StatusCodes.BadFilterNotAllowed)
    if asked.kind != DATA_CHANGE_FILTER:
        raise ItemRefusedError(ua.StatusCodes.BadMonitoredItemFilterUnsupported)
    if len(asked.body) != _BODY.size:
        raise ItemRefusedError(ua.StatusCodes.BadMonitoredItemFilterInvalid)
    number, kind, amount = _BODY.unpack(asked.body)
    try:
        return Trigger(number), int(kind), float(amount)
    except ValueError:
        raise ItemRefusedError(ua.StatusCodes.BadMonitoredItemFilterInvalid) from None


def _eu_span(attributes: Attributes, key: NodeKey) -> float | None:
    """Give high - low of the node's EURange property (Part 8 v1.05 5.3.2.3), if it has one."""
    space = attributes.space
    node = space.get(key)
    for kind, target in node.forward if node is not None else ():
        held = space.get(target) if kind == _HAS_PROPERTY else None
        if held is None or held.browse_name != (0, "EURange"):
            continue
        try:
            variant = attributes.read(held, ua.AttributeIds.Value, GATEWAY).variant
        except AttributeRefused:
            return None
        if variant is None or len(variant) != _RANGE_VARIANT.size:
            return None
        _, form, _, number, _, _, low, high = _RANGE_VARIANT.unpack(variant)
        return float(high - low) if (form, number) == (1, _RANGE) else None
    return None
