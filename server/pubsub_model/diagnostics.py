"""Diagnostics objects (Part 14 v1.05 9.1.11): the counters that there are, 0 for what cannot happen here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from server.address_space.encoding import boolean_variant, int32_variant, uint32_variant
from server.pubsub.frames import PubSubState

_STATES: Final = (
    "StateError",
    "StateOperationalByMethod",
    "StateOperationalByParent",
    "StateOperationalFromError",
    "StatePausedByParent",
    "StateDisabledByMethod",
)
_NUMBERS: Final = 0xFFFFFFFF

Counts = Callable[[], dict[str, int]]
"""Gives the counters by their names; one that is left out is 0."""


class Diagnostics:
    """One Diagnostics object. ``further``: counters beside those that every one has."""

    def __init__(
        self, counts: Counts, state: Callable[[], PubSubState], errors: frozenset[str], further: tuple[str, ...] = ()
    ) -> None:
        """``errors``: the counters that count what should not be."""
        self._counts = counts
        self._state = state
        self._errors = errors | {"StateError"}
        self._names = (*_STATES, *further)
        self._base: dict[str, int] = {}

    def reset(self) -> None:
        """Count from 0 again."""
        self._base = self._counts()

    def values(self, path: str = "Diagnostics") -> dict[str, Callable[[], bytes]]:
        """Give the values of the object at ``path``."""
        found: dict[str, Callable[[], bytes]] = {
            f"{path}/DiagnosticsLevel": partial(int32_variant, 0),
            f"{path}/SubError": lambda: boolean_variant(value=self._state() is PubSubState.ERROR),
        }
        counters = {f"Counters/{name}": (partial(self._count, name), name in self._errors) for name in self._names}
        counters["TotalInformation"] = (partial(self._total, error=False), False)
        counters["TotalError"] = (partial(self._total, error=True), True)
        for name, (count, error) in counters.items():
            found[f"{path}/{name}"] = partial(_encoded, count)
            found[f"{path}/{name}/Active"] = partial(boolean_variant, value=True)
            found[f"{path}/{name}/Classification"] = partial(int32_variant, int(error))
            found[f"{path}/{name}/DiagnosticsLevel"] = partial(int32_variant, 0)
        return found

    def _count(self, name: str) -> int:
        return max(0, self._counts().get(name, 0) - self._base.get(name, 0))

    def _total(self, *, error: bool) -> int:
        return sum(self._count(name) for name in self._names if (name in self._errors) is error)


def _encoded(count: Callable[[], int]) -> bytes:
    return uint32_variant(count() & _NUMBERS)
