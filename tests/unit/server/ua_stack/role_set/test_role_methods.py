"""AddRole, RemoveRole and the six methods of a role (Part 18 v1.05 4.2, 4.4.5 to 4.4.10)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import logging
from pathlib import Path

import pytest
from asyncua import ua

from nodesets.names import STANDARD_NAMESPACE
from server.address_space.asyncua_values import decode_variant
from server.address_space.keys import NodeKey, nodeid_of
from server.address_space.node import Flag, SpaceNode
from server.ua_stack.role_set.own_role import ROLE_SET
from server.users.identity import Identity, IdentityKind
from server.users.role_changes import MOST_ROLES, MOST_RULES
from server.users.roles import Criterion, EndpointRule, IdentityRule, Role, RoleSet
from server.users.tables import put_roles
from server.users.well_known import WELL_KNOWN
from tests.unit.server.ua_stack.role_set.bound import (
    ANONYMOUS,
    OWN_URI,
    Bound,
    FakeCaller,
    FakeChannel,
    bound,
    endpoint,
    rule,
    text,
)

OPERATOR = WELL_KNOWN["Operator"]
OBSERVER = WELL_KNOWN["Observer"]
THUMBPRINT = "AB" * 20


async def test_a_role_is_added_with_the_node_id_that_sessions_get_and_removed_again(plant: Bound) -> None:
    result = await plant.call_result(ROLE_SET, "AddRole", text("Shift"), text(None))
    key = (2, "Role.Shift")
    assert result.OutputArguments == [ua.Variant(nodeid_of(key), ua.VariantType.NodeId)]
    assert plant.space[key].browse_name == (2, "Shift")
    assert "Shift" in plant.roles_shown()
    assert plant.value(key, "Identities") == []
    assert plant.value(key, "Applications") == []
    assert plant.value(key, "Endpoints") == []
    # 4.2.2: a new role is limited to no application and no endpoint
    assert plant.value(key, "ApplicationsExclude") is True
    assert plant.value(key, "EndpointsExclude") is True
    assert plant.value(key, "CustomConfiguration") is False
    assert await plant.call(key, "AddIdentity", rule(1, "ann")) == "Good"
    identity = Identity(IdentityKind.USER_NAME, "ann")
    assert key in plant.store.snapshot.roles.roles_of(identity)

    nodes = len(plant.space)
    assert await plant.remove_role(key) == "Good"
    assert "Shift" not in plant.roles_shown()
    assert len(plant.space) == nodes - 19
    assert not [one for one in plant.space.nodes if isinstance(one, tuple)]
    assert await plant.remove_role(key) == "BadNodeIdUnknown"
    assert await plant.add_role("Shift") == "Good", "it can come again"


async def test_a_role_of_our_own_is_as_well_kept_as_the_standards(plant: Bound) -> None:
    await plant.add_role("Shift")
    for name in [one.browse_name.name for one in _members(plant, OBSERVER)]:
        mine, theirs = plant.member((2, "Role.Shift"), name), plant.member(OBSERVER, name)
        assert mine.access is not None
        assert mine.access is theirs.access
        assert mine.access.access_restrictions == 3
        assert [one.role for one in mine.access.role_permissions or ()] == [WELL_KNOWN["SecurityAdmin"]]
        assert (mine.node_class, mine.variable, mine.flags) == (theirs.node_class, theirs.variable, theirs.flags)
        assert [one.browse_name for one in _members(plant, mine.key)] == [
            one.browse_name for one in _members(plant, theirs.key)
        ]
    assert plant.space[(2, "Role.Shift")].access == plant.space[OBSERVER].access


def _members(plant: Bound, key: NodeKey) -> list[SpaceNode]:
    return [plant.space[target] for kind, target in plant.space[key].forward if kind in (46, 47)]


@pytest.mark.parametrize(
    ("name", "uri", "status"),
    [
        ("", "", "BadInvalidArgument"),
        (" Shift", "", "BadInvalidArgument"),
        ("Sh\0ift", "", "BadInvalidArgument"),
        ("x" * 129, "", "BadInvalidArgument"),
        ("Shift", "urn:other", "BadInvalidArgument"),
        ("Shift", STANDARD_NAMESPACE, "BadInvalidArgument"),
        ("Operator", STANDARD_NAMESPACE, "BadAlreadyExists"),
        ("operator", "", "BadAlreadyExists"),
        ("Shift", OWN_URI, "Good"),
    ],
)
async def test_names_of_roles(plant: Bound, name: str, uri: str, status: str) -> None:
    assert await plant.add_role(name, uri) == status


async def test_a_name_whose_node_id_is_taken_is_refused(plant: Bound) -> None:
    await plant.add_role("Shift")
    node = plant.space[(2, "Role.Shift")]
    await plant.remove_role(node.key)
    node.forward, node.inverse = [], []
    plant.space.add(node)
    assert await plant.add_role("Shift") == "BadAlreadyExists"
    assert "Shift" not in plant.store.snapshot.roles.roles


async def test_there_are_only_so_many_roles(plant: Bound) -> None:
    for number in range(MOST_ROLES - len(WELL_KNOWN)):
        assert await plant.add_role(f"role {number}") == "Good"
    assert await plant.add_role("one more") == "BadResourceUnavailable"


async def test_roles_of_the_standard_stay(plant: Bound) -> None:
    assert await plant.remove_role(OPERATOR) == "BadRequestNotAllowed"
    assert await plant.remove_role(85) == "BadNodeIdUnknown"
    assert "AddIdentity" not in [one.browse_name.name for one in _members(plant, ANONYMOUS)]
    told = plant.value(ANONYMOUS, "Identities")
    assert [int(one.CriteriaType) for one in told] == [Criterion.ANONYMOUS, Criterion.AUTHENTICATED_USER]


ADDED = [
    ("Identity", rule(1, "ann"), IdentityRule(Criterion.USER_NAME, "ann")),
    ("Identity", rule(2, ":".join(["ab"] * 20)), IdentityRule(Criterion.THUMBPRINT, THUMBPRINT)),
    ("Identity", rule(3, "op"), IdentityRule(Criterion.ROLE, "op")),
    ("Identity", rule(5), IdentityRule(Criterion.ANONYMOUS)),
    ("Identity", rule(8, 'CN="Ann"/O=Works'), IdentityRule(Criterion.X509_SUBJECT, 'CN="Ann"/O=Works')),
    ("Application", text("urn:client"), "urn:client"),
    ("Endpoint", endpoint("opc.tcp://a:4840", 3, "p"), EndpointRule("opc.tcp://a:4840", 3, "p")),
    ("Endpoint", endpoint(mode=2), EndpointRule(security_mode=2)),
]


@pytest.mark.parametrize(("what", "argument", "kept"), ADDED, ids=[f"{one[0]} {at}" for at, one in enumerate(ADDED)])
async def test_what_is_added_is_shown_kept_and_removed(
    plant: Bound, what: str, argument: ua.Variant, kept: object
) -> None:
    field = {"Identity": "identities", "Application": "applications", "Endpoint": "endpoints"}[what]
    shown = field.capitalize()

    def held() -> object:
        return getattr(plant.store.snapshot.roles.role("Operator"), field)

    assert await plant.call(OPERATOR, f"Remove{what}", argument) == "BadNotFound"
    assert await plant.call(OPERATOR, f"Add{what}", argument) == "Good"
    assert held() == (kept,)
    (told,) = plant.value(OPERATOR, shown)
    assert await plant.call(OPERATOR, f"Add{what}", argument) == "BadAlreadyExists"
    again = ua.Variant(told, ua.VariantType.String if isinstance(told, str) else ua.VariantType.ExtensionObject)
    assert await plant.call(OPERATOR, f"Remove{what}", again) == "Good", "what is shown can be removed as it is shown"
    assert held() == ()
    assert plant.value(OPERATOR, shown) == []


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("AddIdentity", rule(1, "")),
        ("AddIdentity", rule(2, "no thumbprint")),
        ("AddIdentity", rule(5, "somebody")),
        ("AddIdentity", rule(8, "no subject")),
        ("AddIdentity", rule(1, "x" * 2000)),
        ("AddIdentity", ua.Variant(None, ua.VariantType.ExtensionObject)),
        ("AddIdentity", endpoint("opc.tcp://a:1")),
        ("AddApplication", text("")),
        ("AddApplication", text(None)),
        ("AddApplication", text("x" * 2000)),
        ("AddEndpoint", endpoint()),
        ("AddEndpoint", endpoint("x" * 2000)),
        ("AddEndpoint", rule(1, "ann")),
    ],
)
async def test_what_means_nothing_is_refused(plant: Bound, method: str, argument: ua.Variant) -> None:
    before = plant.store.snapshot
    assert await plant.call(OPERATOR, method, argument) == "BadInvalidArgument"
    assert plant.store.snapshot is before
    assert plant.records == []


async def test_a_structure_that_could_not_be_decoded_is_refused(plant: Bound) -> None:
    unknown = ua.ExtensionObject(ua.NodeId(4711, 2), b"x")
    given = ua.Variant(unknown, ua.VariantType.ExtensionObject)
    assert await plant.call(OPERATOR, "AddIdentity", given) == "BadInvalidArgument"


async def test_administrators_are_named(plant: Bound) -> None:
    admin = WELL_KNOWN["SecurityAdmin"]
    for criterion in (Criterion.ANONYMOUS, Criterion.AUTHENTICATED_USER, Criterion.TRUSTED_APPLICATION):
        assert await plant.call(admin, "AddIdentity", rule(criterion)) == "BadRequestNotAllowed"
    assert await plant.call(admin, "RemoveIdentity", rule(1, "admin")) == "BadRequestNotAllowed", "the last one stays"
    await plant.add_user("bob", "another battery horse")
    assert await plant.call(admin, "AddIdentity", rule(1, "bob")) == "Good"
    assert await plant.call(admin, "RemoveIdentity", rule(1, "admin")) == "Good"


async def test_a_role_has_only_so_many_rules(plant: Bound) -> None:
    full = Role("Operator", tuple(IdentityRule(Criterion.ROLE, str(number)) for number in range(MOST_RULES)))

    def fill(roles: RoleSet) -> RoleSet:
        return RoleSet({**roles.roles, "Operator": full}, roles.configured, roles.own_namespace)

    await plant.store.change(lambda connection, now: put_roles(connection, now.roles, fill(now.roles)))
    assert len(plant.value(OPERATOR, "Identities")) == MOST_RULES
    assert await plant.call(OPERATOR, "AddIdentity", rule(3, "one more")) == "BadResourceUnavailable"


METHODS = {
    "AddRole": (ROLE_SET, (text("Shift"), text(""))),
    "RemoveRole": (ROLE_SET, (ua.Variant(nodeid_of(OPERATOR), ua.VariantType.NodeId),)),
    "AddIdentity": (OPERATOR, (rule(1, "ann"),)),
    "RemoveIdentity": (OPERATOR, (rule(1, "ann"),)),
    "AddApplication": (OPERATOR, (text("urn:a"),)),
    "RemoveApplication": (OPERATOR, (text("urn:a"),)),
    "AddEndpoint": (OPERATOR, (endpoint("opc.tcp://a:1"),)),
    "RemoveEndpoint": (OPERATOR, (endpoint("opc.tcp://a:1"),)),
}


@pytest.mark.parametrize("method", METHODS)
async def test_threat_13_roles_are_for_administrators_on_encrypted_channels(plant: Bound, method: str) -> None:
    owner, arguments = METHODS[method]
    before = plant.store.snapshot
    everybody = frozenset((ANONYMOUS, *(number for name, number in WELL_KNOWN.items() if name != "SecurityAdmin")))
    plant.caller = FakeCaller(roles=everybody)
    assert await plant.call(owner, method, *arguments) == "BadUserAccessDenied"
    for mode in (1, 2):
        plant.caller = FakeCaller(channel=FakeChannel(mode))
        assert await plant.call(owner, method, *arguments) == "BadSecurityModeInsufficient"
    assert plant.store.snapshot is before


async def test_excludes_are_written_by_administrators(plant: Bound) -> None:
    for name, field in (("ApplicationsExclude", "applications_exclude"), ("EndpointsExclude", "endpoints_exclude")):
        assert await plant.write(OPERATOR, name, ua.Variant(Value=False, VariantType=ua.VariantType.Boolean)) == 0
        assert plant.value(OPERATOR, name) is False
        assert getattr(plant.store.snapshot.roles.role("Operator"), field) is False
        assert await plant.write(OPERATOR, name, ua.Variant(Value=True, VariantType=ua.VariantType.Boolean)) == 0
        assert plant.value(OPERATOR, name) is True
        wrong = await plant.write(OPERATOR, name, ua.Variant(1, ua.VariantType.Int32))
        assert wrong == ua.StatusCodes.BadTypeMismatch
    identities = ua.Variant([], ua.VariantType.ExtensionObject, is_array=True)
    assert await plant.write(OPERATOR, "Identities", identities) == ua.StatusCodes.BadNotWritable
    plant.caller = FakeCaller(roles=frozenset((ANONYMOUS, OPERATOR)))
    given = ua.Variant(Value=False, VariantType=ua.VariantType.Boolean)
    assert await plant.write(OPERATOR, "EndpointsExclude", given) == ua.StatusCodes.BadUserAccessDenied
    assert plant.store.snapshot.roles.role("Operator").endpoints_exclude


async def test_the_audit_is_told_of_what_was_changed(plant: Bound, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "plantspace")
    await plant.call(OPERATOR, "AddIdentity", rule(1, "ann"))
    await plant.call(OPERATOR, "AddIdentity", rule(1, "ann"))
    (record,) = plant.records
    assert (record.source_node, record.method_id) == (OPERATOR, 15684)
    assert (record.status, record.status_code_id, record.client_user_id) == (True, 0, "admin")
    assert record.client_application_uri == "urn:test:client"
    assert record.input_arguments is not None
    told = decode_variant(record.input_arguments.variants[0]).Value
    assert (told.CriteriaType, told.Criteria) == (1, "ann")
    await plant.add_role("Shift")
    await plant.call((2, "Role.Shift"), "AddApplication", text("urn:a"))
    assert plant.records[-1].source_node == (2, "Role.Shift")
    assert plant.records[-1].method_id == plant.member((2, "Role.Shift"), "AddApplication").key
    assert "AddIdentity is refused: the role 'Operator' has that rule already" in caplog.text


async def test_the_gateway_itself_may_do_all(plant: Bound) -> None:
    plant.caller = None
    assert await plant.call(OPERATOR, "AddIdentity", rule(1, "ann")) == "Good"
    assert plant.records[-1].client_user_id == "System"


async def test_roles_that_nobody_keeps_cannot_be_changed(plant: Bound) -> None:
    key = ua.ObjectIds.WellKnownRole_SecurityKeyServerAdmin
    assert plant.value(key, "Identities") == []
    assert plant.value(key, "ApplicationsExclude") is True
    given = ua.Variant(Value=False, VariantType=ua.VariantType.Boolean)
    assert await plant.write(key, "ApplicationsExclude", given) == ua.StatusCodes.BadNotWritable
    assert await plant.call(key, "AddIdentity", rule(1, "ann")) == "BadNotExecutable"
    assert not plant.member(key, "AddIdentity").flags & Flag.EXECUTABLE


async def test_roles_of_the_configuration_are_shown_and_stay(tmp_path: Path) -> None:
    given = {"Shift": (IdentityRule(Criterion.GROUP_ID, "shift"),)}
    async with bound(tmp_path, given) as plant:
        key = (2, "Role.Shift")
        (told,) = plant.value(key, "Identities")
        assert (told.CriteriaType, told.Criteria) == (Criterion.GROUP_ID, "shift")
        assert await plant.remove_role(key) == "BadRequestNotAllowed"
        assert await plant.call(key, "RemoveIdentity", rule(4, "shift")) == "BadRequestNotAllowed"
        assert await plant.call(key, "AddIdentity", rule(1, "ann")) == "Good"
        assert len(plant.value(key, "Identities")) == 2
