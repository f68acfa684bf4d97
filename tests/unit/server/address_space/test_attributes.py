"""Every attribute of every NodeClass (Part 3 v1.05 5) as Read gives it (Part 4 v1.05 5.11.2)."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary

from core.datatypes import DataType
from core.security_mode import SecurityMode
from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.attributes import AttributeRefused, Attributes
from server.address_space.keys import numeric_key
from server.address_space.node import AccessAttributes, Flag, HeldValue, RolePermission, SpaceNode, VariableAttributes
from server.address_space.session_context import GATEWAY, SessionContext, localized
from server.address_space.space import AddressSpace
from server.users.well_known import WELL_KNOWN
from tests.unit.server.address_space.plant import NOW, bind, node, put, variable

Ids = ua.AttributeIds
ANYONE = SessionContext(mode=SecurityMode.SIGN_AND_ENCRYPT)
OBSERVER, OPERATOR = (SessionContext(roles=frozenset((WELL_KNOWN[name],))) for name in ("Observer", "Operator"))
BASE = {Ids.NodeId, Ids.NodeClass, Ids.BrowseName, Ids.DisplayName, Ids.WriteMask, Ids.UserWriteMask}
TYPED = {Ids.DataType, Ids.ValueRank, Ids.ArrayDimensions}
MANDATORY = {
    NodeClass.OBJECT: BASE | {Ids.EventNotifier},
    NodeClass.VARIABLE: BASE
    | TYPED
    | {
        Ids.Value,
        Ids.AccessLevel,
        Ids.UserAccessLevel,
        Ids.AccessLevelEx,
        Ids.MinimumSamplingInterval,
        Ids.Historizing,
    },
    NodeClass.METHOD: BASE | {Ids.Executable, Ids.UserExecutable},
    NodeClass.OBJECT_TYPE: BASE | {Ids.IsAbstract},
    NodeClass.VARIABLE_TYPE: BASE | TYPED | {Ids.IsAbstract},
    NodeClass.REFERENCE_TYPE: BASE | {Ids.IsAbstract, Ids.Symmetric},
    NodeClass.DATA_TYPE: BASE | {Ids.IsAbstract},
    NodeClass.VIEW: BASE | {Ids.ContainsNoLoops, Ids.EventNotifier},
}
TEXT = (LocalizedText("en", "a text"),)
EVERY = {Ids.Description, Ids.RolePermissions, Ids.UserRolePermissions, Ids.AccessRestrictions}
OPTIONAL = dict.fromkeys(NodeClass, EVERY) | {
    NodeClass.VARIABLE_TYPE: EVERY | {Ids.Value},
    NodeClass.REFERENCE_TYPE: EVERY | {Ids.InverseName},
    NodeClass.DATA_TYPE: EVERY | {Ids.DataTypeDefinition},
}


def attributes() -> Attributes:
    return Attributes(AddressSpace(), lambda: NOW)


def present(one: SpaceNode) -> set[int]:
    answering = attributes()
    found: set[int] = set()
    statuses: set[int] = set()
    for attribute in range(30):
        try:
            given = answering.read(one, attribute, ANYONE)
        except AttributeRefused as refused:
            statuses.add(refused.status)
        else:
            assert given.variant is not None
            assert given.server_time == NOW
            assert (given.source_time is not None) == (attribute == Ids.Value)
            found.add(attribute)
    assert statuses == {ua.StatusCodes.BadAttributeIdInvalid}
    return found


def made(node_class: NodeClass, *, whole: bool) -> SpaceNode:
    one = node("n", node_class)
    if node_class in (NodeClass.VARIABLE, NodeClass.VARIABLE_TYPE):
        one.variable = VariableAttributes(11)
    if whole:
        one.description = TEXT
        one.access = AccessAttributes(0, 3, (RolePermission(15656, 1),))
        one.value = b"\x01\x01" if one.variable is not None else None
        if node_class is NodeClass.REFERENCE_TYPE:
            one.definition = TEXT
        if node_class is NodeClass.DATA_TYPE:
            one.definition = b"\x16\x00\x00\x00"
    return one


@pytest.mark.parametrize("node_class", NodeClass)
def test_each_class_has_the_attributes_of_part_3_and_no_others(node_class: NodeClass) -> None:
    assert present(made(node_class, whole=False)) == MANDATORY[node_class]
    assert present(made(node_class, whole=True)) == MANDATORY[node_class] | OPTIONAL[node_class]


def read(one: SpaceNode, attribute: int, context: SessionContext = ANYONE) -> Any:
    variant = attributes().read(one, attribute, context).variant
    assert variant is not None
    data = Buffer(variant)
    value = variant_from_binary(data)
    assert not len(data)
    return value.Value


def test_types_and_values_of_attributes() -> None:
    one = variable(
        "v",
        12,
        value_rank=2,
        array_dimensions=(3, 0),
        access_level=0x1_0000_0007,
        user_access_level=0x5,
        minimum_sampling_interval=12.5,
        historizing=True,
    )
    one.variable = one.variable._replace(access_level=0x107) if one.variable else None
    one.access = AccessAttributes(0x60)
    assert read(one, Ids.NodeId) == ua.NodeId("v", 2)
    assert read(one, Ids.NodeClass) == 2
    assert read(one, Ids.BrowseName) == ua.QualifiedName("v", 2)
    assert read(one, Ids.DisplayName) == ua.LocalizedText("v")
    assert read(one, Ids.WriteMask) == 0x60
    assert read(one, Ids.UserWriteMask, OBSERVER) == 0
    assert read(one, Ids.DataType) == ua.NodeId(12)
    assert read(one, Ids.ValueRank) == 2
    assert read(one, Ids.ArrayDimensions) == [3, 0]
    assert read(one, Ids.AccessLevel) == 7
    assert read(one, Ids.AccessLevelEx) == 0x107
    assert read(one, Ids.UserAccessLevel) == 5
    assert read(one, Ids.UserAccessLevel, OBSERVER) == 5
    assert read(one, Ids.MinimumSamplingInterval) == 12.5
    assert read(one, Ids.Historizing) is True


def test_array_dimensions_where_none_are_given() -> None:
    """Part 3 v1.05 5.6.2: null for a scalar, 0 for a length without a limit."""
    assert not read(variable("v", 11), Ids.ArrayDimensions)
    assert read(variable("v", 11, value_rank=2), Ids.ArrayDimensions) == [0, 0]


def test_flags() -> None:
    view = node("v", NodeClass.VIEW, flags=5 | Flag.CONTAINS_NO_LOOPS)
    assert read(view, Ids.EventNotifier) == 5
    assert read(view, Ids.ContainsNoLoops) is True
    kind = node("r", NodeClass.REFERENCE_TYPE, flags=Flag.IS_ABSTRACT, definition=TEXT)
    assert read(kind, Ids.IsAbstract) is True
    assert read(kind, Ids.Symmetric) is False
    assert read(kind, Ids.InverseName) == ua.LocalizedText("a text", "en")
    method = node("m", NodeClass.METHOD, flags=Flag.EXECUTABLE)
    assert read(method, Ids.Executable) is True
    assert read(method, Ids.UserExecutable, OBSERVER) is False
    assert read(method, Ids.UserExecutable, OPERATOR) is True


def test_role_permissions_are_the_users_own_for_user_role_permissions() -> None:
    one = node("o")
    observer, operator = numeric_key(0, 15668), numeric_key(0, 15680)
    one.access = AccessAttributes(0, 1, (RolePermission(observer, 3), RolePermission(operator, 7)))
    told = read(one, Ids.RolePermissions)
    assert [(role.RoleId.Identifier, int(role.Permissions)) for role in told] == [(15668, 3), (15680, 7)]
    own = read(one, Ids.UserRolePermissions, SessionContext(roles=frozenset({operator}), mode=SecurityMode.SIGN))
    assert [role.RoleId.Identifier for role in own] == [15680]
    assert read(one, Ids.AccessRestrictions) == 1


def test_values_of_variables() -> None:
    answering = attributes()
    held = HeldValue(b"\x01\x01", 0x408F0000, 3, 4)
    assert answering.read(variable("a", 1, held), Ids.Value, ANYONE) == (b"\x01\x01", 0x408F0000, 3, 4)
    assert answering.read(variable("b", 1, b"\x01\x00"), Ids.Value, ANYONE) == (b"\x01\x00", 0, NOW, NOW)
    assert answering.read(variable("c", 1), Ids.Value, ANYONE) == (b"\x00", 0, NOW, NOW)
    told = variable("d", 1, lambda: ua.DataValue(ua.Variant(5, ua.VariantType.Byte), ua.StatusCode(0x40000000)))
    assert answering.read(told, Ids.Value, ANYONE) == (b"\x03\x05", 0x40000000, NOW, NOW)


def test_a_points_value_is_the_images_of_now() -> None:
    answering = attributes()
    image = bind(answering, [DataType.DOUBLE, DataType.STRING])
    one = answering.space[2, "p1"]
    put(image, 1, "now", 0x40000000, NOW + 20)
    assert answering.read(one, Ids.Value, ANYONE) == (b"\x0c\x03\x00\x00\x00now", 0x40000000, NOW + 20, NOW + 25)
    put(image, 1, 5)
    assert answering.read(one, Ids.Value, ANYONE).status == ua.StatusCodes.BadEncodingError


def test_access_levels_are_minded() -> None:
    """Part 4 v1.05 5.11.2.3: BadNotReadable by the AccessLevel, BadUserAccessDenied by the user's rights."""
    answering = attributes()
    for level, context, status in (
        (2, ANYONE, ua.StatusCodes.BadNotReadable),
        (3, SessionContext(roles=frozenset((WELL_KNOWN["AuthenticatedUser"],))), ua.StatusCodes.BadNodeIdUnknown),
    ):
        one = variable("v", 1, b"\x01\x01", access_level=level, user_access_level=level)
        with pytest.raises(AttributeRefused) as raised:
            answering.read(one, Ids.Value, context)
        assert raised.value.status == status
        assert answering.read(one, Ids.Value, GATEWAY).variant == b"\x01\x01"
    one = variable("v", 1, b"\x01\x01", access_level=3, user_access_level=2)
    with pytest.raises(AttributeRefused) as raised:
        answering.read(one, Ids.Value, OBSERVER)
    assert raised.value.status == ua.StatusCodes.BadUserAccessDenied


@pytest.mark.parametrize(
    ("locales", "expected"),
    [
        ((), "one"),
        (("de",), "eins"),
        (("DE-de",), "eins"),
        (("de-AT", "en"), "aans"),
        (("de-CH",), "eins"),
        (("fr", "de-AT"), "aans"),
        (("pt",), "um"),
        (("fr",), "one"),
    ],
)
def test_the_session_chooses_the_language(locales: tuple[str, ...], expected: str) -> None:
    """Part 4 v1.05 5.7.3.2: the first locale that there is, else whatever there is."""
    texts = (
        LocalizedText("en-US", "one"),
        LocalizedText("de", "eins"),
        LocalizedText("de-AT", "aans"),
        LocalizedText("pt-BR", "um"),
    )
    assert localized(texts, locales).text == expected
    one = node("n")
    one.display_name = texts
    assert read(one, Ids.DisplayName, SessionContext(locales)).Text == expected
