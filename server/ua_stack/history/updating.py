"""What a HistoryUpdate asks of one node, checked and done (Part 11 v1.05 6.9)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from asyncua import ua

from core.datatypes import DataType
from core.quality import NO_VALUE, SHOWN
from core.time import now
from historian.editing import Modification, PointSamples, UpdateKind
from server.address_space.attributes import AttributeRefused
from server.address_space.decoding import Cursor, DecodingError, GivenValue
from server.address_space.encoding import ARRAY
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import ACCESS_HISTORY_WRITE, EVENT_NOTIFIER
from server.address_space.rights import Use
from server.address_space.session_context import SessionContext
from server.address_space.value_types import suited
from server.address_space.view.validity import refusal
from server.slices import Slices
from server.ua_stack.history.annotations import REMOVE, Annotating, Annotation, used_refusal
from server.ua_stack.history.events import EventAccess
from server.ua_stack.history.historized import Historized, Place
from server.ua_stack.history.pages import HistoryRefused, UpdateResult
from server.ua_stack.history.replaced import MOST_OLD, Old, at_times, within
from server.ua_stack.history.requests import (
    DeleteAtTime,
    DeleteRaw,
    EventDetails,
    ReadEvents,
    UpdateData,
    UpdateDetails,
    UpdateEvents,
)
from server.ua_stack.history.values import NotKept, column, column_value, time_refusal
from server.users.well_known import Permission

EVENT_HISTORY_WRITE = 0x08
"""A bit of EventNotifier (Part 3 v1.05 8.59)."""
_codes = ua.StatusCodes
_AT_ONCE = 1000
"""Values whose columns are made on the event loop."""
_LONG = 16 * 1024
"""Bytes of an array that is read there."""
_ANNOTATION = numeric_key(0, ua.ObjectIds.Annotation_Encoding_DefaultBinary)
_Results = np.ndarray[tuple[int], np.dtype[np.uint32]]
_PERFORMED: dict[int, tuple[int, ...]] = {
    UpdateKind.INSERT: (int(Permission.INSERT_HISTORY),),
    UpdateKind.REPLACE: (int(Permission.MODIFY_HISTORY),),
    UpdateKind.UPDATE: (int(Permission.INSERT_HISTORY), int(Permission.MODIFY_HISTORY)),
    REMOVE: (int(Permission.DELETE_HISTORY),),
}
"""The permissions that each PerformUpdateType needs, all of them (Part 3 v1.05 8.55)."""
_DELETING = (int(Permission.DELETE_HISTORY),)


class Asker(NamedTuple):
    """Who asks for a change. ``user``: as ModificationInfo names them."""

    context: SessionContext
    user: str


@dataclass(slots=True)
class _Columns:
    """Samples of one type. ``places``: where in the request each stands."""

    places: list[int] = field(default_factory=list[int])
    values: list[Any] = field(default_factory=list[Any])
    status: list[int] = field(default_factory=list[int])
    source: list[int] = field(default_factory=list[int])
    server: list[int] = field(default_factory=list[int])

    def samples(self, datatype: DataType) -> PointSamples:
        """Make arrays."""
        return PointSamples(
            datatype,
            column(datatype, self.values),
            np.array(self.status, np.uint32),
            np.array(self.source, np.int64),
            np.array(self.server, np.int64),
        )


class HistoryUpdating:
    """Changes history."""

    def __init__(self, historized: Historized) -> None:
        """Change the history of ``historized``; ``events`` may be set later."""
        self._historized = historized
        self._annotating = Annotating()
        self.events: EventAccess | None = None

    async def update(self, details: UpdateDetails, by: Asker) -> UpdateResult:
        """Do one thing. Raises :class:`HistoryRefused`, :class:`~core.errors.StoreError`."""
        if isinstance(details, UpdateData):
            return await self._update(details, by)
        if isinstance(details, DeleteRaw):
            return await self._delete_raw(details, by)
        if isinstance(details, DeleteAtTime):
            return await self._delete_at(details, by)
        if isinstance(details, EventDetails):
            return await self._events(details, by)
        raise HistoryRefused(_codes.BadHistoryOperationInvalid)

    async def _update(self, details: UpdateData, by: Asker) -> UpdateResult:
        needed = _PERFORMED.get(details.perform)
        if needed is None or (details.perform == REMOVE and not details.structures):
            raise HistoryRefused(_codes.BadHistoryOperationInvalid)
        at = self._permitted(details.node, needed, by.context)
        if at.annotations != details.structures:  # structured history is that of annotations alone
            raise HistoryRefused(_codes.BadHistoryOperationUnsupported)
        if not details.values:
            raise HistoryRefused(_codes.BadNothingToDo)
        results = np.zeros(len(details.values), np.uint32)
        old = await self._replaced(at, details)
        if at.annotations:
            await self._annotate(at, details, results, by)
        else:
            await self._write(at, details, results, by)
        return UpdateResult(0, results.tolist(), old)

    async def _replaced(self, at: Place, details: UpdateData) -> Old:
        """Read what values will take the place of, where they are few enough to tell of."""
        if details.perform == UpdateKind.INSERT or len(details.values) > MOST_OLD:
            return None
        times = [given.source_time or 0 for given in details.values if not time_refusal(given)]
        return await at_times(self._historized, at, times)

    async def _annotate(self, at: Place, details: UpdateData, results: _Results, by: Asker) -> None:
        editor, modification = self._historized.editor, Modification(now(), by.user)
        others = self._may_write_for_others(details.node, by)
        places: list[int] = []
        for place, given in enumerate(details.values):
            status = time_refusal(given)
            if not status and not others and details.perform == UpdateKind.INSERT and _names_another(given, by.user):
                status = _codes.BadUserAccessDenied
            if status:
                results[place] = status
            else:
                places.append(place)
        values = [details.values[place] for place in places]
        store, kind = self._historized.store, details.perform
        done = await self._annotating.update(store, editor, at.point, kind, values, modification)
        results[places] = done.results

    def _may_write_for_others(self, key: NodeKey, by: Asker) -> bool:
        """Tell whether a session may say of an annotation that another has written it: it could change theirs, too."""
        space = self._historized.space
        use = Use(ACCESS_HISTORY_WRITE, int(Permission.MODIFY_HISTORY), _codes.BadUserAccessDenied)
        node = space.get(key)
        return node is not None and not used_refusal(space, node, by.context, use)

    async def _write(self, at: Place, details: UpdateData, results: _Results, by: Asker) -> None:
        editor, modification = self._historized.editor, Modification(now(), by.user)
        columns = await self._columns(at, details.values, results, modification.time)
        kind = UpdateKind(details.perform)
        for datatype, one in columns.items():
            is_long = len(one.places) > _AT_ONCE
            samples = await asyncio.to_thread(one.samples, datatype) if is_long else one.samples(datatype)
            results[one.places] = await editor.update(at.point, samples, kind, modification)

    async def _columns(
        self, at: Place, values: Sequence[GivenValue], results: _Results, present: int
    ) -> dict[DataType, _Columns]:
        """Sort values by their types; those that do not suit the variable get their StatusCode."""
        columns: dict[DataType, _Columns] = {}
        usual = self._historized.datatype(at.node) or DataType.VARIANT
        slices = Slices()
        for place, given in enumerate(values):
            await slices.turn()
            refused = time_refusal(given)
            if refused:
                results[place] = refused
                continue
            status = (given.status or 0) & SHOWN
            try:
                datatype, value = await self._value(at, given.variant, usual)
            except AttributeRefused as unsuited:
                results[place] = unsuited.status
                continue
            except (NotKept, DecodingError, ValueError):
                results[place] = _codes.BadTypeMismatch
                continue
            if value is None:
                status |= NO_VALUE
            one = columns.setdefault(datatype, _Columns())
            one.places.append(place)
            one.values.append(value)
            one.status.append(status)
            one.source.append(given.source_time or 0)
            one.server.append(given.server_time if given.server_time and given.server_time > 0 else present)
        return columns

    async def _value(self, at: Place, variant: bytes | None, usual: DataType) -> tuple[DataType, Any]:
        if variant is None or not variant[0]:
            return usual, None
        if at.node.variable is not None:
            variant = suited(self._historized.space, at.node.variable, variant)
        if len(variant) > _LONG and variant[0] & ARRAY:  # of many texts, which are objects each
            return await asyncio.to_thread(column_value, variant)
        return column_value(variant)

    async def _delete_raw(self, details: DeleteRaw, by: Asker) -> UpdateResult:
        at = self._permitted(details.node, _DELETING, by.context)
        start, end = details.start, details.end
        if start is None or end is None or start > end:
            raise HistoryRefused(_codes.BadInvalidTimestampArgument)
        editor = self._historized.editor
        if details.modified:
            old = None
            gone = await editor.delete_modified(at.point, start, end)
        else:
            old = await within(self._historized, at, start, end)
            gone = await editor.delete_raw(at.point, start, end, Modification(now(), by.user))
        return UpdateResult(_codes.Good if gone else _codes.BadNoData, old=old, told=f"{gone} values deleted")

    async def _delete_at(self, details: DeleteAtTime, by: Asker) -> UpdateResult:
        at = self._permitted(details.node, _DELETING, by.context)
        if not details.times:
            raise HistoryRefused(_codes.BadNothingToDo)
        editor = self._historized.editor
        old = await at_times(self._historized, at, details.times)
        times = np.array(details.times, np.int64)
        statuses = await editor.delete_at(at.point, times, Modification(now(), by.user))
        return UpdateResult(0, statuses.tolist(), old)

    async def _events(self, details: EventDetails, by: Asker) -> UpdateResult:
        given = details.given
        if isinstance(given, ReadEvents):
            raise HistoryRefused(_codes.BadHistoryOperationInvalid)
        needed = _PERFORMED.get(given.perform) if isinstance(given, UpdateEvents) else _DELETING
        if needed is None or (isinstance(given, UpdateEvents) and given.perform == REMOVE):
            raise HistoryRefused(_codes.BadHistoryOperationInvalid)
        node = self._historized.space.get(details.node)
        if node is None:
            raise HistoryRefused(refusal(details.node))
        for permission in needed:
            refused = self._historized.space.rights.refusal(node, by.context, permission)
            if refused:
                raise HistoryRefused(refused)
        if self.events is None or node.variable is not None or not node.flags & EVENT_NOTIFIER & EVENT_HISTORY_WRITE:
            raise HistoryRefused(_codes.BadHistoryOperationUnsupported)
        if isinstance(given, UpdateEvents):
            return UpdateResult(0, await self.events.update(given, by.context))
        return UpdateResult(0, await self.events.delete(given, by.context))

    def _permitted(self, key: NodeKey, needed: Sequence[int], context: SessionContext) -> Place:
        """Find a node's history, which a session needs all of the permissions ``needed`` for."""
        space = self._historized.space
        node = space.get(key)
        if node is None:
            raise HistoryRefused(refusal(key))
        for permission in needed:
            use = Use(ACCESS_HISTORY_WRITE, permission, _codes.BadHistoryOperationUnsupported)
            refused = used_refusal(space, node, context, use)
            if refused:
                raise HistoryRefused(refused)
        return self._historized.place(key)


def _names_another(given: GivenValue, user: str) -> bool:
    """Tell whether an Annotation says that another than ``user`` has written it."""
    cursor = Cursor(given.variant or b"", 1)
    try:
        if cursor.node_id() != _ANNOTATION or cursor.byte() != 1:
            return False
        return Annotation.from_bytes(cursor.bytes() or b"").user not in ("", user)
    except DecodingError:
        return False  # which is no Annotation, and refused as such
