"""What a HistoryRead asks of one node, checked and made a read that comes in pages (Part 11 v1.05 6.5)."""

from __future__ import annotations

import numpy as np
from asyncua import ua

from core.batch import TimeArray
from historian.contract import ANNOTATION_PREFIX
from server.address_space.index_range import Bounds, IndexRangeRefused, parse_index_range
from server.address_space.keys import NodeKey
from server.address_space.node import EVENT_NOTIFIER, SpaceNode
from server.address_space.session_context import SessionContext
from server.ua_stack.history.annotations import AnnotationRead
from server.ua_stack.history.events import EventAccess, EventRead
from server.ua_stack.history.historized import Historized, Place
from server.ua_stack.history.pages import HistoryRefused, PagedRead
from server.ua_stack.history.processed import AtTimeRead, ProcessedRead, asked_of
from server.ua_stack.history.raw import ModifiedRead, RawRead, Shown, check_domain
from server.ua_stack.history.requests import (
    EventDetails,
    HistoryItem,
    HistoryRead,
    ReadAnnotations,
    ReadAtTime,
    ReadEvents,
    ReadProcessed,
    ReadRaw,
    UnknownDetails,
)
from server.users.well_known import Permission

EVENT_HISTORY_READ = 0x04
"""A bit of EventNotifier (Part 3 v1.05 8.59)."""
_codes = ua.StatusCodes
_BINARY = "Default Binary"
_NAMED = frozenset({"Default XML", "Default JSON", "UA Binary", "UA XML", "UA JSON"})


class HistoryReading:
    """Begins reads."""

    def __init__(self, historized: Historized) -> None:
        """Read the history of ``historized``; ``events`` may be set later."""
        self._historized = historized
        self.events: EventAccess | None = None

    def event_refusal(self, node: SpaceNode, context: SessionContext) -> int:
        """Give the StatusCode of a notifier whose events' history a session may not read, 0 where it may."""
        rights = self._historized.space.rights
        refused = rights.refusal(node, context, Permission.READ_HISTORY)
        if refused:
            return refused
        readable = node.variable is None and node.flags & EVENT_NOTIFIER & EVENT_HISTORY_READ
        return _codes.Good if readable else _codes.BadHistoryOperationUnsupported

    def begin(self, asked: HistoryRead, place: int, times: TimeArray, context: SessionContext) -> PagedRead:
        """Make the read of the node that stands at ``place``. Raises :class:`HistoryRefused`.

        ``times``: those of the details, if it has any.
        """
        item, details = asked.items[place], asked.details
        if isinstance(details, UnknownDetails):
            raise HistoryRefused(_codes.BadHistoryOperationInvalid)
        if isinstance(details, EventDetails):
            return self._events(item.node, details, context)
        bounds = _bounds(item)
        at = self._historized.place(item.node)
        if isinstance(details, ReadRaw):
            return self._raw(at, details, bounds)
        if isinstance(details, ReadAnnotations):
            return self._annotations(at, times)
        if at.annotations:
            raise HistoryRefused(_codes.BadHistoryOperationUnsupported)
        if isinstance(details, ReadAtTime):
            return self._at_time(at, details, times, bounds)
        if bounds is not None:
            raise HistoryRefused(_codes.BadIndexRangeInvalid, "an aggregate has no parts")
        return self._processed(at, details, place, len(asked.items))

    def _shown(self, at: Place, bounds: tuple[Bounds, ...] | None) -> Shown:
        historized = self._historized
        datatype = historized.datatype(at.node)
        objects = at.annotations or (datatype is not None and datatype.is_object)
        return Shown(historized.base(at.node), bounds, objects, at.annotations)

    def _raw(self, at: Place, details: ReadRaw, bounds: tuple[Bounds, ...] | None) -> PagedRead:
        store, shown = self._historized.store, self._shown(at, bounds)
        check_domain(details.start, details.end, details.limit)
        if details.modified:
            editor = self._historized.editor
            return ModifiedRead(editor, at.point, details.start, details.end, details.limit, shown)
        return RawRead(store, at.point, details.start, details.end, details.limit, details.bounds, shown)

    def _annotations(self, at: Place, times: TimeArray) -> PagedRead:
        if not len(times):
            raise HistoryRefused(_codes.BadInvalidArgument)
        point = at.point if at.annotations else ANNOTATION_PREFIX + at.point
        _, first = np.unique(times, return_index=True)  # each moment once, in the order asked for
        return AnnotationRead(self._historized.store, point, times[np.sort(first)])

    def _at_time(
        self, at: Place, details: ReadAtTime, times: TimeArray, bounds: tuple[Bounds, ...] | None
    ) -> PagedRead:
        if not len(times):
            raise HistoryRefused(_codes.BadInvalidArgument)
        historized = self._historized
        return AtTimeRead(
            historized.store,
            at.point,
            times,
            details.simple_bounds,
            historized.configurations.is_stepped(at.node),
            historized.configurations.of(at.node),
            historized.datatype(at.node),
            self._shown(at, bounds),
        )

    def _processed(self, at: Place, details: ReadProcessed, place: int, nodes: int) -> PagedRead:
        historized = self._historized
        stepped = historized.configurations.is_stepped(at.node)
        wanted = asked_of(details, place, nodes, historized.configurations.of(at.node), stepped=stepped)
        annotations, datatype = ANNOTATION_PREFIX + at.point, historized.datatype(at.node)
        shown = self._shown(at, None)
        return ProcessedRead(historized.store, at.point, annotations, wanted, datatype, stepped, shown)

    def _events(self, node: NodeKey, details: EventDetails, context: SessionContext) -> PagedRead:
        given = details.given
        if self.events is None or not isinstance(given, ReadEvents):
            raise HistoryRefused(_codes.BadHistoryOperationUnsupported)
        return EventRead(self.events, node, given, given.wanted, context)


def _bounds(item: HistoryItem) -> tuple[Bounds, ...] | None:
    """Read an item's IndexRange; check its DataEncoding, which only structures have (Part 4 v1.05 5.11.3.2)."""
    if item.encoding not in ("", _BINARY):
        raise HistoryRefused(
            _codes.BadDataEncodingUnsupported if item.encoding in _NAMED else _codes.BadDataEncodingInvalid
        )
    if not item.index_range:
        return None
    try:
        return parse_index_range(item.index_range)
    except IndexRangeRefused as refused:
        raise HistoryRefused(refused.status) from refused
