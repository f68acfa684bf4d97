"""HistoryRead answered from the historian's store, Part 11 v1.05 6.5 (seam: ``InternalServer.history_manager``)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from core.errors import StoreError
from core.time import from_datetime
from historian.contract import Cursor, HistoryReader, InvalidTimeDomain, RawPage
from server.address_space.keys import key_of
from server.address_space.operation_count import bounded
from server.address_space.space import AddressSpace
from server.subscriptions.encoding import Timestamps, encode_columns, encode_objects
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.operation_limits import MAX_HISTORY_CONTINUATION_POINTS, MAX_NODES_PER_HISTORY_READ
from server.ua_stack.point_access import PointAccess
from server.ua_stack.values import encode_variant

_log = logging.getLogger("plantspace.history")
ANSWER_VALUES = 10_000
"""Values in one answer, of all its nodes together; more come with continuation points."""
ANSWER_BYTES = 1024 * 1024
"""Bytes of values in one answer, but for the page that goes over it; nodes after it get a continuation point alone."""
OBJECT_VALUES = 500
"""Strings, arrays and structures of one node in one answer: each takes as long as fifty numbers."""
_QUICK = 200
"""Numbers that are encoded on the event loop; more of them, and objects, are encoded in a thread."""
_HISTORY_DATA = ua.NodeId(ua.Int32(ua.ObjectIds.HistoryData_Encoding_DefaultBinary))
_TIMESTAMPS = {
    ua.TimestampsToReturn.Source: Timestamps.SOURCE,
    ua.TimestampsToReturn.Server: Timestamps.SERVER,
    ua.TimestampsToReturn.Both: Timestamps.BOTH,
}
_EARLIEST = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A read that has more to give."""

    point: str
    start: int | None
    end: int | None
    left: int
    """Values still wanted; 0 = all."""
    bounds: bool
    cursor: Cursor


@dataclass(slots=True)
class _Room:
    """What one answer may still hold, shared evenly by the nodes that are still to come."""

    nodes: int
    values: int = ANSWER_VALUES
    bytes: int = ANSWER_BYTES

    def share(self) -> int:
        """Give how many values the next node may have; what one leaves is there for those after it."""
        share = self.values // max(self.nodes, 1)
        self.nodes -= 1
        return max(share, 1) if self.bytes > 0 else 0

    def take(self, values: int, size: int) -> None:
        """Count what a node got."""
        self.values -= values
        self.bytes -= size


class HistoryAccess:
    """Answers HistoryRead; without a store every node answers BadHistoryOperationUnsupported."""

    def __init__(self, space: AddressSpace, access: PointAccess) -> None:
        """Begin without a store; :meth:`bind` brings it. ``access`` knows the points' types."""
        self._space = space
        self._access = access
        self._store: HistoryReader | None = None
        self._nodeids: NodeIds | None = None
        self._historized: Callable[[str], bool] = _never
        self._pending: dict[ua.NodeId, OrderedDict[bytes, _Pending]] = {}

    def bind(self, store: HistoryReader, nodeids: NodeIds, historized: Callable[[str], bool]) -> None:
        """Answer from ``store`` for the nodes (by NodeId text) that ``historized`` says have history."""
        self._store = store
        self._nodeids = nodeids
        self._historized = historized

    async def init(self) -> None:
        """Be there when asyncua's internal server comes up."""

    async def stop(self) -> None:
        """Be there when asyncua's internal server goes down; the store has an owner of its own."""

    def release_session(self, session_id: ua.NodeId) -> None:
        """Forget the continuation points of a session that ends."""
        self._pending.pop(session_id, None)

    async def read(self, params: ua.HistoryReadParameters, session_id: ua.NodeId) -> list[ua.HistoryReadResult]:
        """Answer a HistoryRead (Part 4 v1.05 5.11.3); every node its own StatusCode.

        Raises :class:`ServiceError` for no nodes at all, or more than MaxNodesPerHistoryReadData.
        """
        nodes = bounded(params.NodesToRead, MAX_NODES_PER_HISTORY_READ)
        if params.ReleaseContinuationPoints:
            return [self._release(item, session_id) for item in nodes]
        timestamps = _TIMESTAMPS.get(params.TimestampsToReturn)
        if timestamps is None:
            return [_refused(ua.StatusCodes.BadTimestampsToReturnInvalid) for _ in nodes]
        details: Any = params.HistoryReadDetails  # any ExtensionObject that the client sent
        room = _Room(len(nodes))
        results: list[ua.HistoryReadResult] = []
        for item in nodes:
            results.append(await self._read_one(details, item, session_id, timestamps, room))
            await asyncio.sleep(0)  # others' turn, also where nothing was waited for
        return results

    def update_history(self, params: ua.HistoryUpdateParameters) -> list[ua.HistoryUpdateResult]:
        """Refuse: history cannot be changed."""
        refused = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadHistoryOperationUnsupported))
        return [ua.HistoryUpdateResult(StatusCode=refused) for _ in params.HistoryUpdateDetails]

    def _release(self, item: ua.HistoryReadValueId, session_id: ua.NodeId) -> ua.HistoryReadResult:
        held = self._pending.get(session_id, OrderedDict())
        if item.ContinuationPoint and held.pop(bytes(item.ContinuationPoint), None) is None:
            return _refused(ua.StatusCodes.BadContinuationPointInvalid)
        return ua.HistoryReadResult()

    async def _read_one(
        self,
        details: Any,
        item: ua.HistoryReadValueId,
        session_id: ua.NodeId,
        timestamps: Timestamps,
        room: _Room,
    ) -> ua.HistoryReadResult:
        share = room.share()
        if self._is_object(item.NodeId):
            share = min(share, OBJECT_VALUES)
        if self._store is None or self._nodeids is None:
            return _refused(ua.StatusCodes.BadHistoryOperationUnsupported)
        if key_of(item.NodeId) not in self._space:
            return _refused(ua.StatusCodes.BadNodeIdUnknown)
        if item.IndexRange:
            return _refused(ua.StatusCodes.BadIndexRangeInvalid)
        if item.ContinuationPoint:
            pending = self._pending.get(session_id, OrderedDict()).pop(bytes(item.ContinuationPoint), None)
            if pending is None or pending.point != self._nodeids.to_text(item.NodeId):
                return _refused(ua.StatusCodes.BadContinuationPointInvalid)
            return await self._page(self._store, pending, session_id, timestamps, share, room)
        if not isinstance(details, ua.ReadRawModifiedDetails) or details.IsReadModified:
            return _refused(ua.StatusCodes.BadHistoryOperationUnsupported)
        point = self._nodeids.to_text(item.NodeId)
        if not self._historized(point):
            return _refused(ua.StatusCodes.BadHistoryOperationUnsupported)
        asked = _Pending(
            point,
            _ticks(details.StartTime),
            _ticks(details.EndTime),
            int(details.NumValuesPerNode),
            bool(details.ReturnBounds),
            _BEGINNING,
        )
        if (asked.start is None) + (asked.end is None) + (asked.left == 0) > 1:
            # Part 11 v1.05 6.5.3.2: two of the three at least. The store is always asked for a page, so it cannot tell.
            return _refused(ua.StatusCodes.BadInvalidTimestampArgument)
        return await self._page(self._store, asked, session_id, timestamps, share, room)

    async def _page(
        self,
        store: HistoryReader,
        asked: _Pending,
        session_id: ua.NodeId,
        timestamps: Timestamps,
        share: int,
        room: _Room,
    ) -> ua.HistoryReadResult:
        if not share:  # the answer is full: Part 4 v1.05 5.11.3.2 lets a continuation point say that it goes on
            result = ua.HistoryReadResult()
            result.ContinuationPoint = ua.ByteString(self._keep(session_id, asked))
            result.HistoryData = _history_data(_NOTHING)
            return result
        limit = min(asked.left, share) if asked.left else share
        cursor = None if asked.cursor is _BEGINNING else asked.cursor
        try:
            page = await store.read_raw(asked.point, asked.start, asked.end, limit, bounds=asked.bounds, cursor=cursor)
        except InvalidTimeDomain:
            return _refused(ua.StatusCodes.BadInvalidTimestampArgument)
        except StoreError as error:
            _log.warning("history of %s: %s", asked.point, error)
            return _refused(ua.StatusCodes.BadResourceUnavailable)
        result = ua.HistoryReadResult()
        left = asked.left - len(page) if asked.left else 0
        # Part 11 v1.05 6.5.3.2: with NumValuesPerNode reached and more to give, the continuation point says so too.
        if page.cursor is not None:
            following = _Pending(asked.point, asked.start, asked.end, left or asked.left, asked.bounds, page.cursor)
            result.ContinuationPoint = ua.ByteString(self._keep(session_id, following))
        if not len(page) and page.cursor is None:
            result.StatusCode = ua.StatusCode(ua.UInt32(ua.StatusCodes.GoodNoData))
        if len(page) <= _QUICK and not page.datatype.is_object:
            body = _encode(page, timestamps)
        else:
            body = await asyncio.to_thread(_encode, page, timestamps)
        room.take(len(page), len(body))
        result.HistoryData = _history_data(body)
        return result

    def _keep(self, session_id: ua.NodeId, pending: _Pending) -> bytes:
        """Give a continuation point; the session's oldest ones make room (Part 4 v1.05 7.9).

        One request has no more nodes than a session may have points, so it never loses its own.
        """
        held = self._pending.setdefault(session_id, OrderedDict())
        while len(held) >= MAX_HISTORY_CONTINUATION_POINTS:
            held.popitem(last=False)
        token = secrets.token_bytes(16)
        held[token] = pending
        return token

    def _is_object(self, nodeid: ua.NodeId) -> bool:
        datatype = self._access.datatype_of(nodeid)
        return datatype is not None and datatype.is_object


_NOTHING = bytes(4)
"""A HistoryData body without DataValues."""
_BEGINNING = Cursor(0, -1)


def _never(_point: str) -> bool:
    return False


def _refused(code: int) -> ua.HistoryReadResult:
    return ua.HistoryReadResult(StatusCode=ua.StatusCode(ua.UInt32(code)))


def _ticks(moment: datetime | None) -> int | None:
    """Give DateTime ticks; DateTime.MinValue means not given (Part 11 v1.05 6.5.3.1)."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None if aware <= _EARLIEST else from_datetime(aware)


def _history_data(body: bytes) -> ua.ExtensionObject:
    return ua.ExtensionObject(TypeId=_HISTORY_DATA, Body=ua.ByteString(body))


def _encode(page: RawPage, timestamps: Timestamps) -> bytes:
    """Write a HistoryData body: an array of DataValues."""
    columns = (None, page.values, page.status, page.source_time, page.server_time)
    if page.datatype.is_object:
        body = encode_objects(page.datatype, *columns, timestamps, encode_variant)
    else:
        body = encode_columns(page.datatype, *columns, timestamps)
    return len(page).to_bytes(4, "little") + body
