"""Takes raw history from another OPC UA server (Part 11 v1.05 6.5.3), page by page, and leaves out what is there."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportArgumentType=false
from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from asyncua import Client, ua

from core.errors import PlantspaceError
from core.quality import BACKFILLED, NO_VALUE, SHOWN
from core.time import from_datetime, to_datetime
from historian.contract import Delivery, HistoryStore
from historian.query import raw_pages
from historian.samples import SampleBlock
from server.history_import.form import TableForm
from server.history_import.targets import Target
from server.history_import.values import values_of

_PAGE = 10_000
_MICROSECOND = 10
"""In ticks; asyncua cuts times to it."""


class UpstreamError(PlantspaceError):
    """The server does not give what is asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A point here, and the NodeId text (``nsu=…``, ``ns=…`` or ``i=…``) of where its values stand on the server."""

    target: Target
    there: str


@dataclass(slots=True)
class Taken:
    """Samples stored, and those left out because they were there already."""

    stored: int = 0
    known: int = 0


async def take(
    client: Client,
    wanted: Sequence[Wanted],
    store: HistoryStore,
    start: int,
    end: int,
    received: int,
    report: Callable[[int, float], None],
) -> Taken:
    """Store the history of [start, end) (ticks) of a connected server; may be said again after it was ended.

    Raises :class:`UpstreamError`, :class:`~core.errors.StoreError`, and what asyncua raises where the link breaks.
    """
    namespaces: list[str] = await client.get_namespace_array()
    nodes = [_nodeid(one.there, namespaces) for one in wanted]
    origin, sequence, taken = f"import:{uuid.uuid4().hex}", 0, Taken()
    for place, (one, node) in enumerate(zip(wanted, nodes, strict=True)):
        async for values in _pages(client, node, one.there, start, end):
            block = _block(one, values, received)
            new = await _new(store, one.target.node, block)
            taken.known += len(block) - (len(new) if new is not None else 0)
            if new is not None:
                sequence += 1
                await store.append([Delivery(sequence, [new])], origin)
                taken.stored += len(new)
            part = (int(block.source_time.max()) - start) / (end - start)
            report(taken.stored + taken.known, (place + min(max(part, 0.0), 1.0)) / len(wanted))
    return taken


def _nodeid(text: str, namespaces: Sequence[str]) -> ua.NodeId:
    """Read a NodeId by the server's own namespaces."""
    uri, _, rest = text.removeprefix("nsu=").partition(";")
    try:
        if not text.startswith("nsu="):
            return ua.NodeId.from_string(text)
        return ua.NodeId.from_string(f"ns={list(namespaces).index(uri)};{rest}")
    except ValueError:
        message = f"the server has no namespace {uri} (name the node there: --node HERE::THERE)"
    except ua.UaError:
        message = f"{text} is no NodeId (write nsu=…;s=…)"
    raise UpstreamError(message)


async def _pages(client: Client, node: ua.NodeId, name: str, start: int, end: int) -> AsyncIterator[list[Any]]:
    """Give pages of DataValues that have a SourceTimestamp."""
    details = ua.ReadRawModifiedDetails()
    details.IsReadModified = False
    details.StartTime, details.EndTime = to_datetime(start), to_datetime(end + 9)  # whole microseconds
    details.NumValuesPerNode = _PAGE
    details.ReturnBounds = False
    point: bytes | None = None
    while True:
        parameters = ua.HistoryReadParameters()
        parameters.HistoryReadDetails = details
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ReleaseContinuationPoints = False
        value_id = ua.HistoryReadValueId()
        value_id.NodeId, value_id.ContinuationPoint = node, point
        parameters.NodesToRead = [value_id]
        result: Any = (await client.uaclient.history_read(parameters))[0]
        if not result.StatusCode.is_good():
            message = f"the server does not give the history of {name}: {result.StatusCode.name}"
            raise UpstreamError(message)
        found: list[Any] = getattr(result.HistoryData, "DataValues", None) or []
        values = [one for one in found if one.SourceTimestamp is not None]
        if values:
            yield values
        point = result.ContinuationPoint
        if not point:
            return


def _block(wanted: Wanted, values: Sequence[Any], received: int) -> SampleBlock:
    """Make samples of DataValues. Raises :class:`UpstreamError` for values that do not fit the point."""
    target = wanted.target
    cells = [None if one.Value is None else _plain(one.Value.Value) for one in values]
    column, absent, wrong = values_of(cells, target.datatype, TableForm())
    if wrong:
        problem, mend = next(iter(wrong.values()))
        message = f"{wanted.there} does not fit {target.node}: {problem} ({mend})"
        raise UpstreamError(message)
    shown = np.array([one.StatusCode.value for one in values], np.uint32) & np.uint32(SHOWN)
    status = shown | np.uint32(BACKFILLED) | np.where(absent, np.uint32(NO_VALUE), np.uint32(0))
    times = np.array([from_datetime(_aware(one.SourceTimestamp)) for one in values], np.int64)
    return SampleBlock(
        (target.node,),
        target.datatype,
        np.array([len(times)], np.int32),
        column,
        status.astype(np.uint32),
        times,
        np.full(len(times), received, np.int64),
    )


def _plain(value: Any) -> object:  # noqa: ANN401 - a value of any built-in type
    if isinstance(value, ua.StatusCode):
        return value.value
    return value


def _aware(moment: Any) -> Any:  # noqa: ANN401 - asyncua gives datetime where it says DateTime
    return moment if moment.tzinfo else moment.replace(tzinfo=to_datetime(0).tzinfo)


async def _new(store: HistoryStore, point: str, block: SampleBlock) -> SampleBlock | None:
    """Leave out samples whose time, as far as asyncua tells it (1 us), and value are there already; None: all are."""
    known: set[tuple[int, object]] = set()
    first, last = int(block.source_time.min()), int(block.source_time.max())
    async for page in raw_pages(store, point, first - first % _MICROSECOND, last + _MICROSECOND):
        known.update(zip((page.source_time // _MICROSECOND).tolist(), _comparable(page.values), strict=True))
    keys = zip((block.source_time // _MICROSECOND).tolist(), _comparable(block.values), strict=True)
    new = np.fromiter((key not in known for key in keys), np.bool_, len(block))
    if not new.any():
        return None
    return SampleBlock(
        block.nodes,
        block.datatype,
        np.array([int(np.count_nonzero(new))], np.int32),
        block.values[new],
        block.status[new],
        block.source_time[new],
        block.server_time[new],
    )


def _comparable(values: Any) -> list[object]:  # noqa: ANN401 - a column of any type
    """Give values as texts, so that NaN is itself and lists can be looked up."""
    return [repr(value) for value in values.tolist()]
