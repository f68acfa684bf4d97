"""Who may do what with a node, over a socket with asyncua's client (Part 3 v1.05 5.2.9 to 5.2.11, 8.55, 8.56)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asyncua import Client, Server, ua

from core.batch import Batch
from core.time import now
from tests.system.patient import PatientClient
from tests.system.rights import Room, everything_below, room
from tests.waiting import until

KIND, IDS = ua.VariantType, ua.AttributeIds
OBJECTS = ua.NodeId(ua.ObjectIds.ObjectsFolder)
SERVER = ua.NodeId(ua.ObjectIds.Server)


@pytest.fixture
async def observer(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Room]:
    async with room(tmp_path, free_port, "Observer") as held:
        yield held


@pytest.fixture
async def operator(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Room]:
    async with room(tmp_path, free_port, "Operator") as held:
        yield held


def number(value: int) -> ua.Variant:
    return ua.Variant(value, KIND.Int32)


@pytest.fixture
async def plain(free_port: Callable[[], int]) -> AsyncIterator[tuple[Client, ua.NodeId, ua.NodeId]]:
    """asyncua's own server with a variable that nobody may read or write, and a method that nobody may execute."""
    server = Server()
    await server.init()
    url = f"opc.tcp://127.0.0.1:{free_port()}"
    server.set_endpoint(url)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    variable = await server.nodes.objects.add_variable(2, "v", [1, 2, 3], KIND.Int32)
    await variable.write_attribute(IDS.AccessLevel, ua.DataValue(ua.Variant(0, KIND.Byte)))
    await variable.write_attribute(IDS.UserAccessLevel, ua.DataValue(ua.Variant(0, KIND.Byte)))

    async def run(_parent: ua.NodeId) -> list[ua.Variant]:
        return []

    method = await server.nodes.objects.add_method(2, "m", run)
    for attribute in (IDS.Executable, IDS.UserExecutable):
        await method.write_attribute(attribute, ua.DataValue(ua.Variant(Value=False, VariantType=KIND.Boolean)))
    async with server:
        client = PatientClient(url)
        client.set_user("admin")
        async with client:
            yield client, variable.nodeid, method.nodeid


async def test_threat_13_plain_asyncua_lets_it_through(plain: tuple[Client, ua.NodeId, ua.NodeId]) -> None:
    """So the tests below can fail."""
    client, variable, method = plain
    wanted = ua.ReadValueId(NodeId=variable, AttributeId=IDS.Value)
    (read,) = await client.uaclient.read(ua.ReadParameters(NodesToRead=[wanted]))
    assert read.Value.Value == [1, 2, 3], "a value without CurrentRead is read"
    request = ua.CallMethodRequest(ObjectId=OBJECTS, MethodId=method, InputArguments=[])
    (called,) = await client.uaclient.call([request])
    assert called.StatusCode.is_good(), "a method that is not executable is executed"
    one = ua.WriteValue(variable, IDS.Value, "0", ua.DataValue(ua.Variant([9], KIND.Int32)))
    await client.uaclient.write(ua.WriteParameters(NodesToWrite=[one]))
    (read,) = await client.uaclient.read(ua.ReadParameters(NodesToRead=[wanted]))
    assert read.Value.Value != [9, 2, 3], "an IndexRange is passed over"


async def test_threat_13_read(observer: Room) -> None:
    assert await observer.status("Plain") == "Good"
    assert await observer.status("WriteOnly") == "BadNotReadable"
    assert await observer.status("ForOperators") == "BadUserAccessDenied"
    assert await observer.status("ForOperators", IDS.BrowseName) == "Good"
    assert await observer.status("Secret") == "BadNodeIdUnknown"
    assert await observer.status("Secret", IDS.BrowseName) == "BadNodeIdUnknown"
    assert await observer.status("Secret", 99) == "BadNodeIdUnknown", "no other refusal tells that it is there"
    assert await observer.status("Vault") == "BadNodeIdUnknown"
    assert await observer.write("Vault", number(1)) == "BadNodeIdUnknown"
    assert await observer.write("Secret", number(1), attribute=99) == "BadNodeIdUnknown"
    nowhere = ua.ReadValueId(NodeId=observer.nodeid("Secret"), AttributeId=IDS.Value, IndexRange="what?")
    (told,) = await observer.client.uaclient.read(ua.ReadParameters(NodesToRead=[nowhere]))
    assert told.StatusCode.name == "BadNodeIdUnknown"
    assert await observer.status("Signed") == "BadSecurityModeInsufficient"
    assert await observer.status("Signed", IDS.BrowseName) == "Good"
    assert await observer.status("SignedUnseen", IDS.BrowseName) == "BadSecurityModeInsufficient"
    wanted = [ua.ReadValueId(NodeId=observer.nodeid(name), AttributeId=IDS.Value) for name in ("Plain", "Secret") * 20]
    results = await observer.client.uaclient.read(ua.ReadParameters(NodesToRead=wanted))
    assert [one.StatusCode.name for one in results] == ["Good", "BadNodeIdUnknown"] * 20
    observer.become("Engineer", mode=2)
    results = await observer.client.uaclient.read(ua.ReadParameters(NodesToRead=wanted))
    assert {one.StatusCode.name for one in results} == {"Good"}, "the same request of another user is another"
    assert await observer.status("SignedUnseen") == "Good"


async def test_threat_13_write(operator: Room) -> None:
    assert await operator.write("Plain", number(8)) == "Good"
    assert await operator.write("ForOperators", number(8)) == "Good"
    assert await operator.write("ReadOnly", number(8)) == "BadNotWritable"
    assert await operator.write("Secret", number(8)) == "BadNodeIdUnknown"
    assert await operator.write("Kept", number(8)) == "BadUserAccessDenied"
    assert await operator.write("Signed", number(8)) == "BadSecurityModeInsufficient"
    operator.become("Observer")
    assert await operator.write("Plain", number(9)) == "BadUserAccessDenied"
    assert await operator.told("Plain", IDS.Value) == 8


async def test_threat_13_write_with_an_index_range(operator: Room) -> None:
    part = ua.Variant([9], KIND.Int32)
    assert await operator.write("Parts", part, index_range="1") == "Good"
    assert await operator.told("Parts", IDS.Value) == [1, 9, 3]
    assert await operator.write("Parts", part, index_range="7") == "BadIndexRangeNoData"
    assert await operator.write("PartsReadOnly", part, index_range="1") == "BadNotWritable"
    operator.become("Observer")
    assert await operator.write("Parts", part, index_range="0") == "BadUserAccessDenied"
    assert await operator.told("Parts", IDS.Value) == [1, 9, 3]


async def test_threat_13_attributes_are_written_by_write_mask_and_permission(operator: Room) -> None:
    name = ua.Variant(ua.LocalizedText("Tell"))
    roles = ua.Variant([ua.RolePermissionType(ua.NodeId(15680), ua.PermissionType(0x21))], KIND.ExtensionObject)
    assert await operator.told("Told", IDS.UserWriteMask) == 0x60
    assert await operator.write("Told", name, attribute=IDS.DisplayName) == "Good"
    assert await operator.write("Told", roles, attribute=IDS.RolePermissions) == "BadUserAccessDenied"
    assert await operator.write("Told", ua.Variant(3, KIND.Byte), attribute=IDS.AccessLevel) == "BadNotWritable"
    operator.become("Observer")
    assert await operator.told("Told", IDS.UserWriteMask) == 0
    assert await operator.write("Told", name, attribute=IDS.DisplayName) == "BadUserAccessDenied"
    assert await operator.told("Told", IDS.DisplayName) == ua.LocalizedText("Tell")


async def test_threat_13_browse_shows_what_may_be_browsed(observer: Room) -> None:
    status, names = await observer.browse(observer.nodeid("Room"))
    assert status == "Good"
    assert {"Plain", "ForOperators", "Signed", "RunForEngineers"} <= names
    assert not {"Secret", "Vault", "RunSecretly", "SignedUnseen"} & names
    assert await observer.browse(observer.nodeid("Vault")) == ("BadNodeIdUnknown", set())
    assert await observer.browse(observer.nodeid("SignedUnseen")) == ("BadSecurityModeInsufficient", set())
    room = observer.nodeid("Room")
    assert await observer.translate(OBJECTS, "Room", "Plain") == "Good"
    assert await observer.translate(OBJECTS, "Room", "Secret") == "BadNoMatch"
    assert await observer.translate(room, "Vault", "Gold") == "BadNoMatch"
    assert await observer.translate(observer.nodeid("Vault"), "Gold") == "BadNodeIdUnknown"
    (registered,) = await observer.client.register_nodes([observer.client.get_node(observer.nodeid("Secret"))])
    assert await observer.status(registered.nodeid) == "BadNodeIdUnknown", "registering gives no rights"
    observer.become("Engineer", mode=3)
    _, names = await observer.browse(room)
    assert {"Secret", "Vault", "RunSecretly", "SignedUnseen"} <= names
    assert await observer.translate(room, "Vault", "Gold") == "Good"


async def test_threat_13_browse_next_goes_on_with_the_rights_of_its_time(observer: Room) -> None:
    observer.become("Engineer", mode=3)
    one = everything_below(observer.nodeid("Room"))
    parameters = ua.BrowseParameters(NodesToBrowse=[one], RequestedMaxReferencesPerNode=1)
    (first,) = await observer.client.uaclient.browse(parameters)
    observer.become("Observer")
    names, point = set[str](), first.ContinuationPoint
    while point:
        following = ua.BrowseNextParameters(ReleaseContinuationPoints=False, ContinuationPoints=[point])
        (result,) = await observer.client.uaclient.browse_next(following)
        names |= {str(told.BrowseName.Name) for told in result.References}
        point = result.ContinuationPoint
    assert "Plain" in names
    assert not {"Secret", "Vault", "RunSecretly", "SignedUnseen"} & names


async def test_threat_13_call(operator: Room) -> None:
    assert await operator.call("Room", "Run") == "Good"
    assert await operator.call("Room", "Off") == "BadNotExecutable"
    assert await operator.call("Room", "RunForEngineers") == "BadUserAccessDenied"
    assert await operator.call("Room", "RunSecretly") == "BadMethodInvalid"
    assert await operator.call("Vault", "RunInVault") == "BadNodeIdUnknown"
    assert await operator.call("Room", "RunSigned") == "BadSecurityModeInsufficient"
    assert operator.called == ["Run"]
    operator.become("Observer")
    assert await operator.call("Room", "Run") == "BadUserAccessDenied"
    assert await operator.told("Run", IDS.UserExecutable) is False
    operator.become("Engineer", mode=2)
    for owner, method in (
        ("Room", "RunForEngineers"),
        ("Room", "RunSecretly"),
        ("Vault", "RunInVault"),
        ("Room", "RunSigned"),
    ):
        assert await operator.call(owner, method) == "Good"
        assert await operator.told(method, IDS.UserExecutable) is True
    assert operator.called == ["Run", "RunForEngineers", "RunSecretly", "RunInVault", "RunSigned"]


async def test_threat_13_methods_of_security_and_of_the_model_are_administrators(operator: Room) -> None:
    ids = ua.ObjectIds
    for owner, method in (
        (ids.Server_ServerCapabilities_RoleSet, ids.Server_ServerCapabilities_RoleSet_AddRole),
        (ids.WellKnownRole_Operator, ids.WellKnownRole_Operator_AddIdentity),
        (ids.ServerConfiguration, ids.ServerConfiguration_GetRejectedList),
        (ids.ServerConfiguration, ids.ServerConfiguration_ApplyChanges),
        (ids.UserManagement, ids.UserManagement_AddUser),
    ):
        called = await operator.call(ua.NodeId(owner), ua.NodeId(method))
        assert called in ("BadUserAccessDenied", "BadNotExecutable"), f"{method}: {called}"
        assert await operator.status(ua.NodeId(method), IDS.UserExecutable) == "BadUserAccessDenied"
    index = operator.client.get_namespace_index
    own = await index("https://plantspace.io/UA/")
    model, dry_run = ua.NodeId("Gateway.Model", own), ua.NodeId("Gateway.Model.DryRun", own)
    assert await operator.call(model, dry_run) == "BadUserAccessDenied"
    assert await operator.told(dry_run, IDS.UserExecutable) is False
    operator.become("ConfigureAdmin")
    assert await operator.told(dry_run, IDS.UserExecutable) is True
    assert await operator.call(model, dry_run) in ("BadInvalidState", "Good")


async def test_everybody_looks_after_their_own_subscriptions(observer: Room) -> None:
    subscription = await observer.client.create_subscription(1000, _Quiet())
    given = ua.Variant(subscription.subscription_id, KIND.UInt32)
    for name in ("GetMonitoredItems", "ResendData"):
        method = ua.NodeId(getattr(ua.ObjectIds, f"Server_{name}"))
        assert await observer.call(SERVER, method, given) == "Good"
        of_type = ua.NodeId(getattr(ua.ObjectIds, f"ServerType_{name}"))
        assert await observer.call(SERVER, of_type, given) == "Good", "the type's stands for the object's own"
    await subscription.delete()


class _Quiet:
    def datachange_notification(self, *_given: Any) -> None:
        """Take it."""


class Heard:
    """What a subscription was told: StatusCodes or values of data, messages of events."""

    def __init__(self) -> None:
        self.data: list[tuple[str, str, Any]] = []
        self.events: list[str] = []

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        status = data.monitored_item.Value.StatusCode
        self.data.append((str(node.nodeid.Identifier), "Good" if status is None else status.name, value))

    def event_notification(self, event: Any) -> None:
        self.events.append(event.Message.Text)

    def last(self, name: str) -> tuple[str, Any] | None:
        return next(((status, value) for node, status, value in reversed(self.data) if node == name), None)


async def test_threat_13_subscriptions_say_what_may_not_be_read_and_follow_the_rights(observer: Room) -> None:
    """Part 4 v1.05 5.13.2.1."""
    heard = Heard()
    subscription = await observer.client.create_subscription(50, heard)
    for name in ("Plain", "ForOperators", "WriteOnly", "Signed", "Parts"):
        await subscription.subscribe_data_change(observer.client.get_node(observer.nodeid(name)))
    with pytest.raises(ua.uaerrors.BadNodeIdUnknown):
        await subscription.subscribe_data_change(observer.client.get_node(observer.nodeid("Secret")))
    await until(lambda: len({node for node, _, _ in heard.data}) == 5)
    assert heard.last("Plain") == ("Good", 7)
    assert heard.last("ForOperators") == ("BadUserAccessDenied", None)
    assert heard.last("WriteOnly") == ("BadNotReadable", None)
    assert heard.last("Signed") == ("BadSecurityModeInsufficient", None)
    observer.become("Operator", mode=2)
    await until(lambda: heard.last("ForOperators") == ("Good", 7) and heard.last("Signed") == ("Good", 7))
    assert heard.last("WriteOnly") == ("BadNotReadable", None)
    put(observer, "ForOperators", 8)
    await until(lambda: heard.last("ForOperators") == ("Good", 8))
    put(observer, "ForOperators", 9)
    observer.become("Observer", mode=1)
    await until(lambda: heard.last("ForOperators") == ("BadUserAccessDenied", None))
    await until(lambda: heard.last("Signed") == ("BadSecurityModeInsufficient", None))
    told = len([one for one in heard.data if one[0] == "ForOperators"])
    put(observer, "ForOperators", 10)
    put(observer, "Plain", 11)
    await until(lambda: heard.last("Plain") == ("Good", 11))
    assert len([one for one in heard.data if one[0] == "ForOperators"]) == told, "told once, and nothing of its values"
    assert ("ForOperators", "Good", 10) not in heard.data
    await subscription.delete()


def put(room: Room, name: str, value: int) -> None:
    """Let a device give a value."""
    image = room.plant.gateway.image
    slot = image.slot_of[f"nsu=urn:test:rights;s={name}"]
    moment = now()
    image.apply(Batch(np.array([slot], np.int32), np.array([value], np.int32), 0, moment, moment))


async def test_threat_13_events_are_told_by_the_rights_on_their_source(observer: Room) -> None:
    heard = Heard()
    subscription = await observer.client.create_subscription(50, heard)
    for name in ("Room", "Bell"):
        await subscription.subscribe_events(observer.client.get_node(observer.nodeid(name)))
    with pytest.raises(ua.uaerrors.BadUserAccessDenied):
        await subscription.subscribe_events(observer.client.get_node(observer.nodeid("SecretBell")))
    observer.ring("SecretBell")
    observer.ring("Bell")
    await until(lambda: heard.events.count("Bell rings") == 2)
    assert "SecretBell rings" not in heard.events
    observer.become("Operator")
    observer.ring("SecretBell")
    await until(lambda: "SecretBell rings" in heard.events)
    heard.events.clear()
    observer.become("Observer")
    observer.ring("SecretBell")
    observer.ring("Bell")
    await until(lambda: heard.events.count("Bell rings") == 2)
    assert "SecretBell rings" not in heard.events
    await subscription.delete()


async def test_threat_13_history_read(operator: Room) -> None:
    put(operator, "Kept", 8)
    put(operator, "Kept", 9)

    async def both_are_kept() -> bool:  # they are on their way to the disk
        held = (await operator.history("Kept")).HistoryData
        return isinstance(held, ua.HistoryData) and len(held.DataValues) >= 2

    await until(both_are_kept)
    first = await operator.history("Kept", count=1)
    assert first.ContinuationPoint
    assert (await operator.history("Unkept")).StatusCode.name == "BadHistoryOperationUnsupported"
    assert (await operator.history("Secret")).StatusCode.name == "BadNodeIdUnknown"
    operator.become("Observer")
    assert (await operator.history("Kept")).StatusCode.name == "BadUserAccessDenied"
    following = await operator.history("Kept", count=1, point=first.ContinuationPoint)
    assert following.StatusCode.name == "BadUserAccessDenied", "a continuation point is no right"
    assert await operator.told("Kept", IDS.UserAccessLevel) == 1
    operator.become("Operator")
    assert await operator.told("Kept", IDS.UserAccessLevel) == 5


async def test_what_the_attributes_say_is_what_is_done(observer: Room) -> None:
    assert await observer.told("ForOperators", IDS.AccessLevel) == 3
    assert await observer.told("ForOperators", IDS.UserAccessLevel) == 0
    assert await observer.status("ForOperators", IDS.RolePermissions) == "BadUserAccessDenied"
    (own,) = await observer.told("ForOperators", IDS.UserRolePermissions)
    assert (own.RoleId.Identifier, int(own.Permissions)) == (15668, 1)
    assert await observer.told("Signed", IDS.AccessRestrictions) == 1
    assert await observer.status("Plain", IDS.RolePermissions) == "BadAttributeIdInvalid"
    observer.become("Operator")
    assert await observer.told("ForOperators", IDS.UserAccessLevel) == 3
    told = await observer.told("Told", IDS.RolePermissions)
    assert {one.RoleId.Identifier for one in told} == {15668, 15680}
    metadata = next(
        key for key, node in observer.plant.gateway.plan.stack.internal.space.nodes.items()
        if node.browse_name.name == "DefaultUserRolePermissions" and isinstance(key, tuple) and "rights" in str(key[1])
    )  # fmt: skip
    default = await observer.told(ua.NodeId(metadata[1], metadata[0]), IDS.Value)
    assert {one.RoleId.Identifier for one in default} == {15644, 15680}
