"""Results of intervals that are complete for some items and wait for the others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from server.subscriptions.aggregates.arrivals import PlaceArray
from server.subscriptions.entries import Entries, joined


class Results:
    """Entries by interval; ``most`` intervals are kept at most."""

    def __init__(self, most: int) -> None:
        """Begin empty."""
        self._most = most
        self._parts: dict[int, list[Entries]] = {}
        self._earlier: list[list[Entries]] = []
        """What was complete when the clock fell back."""
        self.dropped = 0
        """Intervals of items that nobody took in time."""

    def add(self, number: int, entries: Entries) -> None:
        """Keep results of one interval; the oldest interval makes room."""
        self._parts.setdefault(number, []).append(entries)
        if len(self._parts) > self._most:
            self.dropped += sum(map(len, self._parts.pop(min(self._parts))))

    def has(self, number: int) -> bool:
        """Tell whether there are results of an interval."""
        return number in self._parts

    def take(self, before: int) -> Iterator[Entries]:
        """Take the results of all intervals before one, oldest first."""
        earlier, self._earlier = self._earlier, []
        for parts in earlier:
            yield joined(parts)
        for number in sorted(number for number in self._parts if number < before):
            yield joined(self._parts.pop(number))

    def set_apart(self) -> None:
        """Let interval numbers begin anew; what is here already comes first."""
        self._earlier.extend(self._parts[number] for number in sorted(self._parts))
        self._parts = {}
        for parts in self._earlier[: -self._most]:
            self.dropped += sum(map(len, parts))
        del self._earlier[: -self._most]

    def forget(self, index: PlaceArray) -> None:
        """Throw the results of items away."""
        kept = {number: _without(parts, index) for number, parts in self._parts.items()}
        self._parts = {number: parts for number, parts in kept.items() if parts}
        self._earlier = [parts for parts in (_without(parts, index) for parts in self._earlier) if parts]


def _without(parts: list[Entries], index: PlaceArray) -> list[Entries]:
    rest = [part.take(~np.isin(part.index, index)) for part in parts]
    return [part for part in rest if len(part)]
