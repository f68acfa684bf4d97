"""What ``plantspace certs`` changes, in the audit trail (Part 12 v1.05 7.8.2.12, 7.10.14)."""

from __future__ import annotations

from pathlib import Path

from asyncua.ua.object_ids import ObjectIds

from server.address_space.keys import NULL_KEY, numeric_key
from server.audit.administration import CertificateUpdatedAudit, TrustListUpdatedAudit
from server.cli.certs_folder import folder_of
from server.cli.recording import record, who

_GROUP = numeric_key(0, ObjectIds.ServerConfiguration_CertificateGroups_DefaultApplicationGroup)
_TRUST_LIST = numeric_key(0, ObjectIds.ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList)


def record_change(config: Path, *, own: bool) -> None:
    """Tell that the gateway's own certificate was replaced, else that its trust list was changed."""
    place = folder_of(config)
    if own:
        told = CertificateUpdatedAudit(
            status=True,
            source_name="System/Certificates",
            client_user_id=who(),
            certificate_group=_GROUP,
            certificate_type=NULL_KEY,
        )
        record(place.folder.parent, place.name, told)
        return
    changed = TrustListUpdatedAudit(
        status=True, source_name="System/Certificates", client_user_id=who(), trust_list_id=_TRUST_LIST
    )
    record(place.folder.parent, place.name, changed)
