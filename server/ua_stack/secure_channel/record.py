"""What became of an OpenSecureChannel, as the audit trail wants to know it (Part 5 v1.05 6.4.5, 6.4.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from certs.verdict import Verdict
from server.ua_stack.secure_channel.messages import ISSUE


@dataclass(slots=True)
class ChannelRecord:
    """One event. ``status``: StatusCode that the client was told; ``reason``: for the log, what was wrong.

    ``peer``: the address that it came from; ``certificate``: the leaf that was shown, DER, not proved where it was
    refused; ``verdict``: on it, where it was validated: an AuditCertificate event tells a bad one, and one for which
    something was overlooked; ``lifetime``: milliseconds, as asked for; ``audit_entry_id``: the client's own;
    ``unreported``: refusals before this one that were too many to be told one by one.
    """

    peer: str
    what: Literal["opened", "renewed", "refused", "closed"] = "refused"
    status: int = 0
    reason: str = ""
    channel_id: int = 0
    request_type: int = ISSUE
    policy_uri: str = ""
    mode: int = 0
    certificate: bytes | None = None
    verdict: Verdict | None = None
    lifetime: int = 0
    audit_entry_id: str = ""
    unreported: int = 0


OnChannel: TypeAlias = Callable[[ChannelRecord], None]


def unheard(_record: ChannelRecord) -> None:
    """Tell nobody."""
