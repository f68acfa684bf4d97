"""The View services and who may ask for what, over a real socket (Part 4 v1.05 5.9, 5.7, 7.32, 7.38.2)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportCallIssue=false, reportUnknownMemberType=false
# pyright: reportOptionalMemberAccess=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_to_binary

from server.address_space.encoding import encode_node_id
from server.address_space.keys import numeric_key
from tests.foreign.client import foreign_client
from tests.system.patient import PatientClient
from tests.system.plant import Plant, connected, running
from tests.system.raw_requests import Response, ask, send, token_of
from tests.system.services import lay_down_services, limit, names, node, refusal, text

IDS = ua.ObjectIds
ENCODINGS = {
    "Read": IDS.ReadRequest_Encoding_DefaultBinary,
    "Write": IDS.WriteRequest_Encoding_DefaultBinary,
    "Browse": IDS.BrowseRequest_Encoding_DefaultBinary,
    "BrowseNext": IDS.BrowseNextRequest_Encoding_DefaultBinary,
    "RegisterNodes": IDS.RegisterNodesRequest_Encoding_DefaultBinary,
    "UnregisterNodes": IDS.UnregisterNodesRequest_Encoding_DefaultBinary,
    "TranslateBrowsePaths": IDS.TranslateBrowsePathsToNodeIdsRequest_Encoding_DefaultBinary,
    "Call": IDS.CallRequest_Encoding_DefaultBinary,
    "CreateSubscription": IDS.CreateSubscriptionRequest_Encoding_DefaultBinary,
}
FAULT = int(IDS.ServiceFault_Encoding_DefaultBinary)


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    async with running(lay_down_services(tmp_path, port=free_port())) as held:
        yield held


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[Client]:
    async with connected(plant) as held:
        yield held


def _wanted(where: ua.NodeId, **more: Any) -> ua.BrowseDescription:
    wanted = ua.BrowseDescription()
    wanted.NodeId = where
    wanted.BrowseDirection = ua.BrowseDirection.Forward
    wanted.ReferenceTypeId = ua.NodeId(IDS.References)
    wanted.IncludeSubtypes = True
    wanted.ResultMask = ua.BrowseResultMask.All
    for name, value in more.items():
        setattr(wanted, name, value)
    return wanted


def _browse(*wanted: ua.BrowseDescription, most: int = 0, view: ua.NodeId | None = None) -> ua.BrowseParameters:
    params = ua.BrowseParameters()
    params.NodesToBrowse = list(wanted)
    params.RequestedMaxReferencesPerNode = most
    if view is not None:
        params.View.ViewId = view
        params.View.Timestamp = ua.uatypes.win_epoch_to_datetime(0)
    return params


async def _names(client: Client, wanted: ua.BrowseDescription, view: ua.NodeId | None = None) -> set[str]:
    (result,) = await client.uaclient.browse(_browse(wanted, view=view))
    assert result.StatusCode.is_good()
    return {one.BrowseName.Name for one in result.References}


async def test_browse_follows_what_is_asked_for(plant: Plant, client: Client) -> None:
    # 5.9.2.2: browseDirection, referenceTypeId, includeSubtypes, nodeClassMask
    shelf = node(plant, "Shelf")
    children = {"Matrix", "Words", "Bytes", "Shake"}
    assert await _names(client, _wanted(shelf)) == {*children, "ShelfType"}
    hierarchical = ua.NodeId(IDS.HierarchicalReferences)
    assert await _names(client, _wanted(shelf, ReferenceTypeId=hierarchical)) == children
    assert await _names(client, _wanted(shelf, ReferenceTypeId=hierarchical, IncludeSubtypes=False)) == set()
    assert await _names(client, _wanted(shelf, ReferenceTypeId=ua.NodeId())) == {*children, "ShelfType"}
    assert await _names(client, _wanted(shelf, NodeClassMask=ua.NodeClass.Method)) == {"Shake"}
    inverse = _wanted(shelf, BrowseDirection=ua.BrowseDirection.Inverse)
    assert await _names(client, inverse) == {"Objects", "Glance"}
    both = _wanted(shelf, BrowseDirection=ua.BrowseDirection.Both)
    assert await _names(client, both) == {*children, "ShelfType", "Objects", "Glance"}
    view = node(plant, "Glance")
    assert await _names(client, both, view=view) == {*children, "Glance"}, (
        "what no path from the view leads to is not in it"
    )
    outside = _browse(_wanted(ua.NodeId(IDS.ObjectsFolder)), view=view)
    assert names(await client.uaclient.browse(outside)) == ["BadNodeNotInView"]


async def test_browse_tells_the_fields_of_the_result_mask_alone(plant: Plant, client: Client) -> None:
    # 5.9.2.2 resultMask: only these fields; NodeId always
    mask = ua.BrowseResultMask.BrowseName | ua.BrowseResultMask.TypeDefinition
    wanted = _wanted(node(plant, "Shelf"), NodeClassMask=ua.NodeClass.Variable, ResultMask=mask)
    (result,) = await client.uaclient.browse(_browse(wanted))
    told = {one.BrowseName.Name: one for one in result.References}
    assert told["Matrix"].TypeDefinition == node(plant, 2001)
    for one in told.values():
        assert (one.IsForward, one.NodeClass, one.DisplayName.Text) == (False, 0, None)
        assert one.ReferenceTypeId.is_null()
        assert not one.NodeId.is_null()


async def test_a_node_that_cannot_be_browsed_has_its_own_status(plant: Plant, client: Client) -> None:
    # 5.9.2.4
    shelf = node(plant, "Shelf")
    results = await client.uaclient.browse(
        _browse(
            _wanted(shelf),
            _wanted(node(plant, "Nothing")),
            _wanted(ua.NodeId()),
            _wanted(shelf, ReferenceTypeId=ua.NodeId(IDS.BaseObjectType)),
            _wanted(shelf, BrowseDirection=7),
            _wanted(shelf),
        )
    )
    assert names(results) == [
        "Good", "BadNodeIdUnknown", "BadNodeIdInvalid", "BadReferenceTypeIdInvalid", "BadBrowseDirectionInvalid",
        "Good",
    ]  # fmt: skip
    assert [len(one.References) for one in results] == [5, 0, 0, 0, 0, 5]
    assert await refusal(client.uaclient.browse, _browse(_wanted(shelf), view=shelf)) == "BadViewIdUnknown"


def _next(*points: bytes, release: bool = False) -> ua.BrowseNextParameters:
    params = ua.BrowseNextParameters()
    params.ContinuationPoints = list(points)
    params.ReleaseContinuationPoints = release
    return params


def _folder(plant: Plant) -> ua.BrowseDescription:
    return _wanted(ua.NodeId("sim", plant.index("urn:plantspace:test")))


async def test_browse_next_gives_the_rest_page_by_page_once(plant: Plant, client: Client) -> None:
    # 5.9.3: a continuation point is good once
    (whole,) = await client.uaclient.browse(_browse(_folder(plant)))
    (page,) = await client.uaclient.browse(_browse(_folder(plant), most=7))
    first = page.ContinuationPoint
    told = list(page.References)
    pages = 1
    while page.ContinuationPoint:
        assert len(page.References) == 7
        (page,) = await client.uaclient.browse_next(_next(page.ContinuationPoint))
        told += page.References
        pages += 1
    assert pages > 2
    assert [one.NodeId for one in told] == [one.NodeId for one in whole.References]
    assert names(await client.uaclient.browse_next(_next(first))) == ["BadContinuationPointInvalid"]


async def test_continuation_points_are_the_sessions_own_and_can_be_released(plant: Plant, client: Client) -> None:
    # 5.9.3.1, 7.9
    (page,) = await client.uaclient.browse(_browse(_folder(plant), most=7))
    async with connected(plant) as other:
        assert names(await other.uaclient.browse_next(_next(page.ContinuationPoint))) == ["BadContinuationPointInvalid"]
        released = await other.uaclient.browse_next(_next(page.ContinuationPoint, release=True))
        assert released in ([], None) or names(released) == ["BadContinuationPointInvalid"]
    (page,) = await client.uaclient.browse_next(_next(page.ContinuationPoint))
    assert page.StatusCode.is_good()
    assert not await client.uaclient.browse_next(_next(page.ContinuationPoint, release=True))
    assert names(await client.uaclient.browse_next(_next(page.ContinuationPoint))) == ["BadContinuationPointInvalid"]


async def test_a_session_has_as_many_continuation_points_as_is_advertised(plant: Plant, client: Client) -> None:
    # 5.9.2.4 Bad_NoContinuationPoints; Part 5 v1.05 6.3.2 MaxBrowseContinuationPoints
    most = await limit(client, "MaxBrowseContinuationPoints")
    results = await client.uaclient.browse(_browse(*[_folder(plant)] * (most + 2), most=2))
    assert names(results) == ["Good"] * most + ["BadNoContinuationPoints"] * 2
    async with connected(plant) as other:
        (page,) = await other.uaclient.browse(_browse(_folder(plant), most=2))
        assert page.ContinuationPoint, "another session has its own"


def _path(start: ua.NodeId, *elements: tuple[str | None, int], **more: Any) -> ua.BrowsePath:
    path = ua.BrowsePath()
    path.StartingNode = start
    for name, index in elements:
        element: Any = ua.RelativePathElement()
        element.ReferenceTypeId = ua.NodeId(IDS.HierarchicalReferences)
        element.IsInverse, element.IncludeSubtypes = False, True
        element.TargetName = ua.QualifiedName(name, index)
        for key, value in more.items():
            setattr(element, key, value)
        path.RelativePath.Elements.append(element)
    return path


async def test_browse_paths_are_followed(plant: Plant, client: Client) -> None:
    # 5.9.4
    own, objects = node(plant, "Shelf").NamespaceIndex, ua.NodeId(IDS.ObjectsFolder)
    tank = (("Tank", plant.index()), ("Level", plant.index()), ("EURange", 0))
    results = await client.uaclient.translate_browsepaths_to_nodeids(
        [
            _path(objects, ("Shelf", own), ("Matrix", own)),
            _path(objects, *tank),
            _path(node(plant, "Matrix"), ("Shelf", own), IsInverse=True),
            _path(objects, ("Shelf", 0)),
            _path(objects, ("Shelf", own), IncludeSubtypes=False),
            _path(node(plant, "Nothing"), ("Shelf", own)),
            _path(ua.NodeId(), ("Shelf", own)),
            _path(objects),
            _path(objects, (None, 0), ("Shelf", own)),
        ]
    )
    assert names(results) == [
        "Good", "Good", "Good", "BadNoMatch", "BadNoMatch", "BadNodeIdUnknown", "BadNodeIdInvalid", "BadNothingToDo",
        "BadBrowseNameInvalid",
    ]  # fmt: skip
    found = [one.Targets[0].TargetId for one in results[:3]]
    assert found == [node(plant, "Matrix"), plant.node("Level.EURange"), node(plant, "Shelf")]
    assert {one.Targets[0].RemainingPathIndex for one in results[:3]} == {0xFFFF_FFFF}


async def test_registered_nodes_are_read_by_what_was_given_for_them(plant: Plant, client: Client) -> None:
    # 5.9.5, 5.9.6
    wanted = [node(plant, "Words"), plant.node("Level"), node(plant, "Nothing")]
    given = await client.uaclient.register_nodes(wanted)
    assert len(given) == len(wanted)
    assert await client.get_node(given[0]).read_value() == ["alpha", "beta", "gamma"]
    await client.uaclient.unregister_nodes(given)
    assert await client.get_node(given[1]).read_value() == 12.5
    assert await refusal(client.uaclient.register_nodes, [ua.NodeId()]) == "BadNodeIdInvalid"


async def test_what_is_advertised_is_what_one_request_may_ask_for(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 6.3.11 OperationLimits; Part 4 v1.05 7.38.2: Bad_NothingToDo, Bad_TooManyOperations
    level, folder = plant.node("Level"), _wanted(ua.NodeId(IDS.ObjectsFolder))
    value = ua.WriteValue(NodeId=level, AttributeId=ua.AttributeIds.Value)
    value.Value = ua.DataValue(ua.Variant(1.0, ua.VariantType.Double))

    async def read(items: list[Any]) -> list[Any]:
        return await client.uaclient.read(ua.ReadParameters(NodesToRead=items))

    async def write(items: list[Any]) -> list[Any]:
        return await client.uaclient.write(ua.WriteParameters(NodesToWrite=items))

    async def browse(items: list[Any]) -> list[Any]:
        return await client.uaclient.browse(_browse(*items))

    async def browse_next(items: list[Any]) -> list[Any]:
        return await client.uaclient.browse_next(_next(*items))

    service = client.uaclient
    for name, ask_for, item in (
        ("MaxNodesPerRead", read, ua.ReadValueId(NodeId=level, AttributeId=ua.AttributeIds.Value)),
        ("MaxNodesPerWrite", write, value),
        ("MaxNodesPerBrowse", browse, folder),
        ("MaxNodesPerBrowse", browse_next, b"none"),
        ("MaxNodesPerRegisterNodes", service.register_nodes, level),
        ("MaxNodesPerTranslateBrowsePathsToNodeIds", service.translate_browsepaths_to_nodeids, _path(level, ("X", 0))),
    ):
        most = await limit(client, f"OperationLimits_{name}")
        assert len(await ask_for([item] * most)) == most, name
        assert await refusal(ask_for, [item] * (most + 1)) == "BadTooManyOperations", name
        assert await refusal(ask_for, []) == "BadNothingToDo", name


def _bodies(plant: Plant) -> dict[str, bytes]:
    """Give a sound request's parameters for each service that stays encoded, and for some of asyncua's."""
    level = plant.node("Level")
    value = ua.WriteValue(NodeId=level, AttributeId=ua.AttributeIds.Value)
    value.Value = ua.DataValue(ua.Variant(77.0, ua.VariantType.Double))
    item = ua.ReadValueId(NodeId=level, AttributeId=ua.AttributeIds.Value)
    read = ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Both, NodesToRead=[item])
    nodes = struct_to_binary(ua.RegisterNodesParameters(NodesToRegister=[level]))
    return {
        "Read": struct_to_binary(read),
        "Write": struct_to_binary(ua.WriteParameters(NodesToWrite=[value])),
        "Browse": struct_to_binary(_browse(_wanted(level))),
        "BrowseNext": struct_to_binary(_next(b"none")),
        "RegisterNodes": nodes,
        "UnregisterNodes": nodes,
        "TranslateBrowsePaths": struct_to_binary(
            ua.TranslateBrowsePathsToNodeIdsParameters(BrowsePaths=[_path(level, ("EURange", 0))])
        ),
        "Call": struct_to_binary(ua.CallParameters(MethodsToCall=[ua.CallMethodRequest(ObjectId=level)])),
        "CreateSubscription": struct_to_binary(ua.CreateSubscriptionParameters(RequestedPublishingInterval=1000.0)),
    }


async def test_a_token_of_another_session_is_refused(plant: Plant, client: Client) -> None:
    # 7.32 authenticationToken
    async with connected(plant) as other:
        for token in (token_of(other), ua.NodeId(), ua.NodeId("guessed", 0)):
            for name, body in _bodies(plant).items():
                told = await ask(client, ENCODINGS[name], body, token=token)
                assert (name, told.kind, told.status) == (name, FAULT, "BadSessionIdInvalid")
    for name, body in _bodies(plant).items():
        assert (await ask(client, ENCODINGS[name], body)).status == "Good"


async def test_nothing_is_answered_before_a_session_is_activated(plant: Plant) -> None:
    # 5.7.3.1
    stranger = PatientClient(plant.url)
    await stranger.connect_socket()
    try:
        await stranger.send_hello()
        await stranger.open_secure_channel()
        for name, body in _bodies(plant).items():
            told = await ask(stranger, ENCODINGS[name], body)
            assert told.kind == FAULT
            assert told.status in {"BadSessionIdInvalid", "BadUserAccessDenied"}, name  # the latter is asyncua's
        await stranger.create_session()
        for name, body in _bodies(plant).items():
            told = await ask(stranger, ENCODINGS[name], body)
            assert (name, told.kind, told.status) == (name, FAULT, "BadSessionNotActivated")
        await stranger.activate_session()
        assert (await ask(stranger, ENCODINGS["Read"], _bodies(plant)["Read"])).status == "Good"
    finally:
        await stranger.disconnect()


async def test_a_body_that_ends_too_early_is_a_decoding_error_and_the_connection_stays(
    plant: Plant, client: Client
) -> None:
    # Part 6 v1.05 5.2; Part 4 v1.05 7.38.2 Bad_DecodingError
    for name, body in _bodies(plant).items():
        for end in range(len(body)):
            told = await ask(client, ENCODINGS[name], body[:end])
            assert (name, end, told.kind, told.status) == (name, end, FAULT, "BadDecodingError")
    assert await client.get_node(plant.node("Level")).read_value() == 12.5, "nothing was written"


async def test_a_header_that_ends_too_early_is_a_decoding_error(client: Client) -> None:
    for name in ("Read", "TranslateBrowsePaths"):
        kind = encode_node_id(numeric_key(0, ENCODINGS[name]))
        for message in (kind[:1], kind, kind + b"\x00\x00", kind + b"\x00" * 20):
            told = await send(client, message)
            assert (message, told.kind, told.status) == (message, FAULT, "BadDecodingError")


async def test_lengths_that_no_body_has_cost_nothing(plant: Plant, client: Client) -> None:
    # A count of two thousand million items, in a request of some bytes
    many = (2**31 - 1).to_bytes(4, "little")
    empty = b"\x00" * 8 + (2).to_bytes(4, "little")
    assert (await ask(client, ENCODINGS["Read"], empty + many)).status == "BadDecodingError"
    for name in ("Write", "RegisterNodes"):
        assert (await ask(client, ENCODINGS[name], many)).status == "BadDecodingError"
    view = struct_to_binary(ua.ViewDescription()) + b"\x00" * 4
    assert (await ask(client, ENCODINGS["Browse"], view + many)).status == "BadDecodingError"
    assert await client.get_node(plant.node("Level")).read_value() == 12.5


async def test_bytes_behind_a_request_change_nothing(plant: Plant, client: Client) -> None:
    bodies = _bodies(plant)
    for name in ("Read", "Browse", "RegisterNodes"):
        told = await ask(client, ENCODINGS[name], bodies[name] + b"\x00\x01\x02")
        sound = await ask(client, ENCODINGS[name], bodies[name])
        assert told.status == sound.status == "Good"
        assert _answer(told) == _answer(sound)


def _answer(response: Response) -> bytes:
    """Give the first result, without times of the moment."""
    return response.body.data[response.body.at : response.body.at + 16]


async def test_an_unknown_service_is_refused_and_the_connection_stays(plant: Plant, client: Client) -> None:
    # 7.38.2 Bad_ServiceUnsupported
    told = await ask(client, IDS.QueryFirstRequest_Encoding_DefaultBinary, b"\x00" * 40)
    assert told.kind == FAULT
    assert told.status in {"BadServiceUnsupported", "BadNotImplemented"}
    assert await client.get_node(plant.node("Level")).read_value() == 12.5


async def test_clients_change_no_nodes(plant: Plant, client: Client) -> None:
    # 5.8: node management is the server's own
    item = ua.DeleteNodesItem(NodeId=node(plant, "Shelf"), DeleteTargetReferences=True)
    assert await refusal(client.uaclient.delete_nodes, ua.DeleteNodesParameters(NodesToDelete=[item])) == (
        "BadServiceUnsupported"
    )
    assert await client.get_node(node(plant, "Words")).read_value() == ["alpha", "beta", "gamma"]


async def test_node_opcua_browses_in_pages_and_registers(plant: Plant, tmp_path: Path) -> None:
    async with foreign_client(tmp_path) as foreign:
        await foreign.connect(plant.url)
        sim = f"ns={plant.index('urn:plantspace:test')};s=sim"
        whole = [one["node"] for one in await foreign.ask("browse", node=sim)]
        pages = await foreign.ask("pages", node=sim, most=6)
        assert [len(page) for page in pages[:-1]] == [6] * (len(pages) - 1)
        assert [one for page in pages for one in page] == whole
        given = await foreign.ask("register", nodes=[text(plant, "Words"), plant.text("Level")])
        words, level = await foreign.read(*given)
        assert (words["value"], level["value"]) == (["alpha", "beta", "gamma"], 12.5)
        await foreign.ask("close")
