"""Reading the OPC UA binary encoding (Part 6 v1.05 5.2) off a request's body, without making objects of values.

A value stays the bytes that it came as (:mod:`~server.address_space.extents`). Nothing here trusts a length.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Any, NamedTuple
from uuid import UUID

from core.datatypes import DataType
from nodesets.built_in_types import LocalizedText
from server.address_space.encoding import COLUMNS, HAS_SERVER, HAS_SOURCE, HAS_STATUS, HAS_VALUE
from server.address_space.extents import (
    SERVER_PICOSECONDS,
    SOURCE_PICOSECONDS,
    Budget,
    DecodingError,
    EncodingLimitsError,
    skip_variant,
    too_short,
)
from server.address_space.keys import NodeKey

_UINT16 = Struct("<H")
_INT32 = Struct("<i")
_UINT32 = Struct("<I")
_INT64 = Struct("<q")
_DOUBLE = Struct("<d")
_FOUR_BYTE = Struct("<BH")
_NUMERIC = Struct("<HI")
_GUID = 16
__all__ = ["Cursor", "DecodingError", "EncodingLimitsError", "GivenValue", "decode_object"]


class GivenValue(NamedTuple):
    """A DataValue as it was sent; None for parts that are not there. Times are DateTime ticks."""

    variant: bytes | None = None
    status: int | None = None
    source_time: int | None = None
    server_time: int | None = None


class Cursor(Budget):
    """Reads values one after the other. Every method raises :class:`DecodingError` for bytes that make no sense."""

    def __init__(self, data: bytes, at: int = 0, most: int | None = None) -> None:
        """Read ``data`` from ``at`` on; ``most``: elements of arrays in Variants, for what a client sent."""
        self.data = data
        self.at = at
        if most is not None:
            self.left = most

    def byte(self) -> int:
        """Read a Byte."""
        try:
            value = self.data[self.at]
        except IndexError:
            raise too_short() from None
        self.at += 1
        return value

    def uint16(self) -> int:
        """Read a UInt16."""
        return self._number(_UINT16)

    def int32(self) -> int:
        """Read an Int32 or an enumeration."""
        return self._number(_INT32)

    def uint32(self) -> int:
        """Read a UInt32 or a StatusCode."""
        return self._number(_UINT32)

    def int64(self) -> int:
        """Read an Int64 or a DateTime."""
        return self._number(_INT64)

    def double(self) -> float:
        """Read a Double."""
        try:
            (value,) = _DOUBLE.unpack_from(self.data, self.at)
        except error:
            raise too_short() from None
        self.at += 8
        return value

    def take(self, count: int) -> bytes:
        """Read ``count`` bytes as they stand."""
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise too_short()
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def bytes(self) -> bytes | None:
        """Read a ByteString."""
        length = self._number(_INT32)
        return None if length < 0 else self.take(length)

    def string(self) -> str | None:
        """Read a String."""
        text = self.bytes()
        if text is None:
            return None
        try:
            return text.decode()
        except UnicodeDecodeError:
            message = "a String is not UTF-8"
            raise DecodingError(message) from None

    def node_id(self) -> NodeKey:
        """Read a NodeId in any of its forms (Part 6 v1.05 5.2.2.9)."""
        form = self.byte()
        try:
            if form == 0:
                return self.byte()
            if form == 1:
                namespace, number = _FOUR_BYTE.unpack_from(self.data, self.at)
                self.at += 3
                return namespace << 32 | number
            if form == 2:  # noqa: PLR2004 - the forms are numbers in Part 6 too
                namespace, number = _NUMERIC.unpack_from(self.data, self.at)
                self.at += 6
                return namespace << 32 | number
        except error:
            raise too_short() from None
        namespace = self.uint16()
        if form == 3:  # noqa: PLR2004 - as above
            return (namespace, self.string() or "")
        if form == 4:  # noqa: PLR2004 - as above
            return (namespace, UUID(bytes_le=self.take(_GUID)))
        if form == 5:  # noqa: PLR2004 - as above
            return (namespace, self.bytes() or b"")
        message = f"0x{form:02X} is no form of a NodeId"
        raise DecodingError(message)

    def qualified_name(self) -> tuple[int, str | None]:
        """Read a QualifiedName: the namespace's index and the name."""
        return self.uint16(), self.string()

    def localized_text(self) -> LocalizedText:
        """Read a LocalizedText."""
        mask = self.byte()
        return LocalizedText(self.string() if mask & 1 else None, self.string() if mask & 2 else None)

    def variant(self) -> bytes:
        """Read a Variant as the bytes that it came as."""
        begin = self.at
        self.at = skip_variant(self.data, begin, 0, self)
        return self.data[begin : self.at]

    def data_value(self) -> GivenValue:
        """Read a DataValue; picoseconds are passed over."""
        mask = self.byte()
        variant = self.variant() if mask & HAS_VALUE else None
        status = self.uint32() if mask & HAS_STATUS else None
        source = self.int64() if mask & HAS_SOURCE else None
        if mask & SOURCE_PICOSECONDS:
            self.uint16()
        server = self.int64() if mask & HAS_SERVER else None
        if mask & SERVER_PICOSECONDS:
            self.uint16()
        return GivenValue(variant, status, source, server)

    def count(self, least: int) -> int:
        """Read an array's length, 0 for the null array; ``least`` is how many bytes an element has at least."""
        length = self._number(_INT32)
        if length * least > len(self.data) - self.at:
            raise too_short()
        return max(length, 0)

    def _number(self, layout: Struct) -> int:
        try:
            (value,) = layout.unpack_from(self.data, self.at)
        except error:
            raise too_short() from None
        self.at += layout.size
        return value


def decode_object(datatype: DataType, variant: bytes) -> Any:  # noqa: ANN401 - any value of a column's type
    """Read a scalar Variant of a column's type; not :attr:`DataType.VARIANT`, which holds objects of the stack."""
    cursor = Cursor(variant, 1)
    if datatype is DataType.STRING:
        return cursor.string()
    if datatype is DataType.GUID:
        return UUID(bytes_le=cursor.take(_GUID))
    if datatype is DataType.BYTESTRING:
        return cursor.bytes()
    try:
        return COLUMNS[datatype].unpack(variant)[1]
    except error:
        raise too_short() from None
