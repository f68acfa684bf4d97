"""What was asked for a durable subscription: the definitions of its items, and which of them the disk does not have."""

from __future__ import annotations

from typing import NamedTuple

from server.subscriptions.encoding import Timestamps
from server.subscriptions.requests import ItemRequest, Monitoring


class Definition(NamedTuple):
    """A monitored item as it was asked for, with its present mode and its revised queue size.

    ``text``: its node's NodeId with the namespace's URI, where the model does not know that namespace any more.
    """

    request: ItemRequest
    timestamps: Timestamps
    text: str | None = None


class DurableRecord:
    """Told of every change of a durable subscription. ``version`` counts them."""

    def __init__(self) -> None:
        """Begin without items."""
        self.definitions: dict[int, Definition] = {}
        self.version = 0
        self._changed: set[int] = set()

    def added(self, item_id: int, definition: Definition, size: int) -> None:
        """Take an item up; ``size``: of its queue, as it was revised."""
        request = definition.request
        sized = request._replace(monitoring=request.monitoring._replace(size=size))
        self._set(item_id, definition._replace(request=sized))

    def modified(self, item_id: int, asked: Monitoring, timestamps: Timestamps, size: int) -> None:
        """Take other parameters of an item."""
        known = self.definitions[item_id]
        request = known.request._replace(monitoring=asked._replace(size=size))
        self._set(item_id, known._replace(request=request, timestamps=timestamps))

    def moded(self, item_id: int, mode: int) -> None:
        """Take an item's MonitoringMode."""
        known = self.definitions[item_id]
        self._set(item_id, known._replace(request=known.request._replace(mode=mode)))

    def relinked(self, item_id: int) -> None:
        """Note that the item triggers others than before."""
        self._touch(item_id)

    def removed(self, item_id: int) -> None:
        """Let an item go."""
        self.definitions.pop(item_id, None)
        self._touch(item_id)

    @property
    def changed(self) -> bool:
        """Tell whether there is anything to be written."""
        return bool(self._changed)

    def take_changes(self) -> set[int]:
        """Give the items to be written, or to be deleted where they are gone."""
        changed, self._changed = self._changed, set()
        return changed

    def spoil(self) -> None:
        """Note that all has to be written again."""
        self._changed |= self.definitions.keys()

    def _set(self, item_id: int, definition: Definition) -> None:
        self.definitions[item_id] = definition
        self._touch(item_id)

    def _touch(self, item_id: int) -> None:
        self.version += 1
        self._changed.add(item_id)
