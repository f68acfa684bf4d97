"""asyncua's Variants and DataValues to the bytes that the address space keeps, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import (
    variant_from_binary,  # pyright: ignore[reportUnknownVariableType] - asyncua leaves the type of its streams open
    variant_to_binary,
)

from core.time import from_datetime, to_datetime
from server.address_space.decoding import GivenValue
from server.address_space.encoded_variant import EncodedVariant


class KeptVariant(ua.Variant):
    """A Variant with the bytes that it was read from; it is never changed.

    asyncua's own times have microseconds, a DateTime has 100 ns: only the bytes say what a client wrote. And a large
    array is not encoded anew for every Read.
    """

    __slots__ = ("encoded",)

    encoded: bytes


def encode_variant(value: Any) -> bytes:  # noqa: ANN401 - whatever a column of objects holds
    """Write asyncua's Variant, one that was encoded, or a plain object of a type that asyncua knows.

    Raises :class:`ua.UaError` for what it cannot write.
    """
    if isinstance(value, KeptVariant | EncodedVariant):
        return value.encoded
    return variant_to_binary(value if isinstance(value, ua.Variant) else ua.Variant(value))


def decode_variant(variant: bytes) -> KeptVariant:
    """Read an encoded Variant; structures that asyncua does not know stay encoded."""
    read = variant_from_binary(Buffer(variant))
    kept = KeptVariant(read.Value, read.VariantType, read.Dimensions, is_array=read.is_array)
    kept.encoded = variant
    return kept


def given_value(value: ua.DataValue) -> GivenValue:
    """Take asyncua's DataValue apart."""
    return GivenValue(
        None if value.Value is None else encode_variant(value.Value),
        None if value.StatusCode is None else int(value.StatusCode.value),
        _ticks(value.SourceTimestamp),
        _ticks(value.ServerTimestamp),
    )


def data_value(value: GivenValue) -> ua.DataValue:
    """Make asyncua's DataValue."""
    return ua.DataValue(
        None if value.variant is None else variant_from_binary(Buffer(value.variant)),
        ua.StatusCode(ua.UInt32(value.status or 0)),
        _moment(value.source_time),
        _moment(value.server_time),
    )


def _ticks(moment: object) -> int | None:
    # asyncua's codec reads times as aware ones; its own code now and then makes naive ones, of UTC.
    if not isinstance(moment, datetime):
        return None
    return from_datetime(moment) if moment.tzinfo is not None else from_datetime(moment.replace(tzinfo=UTC))


def _moment(ticks: int | None) -> ua.DateTime | None:
    return None if ticks is None else cast("ua.DateTime", to_datetime(ticks))
