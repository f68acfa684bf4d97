"""One record of each type, and a trail's file to write them to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from asyncua import ua

from core.security_mode import SecurityMode
from nodesets.built_in_types import BuiltInType
from server.address_space.encoding import double_variant, encode_data_value, encode_string, variant
from server.address_space.keys import numeric_key
from server.audit import administration, changes, connections, trail_records
from server.audit.connections import RequestType
from server.audit.entry import Kept
from server.audit.kinds import ANONYMOUS_TOKEN, ISSUED_TOKEN, USER_NAME_TOKEN, X509_TOKEN, Arguments, IdentityToken
from server.audit.record import AuditRecord
from server.audit.trail_file import TrailFile
from tests.clock import ManualClock

URIS = ("http://opcfoundation.org/UA/", "urn:gateway", "urn:plant")
NODE = (2, "Line1.Filler.Speed")
SESSION = (1, UUID(int=5))
CERTIFICATE = b"\x30\x82" + bytes(300)
POLICY = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
SECRET = "correct horse battery staple"

TOKENS = (
    IdentityToken(ANONYMOUS_TOKEN, "anonymous"),
    IdentityToken(USER_NAME_TOKEN, "user", user_name="alice"),
    IdentityToken(X509_TOKEN, "certificate", certificate=CERTIFICATE),
    IdentityToken(ISSUED_TOKEN, "jwt"),
)


def text(value: str) -> bytes:
    return variant(BuiltInType.String, encode_string(value))


def write(new: float = 2.5, **more: Any) -> changes.AuditWriteUpdate:
    told: dict[str, Any] = {
        "status": True, "source_node": NODE, "client_user_id": "alice", "old_value": double_variant(1.5),
        "new_value": double_variant(new),
    }  # fmt: skip
    return changes.AuditWriteUpdate(**(told | more))


def activate(token: IdentityToken = TOKENS[1], *, status: bool = True) -> connections.AuditActivateSession:
    return connections.AuditActivateSession(
        status=status, session_id=SESSION, user_identity_token=token, secure_channel_id="7", client_user_id="alice",
        current_role_ids=(numeric_key(0, ua.ObjectIds.WellKnownRole_Operator),),
        status_code_id=0 if status else ua.StatusCodes.BadUserAccessDenied,
    )  # fmt: skip


def all_records() -> Iterator[AuditRecord]:
    security: dict[str, Any] = {
        "client_certificate": CERTIFICATE,
        "client_certificate_thumbprint": "00ff",
        "secure_channel_id": "7",
    }
    yield connections.AuditOpenSecureChannel(
        status=True, security_policy_uri=POLICY, security_mode=SecurityMode.SIGN_AND_ENCRYPT,
        request_type=RequestType.ISSUE, requested_lifetime=3_600_000.0, **security,
    )  # fmt: skip
    yield connections.AuditSecurity(status=False, source_name="Security/Services")
    yield connections.AuditChannel(status=True, secure_channel_id="7")
    yield connections.AuditSession(status=True, session_id=SESSION, source_name="Session/Timeout")
    yield connections.AuditCreateSession(status=True, session_id=SESSION, revised_session_timeout=6e4, **security)
    yield connections.AuditUrlMismatch(status=False, endpoint_url="opc.tcp://elsewhere", **security)
    for token in TOKENS:
        yield activate(token)
    yield connections.AuditCancel(status=True, session_id=SESSION, request_handle=9)
    yield connections.AuditCertificate(certificate=CERTIFICATE)
    yield connections.AuditCertificateDataMismatch(certificate=CERTIFICATE, invalid_hostname="else.where")
    yield connections.AuditCertificateExpired(certificate=CERTIFICATE)
    yield connections.AuditCertificateInvalid(certificate=CERTIFICATE)
    yield connections.AuditCertificateUntrusted(certificate=CERTIFICATE, message="nobody knows its issuer")
    yield connections.AuditCertificateRevoked(certificate=CERTIFICATE)
    yield connections.AuditCertificateMismatch(certificate=CERTIFICATE)
    yield connections.LoginLockedOut(client_user_id="mallory", failures=5, locked_for=30_000.0)
    yield write(index_range="1:2")
    yield changes.AuditHistoryUpdate(status=True, parameter_data_type_id=numeric_key(0, 680))
    value = encode_data_value(double_variant(1.0), 0x80000000, 5, 6)
    yield changes.AuditHistoryValueUpdate(
        status=True, updated_node=NODE, perform_insert_replace=1, new_values=(value,), old_values=None
    )
    yield changes.AuditHistoryRawModifyDelete(
        status=True, updated_node=NODE, is_delete_modified=False, start_time=1, end_time=2, old_values=(value,)
    )
    yield changes.AuditHistoryAtTimeDelete(status=True, updated_node=NODE, req_times=(1, 2), old_values=())
    item = b"\x00\x00\x00"
    yield changes.AuditHistoryEventUpdate(status=True, updated_node=NODE, perform_insert_replace=2, new_values=(item,))
    yield changes.AuditHistoryEventDelete(status=True, updated_node=NODE, event_ids=(b"1", b"2"))
    yield changes.AuditAddNodes(status=True, nodes_to_add=(item,))
    yield changes.AuditDeleteNodes(status=True, nodes_to_delete=(item, item))
    yield changes.AuditAddReferences(status=True, references_to_add=())
    yield changes.AuditDeleteReferences(status=True, references_to_delete=None)
    arguments = Arguments.of(("Speed", "Password"), (double_variant(3.0), text(SECRET)))
    method: dict[str, Any] = {"status": True, "source_node": NODE, "method_id": NODE, "input_arguments": arguments}
    yield changes.AuditUpdateMethod(**method)
    yield administration.AuditUpdateState(**method, old_state_id="Idle", new_state_id="Running")
    yield administration.CertificateUpdatedAudit(status=True, certificate_group=1, certificate_type=2)
    yield administration.TrustListUpdatedAudit(status=True, trust_list_id=3)
    yield administration.RoleMappingRuleChangedAudit(**method)
    yield administration.ConfigurationUpdatedAudit(status=True, old_version=1, new_version=2)
    yield administration.UserChanged(status=True, user="bob", change="roles", roles="Operator, Observer")
    yield trail_records.RecordsLost(lost=3, first_time=1, last_time=2)


def trail_in(folder: Path, records: int = 0, clock: ManualClock | None = None) -> None:
    """Write a trail of as many writes, a second apart, that ended well."""
    clock = clock or ManualClock()
    file = TrailFile(folder, "line-1", clock, "urn:gateway", lambda: URIS)
    file.open()
    kept: list[Kept] = []
    for place in range(records):
        clock.jump(1.0)
        kept.append(file.keep(write(float(place)), clock.now()))
    file.append([*kept, file.keep(trail_records.TrailStopped(), clock.now())])
    file.close()
