"""asyncua's own set-up code on our address space: what an upgrade breaks is told here by name."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.event_generator import EventGenerator
from asyncua.server.internal_server import InternalServer

from core.time import now
from nodesets.nodes import NodeClass
from server.address_space.asyncua_seam import UaAddressSpace
from server.address_space.asyncua_services import UaAttributeService, UaNodeManagement, context_of
from server.address_space.attributes import Attributes
from server.address_space.node import Flag, HeldValue
from server.address_space.node_management import NodeManagement
from server.address_space.space import AddressSpace
from server.address_space.writing import Writing
from server.users.well_known import WELL_KNOWN
from tests.unit.server.address_space.plant import FOLDER, ORGANIZES, key, node, standard_space, variable
from tests.waiting import until


class Viewing:
    """As much of a view service as the Node API needs."""

    def __init__(self, aspace: UaAddressSpace) -> None:
        self._aspace = aspace

    def browse(self, parameters: ua.BrowseParameters) -> list[ua.BrowseResult]:
        return [self._one(wanted) for wanted in parameters.NodesToBrowse]

    def _one(self, wanted: ua.BrowseDescription) -> ua.BrowseResult:
        result = ua.BrowseResult()
        space = self._aspace._space
        for reference in self._aspace[wanted.NodeId].references:
            kinds = space.subtypes(wanted.ReferenceTypeId.Identifier)
            if reference.IsForward == (wanted.BrowseDirection == ua.BrowseDirection.Forward) and (
                reference.ReferenceTypeId.Identifier in kinds
            ):
                result.References.append(reference)
        return result


class OwnServer(InternalServer):
    def __init__(self, space: AddressSpace) -> None:
        super().__init__()
        self.method_service.stop()
        attributes = Attributes(space)
        writing = Writing(attributes, 1000)
        replaced: Any = self
        replaced.aspace = replaced.isession.aspace = UaAddressSpace(attributes, writing)
        replaced.attribute_service = UaAttributeService(attributes, writing)
        replaced.node_mgt_service = UaNodeManagement(NodeManagement(space, 1000))
        replaced.view_service = Viewing(replaced.aspace)

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        """The nodes are there already."""


@pytest.fixture(scope="module")
def loaded() -> AddressSpace:
    return standard_space()


@pytest.fixture
async def server(loaded: AddressSpace) -> Any:
    internal = OwnServer(loaded)
    served = Server(iserver=internal)
    await served.init()
    yield served
    before = [one for one in loaded.nodes if not (isinstance(one, int) and one < 2**32)]
    loaded.remove_all(before)
    await internal.stop()


async def test_the_servers_own_set_up(server: Server, loaded: AddressSpace) -> None:
    await server.set_application_uri("urn:plantspace:test")
    assert await server.register_namespace("http://example.org/UA/") == 2
    assert await server.get_namespace_array() == [
        "http://opcfoundation.org/UA/",
        "urn:plantspace:test",
        "http://example.org/UA/",
    ]
    built = datetime(2026, 1, 1, tzinfo=UTC)
    await server.set_build_info("urn:p", "Plantspace", "P", "1.0", "2", built)
    status = await server.get_node(ua.ObjectIds.Server_ServerStatus).read_value()
    assert status.BuildInfo.ProductUri == "urn:p"
    assert await server.get_node(ua.ObjectIds.Server_ServerStatus_BuildInfo_BuildDate).read_value() == built
    assert loaded[2256].value is not None


async def test_the_clock_goes(server: Server, loaded: AddressSpace) -> None:
    internal = server.iserver
    begun = now()
    await internal.start()
    try:
        before = datetime.now(UTC)
        status = await server.get_node(ua.ObjectIds.Server_ServerStatus).read_value()
        assert status.State is ua.ServerState.Running
        shown = server.get_node(ua.ObjectIds.Server_ServerStatus_CurrentTime)

        def is_shown() -> bool:
            value = loaded[2258].value
            return isinstance(value, HeldValue) and value.source_time >= begun

        await until(is_shown, seconds=30)
        assert abs((await shown.read_value()) - before).total_seconds() < 60
    finally:
        clock = internal.time_task
        assert clock is not None
        internal.time_task = None
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)


async def test_nodes_are_made_and_changed_through_the_node_api(server: Server, loaded: AddressSpace) -> None:
    folder = await server.nodes.objects.add_folder(ua.NodeId("f", 2), "2:f")
    made = await folder.add_variable(ua.NodeId("v", 2), "2:v", 5, ua.VariantType.Int32)
    await made.write_value(7, ua.VariantType.Int32)
    assert await made.read_value() == 7
    await made.set_writable()
    assert await made.read_attribute(ua.AttributeIds.AccessLevel)
    held = loaded[key("v")].variable
    assert held is not None
    assert held.access_level & 2
    assert (await made.read_display_name()).Text == "v"
    assert (await made.read_browse_name()).Name == "v"
    assert await made.read_node_class() is ua.NodeClass.Variable
    assert (await made.read_data_type()).Identifier == 6
    assert await folder.get_children() == [made]
    kind = await server.nodes.base_object_type.add_object_type(ua.NodeId("t", 2), "2:t")
    assert loaded.supertypes(key("t"))[0] == 58
    await kind.add_property(ua.NodeId("p", 2), "2:p", "x")
    await made.add_reference(folder, ua.ObjectIds.Organizes, forward=False)
    assert (35, key("v")) in loaded[key("f")].forward
    await made.delete()
    assert key("v") not in loaded


async def test_methods_are_found_and_called(server: Server, loaded: AddressSpace) -> None:
    def call(_parent: ua.NodeId, number: ua.Variant) -> list[ua.Variant]:
        return [ua.Variant(number.Value + 1, ua.VariantType.Int64)]

    method = await server.nodes.objects.add_method(
        ua.NodeId("m", 2), "2:m", call, [ua.VariantType.Int64], [ua.VariantType.Int64]
    )
    aspace = server.iserver.aspace
    assert aspace[method.nodeid].call is call
    assert loaded[key("m")].flags == Flag.EXECUTABLE
    assert aspace[ua.NodeId(85)].call is None
    assert aspace[method.nodeid] == aspace.get(method.nodeid)
    assert aspace.get(ua.NodeId("nothing", 2)) is None
    with pytest.raises(KeyError):
        aspace[ua.NodeId("nothing", 2)]


async def test_asyncuas_own_events_are_made_of_our_types(server: Server, loaded: AddressSpace) -> None:
    generator = EventGenerator(server.iserver.isession)
    await generator.init(ua.ObjectIds.BaseEventType, emitting_node=ua.ObjectIds.Server)
    assert generator.event.EventType == ua.NodeId(ua.ObjectIds.BaseEventType)
    assert loaded[2253].flags & 1


async def test_values_that_a_callback_gives(server: Server, loaded: AddressSpace) -> None:
    loaded.add(variable("told", 6))
    loaded.add(node("object"))
    aspace, told = server.iserver.aspace, ua.NodeId("told", 2)
    seen: list[Any] = []

    def callback(nodeid: ua.NodeId, attribute: ua.AttributeIds) -> ua.DataValue:
        seen.append((nodeid, attribute))
        return ua.DataValue(ua.Variant(8, ua.VariantType.Int32))

    value = ua.AttributeIds.Value
    assert aspace.set_attribute_value_callback(told, value, callback).is_good()
    assert await server.get_node(told).read_value() == 8
    assert seen == [(told, value)]
    codes = ua.StatusCodes
    assert aspace.set_attribute_value_callback(ua.NodeId("object", 2), value, callback).value == (
        codes.BadAttributeIdInvalid
    )
    assert aspace.set_attribute_value_callback(ua.NodeId("x", 2), value, callback).value == codes.BadNodeIdUnknown
    assert aspace.read_attribute_value(ua.NodeId("x", 2), value).StatusCode.value == codes.BadNodeIdUnknown
    assert (await aspace.write_attribute_value(ua.NodeId("x", 2), value, ua.DataValue())).value == (
        codes.BadNodeIdUnknown
    )
    assert (await aspace.write_attribute_value(told, value, ua.DataValue(ua.Variant(9)))).is_good()
    assert aspace.read_attribute_value(told, value).Value.Value == 9


async def test_nodes_are_seen_as_asyncuas_own(server: Server, loaded: AddressSpace) -> None:
    loaded.add(node("child"))
    loaded.refer(FOLDER, ORGANIZES, key("child"))
    aspace = server.iserver.aspace
    child = aspace[ua.NodeId("child", 2)]
    assert child.nodeid in aspace
    assert child.nodeid in set(aspace.keys())
    (reference,) = child.references
    assert not reference.IsForward
    assert reference.NodeId == ua.NodeId(85)
    assert reference.BrowseName == ua.QualifiedName("Objects", 0)
    assert reference.TypeDefinition == ua.NodeId(61)
    held = child.attributes.get(ua.AttributeIds.NodeClass)
    assert held is not None
    assert held.value.Value.Value == NodeClass.OBJECT
    assert child.attributes.get(ua.AttributeIds.Value) is None
    assert len({child, aspace[ua.NodeId("child", 2)]}) == 1


async def test_only_the_gateway_itself_manages_nodes(server: Server) -> None:
    service: Any = server.iserver.node_mgt_service
    client = User(role=UserRole.User)
    denied = ua.StatusCodes.BadUserAccessDenied
    deletion = ua.DeleteNodesParameters()
    deletion.NodesToDelete = [ua.DeleteNodesItem()]
    assert [one.StatusCode.value for one in service.add_nodes([ua.AddNodesItem()], client)] == [denied]
    assert [one.value for one in service.add_references([ua.AddReferencesItem()], client)] == [denied]
    assert [one.value for one in service.delete_nodes(deletion, client)] == [denied]
    assert [one.value for one in service.delete_references([ua.DeleteReferencesItem()], client)] == [denied]


async def test_clients_write_by_their_role(server: Server, loaded: AddressSpace) -> None:
    loaded.add(variable("v", 6, ua.Variant(1, ua.VariantType.Int32), access_level=3, user_access_level=3))
    parameters = ua.WriteParameters()
    one = ua.WriteValue()
    one.NodeId, one.AttributeId = ua.NodeId("v", 2), ua.AttributeIds.Value
    one.Value = ua.DataValue(ua.Variant(2, ua.VariantType.Int32))
    parameters.NodesToWrite = [one]
    service: Any = server.iserver.attribute_service
    assert [code.value for code in await service.write(parameters, User(role=UserRole.Anonymous))] == [
        ua.StatusCodes.BadUserAccessDenied
    ]
    assert [code.value for code in await service.write(parameters, User(role=UserRole.User))] == [0]
    assert context_of(User(role=UserRole.Admin)).is_gateway
    observer, operator = (context_of(User(role=role)).roles for role in (UserRole.Anonymous, UserRole.User))
    assert observer == {WELL_KNOWN["Anonymous"], WELL_KNOWN["Observer"]}
    assert operator == {WELL_KNOWN["Anonymous"], WELL_KNOWN["Operator"]}
