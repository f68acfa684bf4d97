"""Which records of a stream are delivered already, where some went ahead of others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

KEPT: Final = 1_000
"""Ranges remembered; of more the shortest is forgotten, and its records are sent again under the same ids."""


class Ranges:
    """Ranges of sequence numbers ``(after, through]``, apart from each other, in order."""

    def __init__(self) -> None:
        """Begin with nothing delivered."""
        self._after: list[int] = []
        self._through: list[int] = []

    def __len__(self) -> int:
        """Count the ranges."""
        return len(self._after)

    def add(self, after: int, through: int) -> None:
        """Take the records after one sequence number up to another as delivered; what touches becomes one range."""
        if through <= after:
            return
        first = bisect_left(self._through, after)
        last = bisect_right(self._after, through)
        if first < last:
            after = min(after, self._after[first])
            through = max(through, self._through[last - 1])
        self._after[first:last] = [after]
        self._through[first:last] = [through]
        if len(self._after) > KEPT:
            shortest = min(range(len(self._after)), key=lambda place: self._through[place] - self._after[place])
            del self._after[shortest], self._through[shortest]

    def through(self, sequence: int) -> int:
        """Give how far everything after ``sequence`` is delivered without a hole."""
        place = bisect_right(self._after, sequence)
        return max(sequence, self._through[place - 1]) if place else sequence

    def forget(self, through: int) -> None:
        """Forget the ranges that end at or before a sequence number."""
        place = bisect_right(self._through, through)
        del self._after[:place], self._through[:place]

    def holds(self, sequence: int) -> bool:
        """Tell whether a record is delivered."""
        place = bisect_left(self._after, sequence)
        return place > 0 and sequence <= self._through[place - 1]

    def hole(self, after: int, until: int) -> tuple[int, int] | None:
        """Give the first range that is not delivered in ``(after, until]``; None where there is none."""
        place = bisect_right(self._after, after)
        if place and self._through[place - 1] > after:
            after = self._through[place - 1]
        if place < len(self._after):
            until = min(until, self._after[place])
        return (after, until) if after < until else None
