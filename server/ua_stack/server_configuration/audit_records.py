"""Audit records of requests that change certificates or trust (Part 12 v1.05 7.8.2.12, 7.10.26)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from asyncua.ua.object_ids import ObjectIds

from server.audit.administration import AuditUpdateMethod
from server.ua_stack.sessions import GatewaySession

OnChange = Callable[[AuditUpdateMethod, GatewaySession | None], None]
"""Takes a record, and the session that asked (None: the gateway itself); never waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateUpdateRequestedAudit(AuditUpdateMethod):
    """A signing request was made, or a certificate uploaded, or that was refused."""

    event_type: ClassVar[int] = ObjectIds.CertificateUpdateRequestedAuditEventType
    severity_done: ClassVar[int] = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustListUpdateRequestedAudit(AuditUpdateMethod):
    """A trust list was uploaded, or that was refused."""

    event_type: ClassVar[int] = ObjectIds.TrustListUpdateRequestedAuditEventType
    severity_done: ClassVar[int] = 400
