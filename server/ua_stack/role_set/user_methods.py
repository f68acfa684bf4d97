"""The methods of UserManagement (Part 18 v1.05 5.2.5 to 5.2.8)."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from asyncua import ua

from server.ua_stack.role_set.answering import Answer, Method, answering
from server.ua_stack.role_set.arguments import text_of
from server.ua_stack.role_set.callers import Caller, Session, check_administrator, check_encrypted
from server.users.errors import BAD_RESOURCE_UNAVAILABLE, LoginRefused, TooManyLogins, UserRefused
from server.users.identity import Identity, IdentityKind
from server.users.logins import Logins
from server.users.names import name_key
from server.users.records import UserOption


class UserMethods(Generic[Session]):
    """Changes users as clients ask for it."""

    def __init__(
        self,
        logins: Logins,
        caller: Callable[[], Session | None],
        on_password_changed: Callable[[Session, Identity], None],
    ) -> None:
        """``on_password_changed`` takes the session and what its user is from then on."""
        self._logins = logins
        self._users = logins.administration
        self._caller = caller
        self._on_password_changed = on_password_changed

    def methods(self) -> dict[str, Method]:
        """Give what answers each method, by BrowseName."""
        calls = {
            "AddUser": self._add,
            "ModifyUser": self._modify,
            "RemoveUser": self._remove,
            "ChangePassword": self._change_password,
        }
        return {name: answering(name, call) for name, call in calls.items()}

    async def _add(
        self,
        _owner: ua.NodeId,
        name: ua.Variant,
        password: ua.Variant,
        configuration: ua.Variant,
        description: ua.Variant,
    ) -> Answer:
        check_administrator(self._caller())
        await self._users.add(
            text_of(name.Value),
            text_of(password.Value),
            options=UserOption(int(configuration.Value)),
            description=text_of(description.Value),
        )
        return []

    async def _modify(
        self,
        _owner: ua.NodeId,
        name: ua.Variant,
        modify_password: ua.Variant,
        password: ua.Variant,
        modify_configuration: ua.Variant,
        configuration: ua.Variant,
        modify_description: ua.Variant,
        description: ua.Variant,
    ) -> Answer:
        caller = self._caller()
        check_administrator(caller)
        wanted = text_of(name.Value)
        options = UserOption(int(configuration.Value)) if modify_configuration.Value else None
        if options is not None and options & UserOption.DISABLED:
            _check_other(caller, wanted, "disabled")
        await self._users.configure(
            wanted,
            password=text_of(password.Value) if modify_password.Value else None,
            options=options,
            description=text_of(description.Value) if modify_description.Value else None,
        )
        return []

    async def _remove(self, _owner: ua.NodeId, name: ua.Variant) -> Answer:
        caller = self._caller()
        check_administrator(caller)
        wanted = text_of(name.Value)
        _check_other(caller, wanted, "removed")
        await self._users.remove(wanted)
        return []

    async def _change_password(self, _owner: ua.NodeId, old: ua.Variant, new: ua.Variant) -> Answer:
        caller = self._caller()
        if caller is None:
            raise UserRefused(ua.StatusCodes.BadInvalidState, "the gateway itself has no password")
        check_encrypted(caller)
        if caller.user.kind is not IdentityKind.USER_NAME:
            raise UserRefused(ua.StatusCodes.BadInvalidState, "the session's user did not log in with a password")
        shown = text_of(old.Value).encode(errors="replace")
        try:
            identity = await self._logins.change_password(
                caller.user.name, shown, text_of(new.Value), caller.channel.peer
            )
        except LoginRefused as refused:
            problem = f"the old password of {caller.user.name!r} is not accepted: {refused.fault}"
            raise UserRefused(ua.StatusCodes.BadIdentityTokenInvalid, problem) from None
        except TooManyLogins as busy:
            raise UserRefused(BAD_RESOURCE_UNAVAILABLE, str(busy)) from None
        self._on_password_changed(caller, identity)
        return []


def _check_other(caller: Caller | None, name: str, what: str) -> None:
    """Let nobody end the session that they call from (Part 18 v1.05 5.2.6, 5.2.7)."""
    if caller is None or caller.user.kind is not IdentityKind.USER_NAME:
        return
    if name_key(caller.user.name) == name_key(name):
        problem = f"the user {caller.user.name!r} cannot be {what} by itself"
        raise UserRefused(ua.StatusCodes.BadInvalidSelfReference, problem, "let another SecurityAdmin do it")
