"""Rights against a slow, obvious model of Part 3 v1.05 5.2.9 to 5.2.11, 8.55 and 8.56."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from nodesets.built_in_types import BuiltInType, LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.attributes import AttributeRefused, Attributes
from server.address_space.encoding import array_variant, encode_string, uint16_variant, variant
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.namespace_defaults import NAMESPACE_ARRAY
from server.address_space.node import AccessAttributes, BrowseName, Flag, RolePermission, SpaceNode, VariableAttributes
from server.address_space.rights import READING, READING_HISTORY, WRITING
from server.address_space.role_permissions import decode_role_permissions, encode_role_permissions
from server.address_space.session_context import GATEWAY, SessionContext
from server.address_space.space import AddressSpace
from server.users.permissions import fallback_permissions
from server.users.roles import RoleSet
from server.users.well_known import ALL_PERMISSIONS, WELL_KNOWN, Permission

Codes, Ids = ua.StatusCodes, ua.AttributeIds
NAMESPACES = numeric_key(0, ua.ObjectIds.Server_Namespaces)
HAS_COMPONENT, HAS_PROPERTY = numeric_key(0, 47), numeric_key(0, 46)
URIS = ("http://opcfoundation.org/UA/", "urn:own", "urn:a", "urn:b")
OBSERVER, OPERATOR, ADMIN, ANYBODY, MINE = (
    *(WELL_KNOWN[name] for name in ("Observer", "Operator", "SecurityAdmin", "Anonymous")), (1, "Role.Mine"),
)  # fmt: skip
roles = st.sampled_from([OBSERVER, OPERATOR, ADMIN, ANYBODY, MINE])
bits = st.integers(0, ALL_PERMISSIONS)
said = st.none() | st.lists(st.builds(RolePermission, roles, bits), max_size=3).map(tuple)
restricted = st.none() | st.integers(0, 15)


def a_node(key: NodeKey, node_class: NodeClass = NodeClass.VARIABLE, name: str = "n") -> SpaceNode:
    made = SpaceNode(key, node_class, BrowseName(0, name), (LocalizedText(None, name),))
    if node_class is NodeClass.VARIABLE:
        made.variable = VariableAttributes(numeric_key(0, 6), access_level=0x7F, user_access_level=0x7F)
        made.value = b"\x06\x01\x00\x00\x00"
    return made


def text(value: str) -> bytes:
    return variant(BuiltInType.String, encode_string(value))


@dataclass
class Plant:
    """An address space with namespaces that may say something, and the slow model's view of the same."""

    space: AddressSpace = field(default_factory=AddressSpace)
    permissions: dict[int, tuple[RolePermission, ...]] = field(default_factory=dict[int, tuple[RolePermission, ...]])
    restrictions: dict[int, int] = field(default_factory=dict[int, int])

    def __post_init__(self) -> None:
        uris = a_node(NAMESPACE_ARRAY)
        uris.value = array_variant(BuiltInType.String, [encode_string(uri) for uri in URIS])
        self.space.add(uris)
        self.space.add(a_node(NAMESPACES, NodeClass.OBJECT))

    def describe(self, index: int, permissions: tuple[RolePermission, ...] | None, restrictions: int | None) -> None:
        metadata = a_node((1, f"metadata{index}"), NodeClass.OBJECT)
        self.space.add(metadata)
        self.space.refer(NAMESPACES, HAS_COMPONENT, metadata.key)
        values = {"NamespaceUri": text(URIS[index]), "DefaultUserRolePermissions": b"\x00"}
        values["DefaultRolePermissions"] = b"\x00" if permissions is None else encode_role_permissions(permissions)
        values["DefaultAccessRestrictions"] = b"\x00" if restrictions is None else uint16_variant(restrictions)
        for name, value in values.items():
            node = a_node((1, f"{name}{index}"), name=name)
            node.value = value
            self.space.add(node)
            self.space.refer(metadata.key, HAS_PROPERTY, node.key)
        if permissions is not None:
            self.permissions[index] = permissions
        if restrictions is not None:
            self.restrictions[index] = restrictions


def slow_permissions(plant: Plant, node: SpaceNode, context: SessionContext) -> int:
    if context.roles is None:
        return ALL_PERMISSIONS
    own = node.access.role_permissions if node.access is not None else None
    index = node.key >> 32 if isinstance(node.key, int) else node.key[0]
    found = 0
    for role in context.roles:
        if own is not None:
            given_bits = [one.permissions for one in own if one.role == role]
        elif index in plant.permissions:
            given_bits = [one.permissions for one in plant.permissions[index] if one.role == role]
        else:
            given_bits = [fallback_permissions(RoleSet()).get(role, 0)]
            if index == 0 and role == ANYBODY:
                given_bits.append(0x1 | 0x20 | 0x800)
        for one in given_bits:
            found |= one
    return found


def slow_met(plant: Plant, node: SpaceNode, mode: int, *, browsing: bool) -> bool:
    own = node.access.access_restrictions if node.access is not None else None
    index = node.key >> 32 if isinstance(node.key, int) else node.key[0]
    wanted = plant.restrictions.get(index, 0) if own is None else own
    if browsing and not wanted & 8:
        return True
    return not ((wanted & 1 and mode == 1) or (wanted & 2 and mode != 3))


@st.composite
def wanted_nodes(draw: st.DrawFn) -> tuple[NodeKey, AccessAttributes | None]:
    index, name = draw(st.integers(0, 3)), draw(st.integers(0, 30))
    key: NodeKey = numeric_key(index, 5000 + name) if name % 2 else (index, f"n{name}")
    return key, AccessAttributes(0, draw(restricted), draw(said)) if draw(st.booleans()) else None


contexts = st.builds(
    SessionContext,
    roles=st.none() | st.frozensets(roles, max_size=3),
    mode=st.sampled_from([1, 2, 3]),
    locales=st.just(()),
    is_gateway=st.just(value=False),
)


@settings(deadline=None, max_examples=150)
@given(
    st.dictionaries(st.integers(0, 3), st.tuples(said, restricted), max_size=3),
    st.lists(wanted_nodes(), max_size=8),
    st.lists(contexts, min_size=1, max_size=4),
)
def test_rights_are_those_of_the_slow_model(
    described: dict[int, tuple[tuple[RolePermission, ...] | None, int | None]],
    wanted: list[tuple[NodeKey, AccessAttributes | None]],
    asking: list[SessionContext],
) -> None:
    plant = Plant()
    for index, one in described.items():
        plant.describe(index, *one)
    for key, access in wanted:
        if key not in plant.space:
            node = a_node(key)
            node.access = access
            plant.space.add(node)
    rights = plant.space.rights
    links = [(HAS_COMPONENT, key) for key in plant.space.nodes]
    for context in asking * 2:
        seen: list[NodeKey] = []
        for node in plant.space.nodes.values():
            mask = slow_permissions(plant, node, context)
            assert rights.permissions(node, context) == mask
            for browsing in (False, True):
                met = slow_met(plant, node, context.mode, browsing=browsing)
                assert rights.are_met(node, context, browsing=browsing) == met
            if mask & 1 and slow_met(plant, node, context.mode, browsing=True):
                seen.append(node.key)
            status = rights.refusal(node, context, 0x20)
            if mask & 0x20:
                assert (status == 0) == slow_met(plant, node, context.mode, browsing=False)
            else:
                index = node.key >> 32 if isinstance(node.key, int) else node.key[0]
                hidden = index and not mask & 1
                assert status == (Codes.BadNodeIdUnknown if hidden else Codes.BadUserAccessDenied)
        sight = rights.sight(context)
        assert sight is not None
        assert [key for _, key in sight.seen(links)] == seen
    assert rights.sight(GATEWAY) is None


def test_other_roles_and_other_defaults_count_at_once_and_listeners_hear_of_them() -> None:
    plant, told = Plant(), list[int]()
    plant.describe(2, (RolePermission(MINE, 0x21),), None)
    node, other = a_node((2, "n")), a_node((3, "n"))
    plant.space.add(node)
    plant.space.add(other)
    rights, mine = plant.space.rights, SessionContext(roles=frozenset((MINE,)))
    rights.listen(lambda: told.append(plant.space.version))
    assert (rights.permissions(node, mine), rights.permissions(other, mine)) == (0x21, 0)
    rights.use(fallback_permissions(RoleSet()))
    assert not told, "they are what they were"
    rights.use({MINE: 0x61})
    assert len(told) == 1
    assert (rights.permissions(node, mine), rights.permissions(other, mine)) == (0x21, 0x61)
    plant.space[1, "DefaultRolePermissions2"].value = encode_role_permissions(())
    plant.space.renewed()
    assert rights.permissions(node, mine) == 0, "an empty list lets nobody do anything"


def test_a_default_that_makes_no_sense_lets_nobody_do_anything() -> None:
    plant = Plant()
    plant.describe(2, (), None)
    plant.space.add(a_node((2, "n")))
    plant.space[1, "DefaultRolePermissions2"].value = b"\x06\x01\x00\x00\x00"
    plant.space.renewed()
    assert plant.space.rights.permissions(plant.space[2, "n"], SessionContext(roles=frozenset((ADMIN,)))) == 0


@pytest.mark.parametrize(
    ("use", "level", "role", "status"),
    [
        (READING, 0x01, OBSERVER, Codes.Good),
        (READING, 0x02, OBSERVER, Codes.BadNotReadable),
        (WRITING, 0x02, OPERATOR, Codes.Good),
        (WRITING, 0x02, OBSERVER, Codes.BadUserAccessDenied),
        (WRITING, 0x01, OPERATOR, Codes.BadNotWritable),
        (READING_HISTORY, 0x05, OBSERVER, Codes.Good),
        (READING_HISTORY, 0x05, ADMIN, Codes.BadUserAccessDenied),
        (READING_HISTORY, 0x01, OBSERVER, Codes.BadHistoryOperationUnsupported),
        (READING, 0x02, MINE, Codes.BadNodeIdUnknown),
    ],
)
def test_threat_13_access_levels_and_permissions_of_values(use: object, level: int, role: NodeKey, status: int) -> None:
    """Part 4 v1.05 5.11.2.4, 5.11.4.4; the gateway itself minds neither."""
    space, node = AddressSpace(), a_node((2, "n"))
    node.variable = VariableAttributes(numeric_key(0, 6), access_level=level, user_access_level=level)
    space.add(node)
    assert isinstance(use, type(READING))
    assert space.rights.value_refusal(node, SessionContext(roles=frozenset((role,))), use) == status
    assert space.rights.value_refusal(node, GATEWAY, use) == 0


def read(space: AddressSpace, node: SpaceNode, attribute: int, context: SessionContext) -> bytes:
    encoded = Attributes(space).read(node, attribute, context).variant
    assert encoded is not None
    return encoded


def test_user_attributes_say_what_the_session_may() -> None:
    space, node, method = AddressSpace(), a_node((2, "n")), a_node((2, "m"), NodeClass.METHOD)
    method.flags = Flag.EXECUTABLE
    everything = 0x3FFFFFF
    engineer = SessionContext(roles=frozenset((WELL_KNOWN["Engineer"],)))
    observer = SessionContext(roles=frozenset((OBSERVER,)))
    node.access = AccessAttributes(everything)
    space.add(node)
    space.add(method)
    assert read(space, node, Ids.UserAccessLevel, observer) == b"\x03\x15"
    assert read(space, node, Ids.UserAccessLevel, engineer) == b"\x03\x7f"
    assert read(space, node, Ids.UserWriteMask, observer) == b"\x07\x00\x00\x00\x00"
    told = int.from_bytes(read(space, node, Ids.UserWriteMask, engineer)[1:], "little")
    assert told == everything & ~(1 << 23), "RolePermissions need WriteRolePermissions"
    assert read(space, method, Ids.UserExecutable, observer) == b"\x01\x00"
    assert read(space, method, Ids.UserExecutable, engineer) == b"\x01\x01"
    history = SessionContext(roles=frozenset((MINE,)))
    node.access = AccessAttributes(everything, None, (RolePermission(MINE, 0x1 | 0x8 | 0x10),))
    space.changed(node)
    told = int.from_bytes(read(space, node, Ids.UserWriteMask, history)[1:], "little")
    assert told == 1 << 23 | 1 << 9


def test_threat_13_role_permissions_are_read_with_a_permission_of_their_own() -> None:
    space, node = AddressSpace(), a_node((2, "n"))
    node.access = AccessAttributes(0, None, (RolePermission(OBSERVER, 0x1), RolePermission(ADMIN, 0x3)))
    space.add(node)
    observer, admin = (SessionContext(roles=frozenset((role,))) for role in (OBSERVER, ADMIN))
    with pytest.raises(AttributeRefused) as refused:
        read(space, node, Ids.RolePermissions, observer)
    assert refused.value.status == Codes.BadUserAccessDenied
    assert decode_role_permissions(read(space, node, Ids.RolePermissions, admin)) == node.access.role_permissions
    own = decode_role_permissions(read(space, node, Ids.UserRolePermissions, observer))
    assert own == (RolePermission(OBSERVER, 0x1),)


def test_namespace_metadata_tell_what_holds() -> None:
    """Part 5 v1.05 6.3.14: also where nothing was said, which is our own default."""
    plant = Plant()
    plant.describe(2, None, None)
    plant.describe(3, (RolePermission(MINE, 0x23),), 1)
    everybody, mine = SessionContext(), SessionContext(roles=frozenset((MINE, ADMIN)), mode=3)
    default, own = plant.space[1, "DefaultRolePermissions2"], plant.space[1, "DefaultUserRolePermissions3"]
    told = decode_role_permissions(read(plant.space, default, Ids.Value, everybody))
    assert told is not None
    assert dict(told) == fallback_permissions(RoleSet())
    said_default = plant.space[1, "DefaultRolePermissions3"]
    assert decode_role_permissions(read(plant.space, said_default, Ids.Value, mine)) == ((MINE, 0x23),)
    assert decode_role_permissions(read(plant.space, own, Ids.Value, mine)) == ((MINE, 0x23),)
    observer = SessionContext(roles=frozenset((OBSERVER,)))
    with pytest.raises(AttributeRefused):
        read(plant.space, default, Ids.Value, observer)
    assert decode_role_permissions(read(plant.space, plant.space[1, "DefaultUserRolePermissions2"], 13, observer)) == (
        (OBSERVER, int(Permission.BROWSE | Permission.READ | Permission.READ_HISTORY | Permission.RECEIVE_EVENTS)),
    )


def test_threat_13_events_need_the_permission_on_type_and_source() -> None:
    """Part 3 v1.05 8.55 ReceiveEvents."""
    space = AddressSpace()
    for key in ((2, "kind"), (2, "audit"), (2, "source"), (2, "secret")):
        space.add(a_node(key, NodeClass.OBJECT))
    space[2, "audit"].access = AccessAttributes(0, None, (RolePermission(OBSERVER, 0x21),))
    space[2, "secret"].access = AccessAttributes(0, None, ())
    observer = SessionContext(roles=frozenset((OBSERVER,)))
    rights = space.rights
    assert rights.hears((2, "kind"), (2, "source"), observer)
    assert rights.hears((2, "kind"), (2, "nowhere"), observer)
    assert not rights.hears((2, "audit"), (2, "source"), observer)
    assert not rights.hears((2, "kind"), (2, "secret"), observer)
    assert not rights.hears((2, "nothing"), (2, "source"), observer)
    assert rights.hears((2, "audit"), (2, "secret"), GATEWAY)
    assert not rights.hears_at((2, "secret"), observer)
    assert not rights.hears_at((2, "nowhere"), observer)
