from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from itertools import chain, repeat
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey
from server.address_space.node import Link
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.address_space.view import cursor, views
from server.address_space.view.browsing import Browsing
from server.address_space.view.limits import ViewLimits
from server.address_space.view.request import BrowseRequest, Field, ViewWanted, Wanted
from server.address_space.view.session import ViewSession
from server.address_space.view.steps import at_once
from server.address_space.view.view_service import ViewService
from server.address_space.view.views import Views
from tests.unit.server.address_space.view.graph import (
    COMPONENT,
    CONNECTED,
    HIERARCHICAL,
    NON_HIERARCHICAL,
    ORGANIZES,
    PROPERTY,
    REFERENCES,
    SUBTYPE,
    TYPE_DEFINITION,
    Row,
    add,
    bare_space,
    expected,
    reachable,
)
from tests.unit.server.address_space.view.peer import Peer, code, rows

VIEW: NodeKey = (1 << 32) + 7
KEYS: list[NodeKey] = [
    1 << 32 | 1,
    1 << 32 | 70_000,
    300 << 32 | 3,
    (2, "Line1"),
    (2, "Füllstand"),
    (3, UUID("09087e75-8e5e-499b-954f-f2a9603db28a")),
    (4, b"\x00\x01"),
    VIEW,
]
CLASSES = [NodeClass.OBJECT, NodeClass.VARIABLE, NodeClass.METHOD, NodeClass.OBJECT_TYPE]
KINDS: list[NodeKey] = [ORGANIZES, COMPONENT, PROPERTY, TYPE_DEFINITION, CONNECTED, CONNECTED]
ASKED: list[NodeKey] = [0, REFERENCES, HIERARCHICAL, NON_HIERARCHICAL, SUBTYPE, *KINDS]


@pytest.fixture(autouse=True)
def _small_steps() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - pytest calls it
    """Let the few references of these graphs need as many steps as the thousands of a plant."""
    with patch.object(cursor, "CHUNK", 3), patch.object(cursor, "_SLICE", 2), patch.object(views, "_STEP", 2):
        yield


@st.composite
def graphs(draw: st.DrawFn) -> AddressSpace:
    space = bare_space()
    for number, key in enumerate(KEYS):
        node_class = NodeClass.VIEW if key == VIEW else draw(st.sampled_from(CLASSES))
        add(space, key, node_class, f"n{number}", ("en", f"Node {number}"))
    for source, kind, target in draw(st.lists(links, min_size=draw(st.sampled_from([0, 20, 40])), max_size=60)):
        space.refer(source, kind, target)
    return space


ends = st.sampled_from(KEYS) | st.sampled_from(KEYS[:2])  # some nodes have many references
links = st.tuples(ends, st.sampled_from(KINDS), ends)
wanteds = st.builds(
    Wanted,
    ends,
    st.sampled_from([0, 1, 2]),
    st.sampled_from(ASKED),
    st.booleans(),
    st.sampled_from([0, 0, 0, 1, 2, 3, 128, 255, 256]),
    st.just(Field.ALL),
)
no_fixture_state = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@no_fixture_state
@given(space=graphs(), wanted=wanteds, most=st.integers(0, 5), encoded=st.booleans(), in_view=st.booleans())
async def test_browse_says_what_part_4_says(
    space: AddressSpace, wanted: Wanted, most: int, *, encoded: bool, in_view: bool
) -> None:  # Part 4 v1.05 5.9.2.2, 5.9.3
    peer = Peer(ViewService(space), encoded=encoded)
    view = ViewWanted(VIEW) if in_view else ViewWanted()
    members = reachable(space, VIEW) if in_view else None
    if members is not None and wanted.node not in members:
        (refused,) = await peer.browse(wanted, view=view)
        assert code(refused) == "BadNodeNotInView"
        assert refused.References == []
        return
    pages = await peer.all_rows(wanted, most, view)
    assert Counter(row for page in pages for row in page) == expected(space, wanted, members)
    if most:
        assert all(len(page) == most for page in pages[:-1])
        assert len(pages[-1]) <= most
        assert pages[-1] or len(pages) == 1  # no continuation point where nothing is left
    assert peer.session.held == 0


changes = st.lists(st.tuples(st.sampled_from(["refer", "unrefer", "remove", "rename"]), links), max_size=3)


def change(space: AddressSpace, what: str, link: tuple[NodeKey, NodeKey, NodeKey]) -> None:
    source, kind, target = link
    if source not in space or target not in space:
        return
    if what == "refer":
        space.refer(source, kind, target)
    elif what == "unrefer":
        space.unrefer(source, kind, target)
    elif what == "remove":
        space.remove(target)
    else:
        space.changed(space[target])


@no_fixture_state
@given(graphs(), wanteds, st.integers(1, 4), st.lists(changes, max_size=12))
async def test_what_is_there_all_along_is_told_exactly_once_whatever_changes(
    space: AddressSpace, wanted: Wanted, most: int, rounds: list[list[tuple[str, tuple[NodeKey, NodeKey, NodeKey]]]]
) -> None:  # Part 4 v1.05 7.9
    peer = Peer(ViewService(space))
    lasting = set(expected(space, wanted))
    told: list[Row] = []
    (result,) = await peer.browse(wanted, most=most)
    told += rows(result)
    following = iter(rounds)
    while result.ContinuationPoint:
        for what, link in next(following, []):
            change(space, what, link)
            if wanted.node in space:
                lasting &= set(expected(space, wanted))
        there = set(expected(space, wanted)) if wanted.node in space else set[Row]()
        (result,) = await peer.browse_next(result.ContinuationPoint)
        assert set(rows(result)) <= there
        told += rows(result)
    if wanted.node not in space:
        assert code(result) in ("BadNodeIdUnknown", "Good")
        return
    assert code(result) == "Good"
    assert lasting <= set(told)
    assert len(told) == len(set(told))


@no_fixture_state
@given(graphs(), wanteds, st.lists(changes, max_size=20))
def test_what_is_there_all_along_is_told_once_though_it_changes_during_an_answer(
    space: AddressSpace, wanted: Wanted, rounds: list[list[tuple[str, tuple[NodeKey, NodeKey, NodeKey]]]]
) -> None:
    told: list[Row] = []

    def describe(
        wanted: Wanted, locales: tuple[str, ...], links: Sequence[Link], into: list[Row], *, forward: bool
    ) -> None:
        del locales
        rows = [Row(kind, forward, target) for kind, target in links]
        assert set(rows) <= set(expected(space, wanted))
        into += rows
        told.extend(rows)

    lasting = set(expected(space, wanted))
    steps = Browsing(space, ViewLimits()).browse(ViewSession(1, SessionContext()), BrowseRequest([wanted]), describe)
    for made in chain(rounds, repeat([])):
        try:
            next(steps)
        except StopIteration:
            break
        for what, link in made:
            change(space, what, link)
            lasting &= set(expected(space, wanted)) if wanted.node in space else set[Row]()
    assert lasting <= set(told)
    assert len(told) == len(set(told))


@no_fixture_state
@given(graphs(), st.lists(changes, max_size=20))
def test_a_view_holds_what_can_be_reached_though_it_changes_while_it_is_collected(
    space: AddressSpace, rounds: list[list[tuple[str, tuple[NodeKey, NodeKey, NodeKey]]]]
) -> None:
    known = Views(space)
    before = reachable(space, VIEW)
    steps = known.members(VIEW)
    members: Container[NodeKey] | None = None
    for made in chain(rounds, repeat([])):
        try:
            next(steps)
        except StopIteration as end:
            members = end.value
            break
        for what, link in made:
            if link[2] != VIEW:
                change(space, what, link)
    assert members is not None
    if not any(rounds):
        assert {key for key in space.nodes if key in members} == before
    members = at_once(known.members(VIEW))
    assert members is not None
    assert {key for key in space.nodes if key in members} == reachable(space, VIEW)
