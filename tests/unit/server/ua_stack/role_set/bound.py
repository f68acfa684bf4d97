"""RoleSet and UserManagement over a real address space and a real store, with a caller who is whoever the test says."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from nodesets.names import STANDARD_NAMESPACE
from server.address_space.asyncua_seam import UaAddressSpace
from server.address_space.asyncua_values import decode_variant, encode_variant
from server.address_space.attributes import Attributes
from server.address_space.decoding import GivenValue
from server.address_space.keys import NodeKey, nodeid_of
from server.address_space.node import SpaceNode
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.address_space.writing import WriteItem, Writing
from server.audit.administration import RoleMappingRuleChangedAudit
from server.ua_stack.method_service import CallService
from server.ua_stack.model_nodes import load_model
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.role_set.binding import USER_MANAGEMENT, bind_role_set
from server.ua_stack.role_set.callers import ADMINISTRATOR, Caller
from server.ua_stack.role_set.own_role import ROLE_SET
from server.users.identity import Identity, IdentityKind
from server.users.logins import Logins
from server.users.passwords import Passwords
from server.users.roles import IdentityRule
from server.users.store import UserStore
from tests.unit.server.ua_stack.nodes import standard_model

OWN_URI = "urn:plantspace:line-1"
NAMESPACES = (STANDARD_NAMESPACE, "urn:test:server", OWN_URI)
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "a horse of another kind"
ANONYMOUS: NodeKey = 15644


@dataclass
class FakeChannel:
    mode: int = 3
    peer: str = "192.0.2.1"


@dataclass
class FakeCaller:
    user: Identity = field(default_factory=lambda: Identity(IdentityKind.USER_NAME, "admin"))
    roles: frozenset[NodeKey] = frozenset((ANONYMOUS, ADMINISTRATOR))
    channel: FakeChannel = field(default_factory=FakeChannel)
    application_uri: str = "urn:test:client"

    @property
    def client_user_id(self) -> str:
        return self.user.name or "Anonymous"


class Bound:
    def __init__(self, store: UserStore, logins: Logins) -> None:
        self.space = AddressSpace()
        load_model(self.space, standard_model(), NAMESPACES)
        attributes = Attributes(self.space)
        self.writing = Writing(attributes, 100)
        self.attributes = attributes
        self.calls = CallService(self.space, UaAddressSpace(attributes, self.writing))
        self.store, self.logins = store, logins
        self.caller: FakeCaller | None = FakeCaller()
        self.records: list[RoleMappingRuleChangedAudit] = []
        self.changed: list[tuple[Caller, Identity]] = []
        bind_role_set(
            self.space,
            NodeIds(NAMESPACES),
            store,
            logins,
            on_change=self.records.append,
            on_password_changed=lambda caller, identity: self.changed.append((caller, identity)),
            caller=lambda: self.caller,
        )

    @property
    def context(self) -> SessionContext:
        """What the caller may do."""
        caller = self.caller
        if caller is None:
            return SessionContext(is_gateway=True)
        return SessionContext(roles=caller.roles, mode=caller.channel.mode)

    def member(self, owner: NodeKey, name: str) -> SpaceNode:
        """Give a node's property or component."""
        targets = (self.space[target] for _, target in self.space[owner].forward)
        return next(target for target in targets if target.browse_name == (0, name))

    def role(self, name: str) -> NodeKey:
        """Give the key of a role's NodeId."""
        return self.store.snapshot.roles.key_of(name)

    async def call_result(self, owner: NodeKey, name: str, *arguments: ua.Variant) -> ua.CallMethodResult:
        """Call a method as a client does, but for the session's rights: those are asked of the method alone."""
        request = ua.CallMethodRequest()
        request.ObjectId, request.MethodId = nodeid_of(owner), nodeid_of(self.member(owner, name).key)
        request.InputArguments = list(arguments)
        (result,) = await self.calls.call_as([request], SessionContext(mode=3))
        return result

    async def call(self, owner: NodeKey, name: str, *arguments: ua.Variant) -> str:
        """Call a method; give the name of its StatusCode."""
        return (await self.call_result(owner, name, *arguments)).StatusCode.name

    def value(self, owner: NodeKey, name: str) -> Any:
        """Read a property as the caller may."""
        given = self.attributes.read(self.member(owner, name), AttributeIds.Value, self.context)
        assert given.variant is not None
        return decode_variant(given.variant).Value

    async def write(self, owner: NodeKey, name: str, value: ua.Variant) -> int:
        """Write a property as the caller may."""
        given = GivenValue(encode_variant(value))
        item = WriteItem(self.member(owner, name).key, AttributeIds.Value, given)
        return await self.writing.write_one(item, self.context)

    def roles_shown(self) -> set[str]:
        """Give the BrowseNames of the roles below RoleSet."""
        targets = (self.space[target] for kind, target in self.space[ROLE_SET].forward if kind == 47)
        return {one.browse_name.name for one in targets if self.space.type_of(one) == ua.ObjectIds.RoleType}

    async def add_role(self, name: str, uri: str = "") -> str:
        return await self.call(ROLE_SET, "AddRole", text(name), text(uri))

    async def remove_role(self, key: NodeKey) -> str:
        return await self.call(ROLE_SET, "RemoveRole", ua.Variant(nodeid_of(key), ua.VariantType.NodeId))

    async def add_user(self, name: str, password: str | None, options: int = 0, description: str = "") -> str:
        mask = ua.Variant(options, ua.VariantType.UInt32)
        return await self.call(USER_MANAGEMENT, "AddUser", text(name), text(password), mask, text(description))

    async def modify_user(
        self, name: str, *, password: str | None = None, options: int | None = None, description: str | None = None
    ) -> str:
        return await self.call(
            USER_MANAGEMENT,
            "ModifyUser",
            text(name),
            truth(password is not None),
            text(password),
            truth(options is not None),
            ua.Variant(options or 0, ua.VariantType.UInt32),
            truth(description is not None),
            text(description),
        )

    async def remove_user(self, name: str) -> str:
        return await self.call(USER_MANAGEMENT, "RemoveUser", text(name))

    async def change_password(self, old: str, new: str) -> str:
        return await self.call(USER_MANAGEMENT, "ChangePassword", text(old), text(new))


def text(value: str | None) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.String)


def truth(value: bool) -> ua.Variant:  # noqa: FBT001 - an argument of a method
    return ua.Variant(value, ua.VariantType.Boolean)


def rule(criterion: int, criteria: str | None = None) -> ua.Variant:
    structure = ua.IdentityMappingRuleType(ua.IdentityCriteriaType(criterion), criteria)
    return ua.Variant(structure, ua.VariantType.ExtensionObject)


def endpoint(url: str | None = None, mode: int = 0, policy: str | None = None) -> ua.Variant:
    structure = ua.EndpointType(url, ua.MessageSecurityMode(mode), policy, None)
    return ua.Variant(structure, ua.VariantType.ExtensionObject)


@asynccontextmanager
async def bound(folder: Path, configured: dict[str, tuple[IdentityRule, ...]] | None = None) -> AsyncGenerator[Bound]:
    """Make it all in a folder, with the SecurityAdmin ``admin``."""
    store = UserStore(folder, configured, own_namespace=2)
    await store.start(watch=False)
    logins = Logins(store, passwords=Passwords(64, 1))
    await logins.start()
    try:
        if not store.snapshot.users:
            await logins.administration.add("admin", PASSWORD, roles=["SecurityAdmin"])
        yield Bound(store, logins)
    finally:
        await logins.stop()
        await store.stop()
