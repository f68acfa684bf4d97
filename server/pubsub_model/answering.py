"""Methods that refuse by raising: the reason is for the log, its StatusCode for the client."""

# The seam on asyncua, whose annotations are partial and call a plain int wrong where it takes one.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from asyncua import ua

from server.address_space.node import CallMethod
from server.pubsub_model.refusal import PubSubRefused

Answer = list[ua.Variant]
Call = Callable[..., Awaitable[Answer]]
"""Takes plain arguments. Raises :class:`PubSubRefused`."""

_log = logging.getLogger("plantspace.pubsub")
_LONGEST_TOLD: Final = 1000
"""Characters of a reason in the log: names that clients send may be of any length."""


def answering(name: str, call: Call) -> CallMethod:
    """Let a method be called by clients; a refusal is told in the log, its StatusCode to the client."""

    async def method(_owner: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode | Answer:
        try:
            return await call(*(one.Value for one in arguments))
        except PubSubRefused as refused:
            _log.warning("%s is refused: %s", name, str(refused)[:_LONGEST_TOLD])
            return ua.StatusCode(ua.UInt32(refused.status))

    return method
