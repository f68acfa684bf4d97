"""When which group of points is due: start + n * interval on the monotonic clock, whatever the scans take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.batch import Batch
from drivers.contract import BoundPoint

SHORTEST = 0.001
"""Seconds: no group is scanned more often."""


@dataclass(slots=True, eq=False)
class Group:
    """Points of one scan interval (seconds), the driver's plan for them and what their last good scan gave."""

    interval: float
    points: Sequence[BoundPoint]
    plan: Any = None  # the driver's own
    start: float = 0.0
    turn: int = 0
    last: list[Batch] = field(default_factory=list[Batch])
    last_at: float = 0.0

    @property
    def due(self) -> float:
        """Give the monotonic moment of the next scan."""
        return self.start + self.turn * self.interval

    def begin(self, now: float) -> int:
        """Take the scan that is due at ``now``; give how many before it were missed and are skipped, never bunched."""
        missed = max(0, int((now - self.due) / self.interval))
        self.turn += missed + 1
        return missed


def group(points: Iterable[BoundPoint]) -> list[Group]:
    """Sort points into groups by their scan interval, the fastest first."""
    by_interval: dict[float, list[BoundPoint]] = {}
    for point in points:
        by_interval.setdefault(max(point.scan, SHORTEST), []).append(point)
    return [Group(interval, by_interval[interval]) for interval in sorted(by_interval)]


class Schedule:
    """The turns of one device's groups on its one link."""

    def __init__(self, groups: Sequence[Group]) -> None:
        """Schedule ``groups``, sorted fastest first; nothing is due before :meth:`restart`."""
        self._groups = groups

    def restart(self, now: float) -> None:
        """Make every group due at ``now``, the fastest first."""
        for group in self._groups:
            group.start, group.turn = now, 0

    def next(self, now: float) -> tuple[Group | None, float | None]:
        """Give the group to scan at ``now``, or None and the moment when the next one is due (None without groups).

        Of several due ones the latest by the measure of its own interval goes first: at the same moment that is the
        faster one, and yet a link that is too slow for the fast group does not starve the slow one.
        """
        chosen: Group | None = None
        latest = -1.0
        soonest: float | None = None
        for group in self._groups:
            due = group.due
            late = (now - due) / group.interval
            if late > latest and due <= now:
                chosen, latest = group, late
            if soonest is None or due < soonest:
                soonest = due
        return chosen, None if chosen is not None else soonest
