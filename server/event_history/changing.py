"""Inserting, replacing, updating and deleting events of the past (Part 11 v1.05 6.9.4, 6.9.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from asyncua.ua.status_codes import StatusCodes

from core.quality import Status, is_good
from historian.editing import UpdateKind
from historian.events.contract import EventStore, StoredEvent
from server.address_space.keys import NodeKey
from server.address_space.session_context import SessionContext
from server.event_history.codec import EventCodec, UnstorableEventError
from server.event_history.covering import HISTORY_WRITE, Covering
from server.event_history.given_events import EventRefused, Fields, event_id_of, read_clauses, read_fields, whole
from server.events.event_types import EventTypes
from server.slices import Slices
from server.ua_stack.history.pages import HistoryRefused
from server.ua_stack.history.requests import DeleteEvents, UpdateEvents
from server.users.well_known import Permission

MOST_EVENTS: Final = 1_000
"""Events of one change."""
_PERMISSIONS: Final = {
    UpdateKind.INSERT: (Permission.INSERT_HISTORY,),
    UpdateKind.REPLACE: (Permission.MODIFY_HISTORY,),
    UpdateKind.UPDATE: (Permission.INSERT_HISTORY, Permission.MODIFY_HISTORY),
}
_T = TypeVar("_T")


class EventChanging:
    """Changes events one request after the other: what is replaced in part is read before."""

    def __init__(self, store: EventStore, covering: Covering, types: EventTypes, codec: EventCodec) -> None:
        """Change ``store``."""
        self._store = store
        self._covering = covering
        self._types = types
        self._codec = codec
        self._one = asyncio.Lock()

    async def update(self, details: UpdateEvents, context: SessionContext) -> list[int]:
        """Insert, replace or update events; a StatusCode each.

        A session changes no event that it would not hear at the notifier. Fields that are not selected stay as they
        are. Raises :class:`HistoryRefused` where nothing is done, and :class:`~core.errors.StoreError`.
        """
        notifier, kind = details.node, _kind(details.perform)
        self._covering.check(notifier, context, HISTORY_WRITE, *_PERMISSIONS[kind])
        paths = read_clauses(details.filter, kind)
        statuses: list[int] = []
        given: list[Fields | None] = []
        slices = Slices()
        for row in _bounded(details.rows):
            try:
                given.append(read_fields(paths, row))
                statuses.append(StatusCodes.Good)
            except EventRefused as refused:
                given.append(None)
                statuses.append(refused.status)
            await slices.turn()
        async with self._one:
            await self._bring(notifier, kind, given, statuses, context)
        return statuses

    async def delete(self, details: DeleteEvents, context: SessionContext) -> list[int]:
        """Delete events; Good or BadEventIdUnknown each. Raises as :meth:`update` does."""
        notifier = details.node
        self._covering.check(notifier, context, HISTORY_WRITE, Permission.DELETE_HISTORY)
        wanted = _bounded(details.ids)
        async with self._one:
            known: list[bytes] = []
            slices = Slices()
            for stored in await self._store.find(wanted):
                if stored is not None and self._knows(stored, notifier, context):
                    known.append(stored.event_id)
                await slices.turn()
            done = dict(zip(known, await self._store.delete(list(dict.fromkeys(known))), strict=False))
        return [done.pop(one, int(Status.BAD_EVENT_ID_UNKNOWN)) for one in wanted]

    async def _bring(
        self,
        notifier: NodeKey,
        kind: UpdateKind,
        given: Sequence[Fields | None],
        statuses: list[int],
        context: SessionContext,
    ) -> None:
        """Fill ``statuses`` in."""
        before = await self._store.find([b"" if fields is None else event_id_of(fields) for fields in given])
        places: list[int] = []
        ready: list[StoredEvent] = []
        slices = Slices()
        for place, fields in enumerate(given):
            await slices.turn()
            if fields is None:
                continue
            try:
                stored, ignored = self._ready(notifier, kind, fields, before[place], context)
            except EventRefused as refused:
                statuses[place] = refused.status
                continue
            statuses[place] = StatusCodes.GoodDataIgnored if ignored else StatusCodes.Good
            places.append(place)
            ready.append(stored)
        done = await self._store.update(ready, kind) if ready else []
        for place, status in zip(places, done, strict=True):
            if not statuses[place] or not is_good(status):
                statuses[place] = int(status)

    def _ready(
        self,
        notifier: NodeKey,
        kind: UpdateKind,
        fields: Fields,
        before: StoredEvent | None,
        context: SessionContext,
    ) -> tuple[StoredEvent, bool]:
        known = before is not None and self._knows(before, notifier, context)
        if before is None and kind is UpdateKind.REPLACE:
            raise EventRefused(Status.BAD_NO_ENTRY_EXISTS)
        if before is not None and (kind is UpdateKind.INSERT or not known):
            raise EventRefused(Status.BAD_NO_ENTRY_EXISTS if kind is UpdateKind.REPLACE else Status.BAD_ENTRY_EXISTS)
        event, ignored = whole(self._types, fields, None if before is None else self._codec.event(before))
        if not self._covering.covers(notifier, event.source):
            raise EventRefused(StatusCodes.BadSourceNodeIdInvalid)
        if not self._covering.hears(event, context):
            raise EventRefused(StatusCodes.BadUserAccessDenied)
        try:
            stored = self._codec.stored(event)
        except UnstorableEventError:
            raise EventRefused(StatusCodes.BadDataEncodingInvalid) from None
        if before is not None:  # fields of models that are not loaded now stay, too
            stored = replace(stored, fields={**before.fields, **stored.fields})
        return stored, ignored

    def _knows(self, stored: StoredEvent, notifier: NodeKey, context: SessionContext) -> bool:
        event = self._codec.event(stored)
        return (
            event is not None and self._covering.covers(notifier, event.source) and self._covering.hears(event, context)
        )


def _kind(perform: int) -> UpdateKind:
    if perform not in tuple(_PERMISSIONS):
        raise HistoryRefused(StatusCodes.BadInvalidArgument)
    return UpdateKind(perform)


def _bounded(asked: Sequence[_T] | None) -> Sequence[_T]:
    if not asked:
        raise HistoryRefused(StatusCodes.BadNothingToDo)
    if len(asked) > MOST_EVENTS:
        raise HistoryRefused(StatusCodes.BadTooManyOperations)
    return asked
