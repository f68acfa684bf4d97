"""Methods that refuse by raising: the reason is for the log, its StatusCode for the client."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from asyncua import ua

from server.users.errors import BAD_USER_ACCESS_DENIED, UserRefused, UserStoreError

Answer = list[ua.Variant]
Call = Callable[..., Awaitable[Answer]]
"""Takes the object's NodeId and the arguments as Variants."""
Method = Callable[..., Awaitable[ua.StatusCode | Answer]]

_log = logging.getLogger("plantspace.users")
_LONGEST_TOLD = 300
"""Characters of a reason in the log: names that clients send may be of any length."""
_ANYBODYS = frozenset(
    (
        BAD_USER_ACCESS_DENIED,
        ua.StatusCodes.BadSecurityModeInsufficient,
        ua.StatusCodes.BadInvalidState,
        ua.StatusCodes.BadIdentityTokenInvalid,
    )
)
"""What anybody can bring about as often as they like: the log must not fill with it."""


def answering(name: str, call: Call) -> Method:
    """Let a method be called by clients; ``name`` is for the log. What it is called with is never logged."""

    async def method(owner: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode | Answer:
        try:
            return await call(owner, *arguments)
        except UserRefused as refused:
            level = logging.DEBUG if refused.status in _ANYBODYS else logging.INFO
            _log.log(level, "%s is refused: %s", name, str(refused)[:_LONGEST_TOLD])
            return ua.StatusCode(ua.UInt32(refused.status))
        except UserStoreError as error:
            _log.warning("%s cannot be done: %s", name, error)
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadResourceUnavailable))

    return method
