"""Where encoded values end (Part 6 v1.05 5.2): found without making objects of them. Nothing here trusts a length."""

from __future__ import annotations

import sys
from struct import Struct, error
from typing import ClassVar

from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from server.address_space.encoding import ARRAY, HAS_SERVER, HAS_SOURCE, HAS_STATUS, HAS_VALUE, MATRIX, TYPE

DEEPEST = 100
"""Levels of Variants, DataValues and DiagnosticInfos in each other (Part 6 v1.05 5.2.2.16)."""
MOST_VALUES = 100_000
"""Elements of the arrays in one message, but for those that are numbers: each costs time and memory of its own."""
_INT32 = Struct("<i")
_GUID = 16

FIXED = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 14: _GUID, 19: 4}
"""Bytes of the built-in types that are always equally long."""
_IDENTIFIERS = {3: 12, 5: 15}
"""NodeIds whose identifier is a String, or a ByteString, which need not be UTF-8, by their form."""
_TEXTS = frozenset({12, 16})
_BYTES = frozenset({15, *range(26, 32)})
"""ByteString; Part 6 v1.05 5.2.2.16 lets the numbers that no type has yet be read as such."""


_XML_BODY = 2
"""The last form of an ExtensionObject's body (Part 6 v1.05 5.2.2.15); 1 is binary, 0 none."""
SOURCE_PICOSECONDS = 0x10
SERVER_PICOSECONDS = 0x20
"""Bits of a DataValue's mask (Part 6 v1.05 5.2.2.17)."""


class DecodingError(PlantspaceError):
    """Bytes are not what Part 6 says they should be. ``status``: what the client is told."""

    status: ClassVar[int] = StatusCodes.BadDecodingError


class EncodingLimitsError(DecodingError):
    """Bytes that make sense, but are of more, or of more levels, than anybody needs (Part 4 v1.05 7.38.2)."""

    status = StatusCodes.BadEncodingLimitsExceeded


class Budget:
    """How many more values a message may have: ``left``, any number unless it is said."""

    left: int = sys.maxsize

    def spend(self, count: int) -> None:
        """Take so many. Raises :class:`EncodingLimitsError` where there are not as many left."""
        self.left -= count
        if self.left < 0:
            message = "there are more values than a message may have"
            raise EncodingLimitsError(message)


def skip_variant(data: bytes, at: int, depth: int = 0, budget: Budget | None = None) -> int:
    """Give where the Variant that begins at ``at`` ends; ``budget``: the message's, None for what is our own.

    Raises :class:`DecodingError`.
    """
    if depth > DEEPEST:
        raise too_deep()
    kind = _byte(data, at)
    code = kind & TYPE
    at += 1
    if kind & ARRAY:
        at = skip_array(data, at, code, depth, budget)
    elif code:
        at = skip(data, at, code, depth, budget)
    return skip_array(data, at, 6, depth) if kind & MATRIX else at


def skip_array(data: bytes, at: int, code: int, depth: int = 0, budget: Budget | None = None) -> int:
    """Give where the array of the built-in type ``code`` ends whose length stands at ``at``."""
    count = _length(data, at)
    at += 4
    size = FIXED.get(code)
    if size is not None:
        return _within(data, at + max(count, 0) * size)
    if count > len(data) - at:
        raise too_short()
    if budget is not None:
        budget.spend(max(count, 0))
    for _ in range(count):
        at = skip(data, at, code, depth, budget)
    return at


def skip(data: bytes, at: int, code: int, depth: int = 0, budget: Budget | None = None) -> int:
    """Give where the value of the built-in type ``code`` ends that begins at ``at``."""
    size = FIXED.get(code)
    if size is not None:
        return _within(data, at + size)
    if code in _BYTES:
        return _within(data, at + 4 + max(_length(data, at), 0))
    if code in _TEXTS:
        return _skip_text(data, at)
    skipping = _SKIPPING.get(code)
    if skipping is None:
        message = f"{code} is no built-in type"
        raise DecodingError(message)
    return skipping(data, at, depth + 1, budget)


def _skip_text(data: bytes, at: int) -> int:
    """Part 6 v1.05 5.2.2.4: a String is UTF-8. One that is not would end the Read of every client that minds it."""
    end = _within(data, at + 4 + max(_length(data, at), 0))
    try:
        data[at + 4 : end].decode()
    except UnicodeDecodeError:
        message = "a String is not UTF-8"
        raise DecodingError(message) from None
    return end


def _skip_node_id(data: bytes, at: int, depth: int, budget: Budget | None) -> int:
    form = _byte(data, at)
    at += 1
    kind = form & TYPE
    fixed = {0: 1, 1: 3, 2: 6, 4: 2 + _GUID}.get(kind)
    if fixed is not None:
        at = _within(data, at + fixed)
    elif kind in _IDENTIFIERS:
        at = skip(data, at + 2, _IDENTIFIERS[kind], depth, budget)
    else:
        message = f"0x{form:02X} is no form of a NodeId"
        raise DecodingError(message)
    if form & 0x80:
        at = skip(data, at, 12, depth, budget)
    return _within(data, at + 4) if form & 0x40 else at


def _skip_qualified_name(data: bytes, at: int, depth: int, budget: Budget | None) -> int:
    return skip(data, at + 2, 12, depth, budget)


def _skip_localized_text(data: bytes, at: int, depth: int, budget: Budget | None) -> int:
    mask = _byte(data, at)
    at += 1
    if mask & 1:
        at = skip(data, at, 12, depth, budget)
    return skip(data, at, 12, depth, budget) if mask & 2 else at


def _skip_extension_object(data: bytes, at: int, depth: int, budget: Budget | None) -> int:
    at = _skip_node_id(data, at, depth, budget)
    body = _byte(data, at)
    if body > _XML_BODY:
        message = f"0x{body:02X} is no form of an ExtensionObject's body"
        raise DecodingError(message)
    return skip(data, at + 1, 15, depth, budget) if body else at + 1


def _skip_data_value(data: bytes, at: int, depth: int, budget: Budget | None) -> int:
    mask = _byte(data, at)
    at += 1
    if mask & HAS_VALUE:
        at = skip_variant(data, at, depth + 1, budget)
    fields = ((HAS_STATUS, 4), (HAS_SOURCE, 8), (SOURCE_PICOSECONDS, 2), (HAS_SERVER, 8), (SERVER_PICOSECONDS, 2))
    return _within(data, at + sum(size for bit, size in fields if mask & bit))


def _skip_diagnostic_info(data: bytes, at: int, depth: int, budget: Budget | None) -> int:
    if depth > DEEPEST:
        raise too_deep()
    mask = _byte(data, at)
    at = _within(data, at + 1 + 4 * (mask & 0x0F).bit_count())
    if mask & 0x10:
        at = skip(data, at, 12, depth, budget)
    if mask & 0x20:
        at = _within(data, at + 4)
    return _skip_diagnostic_info(data, at, depth + 1, budget) if mask & 0x40 else at


_SKIPPING = {
    17: _skip_node_id,
    18: _skip_node_id,
    20: _skip_qualified_name,
    21: _skip_localized_text,
    22: _skip_extension_object,
    23: _skip_data_value,
    24: skip_variant,
    25: _skip_diagnostic_info,
}


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise too_short()
    return data[at]


def _length(data: bytes, at: int) -> int:
    try:
        (length,) = _INT32.unpack_from(data, at)
    except error:
        raise too_short() from None
    return length


def _within(data: bytes, at: int) -> int:
    if at > len(data):
        raise too_short()
    return at


def too_short() -> DecodingError:
    """Make the error for bytes that are not there."""
    return DecodingError("the bytes end before the value does")


def too_deep() -> EncodingLimitsError:
    """Make the error for values that are in each other."""
    return EncodingLimitsError(f"more than {DEEPEST} values are in each other")
