"""Where encoded values end (Part 6 v1.05 5.2): found without making objects of them. Nothing here trusts a length."""

from __future__ import annotations

from struct import Struct, error

from core.errors import PlantspaceError
from server.address_space.encoding import ARRAY, HAS_SERVER, HAS_SOURCE, HAS_STATUS, HAS_VALUE, MATRIX, TYPE

DEEPEST = 100
"""Levels of Variants, DataValues and DiagnosticInfos in each other (Part 6 v1.05 5.2.2.16)."""
_INT32 = Struct("<i")
_GUID = 16

FIXED = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 14: _GUID, 19: 4}
"""Bytes of the built-in types that are always equally long."""
_STRINGS = frozenset({12, 15, 16})


SOURCE_PICOSECONDS = 0x10
SERVER_PICOSECONDS = 0x20
"""Bits of a DataValue's mask (Part 6 v1.05 5.2.2.17)."""


class DecodingError(PlantspaceError):
    """Bytes are not what Part 6 says they should be: BadDecodingError."""


def skip_variant(data: bytes, at: int, depth: int = 0) -> int:
    """Give where the Variant that begins at ``at`` ends. Raises :class:`DecodingError`."""
    if depth > DEEPEST:
        message = f"more than {DEEPEST} values are in each other"
        raise DecodingError(message)
    kind = _byte(data, at)
    code = kind & TYPE
    at += 1
    if kind & ARRAY:
        at = skip_array(data, at, code, depth)
    elif code:
        at = skip(data, at, code, depth)
    return skip_array(data, at, 6, depth) if kind & MATRIX else at


def skip_array(data: bytes, at: int, code: int, depth: int = 0) -> int:
    """Give where the array of the built-in type ``code`` ends whose length stands at ``at``."""
    count = _length(data, at)
    at += 4
    size = FIXED.get(code)
    if size is not None:
        return _within(data, at + max(count, 0) * size)
    if count > len(data) - at:
        raise too_short()
    for _ in range(count):
        at = skip(data, at, code, depth)
    return at


def skip(data: bytes, at: int, code: int, depth: int = 0) -> int:
    """Give where the value of the built-in type ``code`` ends that begins at ``at``."""
    size = FIXED.get(code)
    if size is not None:
        return _within(data, at + size)
    if code in _STRINGS:
        return _within(data, at + 4 + max(_length(data, at), 0))
    skipping = _SKIPPING.get(code)
    if skipping is None:
        message = f"{code} is no built-in type"
        raise DecodingError(message)
    return skipping(data, at, depth + 1)


def _skip_node_id(data: bytes, at: int, depth: int) -> int:
    form = _byte(data, at)
    at += 1
    kind = form & TYPE
    fixed = {0: 1, 1: 3, 2: 6, 4: 2 + _GUID}.get(kind)
    if fixed is not None:
        at = _within(data, at + fixed)
    elif kind in (3, 5):
        at = skip(data, at + 2, 12, depth)
    else:
        message = f"0x{form:02X} is no form of a NodeId"
        raise DecodingError(message)
    if form & 0x80:
        at = skip(data, at, 12, depth)
    return _within(data, at + 4) if form & 0x40 else at


def _skip_qualified_name(data: bytes, at: int, depth: int) -> int:
    return skip(data, at + 2, 12, depth)


def _skip_localized_text(data: bytes, at: int, depth: int) -> int:
    mask = _byte(data, at)
    at += 1
    if mask & 1:
        at = skip(data, at, 12, depth)
    return skip(data, at, 12, depth) if mask & 2 else at


def _skip_extension_object(data: bytes, at: int, depth: int) -> int:
    at = _skip_node_id(data, at, depth)
    body = _byte(data, at)
    return skip(data, at + 1, 15, depth) if body else at + 1


def _skip_data_value(data: bytes, at: int, depth: int) -> int:
    mask = _byte(data, at)
    at += 1
    if mask & HAS_VALUE:
        at = skip_variant(data, at, depth)
    fields = ((HAS_STATUS, 4), (HAS_SOURCE, 8), (SOURCE_PICOSECONDS, 2), (HAS_SERVER, 8), (SERVER_PICOSECONDS, 2))
    return _within(data, at + sum(size for bit, size in fields if mask & bit))


def _skip_diagnostic_info(data: bytes, at: int, depth: int) -> int:
    if depth > DEEPEST:
        message = f"more than {DEEPEST} values are in each other"
        raise DecodingError(message)
    mask = _byte(data, at)
    at = _within(data, at + 1 + 4 * (mask & 0x0F).bit_count())
    if mask & 0x10:
        at = skip(data, at, 12, depth)
    if mask & 0x20:
        at = _within(data, at + 4)
    return _skip_diagnostic_info(data, at, depth + 1) if mask & 0x40 else at


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
