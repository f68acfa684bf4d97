"""Records as syslog messages (RFC 5424), and where they go: UDP (RFC 5426), TCP (RFC 6587), TLS (RFC 5425)."""

from __future__ import annotations

import re
from typing import Final

from core.time import to_iso
from server.address_space.extents import DecodingError
from server.audit.entry import Entry, is_done
from server.audit.json_lines import as_sentence, text_of
from server.events.values import decode

_FACILITY: Final = 13
"""Log audit."""
_CRITICAL, _ERROR, _WARNING, _NOTICE = 2, 3, 4, 5
LARGEST: Final = {"udp": 2048, "tcp": 8192, "tls": 8192}
"""Octets of a message: what every receiver should take (RFC 5424 6.1, RFC 5425 4.3.1)."""
_ENTERPRISE: Final = 32473
"""Plantspace has no number of its own; this one is set aside for such uses (RFC 5612)."""
_NOT_NAME: Final = re.compile(r"[^\x21-\x7e]")
_PARAM: Final = re.compile(r'(["\\\]])')
_BOM: Final = b"\xef\xbb\xbf"
_MICROSECOND: Final = 10
"""Ticks."""


def message_of(entry: Entry, host: str, gateway: str, largest: int) -> bytes:
    """Give a record as one message of at most ``largest`` octets; a text that is too long is cut.

    ``host``: HOSTNAME; ``gateway``: its name, the PROCID. Raises
    :class:`~server.address_space.extents.DecodingError`.
    """
    params = {
        "sequence": str(entry.sequence),
        "hash": entry.hash.hex(),
        "status": "done" if is_done(entry) else "refused",
        "user": text_of(entry, "ClientUserId"),
        "source": text_of(entry, "SourceName"),
        "node": text_of(entry, "SourceNode"),
        "entry": text_of(entry, "ClientAuditEntryId"),
    }
    told = " ".join(f'{name}="{_param(value)}"' for name, value in params.items() if value)
    return _message(_severity(entry), entry.time, (host, gateway, entry.type), told, as_sentence(entry), largest)


def lost_message(lost: int, time: int, host: str, gateway: str, largest: int) -> bytes:
    """Give a message that says how many records were not forwarded; ``time``: ticks."""
    text = f"{lost} audit records were not forwarded; the gateway's own trail has them"
    return _message(_ERROR, time, (host, gateway, "ForwardingLost"), f'lost="{lost}"', text, largest)


def framed(message: bytes) -> bytes:
    """Put a message's length before it, for TCP and TLS (RFC 6587 3.4.1, RFC 5425 4.3)."""
    return f"{len(message)} ".encode() + message


def _message(severity: int, time: int, names: tuple[str, str, str], told: str, text: str, largest: int) -> bytes:
    host, gateway, kind = names
    moment = to_iso(time - time % _MICROSECOND)  # RFC 5424 6.2.3: six digits at most
    head = (
        f"<{_FACILITY * 8 + severity}>1 {moment} {_name(host, 255)} plantspace {_name(gateway, 128)} {_name(kind, 32)} "
        f"[plantspace@{_ENTERPRISE} {told}] "
    )
    whole = head.encode() + _BOM + text.encode()
    return whole if len(whole) <= largest else whole[:largest].decode(errors="ignore").encode()


def _severity(entry: Entry) -> int:
    if is_done(entry):
        return _NOTICE
    try:
        value = decode(entry.fields["Severity"])
    except (KeyError, DecodingError):
        return _WARNING
    weight = 0 if value is None else int(value.held)
    return _CRITICAL if weight >= 900 else _ERROR if weight >= 700 else _WARNING  # noqa: PLR2004 - of Part 5's 1000


def _name(text: str, longest: int) -> str:
    return _NOT_NAME.sub("_", text)[:longest] or "-"


def _param(text: str) -> str:
    shown = "".join(one if one.isprintable() else " " for one in text[:256])
    return _PARAM.sub(r"\\\1", shown)
