"""HistoryRead and HistoryUpdate answered from the historian's stores."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from asyncua import ua
from asyncua.common.utils import ServiceError

from core.batch import TimeArray
from core.errors import StoreError
from historian.aggregates.kinds import AggregateKind
from historian.contract import HistoryReader
from historian.editing import EditTooLarge, UnstorableSamples
from server.address_space.operation_count import bounded
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.address_space.view.validity import refusal
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.annotations import read_refusal
from server.ua_stack.history.continuation import ContinuationPoints
from server.ua_stack.history.events import EventAccess, EventRead
from server.ua_stack.history.historized import Historized
from server.ua_stack.history.limits import ANSWER_BYTES, Room
from server.ua_stack.history.nodes import HistoryNodes
from server.ua_stack.history.pages import (
    NOTHING,
    HistoryRefused,
    PagedRead,
    ReadResult,
    UpdateResult,
)
from server.ua_stack.history.processed import ProcessedRead
from server.ua_stack.history.reading import HistoryReading
from server.ua_stack.history.requests import (
    EventDetails,
    HistoryItem,
    HistoryRead,
    ReadAnnotations,
    ReadDetails,
    ReadProcessed,
    UpdateDetails,
)
from server.ua_stack.history.unforeseen import Unforeseen
from server.ua_stack.history.updating import Asker, HistoryUpdating
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.operation_limits import (
    MAX_HISTORY_CONTINUATION_POINTS,
    MAX_NODES_PER_HISTORY_READ,
    MAX_NODES_PER_HISTORY_UPDATE,
)
from server.ua_stack.point_access import PointAccess

_log = logging.getLogger("plantspace.history")


_UNCHANGED: dict[type[StoreError], int] = {
    EditTooLarge: ua.StatusCodes.BadTooManyOperations,
    UnstorableSamples: ua.StatusCodes.BadTypeMismatch,
}
"""What a change is answered that a store will never take."""
AHEAD = 8
"""Nodes whose reads are begun together."""


class HistoryAccess:
    """Answers both services; without a store every node answers BadHistoryOperationUnsupported."""

    def __init__(self, space: AddressSpace, access: PointAccess, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without stores; :meth:`bind` and :meth:`bind_events` bring them. ``clock``: of continuation points."""
        self._space = space
        self._points = ContinuationPoints(MAX_HISTORY_CONTINUATION_POINTS, clock)
        self._historized = Historized(space, access)
        self._reading = HistoryReading(self._historized)
        self._updating = HistoryUpdating(self._historized)
        self._unforeseen = Unforeseen()
        self.nodes = HistoryNodes(space)

    def bind(
        self,
        store: HistoryReader,
        nodeids: NodeIds,
        historized: Callable[[str], bool],
        *,
        keeps: float | None = None,
    ) -> None:
        """Answer from ``store`` for the nodes (by NodeId text) that ``historized`` says have history.

        A store whose ``capabilities`` say so is edited and annotated too. ``keeps``: seconds that raw values are kept;
        None for ever. The address space says so from now on.
        """
        self._historized.bind(store, nodeids, historized)
        self.nodes.show_data(store, nodeids, keeps)

    def bind_events(self, events: EventAccess) -> None:
        """Answer for the events of notifiers from now on."""
        self._reading.events = self._updating.events = events
        self.nodes.show_events()

    def historize(self, names: Iterable[str]) -> None:
        """Let variables (NodeId texts) say of their history, which begins while clients are served, what theirs is."""
        self.nodes.historize(names)

    async def init(self) -> None:
        """Be there when asyncua's internal server comes up."""

    async def stop(self) -> None:
        """Be there when asyncua's internal server goes down; the stores have owners of their own."""

    def release_session(self, session: Hashable) -> None:
        """Forget the continuation points of a session that ends, or is another user's from now on."""
        self._points.release_session(session)

    async def read(
        self, asked: HistoryRead, session: Hashable, context: SessionContext, most: int = ANSWER_BYTES
    ) -> list[ReadResult]:
        """Answer a HistoryRead (Part 4 v1.05 5.11.3) with a session's rights; every node its own StatusCode.

        ``most``: bytes of values that the answer may have. Raises :class:`ServiceError` for no nodes at all, more than
        MaxNodesPerHistoryReadData, or no timestamps asked for.
        """
        items = bounded(asked.items, MAX_NODES_PER_HISTORY_READ)
        if asked.release:
            return [self._release(item, session) for item in items]
        if asked.timestamps is None:
            raise ServiceError(ua.StatusCodes.BadTimestampsToReturnInvalid)
        room = Room.of(len(items), most)
        times = np.array(getattr(asked.details, "times", ()), np.int64)  # once for all nodes
        results: list[ReadResult] = []
        for begin in range(0, len(items), AHEAD):
            reads = await self._begun(asked, times, range(begin, min(begin + AHEAD, len(items))), session, context)
            for place, read in enumerate(reads, begin):
                share = room.share()
                if isinstance(read, ReadResult):
                    results.append(read)
                else:
                    results.append(await self._answered(read, asked, place, session, share, room))
                await asyncio.sleep(0)  # others' turn, also where nothing was waited for
        return results

    async def update(self, asked: Sequence[UpdateDetails], by: Asker) -> list[UpdateResult]:
        """Answer a HistoryUpdate (Part 4 v1.05 5.11.5), one after the other; each its own StatusCodes.

        Raises :class:`ServiceError` for nothing to do, or more than MaxNodesPerHistoryUpdateData.
        """
        results: list[UpdateResult] = []
        for details in bounded(asked, MAX_NODES_PER_HISTORY_UPDATE):
            try:
                results.append(await self._updating.update(details, by))
            except HistoryRefused as refused:
                results.append(UpdateResult(refused.status))
            except StoreError as error:
                _log.warning("history was not changed: %s", error)
                results.append(UpdateResult(_UNCHANGED.get(type(error), ua.StatusCodes.BadResourceUnavailable)))
            except Exception as error:  # noqa: BLE001 - the other nodes' changes are done and have to be told
                results.append(UpdateResult(self._unforeseen.status("changing history", error)))
            await asyncio.sleep(0)
        return results

    def _refusal(self, asked: HistoryRead, place: int, context: SessionContext) -> int:
        """Give the StatusCode of a node whose history a session may not read, 0 where it may.

        It is asked anew with each continuation point: rights change.
        """
        key, details = asked.items[place].node, asked.details
        node = self._space.get(key)
        if node is None:
            return refusal(key)
        if isinstance(details, EventDetails):
            return self._reading.event_refusal(node, context)
        return read_refusal(self._space, node, context, notes=_tells_notes(details, place))

    def _release(self, item: HistoryItem, session: Hashable) -> ReadResult:
        if item.point and not self._points.release(session, item.point):
            return ReadResult(ua.StatusCodes.BadContinuationPointInvalid)
        return ReadResult()

    async def _begun(
        self, asked: HistoryRead, times: TimeArray, places: range, session: Hashable, context: SessionContext
    ) -> list[PagedRead | ReadResult]:
        """Begin the reads of some nodes: one is calculated while the store reads for the next."""
        begun: list[PagedRead | ReadResult] = []
        for place in places:
            status = self._refusal(asked, place, context)
            begun.append(ReadResult(status) if status else self._begin(asked, times, place, session, context))
        calculated = [at for at, read in enumerate(begun) if isinstance(read, ProcessedRead)]
        if len(calculated) > 1:
            ready = await asyncio.gather(*(self._calculated(begun[at]) for at in calculated))
            for at, read in zip(calculated, ready, strict=True):
                begun[at] = read
        return begun

    async def _calculated(self, read: PagedRead | ReadResult) -> PagedRead | ReadResult:
        try:
            return await read.calculated() if isinstance(read, ProcessedRead) else read
        except Exception as error:  # noqa: BLE001 - the other nodes are to be answered
            return self._refused(error)

    def _begin(
        self, asked: HistoryRead, times: TimeArray, place: int, session: Hashable, context: SessionContext
    ) -> PagedRead | ReadResult:
        item = asked.items[place]
        if item.point:
            read = self._points.take(session, item.point, item.node, _kind(asked.details, place))
            if isinstance(read, EventRead):  # rights change
                read = replace(read, context=context)
            return ReadResult(ua.StatusCodes.BadContinuationPointInvalid) if read is None else read
        try:
            return self._reading.begin(asked, place, times, context)
        except Exception as error:  # noqa: BLE001 - as above
            return self._refused(error)

    async def _answered(
        self, read: PagedRead, asked: HistoryRead, place: int, session: Hashable, share: int, room: Room
    ) -> ReadResult:
        timestamps = asked.timestamps or Timestamps.SOURCE
        try:
            kind = _kind(asked.details, place)
            return await self._page(read, timestamps, session, asked.items[place], kind, share, room)
        except Exception as error:  # noqa: BLE001 - as above
            return self._refused(error)

    def _refused(self, error: Exception) -> ReadResult:
        if isinstance(error, HistoryRefused):
            return ReadResult(error.status)
        if isinstance(error, StoreError):
            _log.warning("history cannot be read: %s", error)
            return ReadResult(ua.StatusCodes.BadResourceUnavailable)
        return ReadResult(self._unforeseen.status("reading history", error))

    async def _page(
        self,
        read: PagedRead,
        timestamps: Timestamps,
        session: Hashable,
        item: HistoryItem,
        kind: Hashable,
        share: int,
        room: Room,
    ) -> ReadResult:
        if not share:  # the answer is full: Part 4 v1.05 5.11.3.2 lets a continuation point say that it goes on
            point = self._points.keep(session, item.node, kind, read)
            return ReadResult(0, point, read.kind, NOTHING)
        page = await read.page(min(share, read.most), timestamps)
        room.take(page.count, len(page.body))
        point = None if page.following is None else self._points.keep(session, item.node, kind, page.following)
        return ReadResult(page.status, point, page.kind, page.body)


def _tells_notes(details: ReadDetails, place: int) -> bool:
    """Tell whether what is asked of the node at ``place`` tells of a variable's annotations."""
    if isinstance(details, ReadProcessed):
        return details.aggregates[place : place + 1] == (int(AggregateKind.ANNOTATION_COUNT),)
    return isinstance(details, ReadAnnotations)


def _kind(details: ReadDetails, place: int) -> tuple[type, bool]:
    """Give what a continuation point goes on with: details of the same kind, which need the same rights."""
    return type(details), _tells_notes(details, place)
