"""Changes the gateway's own certificates."""

from __future__ import annotations

import sys
from pathlib import Path

from certs.encoded import to_pem
from certs.errors import CertificateError
from certs.making import CertificateKind, PrivateKey, kind_of
from certs.own import OwnCertificate
from certs.trust_folders import read_certificates
from core.settings import replace_file
from server.cli.certs_folder import folder_of, read_file
from server.cli.certs_show import describe
from server.cli.terminal import Progress


def renew(config: Path, kind: str, *, new_key: bool, rsa_bits: int, days: int, even_issued: bool) -> int:
    """Make a new self-signed one. Raises :class:`~core.errors.PlantspaceError`, as all here do."""
    wanted = CertificateKind(kind)
    with Progress("making a certificate"):
        own = folder_of(config).own([wanted], rsa_bits=rsa_bits, days=days)
        fresh = own.renew(wanted, new_key=new_key, even_issued=even_issued)
    _tell("made", fresh)
    return 0


def go_back(config: Path, kind: str) -> int:
    """Take the pair before again."""
    wanted = CertificateKind(kind)
    _tell("taken again", folder_of(config).own([wanted]).go_back(wanted))
    return 0


def request(config: Path, kind: str, output: Path | None, *, new_key: bool) -> int:
    """Write a signing request."""
    wanted = CertificateKind(kind)
    with Progress("making a request"):
        der = folder_of(config).own([wanted]).request(wanted, new_key=new_key)
    pem = to_pem("CERTIFICATE REQUEST", [der])
    if output is None:
        sys.stdout.write(pem.decode("ascii"))
    else:
        replace_file(output, pem)
        print(f"signing request written to {output}", file=sys.stderr)
    return 0


def install(config: Path, files: list[Path], key: Path | None) -> int:
    """Use a certificate that an authority has issued."""
    place = folder_of(config)
    first, *others = [one for file in files for one in read_file(file, read_certificates)]
    kind = kind_of(first.key)
    if kind is None:
        message = f"{files[0]}: the key of {first.subject} is {first.key_words} (RSA or nistP256 is needed)"
        raise CertificateError(message)
    known = (*place.store.trusted(), *place.store.issuers())
    private = key.read_bytes() if key is not None else None
    own = place.own([kind])
    _tell("installed", own.install(kind, first.der, [one.der for one in others], known=known, private_key=private))
    return 0


def _tell(done: str, own: OwnCertificate[PrivateKey]) -> None:
    print(f"{done}: {describe(own.details)}, valid until {own.details.ends:%Y-%m-%d}")
