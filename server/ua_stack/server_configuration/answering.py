"""How a method of ours answers a call: who may, what is told when it is refused, what the audit trail learns."""

# asyncua's annotations call a plain int wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import NodeKey
from server.audit.changes import AuditUpdateMethod
from server.audit.kinds import Arguments
from server.ua_stack.server_configuration.audit_records import OnChange
from server.ua_stack.server_configuration.refusal import ConfigurationRefused, check_caller
from server.ua_stack.sessions import CALLER, GatewaySession

_log = logging.getLogger("plantspace.certs")
Call = Callable[..., Awaitable[list[ua.Variant]]]
"""Takes the session and plain arguments. Raises :class:`ConfigurationRefused`."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What record a call makes, and the names of its arguments; one named as a secret is not recorded."""

    record: Callable[..., AuditUpdateMethod]
    names: Sequence[str]


def answering(
    call: Call, name: str, owner: NodeKey, method: NodeKey, on_change: OnChange, audited: Audited | None
) -> Callable[..., Awaitable[ua.StatusCode | list[ua.Variant]]]:
    """Let those call ``call`` who may; refusals become StatusCodes. ``owner``, ``method``: the nodes."""

    def tell(session: GatewaySession | None, arguments: Sequence[ua.Variant], status: int, message: str) -> None:
        if audited is None:
            return
        given = Arguments.of(audited.names, [encode_variant(one) for one in arguments])
        record = audited.record(
            status=not status,
            status_code_id=status,
            message=message,
            source_node=owner,
            method_id=method,
            input_arguments=given,
            client_user_id=session.client_user_id if session is not None else "System/Gateway",
        )
        on_change(record, session)

    async def answer(_parent: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode | list[ua.Variant]:
        session = CALLER.get()
        try:
            check_caller(session)
        except ConfigurationRefused as refused:
            tell(session, arguments, refused.status, str(refused))
            return ua.StatusCode(ua.UInt32(refused.status))
        try:
            values: list[Any] = [one.Value for one in arguments]
            answer = await call(session, *values)
        except ConfigurationRefused as refused:
            _log.warning("%s is refused: %s", name, refused)
            tell(session, arguments, refused.status, str(refused))
            return ua.StatusCode(ua.UInt32(refused.status))
        tell(session, arguments, 0, "")
        return answer

    return answer
