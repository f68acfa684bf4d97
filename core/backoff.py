"""How long to wait before the next try: exponential with jitter, so that a thousand devices do not return at once."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Waits in seconds: uniform between ``first`` and the grown ceiling, which doubles up to ``longest``."""

    first: float = 0.1
    longest: float = 30.0
    factor: float = 2.0
    random: random.Random = field(default_factory=random.Random)
    tries: int = 0

    def next(self) -> float:
        """Give the next wait and grow the ceiling."""
        ceiling = min(self.longest, self.first * self.factor ** min(self.tries, 30))
        self.tries += 1
        return self.random.uniform(min(self.first, ceiling) / 2, ceiling)

    def reset(self) -> None:
        """Begin anew after a success."""
        self.tries = 0
