"""A method of the ServerConfiguration object that is refused, and who may call one."""

from __future__ import annotations

from typing import Final

from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from server.address_space.keys import numeric_key
from server.ua_stack.sessions import GatewaySession
from server.users.well_known import SECURITY_ADMIN, WELL_KNOWN

_ADMIN: Final = numeric_key(0, WELL_KNOWN[SECURITY_ADMIN])
_SIGN_AND_ENCRYPT = 3


class ConfigurationRefused(PlantspaceError):  # noqa: N818 - the name says what became of the call
    """A call is not served; ``status`` is its StatusCode, the message is for the log and the audit trail."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the StatusCode and say why."""
        self.status = status
        super().__init__(message)


def check_caller(session: GatewaySession | None) -> None:
    """Refuse who is no SecurityAdmin (any more), or whose messages others can read; None is the gateway itself.

    The role is asked first: whoever lacks it learns no more. Part 12 v1.05 7.10 wants encryption for some of the
    methods; here it is wanted for all, since each shows or changes whom the gateway trusts.
    """
    if session is None:
        return
    if not session.is_activated():
        raise ConfigurationRefused(StatusCodes.BadSessionClosed, "the session has ended")
    if _ADMIN not in session.roles:
        raise ConfigurationRefused(StatusCodes.BadUserAccessDenied, "the user has not the role SecurityAdmin")
    if session.channel.mode != _SIGN_AND_ENCRYPT:
        raise ConfigurationRefused(StatusCodes.BadSecurityModeInsufficient, "the connection is not encrypted")
