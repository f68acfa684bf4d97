"""HistoryRead answered from the historian's store, Part 11 v1.05 6.5 (seam: ``InternalServer.history_manager``)."""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace

from core.errors import StoreError
from core.time import from_datetime
from historian.contract import Cursor, HistoryReader, InvalidTimeDomain, RawPage
from server.subscriptions.encoding import Timestamps, encode_columns, encode_objects
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.values import encode_variant

_log = logging.getLogger("plantspace.history")
PAGE_VALUES = 10_000
"""Values in one answer; more come with a continuation point."""
CONTINUATION_POINTS = 100
"""Continuation points that a session may hold."""
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


class HistoryAccess:
    """Answers HistoryRead; without a store every node answers BadHistoryOperationUnsupported."""

    def __init__(self, aspace: AddressSpace) -> None:
        """Begin without a store; :meth:`bind` brings it."""
        self._aspace = aspace
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
        """Answer a HistoryRead; every node its own StatusCode."""
        if params.ReleaseContinuationPoints:
            return [self._release(item, session_id) for item in params.NodesToRead]
        timestamps = _TIMESTAMPS.get(params.TimestampsToReturn)
        if timestamps is None:
            return [_refused(ua.StatusCodes.BadTimestampsToReturnInvalid) for _ in params.NodesToRead]
        details: Any = params.HistoryReadDetails  # any ExtensionObject that the client sent
        return [await self._read_one(details, item, session_id, timestamps) for item in params.NodesToRead]

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
        self, details: Any, item: ua.HistoryReadValueId, session_id: ua.NodeId, timestamps: Timestamps
    ) -> ua.HistoryReadResult:
        if self._store is None or self._nodeids is None:
            return _refused(ua.StatusCodes.BadHistoryOperationUnsupported)
        if item.NodeId not in self._aspace:
            return _refused(ua.StatusCodes.BadNodeIdUnknown)
        if item.IndexRange:
            return _refused(ua.StatusCodes.BadIndexRangeInvalid)
        if item.ContinuationPoint:
            pending = self._pending.get(session_id, OrderedDict()).pop(bytes(item.ContinuationPoint), None)
            if pending is None or pending.point != self._nodeids.to_text(item.NodeId):
                return _refused(ua.StatusCodes.BadContinuationPointInvalid)
            return await self._page(self._store, pending, session_id, timestamps)
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
        return await self._page(self._store, asked, session_id, timestamps)

    async def _page(
        self, store: HistoryReader, asked: _Pending, session_id: ua.NodeId, timestamps: Timestamps
    ) -> ua.HistoryReadResult:
        limit = min(asked.left, PAGE_VALUES) if asked.left else PAGE_VALUES
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
            token = self._keep(session_id, following)
            if token is None:
                return _refused(ua.StatusCodes.BadNoContinuationPoints)
            result.ContinuationPoint = ua.ByteString(token)
        if not len(page):
            result.StatusCode = ua.StatusCode(ua.UInt32(ua.StatusCodes.GoodNoData))
        result.HistoryData = ua.ExtensionObject(TypeId=_HISTORY_DATA, Body=ua.ByteString(_encode(page, timestamps)))
        return result

    def _keep(self, session_id: ua.NodeId, pending: _Pending) -> bytes | None:
        held = self._pending.setdefault(session_id, OrderedDict())
        if len(held) >= CONTINUATION_POINTS:
            return None
        token = secrets.token_bytes(16)
        held[token] = pending
        return token


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


def _encode(page: RawPage, timestamps: Timestamps) -> bytes:
    """Write a HistoryData body: an array of DataValues."""
    columns = (None, page.values, page.status, page.source_time, page.server_time)
    if page.datatype.is_object:
        body = encode_objects(page.datatype, *columns, timestamps, encode_variant)
    else:
        body = encode_columns(page.datatype, *columns, timestamps)
    return len(page).to_bytes(4, "little") + body
