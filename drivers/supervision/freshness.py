"""How old each point's value is, in columns: fresh, uncertain, gone (design section 5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, SlotArray
from core.quality import StatusArray, bad_mask

_WAITING, _FRESH, _UNCERTAIN, _GONE = range(4)


class Freshness:
    """Follows one device's points from fresh to uncertain to gone.

    ``slots``: int32[n], the device's points. Times are seconds on the monotonic clock. A point that the device itself
    called Bad is never made Uncertain by a lost link: its StatusCode stays until it is gone.
    """

    def __init__(self, slots: SlotArray, stale: float, now: float) -> None:
        """Begin with points that never had a value and are gone ``stale`` seconds from ``now``."""
        count = len(slots)
        self._slots = slots
        self._stale = stale
        self._base = int(slots.min()) if count else 0
        width = int(slots.max()) - self._base + 1 if count else 0
        self._row: npt.NDArray[np.int32] = np.full(width, -1, np.int32)
        self._row[slots - self._base] = np.arange(count, dtype=np.int32)
        self._state: npt.NDArray[np.uint8] = np.full(count, _WAITING, np.uint8)
        self._usable: MaskArray = np.zeros(count, np.bool_)
        self._deadline: npt.NDArray[np.float64] = np.full(count, now + stale, np.float64)

    def hear(self, slots: SlotArray, status: StatusArray | int, now: float) -> None:
        """Note that the device gave values at ``now``."""
        rows = self._row[slots - self._base]
        self._state[rows] = _FRESH
        self._deadline[rows] = now + self._stale
        self._usable[rows] = not status & 0x80000000 if isinstance(status, int) else ~bad_mask(status)

    def lose(self) -> SlotArray:
        """Note that the link is gone; give the slots whose value is now the last usable one."""
        fresh = self._state == _FRESH
        self._state[fresh] = _UNCERTAIN
        return self._slots[fresh & self._usable]

    def silent(self, now: float) -> SlotArray:
        """Give the slots not heard for ``stale`` seconds though the link is up; gone after another ``stale``."""
        late = (self._state == _FRESH) & (self._deadline <= now)
        self._state[late] = _UNCERTAIN
        self._deadline[late] += self._stale
        return self._slots[late & self._usable]

    def expire(self, now: float) -> SlotArray:
        """Give the slots whose time is over."""
        over = ((self._state == _WAITING) | (self._state == _UNCERTAIN)) & (self._deadline <= now)
        self._state[over] = _GONE
        return self._slots[over]

    def discard(self) -> SlotArray:
        """Give up all points at once; give the slots that were not gone already."""
        left = self._state != _GONE
        self._state[left] = _GONE
        return self._slots[left]

    def revive(self, now: float) -> None:
        """Let points that are gone, or never had a value, wait from ``now`` on."""
        waiting = (self._state == _GONE) | (self._state == _WAITING)
        self._state[waiting] = _WAITING
        self._deadline[waiting] = now + self._stale

    @property
    def any_fresh(self) -> bool:
        """Tell whether any point is fresh."""
        return bool((self._state == _FRESH).any())

    def next_deadline(self, *, listening: bool) -> float | None:
        """Give the moment of the next change for the worse, None when there is none to come.

        Fresh points are counted in when ``listening``; a polled one is fresh as long as its link is up.
        """
        pending = (self._state == _WAITING) | (self._state == _UNCERTAIN)
        if listening:
            pending |= self._state == _FRESH
        return float(self._deadline[pending].min()) if pending.any() else None
