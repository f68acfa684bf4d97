"""The list of points that becomes the process image: slots are given out in the order of coming."""

from __future__ import annotations

from dataclasses import dataclass, field

from asyncua import ua

from core.errors import Place
from core.point import Point


@dataclass(slots=True)
class PointList:
    """Points with what the endpoint needs to know of each; all lists are indexed by slot."""

    points: list[Point] = field(default_factory=list[Point])
    scans: list[float] = field(default_factory=list[float])
    """Seconds between two values, 0 where they come by themselves."""
    slots: dict[ua.NodeId, int] = field(default_factory=dict[ua.NodeId, int])
    fields: dict[ua.NodeId, dict[str, int]] = field(default_factory=dict[ua.NodeId, dict[str, int]])
    """The bound fields of structured variables, by their paths."""
    places: dict[int, Place] = field(default_factory=dict[int, Place])
    """Where a bound point's row stands."""
    recorded: set[int] = field(default_factory=set[int])
    """Slots whose history is kept."""

    following: set[int] = field(default_factory=set[int])
    """Slots of bound variables that clients may write as the model says, and as it says after a change of it."""

    doubtful: set[int] = field(default_factory=set[int])
    """Slots of bindings that are wrong: their types may be others once that is mended."""

    def add(self, nodeid: ua.NodeId | None, point: Point, scan: float, place: Place | None = None) -> int:
        """Give a point its slot; without a ``nodeid`` no client sees its value."""
        slot = len(self.points)
        self.points.append(point)
        self.scans.append(scan)
        if nodeid is not None:
            self.slots[nodeid] = slot
        if place is not None:
            self.places[slot] = place
        return slot
