"""Lock-out with back-off: who failed too often waits, each time longer, and never for ever."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MOST: Final = 4096
"""Names or addresses that are remembered; past that the one that failed longest ago is forgotten."""
_IPV6_NETWORK: Final = 64


@dataclass(frozen=True, slots=True)
class LockRule:
    """After ``failures`` in a row a lock of ``first`` seconds; each further failure doubles it, up to ``longest``.

    Failures are forgotten ``forget`` seconds after the last one, or after the end of the lock that it brought.
    """

    failures: int = 5
    first: float = 30.0
    longest: float = 900.0
    forget: float = 3600.0


@dataclass(slots=True)
class _Trail:
    failures: int = 0
    until: float = 0.0
    forgotten_at: float = 0.0


class Lockout:
    """Counts failures by a key. Refused tries while a lock lasts are no failures: they do not make it longer.

    ``locks`` counts the locks that began, ``forgotten`` the keys that were dropped for want of room.
    """

    def __init__(
        self, rule: LockRule | None = None, clock: Callable[[], float] = time.monotonic, most: int = _MOST
    ) -> None:
        """``clock``: seconds."""
        self._rule = rule or LockRule()
        self._clock = clock
        self._most = most
        self._trails: OrderedDict[str, _Trail] = OrderedDict()
        self.locks = 0
        self.forgotten = 0

    def remaining(self, key: str) -> float:
        """Give the seconds that a key is still locked; 0 for one that is not."""
        trail = self._trails.get(key)
        return 0.0 if trail is None else max(0.0, trail.until - self._clock())

    def failures(self, key: str) -> int:
        """Count a key's failures that are not forgotten."""
        trail = self._trails.get(key)
        return 0 if trail is None else trail.failures

    def failed(self, key: str) -> bool:
        """Count a failure and tell whether it locks."""
        now = self._clock()
        trail = self._trails.pop(key, None)
        if trail is None or now >= trail.forgotten_at:
            trail = _Trail()
        self._trails[key] = trail
        trail.failures += 1
        excess = trail.failures - self._rule.failures
        locks = excess >= 0
        if locks:
            doublings = min(excess, 64)  # beyond that the longest is long reached, and floats end
            trail.until = now + min(self._rule.longest, self._rule.first * 2.0**doublings)
            self.locks += 1
        trail.forgotten_at = max(now, trail.until) + self._rule.forget
        while len(self._trails) > self._most:
            self._trails.popitem(last=False)
            self.forgotten += 1
        return locks

    def release(self, key: str) -> None:
        """Forget a key's failures: it succeeded, or an administrator says so."""
        self._trails.pop(key, None)


def source_key(address: str) -> str:
    """Give what stands for a peer's address: IPv6 hosts have a whole /64 to themselves, so that counts as one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:256]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
    return str(parsed)
