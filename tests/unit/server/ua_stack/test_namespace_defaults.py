"""RolePermissions and AccessRestrictions of a NodeSet's Model element, told by its NamespaceMetadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asyncua import ua

from nodesets.model import read_model
from nodesets.resolver import resolve
from server.address_space.session_context import SessionContext
from server.ua_stack.stack import EndpointOptions, UaStack
from server.users.well_known import ALL_PERMISSIONS, WELL_KNOWN
from tests.unit.nodesets.written import document, write

OPERATOR = WELL_KNOWN["Operator"]
VARIABLE = (
    '<UAVariable NodeId="ns=1;i=9" BrowseName="1:V"><DisplayName>V</DisplayName><References>'
    '<Reference ReferenceType="HasTypeDefinition">i=63</Reference></References></UAVariable>\n'
)
PERMISSIONS = (
    "<RolePermissions>"
    '<RolePermission Permissions="33">Operator</RolePermission>'
    '<RolePermission Permissions="4294967295">ns=1;s=Role.Mine</RolePermission>'
    '<RolePermission Permissions="131071">nonsense</RolePermission>'
    "</RolePermissions>"
)


async def test_a_models_defaults_hold_for_its_nodes_and_are_told(tmp_path: Path) -> None:
    text = document(VARIABLE, required="").replace("<Model ", '<Model AccessRestrictions="2" ')
    aliases = '<Aliases><Alias Alias="Operator">i=15680</Alias></Aliases>'
    text = text.replace("</Model></Models>", f"{PERMISSIONS}</Model></Models>{aliases}")
    model = read_model(resolve([write(tmp_path, text)]))
    stack = UaStack(EndpointOptions("opc.tcp://127.0.0.1:0", "test", "urn:own", ("None",), "1"))
    try:
        assert await stack.prepare(model) == []
        space = stack.internal.space
        node, rights = space[2 << 32 | 9], space.rights
        operator = SessionContext(roles=frozenset((OPERATOR,)), mode=3)
        mine = SessionContext(roles=frozenset(((2, "Role.Mine"),)), mode=2)
        assert rights.permissions(node, operator) == 33
        assert rights.permissions(node, mine) == ALL_PERMISSIONS
        assert rights.permissions(node, SessionContext(roles=frozenset((WELL_KNOWN["Engineer"],)))) == 0
        assert rights.refusal(node, operator, 0x20) == 0
        assert rights.refusal(node, mine, 0x20) == ua.StatusCodes.BadSecurityModeInsufficient
        assert rights.refusal(node, mine, 1, browsing=True) == 0
        metadata = await stack.server.nodes.namespaces.get_child("2:urn:test")
        told: dict[str | None, Any] = {
            (await one.read_browse_name()).Name: await one.read_value() for one in await metadata.get_children()
        }
        said = {one.RoleId.Identifier: int(one.Permissions) for one in told["DefaultRolePermissions"]}
        assert said == {15680: 33, "Role.Mine": ALL_PERMISSIONS, 0: ALL_PERMISSIONS}
        assert told["DefaultAccessRestrictions"] == 2
        assert len(told["DefaultUserRolePermissions"]) == 3
    finally:
        await stack.stop()
