"""Which client certificates are let in: those that lie in the trusted folder. Others are put aside to be looked at."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

_log = logging.getLogger("plantspace.certs")
_REJECTED_KEPT = 100


class TrustFolder:
    """``trusted/*.der`` are let in; the first hundred others land in ``rejected/`` (move a file over to trust it)."""

    def __init__(self, folder: Path) -> None:
        """Keep both folders under ``folder``."""
        self.trusted = folder / "trusted"
        self.rejected = folder / "rejected"

    def prepare(self) -> None:
        """Make the folders. Blocks on the file system."""
        for folder in (self.trusted, self.rejected):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def is_trusted(self, certificate: x509.Certificate) -> bool:
        """Tell whether a certificate is valid now and trusted; another is kept to be looked at. Blocks on files."""
        encoded = certificate.public_bytes(serialization.Encoding.DER)
        in_time = certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc
        if in_time and any(_content(file) == encoded for file in self.trusted.glob("*.der")):
            return True
        name = f"{certificate.fingerprint(hashes.SHA256()).hex()[:32]}.der"
        try:
            self.rejected.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self.rejected / name).exists() and len(list(self.rejected.iterdir())) < _REJECTED_KEPT:
                (self.rejected / name).write_bytes(encoded)
        except OSError as error:
            _log.warning("a refused certificate cannot be kept: %s", error)
        return False


def _content(file: Path) -> bytes:
    """Give a file's bytes; one that cannot be read trusts nobody and does not keep the others from being looked at."""
    try:
        return file.read_bytes()
    except OSError as error:
        _log.warning("a trusted certificate cannot be read: %s", error)
        return b""
