from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from server.address_space.keys import NodeKey, numeric_key
from server.address_space.session_context import SessionContext
from server.address_space.view.request import ViewWanted, Wanted
from server.address_space.view.session import ViewSession
from server.address_space.view.steps import at_once
from server.address_space.view.view_service import ViewService
from server.address_space.view.wire import decode_browse, decode_browse_next
from tests.loop_monitor import LoopMonitor, held_each_time
from tests.unit.server.address_space.view.graph import COMPONENT, OBJECTS, folder
from tests.unit.server.address_space.view.peer import Peer, boolean, parameters, results

MOST = 100
uuids = st.uuids()
keys = st.one_of(
    st.builds(numeric_key, st.integers(0, 65535), st.integers(0, 2**32 - 1)),
    st.tuples(st.integers(0, 65535), st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | uuids),
    st.tuples(st.integers(0, 65535), st.binary(max_size=20)),
)
wanteds = st.builds(
    Wanted,
    keys,
    st.integers(-(2**31), 2**31 - 1),
    keys,
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
view_wanteds = st.builds(ViewWanted, keys, st.just(0), st.integers(0, 2**32 - 1))
requests = st.builds(parameters, st.lists(wanteds, max_size=5), st.integers(0, 2**32 - 1), view_wanteds).map(
    struct_to_binary
)


@given(st.lists(wanteds, min_size=1, max_size=5), keys, st.integers(0, 2**32 - 1))
def test_a_request_is_read_as_a_foreign_codec_wrote_it(
    nodes: list[Wanted], view: NodeKey, most: int
) -> None:  # Part 6 v1.05 5.2
    body = struct_to_binary(parameters(nodes, most, ViewWanted(view, version=7)))
    request = at_once(decode_browse(body, MOST))
    assert list(request.nodes) == nodes
    assert request.view == ViewWanted(view, version=7)
    assert request.most == most


@given(release=st.booleans(), points=st.lists(st.none() | st.binary(max_size=40), min_size=1, max_size=5))
def test_points_are_read_as_a_foreign_codec_wrote_them(*, release: bool, points: list[bytes | None]) -> None:
    params = ua.BrowseNextParameters(boolean(value=release), list(points))  # type: ignore[arg-type]  # plain bytes do
    assert decode_browse_next(struct_to_binary(params), MOST) == (release, points)


def code_of(error: ServiceError) -> str:
    return ua.StatusCode(ua.UInt32(error.code)).name


REFUSED = {"BadDecodingError", "BadNothingToDo", "BadTooManyOperations", "BadViewIdUnknown"}


async def outcome(answer: Awaitable[bytes]) -> str:
    try:
        results(await answer)
    except ServiceError as refused:
        return code_of(refused)
    return "Good"


@settings(deadline=None)
@given(st.binary(max_size=200) | requests, st.data())
async def test_hostile_bytes_are_refused_and_nothing_else(body: bytes, data: st.DataObject) -> None:
    mutated = bytearray(body)
    for _ in range(data.draw(st.integers(0, 3))):
        if mutated:
            mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(mutated[: data.draw(st.integers(0, len(mutated)))])
    service = ViewService(folder(3))
    session = ViewSession(service.limits.continuation_points, SessionContext())
    for answer in (service.wire.browse, service.wire.browse_next):
        assert await outcome(answer(session, cut)) in REFUSED | {"Good"}


@pytest.mark.parametrize("count", [-2, MOST + 1, 2**31 - 1])
def test_a_count_is_judged_before_anything_is_made_of_it(count: int) -> None:
    body = struct_to_binary(parameters([Wanted(OBJECTS)]))
    counted = body[:-19] + count.to_bytes(4, "little", signed=True) + body[-15:]
    with pytest.raises(ServiceError) as refused:
        at_once(decode_browse(counted, MOST))
    assert code_of(refused.value) in REFUSED
    points = b"\0" + count.to_bytes(4, "little", signed=True)
    with pytest.raises(ServiceError) as refused:
        decode_browse_next(points, MOST)
    assert code_of(refused.value) in REFUSED


async def test_bytes_and_objects_say_the_same() -> None:
    service = ViewService(folder(300))
    encoded, objects = Peer(service), Peer(service, encoded=False)
    for most in (0, 7):
        (one,) = await encoded.browse(Wanted(OBJECTS, 2), most=most)
        (other,) = await objects.browse(Wanted(OBJECTS, 2), most=most)
        # asyncua's ExpandedNodeId reads back as a NodeId where it names no other server.
        written = [struct_to_binary(told) for told in other.References]
        assert [struct_to_binary(told) for told in one.References] == written


async def test_others_have_their_turn_while_a_thousand_nodes_are_browsed() -> None:
    peer = Peer(ViewService(folder(2000)))
    body = struct_to_binary(parameters([Wanted(OBJECTS, reference_type=COMPONENT), *[Wanted((2, "tag0"), 2)] * 999]))
    gc.collect()
    gc.freeze()
    gc.disable()  # what is measured is the service's own work
    try:
        held = await held_each_time(
            lambda: asyncio.create_task(peer.service.wire.browse(peer.session, body)), LoopMonitor.of_the_cpu
        )
    finally:
        gc.enable()
    assert held == []
