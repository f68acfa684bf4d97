"""Walks over the built-in types (Part 6 v1.05 5.2.2), as asyncua decodes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from server.address_space.decoding import DecodingError, EncodingLimitsError
from server.address_space.encoding import ARRAY, HAS_SERVER, HAS_SOURCE, HAS_STATUS, HAS_VALUE, MATRIX, TYPE
from server.address_space.extents import FIXED, SERVER_PICOSECONDS, SOURCE_PICOSECONDS, too_short
from server.ua_stack.decode_budget.walk import Walk

MOST_DIMENSIONS = 32
"""What numpy can hold, and more than anyone has."""
_LAST_NUMBER = 11
"""Double: what asyncua reads an array of in one go, and every type before it."""
_VARIANT, _INT32 = 24, 4
_LAST_KNOWN, _LAST_BYTES = 25, 31
"""Part 6 v1.05 5.2.2.16: types that there are not yet, after the last known one, are read as ByteStrings."""
_SPENDING = frozenset(range(22, 26))
"""Types whose values count themselves, wherever they are: those that others may be in."""
_BINARY_BODY = 1
_LOCALE, _TEXT = 0x01, 0x02
_ADDITIONAL_INFO, _INNER_STATUS, _INNER_INFO = 0x10, 0x20, 0x40
"""Bits of a DiagnosticInfo's mask (Part 6 v1.05 5.2.2.12); below them are four Int32."""
_INT32S = 0x0F


class BuiltIn(NamedTuple):
    """How a type is passed over, and how many bytes it has at least."""

    walk: Callable[[Walk], object]
    least: int


def walk_variant(walk: Walk) -> None:
    """Pass over a Variant (5.2.2.16)."""
    walk.enter()
    kind = walk.byte()
    code = kind & TYPE
    if kind & ARRAY:
        length = walk_array(walk, code)
        if kind & MATRIX:
            _walk_dimensions(walk, max(length, 0))
    else:
        _walk_scalar(walk, code)
        if kind & MATRIX or code == _VARIANT:
            message = "a Variant holds a scalar with dimensions, or another Variant that is no element of an array"
            raise DecodingError(message)
    walk.leave()


def _walk_scalar(walk: Walk, code: int) -> None:
    if not code:
        return
    given = built_in(code).walk(walk)
    if code > _LAST_KNOWN and not given:
        message = f"a value of the type {code}, which no specification has, is null"
        raise DecodingError(message)


def walk_array(walk: Walk, code: int) -> int:
    """Pass over an array of a built-in type; give its length, -1 for the null one."""
    if 0 < code <= _LAST_NUMBER:
        return walk.numbers(FIXED[code])
    if not code:
        if walk.int32() > 0:  # threat 3: elements of no bytes
            raise too_short()
        return 0
    element = built_in(code)
    length = walk.length(element.least)
    if length > 0 and code not in _SPENDING:
        walk.spend(length)
    one = element.walk
    for _ in range(length):
        one(walk)
    return length


def _walk_dimensions(walk: Walk, length: int) -> None:
    """Pass over ArrayDimensions, whose product is the array's length (threat 4).

    A dimension of 0 is the first: behind another one asyncua fills up what is not there.
    """
    rank = walk.length(_INT32)
    if rank > MOST_DIMENSIONS:
        message = f"a matrix has {rank} dimensions; {MOST_DIMENSIONS} are allowed"
        raise EncodingLimitsError(message)
    product, lists = 1, 0
    for place in range(rank):
        size = walk.int32()
        if size < 0 or (not size and place and product):
            raise _other_dimensions(length)
        product *= size
        if product > length:
            raise _other_dimensions(length)
        lists += product
    if rank < 1 or product != length:
        raise _other_dimensions(length)
    walk.spend(lists - product)  # a list for each row, each plane, and so on


def walk_data_value(walk: Walk) -> None:
    """Pass over a DataValue (5.2.2.17)."""
    walk.enter()
    mask = _mask(walk, 0x3F)
    if mask & HAS_VALUE:
        walk_variant(walk)
    fields = ((HAS_STATUS, 4), (HAS_SOURCE, 8), (SOURCE_PICOSECONDS, 2), (HAS_SERVER, 8), (SERVER_PICOSECONDS, 2))
    walk.skip(sum(size for bit, size in fields if mask & bit))
    walk.leave()


def walk_diagnostic_info(walk: Walk) -> None:
    """Pass over a DiagnosticInfo (5.2.2.12); asyncua reads an inner one as something else, so there may be none."""
    walk.enter()
    mask = _mask(walk, 0x7F)
    walk.skip(4 * (mask & _INT32S).bit_count())
    if mask & _ADDITIONAL_INFO:
        walk.text()
    if mask & _INNER_STATUS:
        walk.skip(4)
    if mask & _INNER_INFO:
        walk_diagnostic_info(walk)
        message = "a DiagnosticInfo has an inner one, which no client has to send"
        raise DecodingError(message)
    walk.leave()


def _walk_localized_text(walk: Walk) -> None:
    mask = _mask(walk, _LOCALE | _TEXT)
    if mask & _LOCALE:
        walk.text()
    if mask & _TEXT:
        walk.text()


def _walk_qualified_name(walk: Walk) -> None:
    walk.skip(2)
    walk.text()


def walk_extension_object(walk: Walk) -> None:
    """Pass over an ExtensionObject (5.2.2.15), through the structure in it where asyncua knows that one's type."""
    walk.enter()
    structure = walk.structures(walk.node_id())
    form = walk.byte()
    if form == _BINARY_BODY:
        length = walk.length(1)
        if length < 0:
            message = "the body of an ExtensionObject is null"
            raise DecodingError(message)
        end = walk.at + length
        if structure is None:
            walk.at = end
        else:
            structure(walk)
        if walk.at != end:
            message = f"the body of an ExtensionObject has {length} bytes, its structure has other ones"
            raise DecodingError(message)
    elif form or structure is not None:  # asyncua passes over no body that is XML, and makes no structure of nothing
        message = f"an ExtensionObject's body is of the form 0x{form:02X}"
        raise DecodingError(message)
    walk.leave()


def _other_dimensions(length: int) -> DecodingError:
    return DecodingError(f"the dimensions of a matrix are not those of its {length} elements")


def _mask(walk: Walk, known: int) -> int:
    """Read the byte that says which parts follow."""
    mask = walk.byte()
    if mask & ~known:
        message = f"0x{mask:02X} has bits that stand for nothing"
        raise DecodingError(message)
    return mask


def _fixed(size: int) -> BuiltIn:
    def skip(walk: Walk) -> None:
        walk.skip(size)

    return BuiltIn(skip, size)


_BUILT_IN: dict[int, BuiltIn] = {
    **{code: _fixed(size) for code, size in FIXED.items()},
    12: BuiltIn(Walk.text, 4),
    15: BuiltIn(Walk.opaque, 4),
    16: BuiltIn(Walk.text, 4),
    17: BuiltIn(Walk.pass_node_id, 2),
    18: BuiltIn(Walk.pass_expanded_node_id, 2),
    20: BuiltIn(_walk_qualified_name, 6),
    21: BuiltIn(_walk_localized_text, 1),
    22: BuiltIn(walk_extension_object, 3),
    23: BuiltIn(walk_data_value, 1),
    _VARIANT: BuiltIn(walk_variant, 1),
    25: BuiltIn(walk_diagnostic_info, 1),
    **{code: BuiltIn(Walk.opaque, 4) for code in range(_LAST_KNOWN + 1, _LAST_BYTES + 1)},
}


def built_in(code: int) -> BuiltIn:
    """Find a type by its number. Raises :class:`DecodingError` for what is none."""
    found = _BUILT_IN.get(code)
    if found is None:
        message = f"{code} is no built-in type"
        raise DecodingError(message)
    return found
