"""Values between the process image's columns and asyncua's Variants and DataValues."""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any

from asyncua import ua

from core.datatypes import DataType
from core.time import from_datetime, to_datetime
from server.address_space import asyncua_values

GOOD = ua.StatusCode(ua.UInt32(0))


def status_code(status: int) -> ua.StatusCode:
    """Wrap a StatusCode."""
    return ua.StatusCode(ua.UInt32(status)) if status else GOOD


def to_variant(datatype: DataType, value: Any) -> ua.Variant:  # any value of a built-in type
    """Wrap a value of the process image."""
    if isinstance(value, ua.Variant):
        return value
    if datatype is DataType.DATETIME:
        return ua.Variant(to_datetime(value), ua.VariantType.DateTime)
    if datatype is DataType.STATUSCODE:
        return ua.Variant(status_code(value), ua.VariantType.StatusCode)
    if datatype is DataType.VARIANT:
        return ua.Variant(value)
    return ua.Variant(value, ua.VariantType(int(datatype)))


def encode_variant(datatype: DataType, value: Any) -> bytes | None:  # as above
    """Write a value as a Variant; None for what a driver gave that is not of its point's type."""
    try:
        return asyncua_values.encode_variant(to_variant(datatype, value))
    except (ua.UaError, struct.error, TypeError, ValueError, AttributeError, OverflowError):
        return None


def data_value(
    value: ua.Variant | None, status: ua.StatusCode, source: datetime | None, server: datetime | None
) -> ua.DataValue:
    """Make a DataValue (asyncua calls its times DateTime, and takes datetime)."""
    return ua.DataValue(value, status, source, server)  # pyright: ignore[reportArgumentType] - as said


def from_variant(datatype: DataType, variant: ua.Variant) -> Any:
    """Take a client's value for a point of ``datatype``.

    Raises :class:`TypeError` where the types differ (Part 4 v1.05 5.11.4.2).
    """
    value = variant.Value
    if datatype is DataType.VARIANT:
        return variant
    if variant.VariantType != ua.VariantType(int(datatype)) or isinstance(value, list):
        message = f"a {datatype.symbol} was expected, not {variant.VariantType.name}"
        raise TypeError(message)
    if datatype is DataType.DATETIME and isinstance(value, datetime):
        return from_datetime(value)
    if datatype is DataType.STATUSCODE:
        return int(value.value)
    return value
