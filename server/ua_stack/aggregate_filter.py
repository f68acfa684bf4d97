"""Aggregate filters as clients send them (Part 4 v1.05 7.22.4)."""

from __future__ import annotations

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from core.datatypes import DataType
from core.time import now
from server.address_space.encoding import encode_bytes, encode_node_id
from server.subscriptions.aggregates.asking import AggregateRefusedError, asked_of
from server.subscriptions.filters import DataFilter
from server.subscriptions.requests import Filter
from server.ua_stack.refusal import ItemRefusedError

_LARGEST = 256
"""Bytes of an AggregateFilter."""
_RESULT = encode_node_id(int(ua.ObjectIds.AggregateFilterResult_Encoding_DefaultBinary)) + b"\x01"


def aggregate_filter(asked: Filter, datatype: DataType) -> tuple[DataFilter, bytes]:
    """Check a filter on values of a type; give its result as an ExtensionObject, too.

    Raises :class:`ItemRefusedError`.
    """
    if len(asked.body) > _LARGEST:
        raise ItemRefusedError(ua.StatusCodes.BadMonitoredItemFilterInvalid)
    try:
        decoded = struct_from_binary(ua.AggregateFilter, Buffer(asked.body))
    except Exception:  # noqa: BLE001 - asyncua's decoder raises whatever hostile bytes make of it
        raise ItemRefusedError(ua.StatusCodes.BadMonitoredItemFilterInvalid) from None
    try:
        wanted, result = asked_of(decoded, datatype, now(), stepped=datatype is DataType.BOOLEAN)
    except AggregateRefusedError as refused:
        raise ItemRefusedError(refused.status) from None
    return DataFilter(aggregate=wanted), _RESULT + encode_bytes(struct_to_binary(result))
