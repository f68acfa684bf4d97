"""The history of events, as what keeps it offers it to HistoryRead and HistoryUpdate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from asyncua import ua

from historian.contract import Cursor
from server.address_space.keys import NodeKey
from server.address_space.session_context import SessionContext
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.limits import LEAST_SIZE, OBJECT_VALUES
from server.ua_stack.history.pages import HISTORY_EVENT, Page
from server.ua_stack.history.requests import ReadEvents


class EventAccess(Protocol):
    """Reads and changes the history of events."""

    async def read(
        self, notifier: NodeKey, details: ReadEvents, cursor: Cursor | None, most: int, context: SessionContext
    ) -> tuple[bytes, Cursor | None]:
        """Give the body of a HistoryEvent with up to ``most`` events, and where it goes on."""
        ...

    async def update(self, details: Any, context: SessionContext) -> Sequence[int]:
        """Insert, replace or update events; a StatusCode each."""
        ...

    async def delete(self, details: Any, context: SessionContext) -> Sequence[int]:
        """Delete events; a StatusCode each."""
        ...


@dataclass(frozen=True, slots=True)
class EventRead:
    """The events of a notifier, from ``cursor`` on; ``left``: events still wanted, 0 = all.

    ``context``: of the request that is answered now; a later one's rights may be others.
    """

    events: EventAccess
    notifier: NodeKey
    details: ReadEvents
    left: int
    context: SessionContext
    cursor: Cursor | None = None

    kind = HISTORY_EVENT

    @property
    def most(self) -> int:
        """Events in a page."""
        return OBJECT_VALUES

    @property
    def size(self) -> int:
        """Bytes."""
        return LEAST_SIZE + len(self.details.filter)

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        """Read up to ``share`` events."""
        del timestamps  # an event's times are fields of its own
        limit = min(self.left, share) if self.left else share
        body, cursor = await self.events.read(self.notifier, self.details, self.cursor, limit, self.context)
        count = int.from_bytes(body[:4], "little", signed=True)
        left = self.left - count if self.left else 0
        following = None if cursor is None else replace(self, cursor=cursor, left=left or self.left)
        status = ua.StatusCodes.GoodNoData if count <= 0 and following is None else 0
        return Page(self.kind, body, max(count, 0), following, status)
