"""The latest N values, kept sorted as they come and go, so that median and MAD cost O(log N) a sample."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque


class SortedWindow:
    """Up to ``capacity`` finite values; the oldest makes room for the newest.

    A Python list beats numpy here: at a few hundred values one numpy call costs more than the whole update does.
    """

    def __init__(self, capacity: int) -> None:
        """Begin empty."""
        self._capacity = capacity
        self._arrival: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        """Count the values held."""
        return len(self._sorted)

    @property
    def capacity(self) -> int:
        """Give how many values are held at most."""
        return self._capacity

    def push(self, value: float) -> None:
        """Take a finite value in, and the oldest out where there is no room."""
        if len(self._sorted) >= self._capacity:
            self._drop_oldest()
        self._arrival.append(value)
        insort(self._sorted, value)

    def resize(self, capacity: int) -> None:
        """Change the capacity; a smaller one keeps the latest values."""
        self._capacity = capacity
        if len(self._sorted) > capacity:
            while len(self._arrival) > capacity:
                self._arrival.popleft()
            self._sorted = sorted(self._arrival)

    def clear(self) -> None:
        """Forget all values."""
        self._arrival.clear()
        self._sorted.clear()

    def median(self) -> float:
        """Give the median. Raises :class:`IndexError` for an empty window."""
        values = self._sorted
        count = len(values)
        middle = count // 2
        return values[middle] if count % 2 else (values[middle - 1] + values[middle]) / 2

    def median_deviation(self, median: float) -> float:
        """Give the median of the absolute deviations from ``median``, the window's own; not for an empty window.

        The values nearest to the median stand side by side in the sorted window. Where that run begins is found by
        bisection; its farther end is the deviation of the wanted rank.
        """
        values = self._sorted
        count = len(values)
        run = count // 2 + 1
        low, high = 0, count - run
        while low < high:
            middle = (low + high) // 2
            if median - values[middle] > values[middle + run] - median:
                low = middle + 1
            else:
                high = middle
        below, above = median - values[low], values[low + run - 1] - median
        farthest = max(below, above)
        if count % 2:
            return farthest
        second = max(median - values[low + 1], above) if below >= above else max(below, values[low + run - 2] - median)
        return (farthest + second) / 2

    def mean_deviation(self, median: float) -> float:
        """Give the mean of the absolute deviations from ``median``; not for an empty window.

        Values equal to the median are skipped by bisection: this is asked for when they are half of the window or more.
        """
        values = self._sorted
        below = values[: bisect_left(values, median)]
        above = values[bisect_right(values, median) :]
        if not below and not above:
            return 0.0
        deviations = [median - value for value in below]
        deviations += [value - median for value in above]
        return math.fsum(deviations) / len(values)

    def _drop_oldest(self) -> None:
        values = self._sorted
        del values[bisect_left(values, self._arrival.popleft())]
