"""How fast a backlog may go: messages or bytes a second, at most a second's worth at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from core.errors import SettingError
from core.time import Clock, SystemClock

_FORM: Final = re.compile(r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,6})?)\s?(?P<unit>[A-Za-z]+)/s")
_UNITS: Final = {
    "messages": (1, False),
    "B": (1, True),
    "kB": (10**3, True),
    "MB": (10**6, True),
    "KiB": (1 << 10, True),
    "MiB": (1 << 20, True),
}
_MEND: Final = "write for example 500messages/s or 2MB/s (B, kB, MB, KiB, MiB)"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many messages or bytes a second."""

    most: float
    in_bytes: bool


def parse_rate(text: str) -> Rate | None:
    """Read a rate; None for an empty text, which is as fast as it goes. Raises :class:`~core.errors.SettingError`."""
    if not text:
        return None
    match = _FORM.fullmatch(text.strip())
    unit = None if match is None else _UNITS.get(match["unit"])
    if match is None or unit is None:
        problem = f"{text[:40]!r} is not a rate"
        raise SettingError(problem, _MEND)
    most = float(Fraction(match["number"]) * unit[0])
    if most < 1:
        problem = f"{text[:40]!r} would never end"
        raise SettingError(problem, _MEND)
    return Rate(most, unit[1])


class Pace:
    """Lets what asks through at a rate; one caller at a time."""

    def __init__(
        self,
        rate: Rate | None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Begin with a second's worth to spend."""
        self._rate = rate
        self._clock: Clock = clock or SystemClock()
        self._sleep = sleep
        self._due = self._clock.monotonic() - 1.0

    async def take(self, messages: int, size: int) -> None:
        """Return when so many messages of ``size`` bytes in all may go."""
        if self._rate is None:
            return
        cost = (size if self._rate.in_bytes else messages) / self._rate.most
        moment = self._clock.monotonic()
        self._due = max(self._due, moment - 1.0) + cost
        if self._due > moment:
            await self._sleep(self._due - moment)
