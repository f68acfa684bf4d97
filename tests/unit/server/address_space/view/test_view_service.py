from __future__ import annotations

from collections.abc import Sequence

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.ua.ua_binary import Primitives, struct_from_binary, struct_to_binary

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, nodeid_of, numeric_key
from server.address_space.node import BrowseName
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.address_space.view.limits import ViewLimits
from server.address_space.view.session import ViewSession
from server.address_space.view.view_service import ViewService
from tests.unit.server.address_space.view.graph import (
    COMPONENT,
    CONNECTED,
    HIERARCHICAL,
    OBJECTS,
    ORGANIZES,
    PROPERTY,
    SUBTYPE,
    TYPE_DEFINITION,
    VARIABLE_TYPE,
    add,
    bare_space,
    folder,
)
from tests.unit.server.address_space.view.peer import boolean, code, node_keys

END = 0xFFFF_FFFF
TANK_TYPE = numeric_key(2, 1)
SMALL_TANK_TYPE = numeric_key(2, 2)
TANK: NodeKey = (2, "tank")

EVERYTHING = SessionContext()


def element(
    name: str | None, kind: NodeKey = 0, *, namespace: int = 2, inverse: bool = False, subtypes: bool = True
) -> ua.RelativePathElement:
    target = ua.QualifiedName(name, ua.UInt16(namespace))
    return ua.RelativePathElement(nodeid_of(kind), boolean(value=inverse), boolean(value=subtypes), target)


def path(start: NodeKey, *elements: ua.RelativePathElement) -> ua.BrowsePath:
    return ua.BrowsePath(nodeid_of(start), ua.RelativePath(list(elements)))


async def translate(
    space: AddressSpace, *paths: ua.BrowsePath, limits: ViewLimits | None = None
) -> list[ua.BrowsePathResult]:
    service = ViewService(space, limits)
    results = await service.translate_for(ViewSession(service.limits.continuation_points, SessionContext()), paths)
    assert [(code(one), node_keys(one)) for one in service.translate_browsepaths_to_nodeids(paths)] == [
        (code(one), node_keys(one)) for one in results
    ]
    assert await encoded(service, paths) == [struct_to_binary(one) for one in results]
    return results


async def encoded(service: ViewService, paths: Sequence[ua.BrowsePath]) -> list[bytes]:
    """Give the results of a request that stays bytes, each as asyncua's codec reads and writes it."""
    body = struct_to_binary(ua.TranslateBrowsePathsToNodeIdsParameters(list(paths)))
    data = Buffer(await service.wire.translate(ViewSession(1, EVERYTHING), body))
    found = [struct_from_binary(ua.BrowsePathResult, data) for _ in range(Primitives.Int32.unpack(data))]
    assert Primitives.Int32.unpack(data) == -1
    assert len(data) == 0
    return [struct_to_binary(one) for one in found]


def plant() -> AddressSpace:
    """Make a tank whose type declares a level; the tank has another thing of that name before it."""
    space = folder(100)
    for key, name in ((TANK_TYPE, "TankType"), (SMALL_TANK_TYPE, "SmallTankType")):
        add(space, key, NodeClass.OBJECT_TYPE, name)
    space.refer(TANK_TYPE, SUBTYPE, SMALL_TANK_TYPE)
    add(space, TANK, NodeClass.OBJECT, "Tank")
    space.refer(TANK, TYPE_DEFINITION, SMALL_TANK_TYPE)
    space.refer(OBJECTS, ORGANIZES, TANK)
    add(space, (2, "note"), NodeClass.OBJECT, "Level")
    for key, parent in (("declared", TANK_TYPE), ("level", TANK)):
        add(space, (2, key), NodeClass.VARIABLE, "Level")
        space.refer((2, key), TYPE_DEFINITION, VARIABLE_TYPE)
        if parent is TANK:
            space.refer(TANK, COMPONENT, (2, "note"))
        space.refer(parent, COMPONENT, (2, key))
    add(space, (2, "unit"), NodeClass.VARIABLE, "Unit")
    space.refer((2, "level"), PROPERTY, (2, "unit"))
    return space


async def test_a_path_is_followed_to_its_end() -> None:  # Part 4 v1.05 5.9.4
    found = path(OBJECTS, element("Tank", ORGANIZES), element("Level"), element("Unit", PROPERTY))
    (result,) = await translate(plant(), found)
    assert code(result) == "Good"
    assert node_keys(result) == [(2, "unit")]
    assert [one.RemainingPathIndex for one in result.Targets] == [END]


@pytest.mark.parametrize(
    ("one", "targets"),
    [
        (element("tag7", HIERARCHICAL), [(2, "tag7")]),
        (element("tag7", COMPONENT, subtypes=False), [(2, "tag7")]),
        (element("tag7"), [(2, "tag7")]),
        (element("tag7", subtypes=False), [(2, "tag7")]),  # 7.31: without a ReferenceType it says nothing
        (element("tag7", HIERARCHICAL, subtypes=False), []),
        (element("tag7", ORGANIZES), []),
        (element("tag7", VARIABLE_TYPE), []),
        (element("tag7", inverse=True), []),
        (element("tag7", namespace=3), []),
        (element("TAG7"), []),
    ],
)
async def test_an_element_says_which_references_are_followed(
    one: ua.RelativePathElement, targets: list[NodeKey]
) -> None:  # Part 4 v1.05 7.31
    (result,) = await translate(folder(100), path(OBJECTS, one))
    assert node_keys(result) == targets
    assert code(result) == ("Good" if targets else "BadNoMatch")


async def test_inverse_and_symmetric_references_are_followed() -> None:  # Part 4 v1.05 7.31, 5.9.2.2
    space = plant()
    space.refer((2, "tag1"), CONNECTED, (2, "tag2"))
    up, there, back, either = await translate(
        space,
        path((2, "level"), element("Tank", inverse=True), element("Objects", HIERARCHICAL, inverse=True)),
        path((2, "tag1"), element("tag2", CONNECTED)),
        path((2, "tag2"), element("tag1", CONNECTED)),
        path((2, "tag2"), element("tag1", CONNECTED, inverse=True)),
    )
    assert node_keys(up) == [OBJECTS]
    assert node_keys(there) == [(2, "tag2")]
    assert node_keys(back) == node_keys(either) == [(2, "tag1")]


async def test_what_the_type_declares_comes_first() -> None:  # Part 4 v1.05 5.9.4.1
    (result,) = await translate(plant(), path(TANK, element("Level")))
    assert node_keys(result) == [(2, "level"), (2, "note")]


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (path((2, "no such node"), element("tag0")), "BadNodeIdUnknown"),
        (path(0, element("tag0")), "BadNodeIdInvalid"),
        (path(OBJECTS), "BadNothingToDo"),
        (path(OBJECTS, element("")), "BadBrowseNameInvalid"),
        (path(OBJECTS, element(None), element("tag0")), "BadBrowseNameInvalid"),
        (path(OBJECTS, element("tag0"), element("nothing")), "BadNoMatch"),
        (path(OBJECTS, *[element("tag0")] * 65), "BadQueryTooComplex"),
    ],
)
async def test_a_path_that_leads_nowhere_says_why_and_the_others_are_followed(
    one: ua.BrowsePath, status: str
) -> None:  # Part 4 v1.05 5.9.4.4
    good, bad = await translate(folder(3), path(OBJECTS, element("tag0")), one)
    assert (code(good), code(bad)) == ("Good", status)
    assert bad.Targets == []


async def test_a_node_that_two_ways_lead_to_is_told_once_and_too_many_are_refused() -> None:
    space = bare_space()
    for number in range(40):
        add(space, (2, f"same{number}"), NodeClass.OBJECT, "Same")
        space.refer(OBJECTS, ORGANIZES, (2, f"same{number}"))
        space.refer(OBJECTS, COMPONENT, (2, f"same{number}"))
    one = path(OBJECTS, element("Same"))
    (result,) = await translate(space, one)
    assert len(result.Targets) == 40
    (result,) = await translate(space, one, limits=ViewLimits(path_matches=39))
    assert code(result) == "BadTooManyMatches"
    (result,) = await translate(space, one, limits=ViewLimits(path_references=79))
    assert code(result) == "BadQueryTooComplex"


async def test_a_path_sees_what_has_changed() -> None:
    space = folder(100)
    service = ViewService(space)
    one = [path(OBJECTS, element("tag7"))]
    assert code(service.translate_browsepaths_to_nodeids(one)[0]) == "Good"
    space[2, "tag7"].browse_name = BrowseName(2, "renamed")
    space.changed(space[2, "tag7"])
    assert code(service.translate_browsepaths_to_nodeids(one)[0]) == "BadNoMatch"
    space.remove((2, "tag8"))
    assert code(service.translate_browsepaths_to_nodeids([path(OBJECTS, element("tag8"))])[0]) == "BadNoMatch"


async def test_no_paths_or_too_many_refuse_the_request() -> None:  # Part 4 v1.05 7.38.2
    service = ViewService(folder(1), ViewLimits(paths_per_translate=1))
    for paths, status in (
        ([], ua.StatusCodes.BadNothingToDo),
        ([path(OBJECTS)] * 2, ua.StatusCodes.BadTooManyOperations),
    ):
        with pytest.raises(ServiceError) as refused:
            await service.translate_for(ViewSession(service.limits.continuation_points, SessionContext()), paths)
        assert refused.value.code == status


def test_registered_nodes_keep_their_nodeids() -> None:  # Part 4 v1.05 5.9.5, 5.9.6
    service = ViewService(folder(1))
    session = ViewSession(service.limits.continuation_points, SessionContext())
    nodes = [nodeid_of((2, "tag0")), nodeid_of((2, "no such node"))]
    assert service.register_nodes(session, nodes) == nodes
    assert session.registered == 2
    service.unregister_nodes(session, [*nodes, nodeid_of((2, "never registered"))])
    assert session.registered == 0


@pytest.mark.parametrize(
    ("nodes", "status"),
    [
        ([], "BadNothingToDo"),
        ([nodeid_of((2, "a"))] * 3, "BadTooManyOperations"),
        ([nodeid_of((2, "a")), ua.NodeId()], "BadNodeIdInvalid"),
    ],
)
def test_registering_is_refused_as_a_whole(nodes: list[ua.NodeId], status: str) -> None:  # Part 4 v1.05 5.9.5.3
    service = ViewService(folder(1), ViewLimits(nodes_per_register=2))
    session = ViewSession(service.limits.continuation_points, SessionContext())
    with pytest.raises(ServiceError) as refused:
        service.register_nodes(session, nodes)
    assert ua.StatusCode(ua.UInt32(refused.value.code)).name == status
    assert session.registered == 0


def test_what_is_enforced_is_what_is_told() -> None:  # Part 5 v1.05 6.3.11
    limits = ViewLimits(nodes_per_browse=1, paths_per_translate=2, nodes_per_register=3, continuation_points=4)
    ids, kind = ua.ObjectIds, ua.VariantType
    assert limits.advertised() == {
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse: (1, kind.UInt32),
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds: (2, kind.UInt32),
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerRegisterNodes: (3, kind.UInt32),
        ids.Server_ServerCapabilities_MaxBrowseContinuationPoints: (4, kind.UInt16),
    }


async def test_what_one_request_may_have_followed_is_bounded() -> None:
    """5.9.4.4 Bad_QueryTooComplex, Bad_TooManyMatches: a thousand paths cost no thousand times the dearest one."""
    space = folder(400)
    for number in range(400):
        space[2, f"tag{number}"].browse_name = BrowseName(2, "Same")
    one = path(OBJECTS, element("Same"))
    limits = ViewLimits(references_per_response=1000, request_references=1_000_000)
    told = [
        code(each) for each in await ViewService(space, limits).translate_for(ViewSession(1, EVERYTHING), [one] * 4)
    ]
    assert told == ["Good", "Good", "BadTooManyMatches", "BadTooManyMatches"]
    limits = ViewLimits(request_references=1000)
    service = ViewService(space, limits)
    told = [code(each) for each in await service.translate_for(ViewSession(1, EVERYTHING), [one] * 4)]
    assert told == ["Good", "Good", "BadQueryTooComplex", "BadQueryTooComplex"]
    assert code((await service.translate_for(ViewSession(1, EVERYTHING), [one]))[0]) == "Good", (
        "each request has its own"
    )


async def test_a_path_that_is_too_long_is_refused_by_itself() -> None:
    """5.9.4.4: an operation's own StatusCode, however many elements the request has."""
    longest = ViewLimits().path_elements
    endless = path(OBJECTS, *[element("tag0")] * (longest + 50))
    first, second, third = await translate(
        folder(3), path(OBJECTS, element("tag0")), endless, path(OBJECTS, element("tag1"))
    )
    assert [code(one) for one in (first, second, third)] == ["Good", "BadQueryTooComplex", "Good"]


@pytest.mark.parametrize("count", [0, 1001, 2**31 - 1])
async def test_paths_and_nodes_are_counted_before_they_are_read(count: int) -> None:
    """7.38.2 Bad_NothingToDo, Bad_TooManyOperations."""
    wire, session = ViewService(folder(3)).wire, ViewSession(1, EVERYTHING)
    body = count.to_bytes(4, "little") + b"\xff" * min(count * 6, 60_000)
    refused: list[int] = []
    with pytest.raises(ServiceError) as raised:
        await wire.translate(session, body)
    refused.append(raised.value.code)
    for ask in (wire.register, wire.unregister):
        with pytest.raises(ServiceError) as raised:
            ask(session, body)
        refused.append(raised.value.code)
    expected = {0: ua.StatusCodes.BadNothingToDo, 1001: ua.StatusCodes.BadTooManyOperations}
    assert refused == [expected.get(count, ua.StatusCodes.BadDecodingError)] * 3


def test_nodes_are_registered_from_bytes_to_bytes() -> None:
    """5.9.5.2 registeredNodeIds, 5.9.6."""
    wire, session = ViewService(folder(3)).wire, ViewSession(1, EVERYTHING)
    body = struct_to_binary(ua.RegisterNodesParameters([ua.NodeId("tag1", 2), ua.NodeId("nothing", 7)]))  # type: ignore[arg-type]  # plain texts do
    assert wire.register(session, body) == body
    assert session.registered == 2
    assert wire.unregister(session, body) == b""
    assert session.registered == 0
    with pytest.raises(ServiceError) as raised:
        wire.register(session, b"\x01\x00\x00\x00\x00\x00")
    assert raised.value.code == ua.StatusCodes.BadNodeIdInvalid
