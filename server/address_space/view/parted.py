"""Sets and dictionaries that grow to a hundred thousand entries without ever standing still.

A plain one now and then makes room for twice as many, and for tens of milliseconds does nothing else. In parts, each
makes room for itself.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

_PARTS = 64
_PART = _PARTS - 1
_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class PartedSet(Generic[_K]):
    """A set that things are put into."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        """Begin empty."""
        self._parts: list[set[_K]] = [set() for _ in range(_PARTS)]

    def __contains__(self, key: object) -> bool:
        """Tell whether it is in."""
        return key in self._parts[hash(key) & _PART]

    def __len__(self) -> int:
        """Count what is in."""
        return sum(len(part) for part in self._parts)

    def put(self, key: _K) -> bool:
        """Put it in; tell whether it is new."""
        part = self._parts[hash(key) & _PART]
        if key in part:
            return False
        part.add(key)
        return True


class PartedIndex(Generic[_K, _V]):
    """Finds what was put in under a key. The first thing under a key takes no list, so most cost no object."""

    __slots__ = ("_firsts", "_others")

    def __init__(self) -> None:
        """Begin empty."""
        self._firsts: list[dict[_K, _V]] = [{} for _ in range(_PARTS)]
        self._others: list[dict[_K, list[_V]]] = [{} for _ in range(_PARTS)]

    def put(self, key: _K, thing: _V) -> None:
        """Put a thing in under a key."""
        part = hash(key) & _PART
        firsts = self._firsts[part]
        if key in firsts:
            self._others[part].setdefault(key, []).append(thing)
        else:
            firsts[key] = thing

    def find(self, key: _K) -> list[_V]:
        """Give what is under a key, in the order in which it was put in."""
        part = hash(key) & _PART
        firsts = self._firsts[part]
        return [firsts[key], *self._others[part].get(key, ())] if key in firsts else []
