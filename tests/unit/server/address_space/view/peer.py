"""A client of the encoded View services that uses asyncua's codec, in both directions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import Primitives, struct_from_binary, struct_to_binary

from server.address_space.keys import NodeKey, key_of, nodeid_of
from server.address_space.session_context import SessionContext
from server.address_space.view.request import ViewWanted, Wanted
from server.address_space.view.session import ViewSession
from server.address_space.view.view_service import ViewService
from tests.unit.server.address_space.view.graph import Row

NO_TIME = datetime(1601, 1, 1, tzinfo=UTC)


def boolean(*, value: bool) -> ua.Boolean:
    """Make what asyncua calls a Boolean: Python's."""
    return cast("ua.Boolean", value)


def description(wanted: Wanted) -> ua.BrowseDescription:
    return ua.BrowseDescription(
        nodeid_of(wanted.node),
        wanted.direction,  # type: ignore[arg-type]  # a number that is no BrowseDirection is asked for, too
        nodeid_of(wanted.reference_type),
        boolean(value=wanted.subtypes),
        ua.UInt32(wanted.classes),
        ua.UInt32(wanted.fields),
    )


def parameters(nodes: Iterable[Wanted], most: int = 0, view: ViewWanted | None = None) -> ua.BrowseParameters:
    told = view or ViewWanted()
    moment = datetime(2026, 1, 1, tzinfo=UTC) if told.timestamp else NO_TIME
    described = ua.ViewDescription(nodeid_of(told.view), moment, ua.UInt32(told.version))
    return ua.BrowseParameters(described, ua.Counter(most), [description(one) for one in nodes])


def results(body: bytes) -> list[ua.BrowseResult]:
    buffer = Buffer(body)
    count = Primitives.Int32.unpack(buffer)
    found = [struct_from_binary(ua.BrowseResult, buffer) for _ in range(count)]
    assert Primitives.Int32.unpack(buffer) == -1  # no DiagnosticInfos
    assert len(buffer) == 0
    return found


def rows(result: ua.BrowseResult) -> list[Row]:
    return [Row(key_of(one.ReferenceTypeId), one.IsForward, key_of(one.NodeId)) for one in result.References]


def code(result: ua.BrowseResult | ua.BrowsePathResult) -> str:
    return result.StatusCode.name


class Peer:
    """One session. ``encoded``: over the bytes, else over asyncua's objects."""

    def __init__(self, service: ViewService, *, encoded: bool = True) -> None:
        self.service = service
        self.session: ViewSession = ViewSession(service.limits.continuation_points, SessionContext())
        self.encoded = encoded

    async def browse(self, *nodes: Wanted, most: int = 0, view: ViewWanted | None = None) -> list[ua.BrowseResult]:
        params = parameters(nodes, most, view)
        if self.encoded:
            return results(await self.service.wire.browse(self.session, struct_to_binary(params)))
        return await self.service.browse_for(self.session, params)

    async def browse_next(self, *points: bytes | None, release: bool = False) -> list[ua.BrowseResult]:
        params = ua.BrowseNextParameters(boolean(value=release), list(points))  # type: ignore[arg-type]  # plain bytes do
        if self.encoded:
            return results(await self.service.wire.browse_next(self.session, struct_to_binary(params)))
        return await self.service.browse_next_for(self.session, params)

    async def all_rows(self, wanted: Wanted, most: int = 0, view: ViewWanted | None = None) -> list[list[Row]]:
        """Browse with BrowseNext to the end; give each answer's rows."""
        (result,) = await self.browse(wanted, most=most, view=view)
        pages = [rows(result)]
        while result.ContinuationPoint:
            assert code(result) == "Good"
            (result,) = await self.browse_next(result.ContinuationPoint)
            pages.append(rows(result))
        assert code(result) == "Good"
        return pages


def node_keys(found: ua.BrowsePathResult) -> list[NodeKey]:
    return [key_of(one.TargetId) for one in found.Targets]
