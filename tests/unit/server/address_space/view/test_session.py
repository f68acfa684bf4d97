from __future__ import annotations

import pytest

from server.address_space.view.cursor import Snapshots
from server.address_space.view.limits import ViewLimits
from server.address_space.view.request import ViewWanted, Wanted
from server.address_space.view.view_service import ViewService
from tests.unit.server.address_space.view.graph import COMPONENT, OBJECTS, folder
from tests.unit.server.address_space.view.peer import Peer, code, rows
from tests.unit.server.address_space.view.test_browsing import VIEW, with_view

CHILDREN = Wanted(OBJECTS, reference_type=COMPONENT)
BOTH = pytest.mark.parametrize("encoded", [True, False], ids=["bytes", "objects"])


@BOTH
async def test_a_folder_comes_whole_in_pages(*, encoded: bool) -> None:  # Part 4 v1.05 5.9.3
    peer = Peer(ViewService(folder(2500)), encoded=encoded)
    pages = await peer.all_rows(CHILDREN)
    assert [len(page) for page in pages] == [1000, 1000, 500]
    assert [row.target for page in pages for row in page] == [(2, f"tag{number}") for number in range(2500)]


async def test_the_client_may_ask_for_less_than_the_server_gives_and_not_for_more() -> None:
    peer = Peer(ViewService(folder(20), ViewLimits(references_per_node=8)))
    assert [len(page) for page in await peer.all_rows(CHILDREN, 7)] == [7, 7, 6]
    assert [len(page) for page in await peer.all_rows(CHILDREN, 9)] == [8, 8, 4]


@BOTH
async def test_a_point_is_good_once_and_in_its_own_session(*, encoded: bool) -> None:  # Part 4 v1.05 7.9
    service = ViewService(folder(5))
    mine, other = Peer(service, encoded=encoded), Peer(service, encoded=encoded)
    (result,) = await mine.browse(CHILDREN, most=2)
    point = result.ContinuationPoint
    assert point is not None
    assert len(point) == 16
    for unknown in (point[:-1] + bytes((point[-1] ^ 1,)), b"", None, b"\0" * 16):
        (refused,) = await mine.browse_next(unknown)
        assert code(refused) == "BadContinuationPointInvalid"
        assert refused.References == []
    (foreign,) = await other.browse_next(point)
    assert code(foreign) == "BadContinuationPointInvalid"
    first, twice = await mine.browse_next(point, point)
    assert (code(first), code(twice)) == ("Good", "BadContinuationPointInvalid")
    assert first.ContinuationPoint not in (None, point)


@BOTH
async def test_released_points_are_gone_and_have_no_results(*, encoded: bool) -> None:  # Part 4 v1.05 5.9.3.2
    peer = Peer(ViewService(folder(5)), encoded=encoded)
    one, two = await peer.browse(CHILDREN, CHILDREN, most=2)
    assert await peer.browse_next(one.ContinuationPoint, b"unknown", release=True) == []
    assert peer.session.held == 1
    (refused,) = await peer.browse_next(one.ContinuationPoint)
    assert code(refused) == "BadContinuationPointInvalid"
    (good,) = await peer.browse_next(two.ContinuationPoint)
    assert code(good) == "Good"


async def test_operations_behind_the_last_point_are_refused() -> None:  # Part 4 v1.05 7.9
    peer = Peer(ViewService(folder(5), ViewLimits(continuation_points=2)))
    results = await peer.browse(CHILDREN, Wanted((2, "tag0")), CHILDREN, CHILDREN, Wanted((2, "tag0")), most=2)
    told = ["Good", "Good", "Good", "BadNoContinuationPoints", "BadNoContinuationPoints"]
    assert [code(one) for one in results] == told
    # Continuing never runs out of them, since each one that is given back makes room.
    following = await peer.browse_next(results[0].ContinuationPoint, results[2].ContinuationPoint)
    assert [code(one) for one in following] == ["Good", "Good"]
    assert all(one.ContinuationPoint for one in following)
    assert peer.session.held == 2
    assert peer.session.freed == 0


async def test_a_new_request_frees_points_of_earlier_ones_the_oldest_first() -> None:  # Part 4 v1.05 7.9
    peer = Peer(ViewService(folder(5), ViewLimits(continuation_points=2)))
    points = [(await peer.browse(CHILDREN, most=2))[0].ContinuationPoint for _ in range(3)]
    assert peer.session.held == 2
    assert peer.session.freed == 1
    oldest, second, third = await peer.browse_next(*points)
    assert [code(one) for one in (oldest, second, third)] == ["BadContinuationPointInvalid", "Good", "Good"]


async def test_the_end_of_a_session_releases_its_points() -> None:  # Part 4 v1.05 7.9
    service = ViewService(folder(5))
    peer = Peer(service)
    (result,) = await peer.browse(CHILDREN, most=2)
    peer.session.close()
    assert peer.session.held == 0
    (refused,) = await peer.browse_next(result.ContinuationPoint)
    assert code(refused) == "BadContinuationPointInvalid"


async def test_a_folder_that_goes_ends_what_was_being_browsed() -> None:
    space = folder(5)
    peer = Peer(ViewService(space))
    (result,) = await peer.browse(CHILDREN, most=2)
    space.remove(OBJECTS)
    (ended,) = await peer.browse_next(result.ContinuationPoint)
    assert code(ended) == "BadNodeIdUnknown"
    assert ended.ContinuationPoint is None
    assert peer.session.held == 0


async def test_a_view_that_goes_ends_what_was_being_browsed_in_it() -> None:
    space = with_view()
    peer = Peer(ViewService(space))
    (result,) = await peer.browse(Wanted(VIEW), most=1, view=ViewWanted(VIEW))
    space.remove(VIEW)
    (ended,) = await peer.browse_next(result.ContinuationPoint)
    assert code(ended) == "BadContinuationPointInvalid"


async def test_a_long_folder_may_change_between_its_pages() -> None:
    space = folder(1000)
    peer = Peer(ViewService(space))
    (result,) = await peer.browse(CHILDREN, most=300)
    told = rows(result)
    space.remove_all([(2, f"tag{number}") for number in range(0, 1000, 2)])
    while result.ContinuationPoint:
        (result,) = await peer.browse_next(result.ContinuationPoint)
        told += rows(result)
    first = [(2, f"tag{number}") for number in range(300)]
    assert [row.target for row in told] == first + [(2, f"tag{number}") for number in range(301, 1000, 2)]


def test_many_who_browse_one_long_folder_keep_it_once() -> None:
    space = folder(300)
    snapshots = Snapshots(space)
    one = snapshots.take(space[OBJECTS], forward=True)
    assert snapshots.take(space[OBJECTS], forward=True) is one
    space.changed(space[OBJECTS])
    assert snapshots.take(space[OBJECTS], forward=True) is not one
