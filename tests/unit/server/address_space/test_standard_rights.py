"""A standard namespace of old says nothing of rights; what a newer one says is left as it is."""

from __future__ import annotations

from asyncua import ua

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import AccessAttributes, BrowseName, RolePermission, SpaceNode
from server.address_space.session_context import SessionContext
from server.address_space.space import HAS_SUBTYPE, HIERARCHICAL_REFERENCES, AddressSpace
from server.address_space.standard_rights import complete_standard_rights
from server.users.well_known import WELL_KNOWN, Permission

IDS = ua.ObjectIds
HAS_COMPONENT, SERVER, ROLE_SET = numeric_key(0, 47), numeric_key(0, IDS.Server), numeric_key(0, 15606)
ADD_ROLE, IDENTITIES = numeric_key(0, IDS.Server_ServerCapabilities_RoleSet_AddRole), numeric_key(0, 16192)
CONFIGURATION, REJECTED = (
    numeric_key(0, IDS.ServerConfiguration),
    numeric_key(0, IDS.ServerConfiguration_GetRejectedList),
)
USERS, PASSWORD = numeric_key(0, IDS.UserManagement), numeric_key(0, IDS.UserManagement_ChangePassword)
ITEMS, STATE = numeric_key(0, IDS.Server_GetMonitoredItems), numeric_key(0, IDS.Server_RequestServerStateChange)
PLANT: NodeKey = (2, "Plant")


def of_old() -> AddressSpace:
    space = AddressSpace()
    method, variable = NodeClass.METHOD, NodeClass.VARIABLE
    for key, kind, above in (
        (HIERARCHICAL_REFERENCES, NodeClass.REFERENCE_TYPE, None),
        (HAS_COMPONENT, NodeClass.REFERENCE_TYPE, None),
        (SERVER, NodeClass.OBJECT, None),
        (ROLE_SET, NodeClass.OBJECT, SERVER),
        (ADD_ROLE, method, ROLE_SET),
        (IDENTITIES, variable, ROLE_SET),
        (CONFIGURATION, NodeClass.OBJECT, SERVER),
        (REJECTED, method, CONFIGURATION),
        (USERS, NodeClass.OBJECT, CONFIGURATION),
        (PASSWORD, method, USERS),
        (ITEMS, method, SERVER),
        (STATE, method, SERVER),
        (PLANT, NodeClass.OBJECT, ROLE_SET),
    ):
        space.add(SpaceNode(key, kind, BrowseName(0, "n"), (LocalizedText(None, "n"),)))
        if key == HAS_COMPONENT:
            space.refer(HIERARCHICAL_REFERENCES, HAS_SUBTYPE, HAS_COMPONENT)
        if above is not None:
            space.refer(above, HAS_COMPONENT, key)
    return space


def as_role(*names: str, mode: int = 3) -> SessionContext:
    return SessionContext(roles=frozenset(WELL_KNOWN[name] for name in ("Anonymous", *names)), mode=mode)


def calls(space: AddressSpace, context: SessionContext) -> set[NodeKey]:
    methods = (ADD_ROLE, REJECTED, PASSWORD, ITEMS, STATE)
    return {key for key in methods if not space.rights.refusal(space[key], context, Permission.CALL)}


def test_threat_13_security_is_a_security_admins_and_own_subscriptions_everybodys() -> None:
    space = of_old()
    assert STATE in calls(space, as_role("Operator")), "before, an Operator calls what says nothing"
    complete_standard_rights(space)
    assert calls(space, as_role("Operator")) == {PASSWORD, ITEMS}
    assert calls(space, as_role()) == {PASSWORD, ITEMS}
    assert calls(space, as_role("ConfigureAdmin")) == {PASSWORD, ITEMS, STATE}
    assert calls(space, as_role("SecurityAdmin")) == {ADD_ROLE, REJECTED, PASSWORD, ITEMS, STATE}
    assert calls(space, as_role("SecurityAdmin", mode=2)) == {REJECTED, ITEMS, STATE}, "roles are encrypted"
    assert calls(space, as_role("SecurityAdmin", mode=1)) == {ITEMS}
    rights = space.rights
    assert rights.refusal(space[IDENTITIES], as_role("Operator"), Permission.READ)
    assert not rights.refusal(space[IDENTITIES], as_role("SecurityAdmin"), Permission.READ)
    assert not rights.refusal(space[ROLE_SET], as_role(mode=1), Permission.BROWSE)
    assert not rights.refusal(space[SERVER], as_role(), Permission.RECEIVE_EVENTS)
    assert space[PLANT].access is None, "other namespaces are not the standard's"


def test_what_a_file_says_stays() -> None:
    space = of_old()
    said = AccessAttributes(0, 3, (RolePermission(WELL_KNOWN["Engineer"], 0x1001),))
    space[ADD_ROLE].access = said
    space[REJECTED].access = AccessAttributes(0, 7, None)
    complete_standard_rights(space)
    assert space[ADD_ROLE].access == said
    assert (space[REJECTED].access or said).access_restrictions == 7
    before = {key: node.access for key, node in space.nodes.items()}
    complete_standard_rights(space)
    assert {key: node.access for key, node in space.nodes.items()} == before
