"""The points among the nodes: Variables whose value is in the process image, each at its slot."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError

from core.datatypes import DataType
from core.image import Column, ProcessImage
from core.quality import NO_VALUE, SHOWN
from server.address_space.asyncua_values import decode_variant, encode_variant
from server.address_space.decoding import GivenValue, decode_object
from server.address_space.encoding import encode_object
from server.address_space.keys import NodeKey
from server.address_space.structured import StructuredVariable
from server.ua_stack.decode_budget.requests import check_variant

WritePoint = Callable[[int, Any], Awaitable[int]]
"""Writes an engineering value to a slot and gives the StatusCode that the device, or the image, answered with."""

_EMPTY: dict[DataType, Any] = {DataType.STRING: "", DataType.BYTESTRING: b""}
"""Null means the same as empty (Part 6 v1.05 5.1.11); None in a column means that there is no value at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Which nodes are points. Never changed: other points are another object, so plans know that they are outdated."""

    image: ProcessImage
    slots: Mapping[NodeKey, int]
    structured: Mapping[NodeKey, StructuredVariable] = field(default_factory=dict[NodeKey, StructuredVariable])
    """Variables that are no points themselves, since their fields are."""

    def place(self, slot: int) -> tuple[Column, int]:
        """Give a slot's column and its row there."""
        image = self.image
        return image.columns[DataType(int(image.type_of[slot]))], int(image.row_of[slot])

    def read(self, column: Column, row: int) -> GivenValue:
        """Give a point as it stands."""
        encoded, status = self.encode(column.datatype, column.values[row], column.status.item(row))
        return GivenValue(encoded, status, column.source_time.item(row), column.server_time.item(row))

    def encode(self, datatype: DataType, value: Any, status: int) -> tuple[bytes | None, int]:  # noqa: ANN401 - of any type
        """Write a column's value as a Variant, None where there is none; give the StatusCode to be shown, too."""
        if value is None or status & NO_VALUE:
            return None, status & SHOWN
        try:
            if datatype is DataType.VARIANT:
                return encode_variant(value), status
            return encode_object(datatype, value), status
        except (UaError, struct.error, TypeError, ValueError, AttributeError, LookupError):
            # What a driver gave is not of the point's type, or is an object of a class that asyncua cannot encode.
            return None, StatusCodes.BadEncodingError

    def decode(self, slot: int, variant: bytes) -> Any:  # noqa: ANN401 - as above
        """Read an encoded Variant as the value of a slot's column; a null String or ByteString is an empty one.

        Raises :class:`TypeError` where the types differ (Part 4 v1.05 5.11.4.2).
        """
        datatype = self.image.points[slot].datatype
        try:
            if datatype is DataType.VARIANT:
                check_variant(variant)
                return decode_variant(variant)
            if variant[0] == datatype:
                value = decode_object(datatype, variant)
                return _EMPTY.get(datatype) if value is None else value
        except Exception as error:  # asyncua's decoder raises whatever hostile bytes make of it
            message = f"the value is no {datatype.symbol}: {error}"
            raise TypeError(message) from error
        message = f"a {datatype.symbol} was expected"
        raise TypeError(message)
