"""How many sessions there may be, and how long they may idle (threats 5 and 16)."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """``sessions``: of all clients together. ``unactivated``: that one channel may have made and not yet activated.

    Seconds: ``activation``, within which a new session has to be activated; ``shortest`` and ``longest``, between which
    the time is that a session may idle.
    """

    sessions: int = 200
    unactivated: int = 2
    activation: float = 15.0
    shortest: float = 5.0
    longest: float = 3600.0

    @property
    def of_channel(self) -> int:
        """Give how many of them one channel may have."""
        return max(2, self.sessions // 4)

    def revised(self, asked: float) -> float:
        """Give the session's time-out in seconds for one that was asked for in milliseconds (Part 4 v1.05 5.7.2.2)."""
        if math.isnan(asked) or asked <= 0.0:
            return self.longest
        return min(max(asked / 1000.0, self.shortest), self.longest)
