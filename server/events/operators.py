"""The operators of content filters on values (Part 4 v1.05 7.7.3, Tables 122 and 123), with three-valued logic.

None is null throughout. A comparison with null is null; one between types that do not become each other is FALSE.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from nodesets.built_in_types import BuiltInType as Kind
from server.events.conversion import as_boolean, implicit, in_common
from server.events.conversions import FLOATING, INTEGERS
from server.events.like import Like, PatternError
from server.events.values import Value

TwoPlace = Callable[[Any, Any], Any]
"""Functions of the standard library's :mod:`operator`."""
Operator = Callable[[Sequence[Value | None]], Value | None]
"""Gives an element's value from those of its operands."""

_TRUE, _FALSE = Value(Kind.Boolean, True), Value(Kind.Boolean, False)  # noqa: FBT003 - the two Booleans
_ORDERED: frozenset[int] = frozenset((*INTEGERS, *FLOATING, Kind.StatusCode, Kind.String, Kind.DateTime))


def boolean(truth: bool | None) -> Value | None:  # noqa: FBT001 - the one argument
    """Make a value of what is true, false or null."""
    if truth is None:
        return None
    return _TRUE if truth else _FALSE


def both(left: bool | None, right: bool | None) -> bool | None:  # noqa: FBT001 - operands of a truth table
    """Give the logical AND: FALSE wins, then null."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: bool | None, right: bool | None) -> bool | None:  # noqa: FBT001 - operands of a truth table
    """Give the logical OR: TRUE wins, then null."""
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def equal(left: Value | None, right: Value | None) -> bool | None:
    """TwoPlace two values of any types."""
    if left is None or right is None:
        return None
    common = in_common(left, right)
    return common is not None and bool(common[0].held == common[1].held)


def ordered(compare: TwoPlace, left: Value | None, right: Value | None) -> bool | None:
    """TwoPlace two values of types that have an order."""
    if left is None or right is None:
        return None
    common = in_common(left, right)
    if common is None or common[0].kind not in _ORDERED:
        return False
    return bool(compare(common[0].held, common[1].held))


def _equals(operands: Sequence[Value | None]) -> Value | None:
    return boolean(equal(operands[0], operands[1]))


def _is_null(operands: Sequence[Value | None]) -> Value | None:
    return boolean(operands[0] is None)


def _ordering(compare: TwoPlace) -> Operator:
    def compared(operands: Sequence[Value | None]) -> Value | None:
        return boolean(ordered(compare, operands[0], operands[1]))

    return compared


def text_of(value: Value) -> str | None:
    """Give a value that is a String, or becomes one by itself."""
    text = implicit(value, Kind.String)
    return None if text is None else text.held


def like(operands: Sequence[Value | None]) -> Value | None:
    """Match a text with a pattern that is read each time; a pattern that is none matches nothing."""
    text, pattern = operands
    if text is None or pattern is None:
        return None
    read = text_of(pattern)
    try:
        return _FALSE if read is None else like_pattern(Like(read), text)
    except PatternError:
        return _FALSE


def like_pattern(pattern: Like, text: Value | None) -> Value | None:
    """Match a text with a pattern."""
    if text is None:
        return None
    shown = text_of(text)
    return boolean(shown is not None and pattern.matches(shown))


def _not(operands: Sequence[Value | None]) -> Value | None:
    held = as_boolean(operands[0])
    return None if held is None else boolean(not held)


def _between(operands: Sequence[Value | None]) -> Value | None:
    value, least, greatest = operands
    return boolean(both(ordered(operator.ge, value, least), ordered(operator.le, value, greatest)))


def _in_list(operands: Sequence[Value | None]) -> Value | None:
    value, *others = operands
    found: bool | None = False
    for other in others:
        found = either(found, equal(value, other))
        if found:
            break
    return boolean(found)


def _and(operands: Sequence[Value | None]) -> Value | None:
    return boolean(both(as_boolean(operands[0]), as_boolean(operands[1])))


def _or(operands: Sequence[Value | None]) -> Value | None:
    return boolean(either(as_boolean(operands[0]), as_boolean(operands[1])))


def _bitwise(combine: TwoPlace) -> Operator:
    """Combine two integers in the type of the larger one; of two equally large types the signed one precedes."""

    def combined(operands: Sequence[Value | None]) -> Value | None:
        left, right = operands
        if left is None or right is None or left.kind not in INTEGERS or right.kind not in INTEGERS:
            return None
        kind = max(Kind(left.kind), Kind(right.kind), key=_size)
        least, greatest = INTEGERS[kind]
        bits = combine(left.held, right.held) & (greatest - least)
        return Value(kind, bits - (greatest - least + 1) if bits > greatest else bits)

    return combined


def _size(kind: Kind) -> tuple[int, bool]:
    least, greatest = INTEGERS[kind]
    return greatest - least, least < 0


OPERATORS: dict[int, tuple[int, Operator]] = {
    0: (2, _equals),
    1: (1, _is_null),
    2: (2, _ordering(operator.gt)),
    3: (2, _ordering(operator.lt)),
    4: (2, _ordering(operator.ge)),
    5: (2, _ordering(operator.le)),
    6: (2, like),
    7: (1, _not),
    8: (3, _between),
    9: (2, _in_list),
    10: (2, _and),
    11: (2, _or),
    16: (2, _bitwise(int.__and__)),
    17: (2, _bitwise(int.__or__)),
}
"""The operators that need nothing but their operands, by FilterOperator: how many operands, and what they do."""
IN_LIST = 9
LIKE = 6
