"""Records of changes to certificates, trust, roles, users and the configuration (Parts 5, 12 and 18 v1.05)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from asyncua.ua.object_ids import ObjectIds

from server.address_space.keys import NULL_KEY
from server.audit.changes import AuditUpdateMethod
from server.audit.connections import AuditSecurity
from server.audit.kinds import NodeId, String, UInt32
from server.audit.record import AuditRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditUpdateState(AuditUpdateMethod):
    """A Method changed a state (6.4.28). ``old_state_id``, ``new_state_id``: names or numbers of states, as text."""

    event_type: ClassVar[int] = ObjectIds.AuditUpdateStateEventType
    old_state_id: String
    new_state_id: String


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateUpdatedAudit(AuditUpdateMethod):
    """The gateway's own certificate was replaced (Part 12 v1.05).

    Where no Method did it, ``source_name`` says what did (``System/CertificateRenewal``) and ``method_id`` is null.
    """

    event_type: ClassVar[int] = ObjectIds.CertificateUpdatedAuditEventType
    severity_done: ClassVar[int] = 400
    method_id: NodeId = NULL_KEY
    certificate_group: NodeId
    certificate_type: NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustListUpdatedAudit(AuditUpdateMethod):
    """A trust list was changed (Part 12 v1.05); ``method_id`` as in :class:`CertificateUpdatedAudit`."""

    event_type: ClassVar[int] = ObjectIds.TrustListUpdatedAuditEventType
    severity_done: ClassVar[int] = 400
    method_id: NodeId = NULL_KEY
    trust_list_id: NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleMappingRuleChangedAudit(AuditUpdateMethod):
    """Who has a role was changed (Part 18 v1.05); ``source_node``: the role."""

    event_type: ClassVar[int] = ObjectIds.RoleMappingRuleChangedAuditEventType
    severity_done: ClassVar[int] = 400
    method_id: NodeId = NULL_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationUpdatedAudit(AuditRecord):
    """The gateway's configuration or model was changed. Versions: seconds since 2000-01-01 UTC (VersionTime)."""

    event_type: ClassVar[int] = ObjectIds.ConfigurationUpdatedAuditEventType
    severity_done: ClassVar[int] = 400
    source_name: String = "System/Configuration"
    old_version: UInt32
    new_version: UInt32


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanged(AuditSecurity):
    """A user was added, removed, or changed by other means than a Method, such as the command line.

    ``change``: ``added``, ``removed``, ``password``, ``roles``, ``disabled``, ``enabled``. ``roles``: those that the
    user has now, by name.
    """

    severity_done: ClassVar[int] = 400
    source_name: String = "System/UserManagement"
    user: String
    change: String
    roles: String = None
