"""The methods of RoleSet and of its roles (Part 18 v1.05 4.2, 4.4.5 to 4.4.10)."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from asyncua import ua

from nodesets.names import STANDARD_NAMESPACE
from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import key_of, nodeid_of
from server.address_space.space import AddressSpace
from server.audit.administration import RoleMappingRuleChangedAudit
from server.audit.kinds import Arguments
from server.ua_stack.role_set.answering import Answer, Method, answering
from server.ua_stack.role_set.arguments import endpoint_of, rule_of, text_of
from server.ua_stack.role_set.callers import AskCaller, check_administrator
from server.users.errors import BAD_ALREADY_EXISTS, BAD_INVALID_ARGUMENT, BAD_NODE_ID_UNKNOWN, UserRefused
from server.users.names import proper_name
from server.users.role_changes import (
    add_application,
    add_endpoint,
    add_identity,
    add_role,
    remove_application,
    remove_endpoint,
    remove_identity,
    remove_role,
)
from server.users.roles import RoleSet
from server.users.store import UserStore
from server.users.well_known import WELL_KNOWN

OnChange = Callable[[RoleMappingRuleChangedAudit], None]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One of the six methods of RoleType: the name of its argument, how that is read, and what it does."""

    argument: str
    parse: Callable[[Any], Any]  # whatever the change takes
    change: Callable[[RoleSet, str, Any], RoleSet]


_RULES: Final[Mapping[str, _Rule]] = {
    "AddIdentity": _Rule("Rule", rule_of, add_identity),
    "RemoveIdentity": _Rule("Rule", rule_of, remove_identity),
    "AddApplication": _Rule("ApplicationUri", text_of, add_application),
    "RemoveApplication": _Rule("ApplicationUri", text_of, remove_application),
    "AddEndpoint": _Rule("Endpoint", endpoint_of, add_endpoint),
    "RemoveEndpoint": _Rule("Endpoint", endpoint_of, remove_endpoint),
}


class RoleMethods:
    """Changes the roles of a store as clients ask for it."""

    def __init__(
        self, space: AddressSpace, store: UserStore, caller: AskCaller, server_uri: str, on_change: OnChange
    ) -> None:
        """``server_uri``: URI of the namespace that own roles are in; ``on_change`` takes what the audit is told."""
        self._space = space
        self._store = store
        self._caller = caller
        self._server_uri = server_uri
        self._on_change = on_change

    def of_the_set(self) -> dict[str, Method]:
        """Give what answers the methods of RoleSet, by BrowseName."""
        return {
            "AddRole": answering("AddRole", self._add_role),
            "RemoveRole": answering("RemoveRole", self._remove_role),
        }

    def of_a_role(self) -> dict[str, Method]:
        """Give what answers the methods of any role, by BrowseName."""
        return {name: answering(name, partial(self._change, name, rule)) for name, rule in _RULES.items()}

    async def _add_role(self, _owner: ua.NodeId, name: ua.Variant, uri: ua.Variant) -> Answer:
        check_administrator(self._caller())
        wanted = proper_name(text_of(name.Value), "role's name")
        self._check_namespace(wanted, text_of(uri.Value))
        key = self._store.snapshot.roles.key_of(wanted)
        if key in self._space:
            raise UserRefused(BAD_ALREADY_EXISTS, f"there is a node for the role {wanted!r} already")
        await self._store.change_roles(lambda roles: add_role(roles, wanted))
        return [ua.Variant(nodeid_of(key), ua.VariantType.NodeId)]

    def _check_namespace(self, name: str, uri: str) -> None:
        """Take what qualifies a role's BrowseName: our own namespace, which is meant too where none is named."""
        if uri in ("", self._server_uri):
            return
        if uri == STANDARD_NAMESPACE and name in WELL_KNOWN:
            raise UserRefused(BAD_ALREADY_EXISTS, f"the well-known role {name} is there already")
        raise UserRefused(
            BAD_INVALID_ARGUMENT, f"roles of the namespace {uri!r} cannot be added", f"name {self._server_uri}"
        )

    async def _remove_role(self, _owner: ua.NodeId, role: ua.Variant) -> Answer:
        check_administrator(self._caller())
        name = self._name(role.Value)
        await self._store.change_roles(lambda roles: remove_role(roles, name))
        return []

    async def _change(self, method: str, rule: _Rule, owner: ua.NodeId, argument: ua.Variant) -> Answer:
        caller = self._caller()
        check_administrator(caller)
        name, wanted = self._name(owner), rule.parse(argument.Value)
        await self._store.change_roles(lambda roles: rule.change(roles, name, wanted))
        self._on_change(
            RoleMappingRuleChangedAudit(
                status=True,
                source_node=key_of(owner),
                method_id=self._method_id(owner, method),
                client_user_id="System" if caller is None else caller.client_user_id,
                client_application_uri=None if caller is None else caller.application_uri,
                message=f"{method} on the role {name}",
                input_arguments=Arguments.of((rule.argument,), (encode_variant(argument),)),
            )
        )
        return []

    def _name(self, role: ua.NodeId) -> str:
        name = self._store.snapshot.roles.name_of(key_of(role))
        if name is None:
            raise UserRefused(BAD_NODE_ID_UNKNOWN, f"there is no role {role.to_string()!r}")
        return name

    def _method_id(self, owner: ua.NodeId, name: str) -> int | tuple[int, Any]:
        nodes = self._space.nodes
        targets = (target for _, target in nodes[key_of(owner)].forward)
        return next(target for target in targets if nodes[target].browse_name == (0, name))
