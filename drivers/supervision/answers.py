"""Judges a device that answers: does it give values, or does it only say no?

A unit behind a gateway can be dead while its gateway answers every request with an exception: the link is up, and
nothing is well. A group is refused when each value of its last scan was Bad; a single point that is Bad shows that
itself and says nothing about the device.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from core.batch import Batch
from core.errors import DeviceRefused
from core.quality import bad_mask, is_bad, symbol
from drivers.supervision.schedule import Group

Explain = Callable[[Any, int], str]
"""``Driver.explain``: a plan and a StatusCode to the device's own words."""


class Extent(enum.IntEnum):
    """How many of the groups are refused."""

    NONE = 0
    SOME = 1
    ALL = 2


class Answers:
    """Follows what one device's ``groups`` gave last. ``shortest``, ``longest``: seconds.

    Worse is told at once, and better too; but a device that is refused again within ``longest`` of having been better
    must give values for ``shortest`` before it is called better the next time, then for twice that, up to ``longest``.
    """

    def __init__(self, device: str, groups: Sequence[Group], shortest: float, longest: float) -> None:
        """Know nothing yet."""
        self.refusal: DeviceRefused | None = None
        """What is wrong as it was told last; None when nothing is."""
        self.extent: Extent | None = None
        """How much is wrong as it was told last; None: nothing was told in this session."""
        self._device, self._groups = device, groups
        self._shortest, self._longest = shortest, longest
        self._statuses: dict[Group, int | None] = {}
        self._hold = 0.0
        self._eased_at = -math.inf
        self._refused_at = -math.inf

    def restart(self) -> None:
        """Begin a session: what was given before says nothing about now."""
        self.extent = self.refusal = None
        self._statuses.clear()

    def judge(self, group: Group, batches: Sequence[Batch], explain: Explain, now: float) -> bool:
        """Take in one scan at ``now`` (seconds); true when :attr:`extent` is another one now."""
        self._statuses[group] = _refused(batches)
        if len(self._statuses) < len(self._groups):
            return False  # at a session's start all are due at once: the others follow in a moment
        extent = Extent.NONE
        refused = [(each, status) for each, status in self._statuses.items() if status is not None]
        if refused:
            extent = Extent.ALL if len(refused) == len(self._groups) else Extent.SOME
            # Always the fastest of them, lest the words change with every scan.
            self.refusal = self._worded(*min(refused, key=_interval), explain, extent)
        before, self.extent = self.extent, self._damped(extent, now)
        if self.extent is Extent.NONE:
            self.refusal = None
        return self.extent is not before

    def _damped(self, extent: Extent, now: float) -> Extent:
        """Give what is told of ``extent``: a device that goes to and fro is told of ever more seldom."""
        told = self.extent
        if told is None or extent >= told:
            if told is not None and extent > told:
                again = now - self._eased_at < self._longest
                self._hold = min(max(2 * self._hold, self._shortest), self._longest) if again else 0.0
            self._refused_at = now
            return extent
        if now - self._refused_at < self._hold:
            return told
        self._eased_at = now
        return extent

    def _worded(self, group: Group, status: int, explain: Explain, extent: Extent) -> DeviceRefused:
        words = explain(group.plan, status)
        why = f"{symbol(status)}, {words}" if words else symbol(status)
        if extent is Extent.ALL:
            problem = f"it answers, but every value is Bad: {why}"
            mend = "the link is up; look at the device behind it, the unit number and the addresses"
        else:
            count = len(group.points)
            points = f"the {count} points" if count > 1 else "the one point"
            problem = f"no value of {points} scanned every {group.interval:g} s ({group.points[0].address}"
            problem += f" and others): {why}" if count > 1 else f"): {why}"
            mend = "the rest of the device gives values; look at these addresses"
        return DeviceRefused(problem, status, device=self._device, mend=mend)


def _interval(refused: tuple[Group, int]) -> float:
    return refused[0].interval


def _refused(batches: Sequence[Batch]) -> int | None:
    """Give the first sample's StatusCode where every sample is Bad; None where one is not, or there is none."""
    first: int | None = None
    for batch in batches:
        if not len(batch):
            continue
        status = batch.status
        if not (is_bad(status) if isinstance(status, int) else bad_mask(status).all()):
            return None
        if first is None:
            first = status if isinstance(status, int) else int(np.ravel(status)[0])
    return first
