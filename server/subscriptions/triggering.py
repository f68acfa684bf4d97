"""Links between monitored items: one that reports lets others report (SetTriggering, Part 4 v1.05 5.13.1.6, 5.13.5)."""

from __future__ import annotations

from collections.abc import Iterator


class Links:
    """Which items an item triggers; all of one subscription."""

    def __init__(self) -> None:
        """Begin without links."""
        self._to: dict[int, dict[int, None]] = {}
        self._from: dict[int, set[int]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Count the links."""
        return self._count

    def has(self, triggering: int, linked: int) -> bool:
        """Tell whether an item triggers another."""
        return linked in self._to.get(triggering, ())

    def add(self, triggering: int, linked: int) -> None:
        """Link an item; a link that is there stays."""
        if self.has(triggering, linked):
            return
        self._to.setdefault(triggering, {})[linked] = None
        self._from.setdefault(linked, set()).add(triggering)
        self._count += 1

    def remove(self, triggering: int, linked: int) -> bool:
        """Take a link away; false where there is none."""
        links = self._to.get(triggering, {})
        if linked not in links:
            return False
        del links[linked]
        self._count -= 1
        if not links:
            del self._to[triggering]
        self._from[linked].discard(triggering)
        if not self._from[linked]:
            del self._from[linked]
        return True

    def forget(self, item: int) -> None:
        """Take an item's links away in both directions: it is deleted (Part 4 v1.05 5.13.6)."""
        for linked in tuple(self._to.get(item, ())):
            self.remove(item, linked)
        for triggering in tuple(self._from.get(item, ())):
            self.remove(triggering, item)

    def triggered(self, item: int) -> Iterator[int]:
        """Give the items that an item triggers."""
        yield from self._to.get(item, ())

    def triggering(self, item: int) -> tuple[int, ...]:
        """Give the items that trigger an item."""
        return tuple(self._from.get(item, ()))

    def __contains__(self, item: object) -> bool:
        """Tell whether an item triggers others."""
        return item in self._to
