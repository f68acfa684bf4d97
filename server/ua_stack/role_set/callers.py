"""Who calls a method, and whether they may (Part 18 v1.05 4.2.2, 5.2.5): administrators, on encrypted channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from asyncua import ua

from core.security_mode import SecurityMode
from server.address_space.keys import NodeKey
from server.users.errors import BAD_USER_ACCESS_DENIED, UserRefused
from server.users.identity import Identity
from server.users.well_known import SECURITY_ADMIN, WELL_KNOWN

ADMINISTRATOR: Final[NodeKey] = WELL_KNOWN[SECURITY_ADMIN]


class CallersChannel(Protocol):
    """The channel that a call came on; ``peer``: the client's address."""

    @property
    def mode(self) -> int:
        """The MessageSecurityMode."""
        ...

    @property
    def peer(self) -> str:
        """The address, without the port."""
        ...


class Caller(Protocol):
    """The session that calls."""

    @property
    def user(self) -> Identity:
        """Whose session it is."""
        ...

    @property
    def roles(self) -> frozenset[NodeKey]:
        """The roles that it has now."""
        ...

    @property
    def channel(self) -> CallersChannel:
        """What it was activated on last."""
        ...

    @property
    def client_user_id(self) -> str:
        """The user as audit records name it."""
        ...

    @property
    def application_uri(self) -> str:
        """The client's application."""
        ...


AskCaller = Callable[[], Caller | None]
"""Gives who calls; None for the gateway itself, which may do anything."""
Session = TypeVar("Session", bound=Caller)


def check_encrypted(caller: Caller) -> None:
    """Raise :class:`~server.users.errors.UserRefused` for a channel that others can read."""
    if caller.channel.mode != SecurityMode.SIGN_AND_ENCRYPT:
        raise UserRefused(
            ua.StatusCodes.BadSecurityModeInsufficient, "the channel is not encrypted", "connect with SignAndEncrypt"
        )


def check_administrator(caller: Caller | None) -> None:
    """Raise :class:`~server.users.errors.UserRefused` for whoever is not SecurityAdmin on an encrypted channel."""
    if caller is None:
        return
    check_encrypted(caller)
    if ADMINISTRATOR not in caller.roles:
        raise UserRefused(BAD_USER_ACCESS_DENIED, f"the user {caller.client_user_id!r} is not SecurityAdmin")
