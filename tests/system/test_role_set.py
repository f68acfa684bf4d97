"""Users and roles looked after over OPC UA, by clients who log in (Part 18 v1.05)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss
from asyncua.ua.uaerrors import UaStatusCodeError

from certs.own import own_certificate
from server.users.administration import UserAdministration
from server.users.passwords import Passwords
from server.users.records import UserOption
from server.users.store import UserStore
from tests.command import plantspace
from tests.system.patient import PatientClient
from tests.system.plant import Plant, lay_down, running
from tests.waiting import until

IDS = ua.ObjectIds
ROLE_SET = IDS.Server_ServerCapabilities_RoleSet
USERS = IDS.UserManagement
OPERATOR = IDS.WellKnownRole_Operator
PASSWORD = "correct horse battery"
NEW_PASSWORD = "a horse of another kind"
SIGN_AND_ENCRYPT = ua.MessageSecurityMode.SignAndEncrypt
URI = "urn:test:client"


class Doors:
    """A gateway whose users log in, and its clients."""

    def __init__(self, plant: Plant, folder: Path) -> None:
        self.plant = plant
        self._folder = folder
        own_certificate(folder / "client", URI, "client")
        shutil.copy(folder / "client" / "own.der", plant.gateway.plan.data_dir / "certs" / "trusted" / "client.der")

    @asynccontextmanager
    async def client(
        self, name: str, password: str, mode: ua.MessageSecurityMode | None = SIGN_AND_ENCRYPT
    ) -> AsyncGenerator[Client]:
        """Log a user in; ``mode`` None is a channel without security."""
        client = PatientClient(self.plant.url)
        client.application_uri = URI
        if mode is not None:
            files = (self._folder / "client" / "own.der", self._folder / "client" / "own.key.pem")
            await client.set_security(SecurityPolicyAes256Sha256RsaPss, *files, mode=mode)
        client.set_user(name)
        client.set_password(password)
        async with client:
            yield client

    def own(self, name: str) -> ua.NodeId:
        """Give the NodeId of a role of the gateway's own."""
        return ua.NodeId(f"Role.{name}", self.plant.index("urn:plantspace:test"))


@pytest.fixture
async def doors(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Doors]:
    """Run a gateway with ``admin``, who may do everything here, and ``new``, who has to change the password first."""
    security = '["None", "Sign", "SignAndEncrypt"]'
    config = lay_down(tmp_path, port=free_port(), security=security, anonymous="none")
    (tmp_path / "var").mkdir(mode=0o700)
    store = UserStore(tmp_path / "var")
    await store.start(watch=False)
    users = UserAdministration(store, Passwords(64, 1))
    await users.add("admin", PASSWORD, roles=["SecurityAdmin"])
    await users.add("new", PASSWORD, roles=["SecurityAdmin"], options=UserOption.MUST_CHANGE_PASSWORD)
    await store.stop()
    async with running(config) as plant:
        yield Doors(plant, tmp_path)


def node(number: int) -> ua.NodeId:
    return ua.NodeId(number)


async def member(client: Client, owner: int | ua.NodeId, name: str) -> ua.NodeId:
    """Find a property or method by its BrowseName."""
    start = client.get_node(node(owner) if isinstance(owner, int) else owner)
    return (await start.get_child(f"0:{name}")).nodeid


async def call(client: Client, owner: int | ua.NodeId, name: str, *arguments: Any) -> str:
    """Call a method by the NodeIds of object and method; give the name of its StatusCode."""
    request = ua.CallMethodRequest()
    request.ObjectId = node(owner) if isinstance(owner, int) else owner
    known = METHODS.get((owner, name)) if isinstance(owner, int) else None
    request.MethodId = known or await member(client, owner, name)
    given = [one if isinstance(one, ua.Variant) else ua.Variant(one) for one in arguments]
    request.InputArguments = given
    (result,) = await client.uaclient.call([request])
    return result.StatusCode.name


METHODS: dict[tuple[int, str], ua.NodeId] = {
    (ROLE_SET, "AddRole"): node(IDS.Server_ServerCapabilities_RoleSet_AddRole),
    (ROLE_SET, "RemoveRole"): node(IDS.Server_ServerCapabilities_RoleSet_RemoveRole),
    (USERS, "AddUser"): node(IDS.UserManagement_AddUser),
    (USERS, "ModifyUser"): node(IDS.UserManagement_ModifyUser),
    (USERS, "RemoveUser"): node(IDS.UserManagement_RemoveUser),
    (USERS, "ChangePassword"): node(IDS.UserManagement_ChangePassword),
    (OPERATOR, "AddIdentity"): node(IDS.WellKnownRole_Operator_AddIdentity),
    (OPERATOR, "RemoveIdentity"): node(IDS.WellKnownRole_Operator_RemoveIdentity),
}
"""As their NodeIds are published: who may not browse them calls them all the same (Part 18 v1.05 5.2.8)."""


def mask(bits: int) -> ua.Variant:
    return ua.Variant(bits, ua.VariantType.UInt32)


def rule(name: str, criterion: ua.IdentityCriteriaType = ua.IdentityCriteriaType.UserName) -> ua.Variant:
    return ua.Variant(ua.IdentityMappingRuleType(criterion, name), ua.VariantType.ExtensionObject)


async def refusal(client: Client, nodeid: ua.NodeId, value: object = None) -> str:
    """Read a value, or write one; give the name of the StatusCode."""
    try:
        if value is None:
            await client.get_node(nodeid).read_value()
        else:
            await client.get_node(nodeid).write_value(ua.DataValue(ua.Variant(value)))
    except UaStatusCodeError as error:
        return type(error).__name__
    return "Good"


async def test_from_the_first_log_in_to_an_operator_at_work(doors: Doors) -> None:
    level = doors.plant.node("Level")
    async with doors.client("new", PASSWORD) as admin:
        assert await call(admin, USERS, "AddUser", "ann", PASSWORD, mask(0), "") == "BadUserAccessDenied"
        assert await call(admin, USERS, "ChangePassword", "wrong one", NEW_PASSWORD) == "BadIdentityTokenInvalid"
        assert await call(admin, USERS, "ChangePassword", PASSWORD, NEW_PASSWORD) == "Good"
        # the same session has its roles from now on
        assert await call(admin, USERS, "AddUser", "ann", PASSWORD, mask(0), "early shift") == "Good"
        assert await call(admin, OPERATOR, "AddIdentity", rule("ann")) == "Good"
        async with doors.client("ann", PASSWORD) as operator:
            assert await refusal(operator, level, 42.0) == "Good"
            assert await call(operator, USERS, "AddUser", "bob", PASSWORD, mask(0), "") == "BadUserAccessDenied"
            assert await refusal(operator, node(IDS.UserManagement_Users)) == "BadUserAccessDenied"
            assert await call(operator, USERS, "ChangePassword", PASSWORD, NEW_PASSWORD) == "Good"
            assert await call(admin, OPERATOR, "RemoveIdentity", rule("ann")) == "Good"
            assert await refusal(operator, level, 43.0) != "Good", "at once, without a new log-in"
            assert await call(admin, OPERATOR, "AddIdentity", rule("ann")) == "Good"
            assert await refusal(operator, level, 44.0) == "Good"
        assert await call(admin, USERS, "RemoveUser", "new") == "BadInvalidSelfReference"
        assert await call(admin, USERS, "RemoveUser", "ann") == "Good"
        told = await admin.get_node(node(IDS.UserManagement_Users)).read_value()
        assert [one.UserName for one in told] == ["admin", "new"]
        assert await admin.get_node(node(IDS.WellKnownRole_Operator_Identities)).read_value() == []
    for file in doors.plant.gateway.plan.data_dir.rglob("*"):  # users, audit, everything
        content = b""
        with suppress(FileNotFoundError, IsADirectoryError):  # the gateway runs: a file may be gone by now
            content = file.read_bytes()
        assert not any(one.encode() in content for one in (PASSWORD, NEW_PASSWORD)), file


async def test_a_disabled_user_is_out(doors: Doors) -> None:
    async with doors.client("admin", PASSWORD) as admin:
        assert await call(admin, USERS, "AddUser", "ann", PASSWORD, mask(0), "") == "Good"
        assert await call(admin, OPERATOR, "AddIdentity", rule("ann")) == "Good"
        async with doors.client("ann", PASSWORD) as operator:
            given = ("ann", False, ua.Variant(None, ua.VariantType.String), True, mask(2), False, "")
            assert await call(admin, USERS, "ModifyUser", *given) == "Good"

            async def is_out() -> bool:
                return await refusal(operator, doors.plant.node("Level")) == "BadSessionIdInvalid"

            await until(is_out, seconds=30)


async def test_roles_of_our_own_over_the_wire(doors: Doors) -> None:
    async with doors.client("admin", PASSWORD) as admin:
        role_set = admin.get_node(node(ROLE_SET))
        given = (ua.Variant("Shift", ua.VariantType.String), ua.Variant(None, ua.VariantType.String))
        made = await role_set.call_method(METHODS[ROLE_SET, "AddRole"], *given)
        shift = doors.own("Shift")
        assert made == shift
        names = [(await one.read_browse_name()).Name for one in await role_set.get_children()]
        assert {"Operator", "SecurityAdmin", "Shift"} <= set(names)
        assert await call(admin, shift, "AddIdentity", rule("ann")) == "Good"
        assert await call(admin, shift, "AddApplication", URI) == "Good"
        endpoint = ua.EndpointType(doors.plant.url, SIGN_AND_ENCRYPT, None, None)
        assert await call(admin, shift, "AddEndpoint", ua.Variant(endpoint, ua.VariantType.ExtensionObject)) == "Good"
        exclude = await member(admin, shift, "ApplicationsExclude")
        assert await admin.get_node(exclude).read_value() is True
        assert await refusal(admin, exclude, value=False) == "Good"
        assert await admin.get_node(exclude).read_value() is False
        (told,) = await (await admin.get_node(shift).get_child("0:Endpoints")).read_value()
        assert (told.EndpointUrl, told.SecurityMode) == (doors.plant.url, SIGN_AND_ENCRYPT)
        assert await (await admin.get_node(shift).get_child("0:Applications")).read_value() == [URI]
        assert await call(admin, ROLE_SET, "RemoveRole", shift) == "Good"
        assert await refusal(admin, exclude) == "BadNodeIdUnknown"
        assert await call(admin, ROLE_SET, "RemoveRole", node(OPERATOR)) == "BadRequestNotAllowed"


async def test_what_plantspace_user_does_in_another_process_is_seen_by_a_subscriber(doors: Doors) -> None:
    heard: list[list[str]] = []

    class Handler:
        def datachange_notification(self, _node: object, value: Any, _data: object) -> None:
            heard.append([one.UserName for one in value])

    async with doors.client("admin", PASSWORD) as admin:
        subscription = await admin.create_subscription(50, Handler())
        await subscription.subscribe_data_change(admin.get_node(node(IDS.UserManagement_Users)))
        await until(lambda: heard == [["admin", "new"]])
        secret = doors.plant.gateway.plan.data_dir.parent / "secret.txt"
        secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
        data = str(doors.plant.gateway.plan.data_dir)
        given = ("user", "add", "bob", "--role", "Operator", "--password-file", str(secret), "--data", data)
        done = await asyncio.to_thread(plantspace, *given)
        assert (done.returncode, done.stderr) == (0, "")
        await until(lambda: heard[-1] == ["admin", "bob", "new"])
        identities = admin.get_node(node(IDS.WellKnownRole_Operator_Identities))
        await until(identities.read_value)
        (told,) = await identities.read_value()
        assert (told.CriteriaType, told.Criteria) == (ua.IdentityCriteriaType.UserName, "bob")
        await subscription.delete()


@pytest.mark.parametrize("mode", [None, ua.MessageSecurityMode.Sign], ids=["None", "Sign"])
async def test_threat_21_nobody_is_looked_after_on_a_channel_that_others_can_read(
    doors: Doors, mode: ua.MessageSecurityMode | None
) -> None:
    async with doors.client("admin", PASSWORD, mode) as admin:
        for owner, name, given in (
            (USERS, "AddUser", ("ann", PASSWORD, mask(0), "")),
            (USERS, "ChangePassword", (PASSWORD, NEW_PASSWORD)),
            (OPERATOR, "AddIdentity", (rule("ann"),)),
            (ROLE_SET, "AddRole", ("Shift", "")),
        ):
            assert await call(admin, owner, name, *given) == "BadSecurityModeInsufficient"
        users = node(IDS.UserManagement_Users)
        assert await refusal(admin, users) == "BadSecurityModeInsufficient"
    async with doors.client("admin", PASSWORD) as admin:
        told = await admin.get_node(users).read_value()
        assert [one.UserName for one in told] == ["admin", "new"]


async def test_a_rule_of_a_kind_that_is_none_is_refused(doors: Doors) -> None:
    body = (99).to_bytes(4, "little") + b"\x03\x00\x00\x00ann"
    encoding = node(IDS.IdentityMappingRuleType_Encoding_DefaultBinary)
    given = ua.Variant(ua.ExtensionObject(encoding, body), ua.VariantType.ExtensionObject)
    async with doors.client("admin", PASSWORD) as admin:
        try:
            status = await call(admin, OPERATOR, "AddIdentity", given)
        except UaStatusCodeError as error:  # what cannot be decoded refuses the whole request
            status = type(error).__name__
        assert status in ("BadInvalidArgument", "BadDecodingError")
        assert await call(admin, OPERATOR, "AddIdentity", rule("ann")) == "Good"


async def test_administrators_hear_who_changed_a_role(doors: Doors) -> None:
    heard: list[Any] = []

    class Handler:
        def event_notification(self, event: Any) -> None:
            heard.append(event)

    async with doors.client("admin", PASSWORD) as admin:
        subscription = await admin.create_subscription(50, Handler())
        kind = node(IDS.RoleMappingRuleChangedAuditEventType)
        await subscription.subscribe_events(admin.nodes.server, kind)
        assert await call(admin, OPERATOR, "AddIdentity", rule("ann")) == "Good"
        await until(lambda: heard)
        (event,) = heard
        assert (event.SourceNode, event.EventType) == (node(OPERATOR), kind)
        assert (event.MethodId, event.Status) == (METHODS[OPERATOR, "AddIdentity"], True)
        assert (event.ClientUserId, event.InputArguments[0].Value.Criteria) == ("admin", "ann")
        await subscription.delete()
