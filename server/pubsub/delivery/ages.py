"""How long records have waited, also where the system's clock was set meanwhile."""

from __future__ import annotations

from collections import deque
from typing import Final

from core.time import TICKS_PER_SECOND, Clock

_SET: Final = TICKS_PER_SECOND
"""Ticks by which a clock differs that was set, and not merely kept right."""
_KEPT: Final = 16


class Ages:
    """Knows between which records the clock was set. Where it is not certain, the longer age counts."""

    def __init__(self, clock: Clock) -> None:
        """Begin with the clock as it is."""
        self._clock = clock
        self._ahead = self._now_ahead()
        """Ticks by which the system's clock is ahead of the monotonic one."""
        self._set: deque[tuple[int, int]] = deque(maxlen=_KEPT)
        """The newest record when it was noticed that the clock was set, and how far ahead it had been before."""

    def of(self, sequence: int, accepted: int, newest: int) -> int:
        """Give the ticks since a record was ``accepted``. ``newest``: the sequence of the newest record there is."""
        ahead = self._now_ahead()
        if abs(ahead - self._ahead) > _SET:
            self._set.append((newest, self._ahead))
            self._ahead = ahead
        age = self._clock.now() - accepted
        for through, before in self._set:
            if sequence <= through:
                return max(age, age + before - ahead)
        return age

    def _now_ahead(self) -> int:
        return self._clock.now() - int(self._clock.monotonic() * TICKS_PER_SECOND)
