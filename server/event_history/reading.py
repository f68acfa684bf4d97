"""Reading the history of events with a client's EventFilter (Part 11 v1.05 6.5.2)."""

from __future__ import annotations

from typing import Final

from asyncua.ua.status_codes import StatusCodes

from historian.contract import Cursor, InvalidTimeDomain
from historian.events.contract import EventStore
from historian.raw_read import TimeDomain
from server.address_space.encoding import encode_array
from server.address_space.keys import NodeKey
from server.address_space.session_context import SessionContext
from server.event_history.codec import EventCodec
from server.event_history.covering import HISTORY_READ, Covering
from server.events.compiled_filter import CompiledFilter, EventFilterRefused, EventFilters
from server.slices import Slices
from server.ua_stack.history.pages import HistoryRefused
from server.ua_stack.history.requests import ReadEvents
from server.users.well_known import Permission

ANSWER_BYTES: Final = 1024 * 1024
"""Bytes of events in one answer, but for the event that goes over it."""
EXAMINED: Final = 5_000
"""Events that one answer looks at; a continuation point leads on, also where none of them passed the filter."""
_FIRST_PAGE, _LARGEST_PAGE = 64, 512


class EventReading:
    """Reads one answer at a time."""

    def __init__(self, store: EventStore, covering: Covering, filters: EventFilters, codec: EventCodec) -> None:
        """Read from ``store``."""
        self._store = store
        self._covering = covering
        self._filters = filters
        self._codec = codec

    async def read(
        self, notifier: NodeKey, asked: ReadEvents, cursor: Cursor | None, most: int, context: SessionContext
    ) -> tuple[bytes, Cursor | None]:
        """Give the body of a HistoryEvent with up to ``most`` events, and where it goes on; None at the end.

        Raises :class:`HistoryRefused`, :class:`~core.errors.StoreError`.
        """
        self._covering.check(notifier, context, HISTORY_READ, Permission.READ_HISTORY, Permission.RECEIVE_EVENTS)
        try:
            TimeDomain.of(asked.start, asked.end, asked.wanted)
        except InvalidTimeDomain:
            raise HistoryRefused(StatusCodes.BadInvalidTimestampArgument) from None
        compiled = self._compiled(asked.filter)
        sources = await self._covering.sources(notifier, await self._store.sources())
        found = _Answer(max(most, 1))
        while True:
            page = await self._store.read(asked.start, asked.end, found.page_size, sources=sources, cursor=cursor)
            slices = Slices()
            for stored, position in zip(page.events, page.positions, strict=True):
                event = self._codec.event(stored)
                if event is not None and self._covering.hears(event, context):
                    fields = compiled.select(event)
                    if fields is not None:
                        found.take(fields)
                found.examined += 1
                if found.is_full:
                    is_last = page.cursor is None and position == page.positions[-1]
                    return encode_array(found.events), None if is_last else position
                await slices.turn()
            cursor = page.cursor
            if cursor is None or found.is_full:
                return encode_array(found.events), cursor

    def _compiled(self, body: bytes) -> CompiledFilter:
        try:
            return self._filters.compile(body)
        except EventFilterRefused as refused:
            raise HistoryRefused(refused.status) from None


class _Answer:
    """What was found so far."""

    def __init__(self, most: int) -> None:
        self.events: list[bytes] = []
        self.examined = 0
        self._most = most
        self._size = 0
        self._page = _FIRST_PAGE

    def take(self, fields: bytes) -> None:
        self.events.append(fields)
        self._size += len(fields)

    @property
    def is_full(self) -> bool:
        return len(self.events) >= self._most or self._size >= ANSWER_BYTES or self.examined >= EXAMINED

    @property
    def page_size(self) -> int:
        """More with each page: a filter that lets few events pass needs many."""
        size = self._page
        self._page = min(2 * size, _LARGEST_PAGE)
        return size
