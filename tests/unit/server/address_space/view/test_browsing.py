from __future__ import annotations

from datetime import datetime

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, nodeid_of
from server.address_space.node import BrowseName, HeldValue, SpaceNode
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.address_space.view.limits import ViewLimits
from server.address_space.view.request import Field, ViewWanted, Wanted
from server.address_space.view.view_service import ViewService
from tests.unit.server.address_space.view.graph import (
    COMPONENT,
    HIERARCHICAL,
    OBJECTS,
    ORGANIZES,
    PROPERTY,
    VARIABLE_TYPE,
    add,
    bare_space,
    folder,
)
from tests.unit.server.address_space.view.peer import Peer, code, parameters, rows

VIEW: NodeKey = (2, "View")
BOTH = pytest.mark.parametrize("encoded", [True, False], ids=["bytes", "objects"])


def fault(error: pytest.ExceptionInfo[ServiceError]) -> str:
    return ua.StatusCode(ua.UInt32(error.value.code)).name


@BOTH
@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        (Wanted((2, "no such node")), "BadNodeIdUnknown"),
        (Wanted(0), "BadNodeIdInvalid"),
        (Wanted((2, "")), "BadNodeIdInvalid"),
        (Wanted((2, "x" * 4097)), "BadNodeIdInvalid"),
        (Wanted(OBJECTS, 3), "BadBrowseDirectionInvalid"),
        (Wanted(OBJECTS, -1), "BadBrowseDirectionInvalid"),
        (Wanted(OBJECTS, reference_type=(2, "no such type")), "BadReferenceTypeIdInvalid"),
        (Wanted(OBJECTS, reference_type=VARIABLE_TYPE), "BadReferenceTypeIdInvalid"),
    ],
)
async def test_a_node_that_cannot_be_browsed_says_why_and_the_others_are_answered(
    wanted: Wanted, status: str, *, encoded: bool
) -> None:  # Part 4 v1.05 5.9.2.4
    peer = Peer(ViewService(folder(2)), encoded=encoded)
    good, bad, also_good = await peer.browse(Wanted(OBJECTS), wanted, Wanted((2, "tag0")))
    assert (code(good), code(bad), code(also_good)) == ("Good", status, "Good")
    assert bad.References == []
    assert bad.ContinuationPoint is None


@BOTH
async def test_no_nodes_or_too_many_refuse_the_request(*, encoded: bool) -> None:  # Part 4 v1.05 7.38.2
    peer = Peer(ViewService(folder(1), ViewLimits(nodes_per_browse=2)), encoded=encoded)
    with pytest.raises(ServiceError) as nothing:
        await peer.browse()
    assert fault(nothing) == "BadNothingToDo"
    with pytest.raises(ServiceError) as too_many:
        await peer.browse(*[Wanted(OBJECTS)] * 3)
    assert fault(too_many) == "BadTooManyOperations"
    with pytest.raises(ServiceError) as nothing:
        await peer.browse_next()
    assert fault(nothing) == "BadNothingToDo"
    with pytest.raises(ServiceError) as too_many:
        await peer.browse_next(b"1", b"2", b"3")
    assert fault(too_many) == "BadTooManyOperations"


@BOTH
@pytest.mark.parametrize("fields", range(64))
async def test_only_the_fields_asked_for_are_told(fields: int, *, encoded: bool) -> None:  # Part 4 v1.05 5.9.2.2
    peer = Peer(ViewService(folder(1)), encoded=encoded)
    (result,) = await peer.browse(Wanted(OBJECTS, reference_type=COMPONENT, fields=fields))
    (told,) = result.References
    assert told.NodeId == nodeid_of((2, "tag0"))
    assert told.ReferenceTypeId == nodeid_of(COMPONENT if fields & Field.REFERENCE_TYPE else 0)
    assert told.IsForward is bool(fields & Field.IS_FORWARD)
    assert told.NodeClass == (ua.NodeClass.Variable if fields & Field.NODE_CLASS else ua.NodeClass.Unspecified)
    assert told.BrowseName.Name == ("tag0" if fields & Field.BROWSE_NAME else None)
    assert told.BrowseName.NamespaceIndex == (2 if fields & Field.BROWSE_NAME else 0)
    assert told.DisplayName.Text == ("tag0" if fields & Field.DISPLAY_NAME else None)
    assert told.TypeDefinition == nodeid_of(VARIABLE_TYPE if fields & Field.TYPE_DEFINITION else 0)


async def test_a_type_has_no_type_definition() -> None:  # Part 4 v1.05 7.30
    space = folder(1)
    space.refer(VARIABLE_TYPE, 40, 61)  # wrong in a model, and told as a reference only
    (result,) = await Peer(ViewService(space)).browse(Wanted((2, "tag0"), reference_type=40))
    assert result.References[0].TypeDefinition.is_null()


@BOTH
async def test_texts_are_told_in_the_sessions_language(*, encoded: bool) -> None:  # Part 4 v1.05 5.7.3.2
    space = bare_space()
    add(space, (2, "t"), NodeClass.OBJECT, "Tank", ("en", "Tank"), ("de", "Behälter"), ("fr-FR", "Réservoir"))
    space.refer(OBJECTS, ORGANIZES, (2, "t"))
    peer = Peer(ViewService(space), encoded=encoded)
    told: list[tuple[str | None, str | None]] = []
    for locales in ([], ["de-AT"], ["it", "fr"], ["it"], ["", "x" * 1000, "de"]):
        peer.session.context = SessionContext(tuple(locales))
        (result,) = await peer.browse(Wanted(OBJECTS, reference_type=ORGANIZES))
        told.append((result.References[0].DisplayName.Locale, result.References[0].DisplayName.Text))
    english, german = ("en", "Tank"), ("de", "Behälter")
    assert told == [english, german, ("fr-FR", "Réservoir"), english, german]


async def test_a_node_without_a_display_name_is_called_by_its_browse_name() -> None:
    space = bare_space()
    space.add(SpaceNode((2, "t"), NodeClass.OBJECT, BrowseName(2, "Tank"), ()))
    space.refer(OBJECTS, ORGANIZES, (2, "t"))
    (result,) = await Peer(ViewService(space)).browse(Wanted(OBJECTS, reference_type=ORGANIZES))
    assert result.References[0].DisplayName.Text == "Tank"


@BOTH
@pytest.mark.parametrize(("classes", "there"), [(0, True), (0xFF, False)])
async def test_a_target_elsewhere_is_told_by_its_nodeid_alone(classes: int, *, there: bool, encoded: bool) -> None:
    space = bare_space()
    space[OBJECTS].forward.append((ORGANIZES, (2, "elsewhere")))
    peer = Peer(ViewService(space), encoded=encoded)
    (result,) = await peer.browse(Wanted(OBJECTS, reference_type=HIERARCHICAL, classes=classes))
    assert [one.NodeId for one in result.References] == ([nodeid_of((2, "elsewhere"))] if there else [])
    if there:
        (told,) = result.References
        assert told.BrowseName.Name is None
        assert told.NodeClass == ua.NodeClass.Unspecified
        assert told.ReferenceTypeId == nodeid_of(ORGANIZES)


def with_view() -> AddressSpace:
    space = folder(3)
    add(space, VIEW, NodeClass.VIEW, "View")
    add(space, (2, "version"), NodeClass.VARIABLE, "ViewVersion")
    version = space[2, "version"]
    version.browse_name = BrowseName(0, "ViewVersion")
    version.value = HeldValue(b"\x07\x05\x00\x00\x00")
    space.refer(VIEW, PROPERTY, (2, "version"))
    space.refer(VIEW, ORGANIZES, (2, "tag1"))
    return space


@BOTH
async def test_in_a_view_only_its_nodes_are_seen(*, encoded: bool) -> None:  # Part 3 v1.05 5.4, Part 4 5.9.2
    peer = Peer(ViewService(with_view()), encoded=encoded)
    root, inside, outside = await peer.browse(
        Wanted(VIEW), Wanted((2, "tag1"), 2), Wanted(OBJECTS), view=ViewWanted(VIEW)
    )
    assert {row.target for row in rows(root)} == {(2, "version"), (2, "tag1")}
    assert {row.target for row in rows(inside)} == {VIEW}
    assert code(outside) == "BadNodeNotInView"


@BOTH
@pytest.mark.parametrize(
    ("view", "status"),
    [
        (ViewWanted((2, "no such view")), "BadViewIdUnknown"),
        (ViewWanted(OBJECTS), "BadViewIdUnknown"),
        (ViewWanted(VIEW, timestamp=1, version=5), "BadViewParameterMismatch"),
        (ViewWanted(VIEW, timestamp=1), "BadViewTimestampInvalid"),
        (ViewWanted(VIEW, version=4), "BadViewVersionInvalid"),
    ],
)
async def test_a_view_that_is_not_to_be_had_refuses_the_request(
    view: ViewWanted, status: str, *, encoded: bool
) -> None:  # Part 4 v1.05 5.9.2.3
    peer = Peer(ViewService(with_view()), encoded=encoded)
    with pytest.raises(ServiceError) as refused:
        await peer.browse(Wanted(OBJECTS), view=view)
    assert fault(refused) == status


async def test_the_present_version_of_a_view_may_be_named() -> None:  # Part 4 v1.05 7.45
    space = with_view()
    peer = Peer(ViewService(space))
    (result,) = await peer.browse(Wanted(VIEW), view=ViewWanted(VIEW, version=5))
    assert code(result) == "Good"
    space[2, "version"].value = b"\x07\x06\x00\x00\x00"
    (result,) = await peer.browse(Wanted(VIEW), view=ViewWanted(VIEW, version=6))
    assert code(result) == "Good"
    space[2, "version"].value = None
    with pytest.raises(ServiceError):
        await peer.browse(Wanted(VIEW), view=ViewWanted(VIEW, version=6))


async def test_without_a_view_its_time_and_version_say_nothing() -> None:
    (result,) = await Peer(ViewService(folder(1))).browse(Wanted(OBJECTS), view=ViewWanted(timestamp=1, version=1))
    assert code(result) == "Good"


async def test_what_joins_a_view_is_seen_in_it() -> None:
    space = with_view()
    peer = Peer(ViewService(space))
    (before,) = await peer.browse(Wanted(VIEW), view=ViewWanted(VIEW))
    space.refer(VIEW, ORGANIZES, (2, "tag2"))
    (after,) = await peer.browse(Wanted(VIEW), view=ViewWanted(VIEW))
    assert len(after.References) == len(before.References) + 1


async def test_a_response_never_holds_more_references_than_it_may() -> None:  # Part 4 v1.05 7.9
    limits = ViewLimits(references_per_node=8, references_per_response=10, continuation_points=3)
    peer = Peer(ViewService(folder(9), limits))
    results = await peer.browse(*[Wanted(OBJECTS, reference_type=COMPONENT)] * 5)
    assert [len(one.References) for one in results] == [8, 2, 0, 0, 0]
    assert [code(one) for one in results] == ["Good"] * 3 + ["BadNoContinuationPoints"] * 2
    points = [one.ContinuationPoint for one in results[:3]]
    following = await peer.browse_next(*points)
    assert [len(one.References) for one in following] == [1, 7, 2]


def test_the_gateway_itself_gets_everything_at_once() -> None:
    limits = ViewLimits(nodes_per_browse=1, references_per_node=2, references_per_response=2)
    service = ViewService(folder(500), limits)
    params = parameters([Wanted(OBJECTS, reference_type=COMPONENT), Wanted(OBJECTS)], 1)
    params.View.Timestamp = datetime(2026, 1, 1)  # type: ignore[assignment]  # noqa: DTZ001 - naive, as asyncua's own code makes it
    first, second = service.browse(params)
    assert (len(first.References), len(second.References)) == (500, 501)
    assert first.ContinuationPoint is None
