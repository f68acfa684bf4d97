"""The history of events as HistoryRead and HistoryUpdate ask for it."""

from __future__ import annotations

from historian.contract import Cursor
from historian.events.contract import EventStore
from server.address_space.keys import NodeKey
from server.address_space.session_context import SessionContext
from server.event_history.changing import EventChanging
from server.event_history.codec import EventCodec
from server.event_history.covering import Covering
from server.event_history.reading import EventReading
from server.events.compiled_filter import EventFilters
from server.events.event_types import EventTypes
from server.events.notifiers import Notifiers
from server.ua_stack.history.requests import DeleteEvents, ReadEvents, UpdateEvents


class EventHistoryAccess:
    """Reads and changes a store of events; belongs to the event loop, and never holds it up."""

    def __init__(
        self, store: EventStore, notifiers: Notifiers, types: EventTypes, filters: EventFilters, codec: EventCodec
    ) -> None:
        """Answer from ``store``."""
        covering = Covering(notifiers, codec)
        self._reading = EventReading(store, covering, filters, codec)
        self._changing = EventChanging(store, covering, types, codec)

    async def read(
        self,
        notifier: NodeKey,
        details: ReadEvents,
        cursor: Cursor | None,
        most: int,
        context: SessionContext,
    ) -> tuple[bytes, Cursor | None]:
        """Give the body of a HistoryEvent with up to ``most`` events, and where it goes on; None at the end.

        An answer may have fewer events, none even, and yet go on: no answer looks through a whole archive. Raises
        :class:`~server.ua_stack.history.pages.HistoryRefused`, :class:`~core.errors.StoreError`.
        """
        return await self._reading.read(notifier, details, cursor, most, context)

    async def update(self, details: UpdateEvents, context: SessionContext) -> list[int]:
        """Insert, replace or update events; a StatusCode each. Raises as :meth:`read` does."""
        return await self._changing.update(details, context)

    async def delete(self, details: DeleteEvents, context: SessionContext) -> list[int]:
        """Delete events; Good or BadEventIdUnknown each. Raises as :meth:`read` does."""
        return await self._changing.delete(details, context)
