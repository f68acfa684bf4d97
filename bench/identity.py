"""The client's certificate in benchmarks of encrypted channels."""

# The seam on asyncua, whose annotations are partial.
# pyright: reportUnknownMemberType=false, reportPrivateImportUsage=false
from __future__ import annotations

from pathlib import Path
from shutil import copy

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from certs.own import CERTIFICATE_FILE, KEY_FILE, own_certificate

_URI = "urn:plantspace:bench:client"


def make_identity(folder: Path, data_dir: Path) -> Path:
    """Make a client's certificate in ``folder``, and let the gateway of ``data_dir``, not started yet, trust it."""
    own_certificate(folder, _URI, "bench")
    certs = data_dir / "certs"
    trusted = certs / "trusted" / "certs"
    trusted.mkdir(parents=True)
    for each in (data_dir, certs, trusted.parent, trusted):
        each.chmod(0o700)
    copy(folder / CERTIFICATE_FILE, trusted / "bench.der")
    return folder


async def connected(url: str, identity: str, timeout: float = 20.0) -> Client:  # noqa: ASYNC109 - asyncua's own, of each request
    """Give a client that is not connected yet; ``identity``: the folder of :func:`make_identity`, empty for None."""
    client = Client(url, timeout=timeout)
    if identity:
        client.application_uri = _URI
        folder, mode = Path(identity), ua.MessageSecurityMode.SignAndEncrypt
        certificate, key = folder / CERTIFICATE_FILE, folder / KEY_FILE
        await client.set_security(SecurityPolicyBasic256Sha256, certificate, key, mode=mode)
    return client
