"""How long records of the audit trail are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """Records older than ``age`` seconds are removed, and the oldest while the file has more than ``size`` bytes."""

    age: float = 365 * _DAY
    size: int = 1 << 30
