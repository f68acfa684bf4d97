"""What goes wrong with users and roles, each with the StatusCode that a client is told.

The codes stand here as numbers, since nothing in this package needs the OPC UA library.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from core.errors import PlantspaceError

BAD_USER_ACCESS_DENIED: Final = 0x801F_0000
BAD_IDENTITY_TOKEN_REJECTED: Final = 0x8021_0000
BAD_NODE_ID_UNKNOWN: Final = 0x8034_0000
BAD_NOT_SUPPORTED: Final = 0x803D_0000
BAD_NOT_FOUND: Final = 0x803E_0000
BAD_TCP_SERVER_TOO_BUSY: Final = 0x807D_0000
BAD_CONFIGURATION_ERROR: Final = 0x8089_0000
BAD_INVALID_ARGUMENT: Final = 0x80AB_0000
BAD_OUT_OF_RANGE: Final = 0x803C_0000
BAD_REQUEST_NOT_ALLOWED: Final = 0x80E4_0000
BAD_ALREADY_EXISTS: Final = 0x8115_0000
BAD_RESOURCE_UNAVAILABLE: Final = 0x8004_0000


class UserStoreError(PlantspaceError):
    """The file of users and roles cannot be used; the message names it and the mend."""


class UserRefused(PlantspaceError):  # noqa: N818 - the name says what became of the request
    """A change of users or roles is refused, and nothing has changed; ``status`` is the method's StatusCode."""

    def __init__(self, status: int, problem: str, mend: str = "") -> None:
        """Keep the StatusCode; say what is wrong and what would be right."""
        self.status = status
        self.problem = problem
        self.mend = mend
        super().__init__(problem + (f" ({mend})" if mend else ""))


class LoginFault(StrEnum):
    """Why a log-in was refused: for the audit trail and the log, never for the client."""

    UNKNOWN = "no such user"
    WRONG_PASSWORD = "wrong password"  # noqa: S105 - a reason, no password
    DISABLED = "the user is disabled"
    EXPIRED = "the user has expired"
    LOCKED = "too many failed log-ins; locked for a while"
    TOKEN = "the token is not valid"  # noqa: S105 - a reason, no password
    NOT_OFFERED = "this kind of log-in is not offered"


class LoginRefused(PlantspaceError):  # noqa: N818 - the name says what became of the request
    """A log-in failed. Its text and ``status`` are the same whatever the reason; ``fault`` and ``detail`` are ours."""

    status = BAD_IDENTITY_TOKEN_REJECTED

    def __init__(self, fault: LoginFault, detail: str = "") -> None:
        """Keep the reason for the audit trail."""
        self.fault = fault
        self.detail = detail
        super().__init__("the log-in is refused")


class TooManyLogins(PlantspaceError):  # noqa: N818 - the name says what is so
    """More log-ins wait than are let wait; trying later helps."""

    status = BAD_TCP_SERVER_TOO_BUSY

    def __init__(self) -> None:
        """Say so."""
        super().__init__("too many log-ins wait already")
