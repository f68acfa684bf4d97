"""Equality of canonical values where the specification calls two writings the same value."""

from __future__ import annotations

import math

from tests.nodeset_reading.records import Tree


def same(one: Tree, other: Tree) -> bool:
    """Equal, where null and empty arrays, Strings and ByteStrings are one value (Part 6 5.1.11), and NaN is NaN."""
    if _is_nothing(one) and _is_nothing(other):
        return True
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


def _is_nothing(value: Tree) -> bool:
    return value is None or (isinstance(value, str | bytes | list) and len(value) == 0)
