"""Shows certificates to people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from certs.certificate import Certificate
from certs.making import CertificateKind
from certs.own import CERTIFICATE_FILE
from certs.revocation import RevocationList
from certs.store import TrustStore
from server.cli.certs_folder import folder_of
from server.cli.terminal import paint

_HEADINGS = ("list", "thumbprint", "subject", "valid until", "application")


def show_own(config: Path) -> int:
    """Print the gateway's own certificates. Raises :class:`~core.errors.PlantspaceError`."""
    place = folder_of(config)
    kinds = [kind for kind in CertificateKind if (place.folder / _file(kind)).exists()]
    if not kinds:
        print(f"there is no certificate yet: the first run makes one, and so does plantspace certs renew {config}")
        return 0
    own = place.own(kinds)
    for kind, pair in own.load().items():
        print(paint(f"{kind.value}", "bold", sys.stdout))
        _print_details(pair.details)
        _print_row("file", os.path.relpath(place.folder / _file(kind)))
        if due := own.due(pair):
            mend = "csr" if pair.is_issued else "renew"
            _print_row("note", paint(f"{due} (plantspace certs {mend} {config})", "yellow", sys.stdout))
    return 0


def show_one(config: Path, thumbprint: str) -> int:
    """Print one certificate of the lists, and what validation says of it."""
    store = folder_of(config).store
    certificate = store.find(thumbprint)
    places = [name for name, held in _lists(store).items() if certificate in held]
    print(paint(", ".join(places), "bold", sys.stdout))
    _print_details(certificate)
    if certificate.is_ca:
        _print_row("authority", "yes, it issues certificates for others")
        return 0
    verdict = store.judge([certificate.der])
    look = "green" if verdict.is_good else "red"
    _print_row("verdict", paint(f"{verdict.status.value}: {verdict.reason}", look, sys.stdout))
    if verdict.mend:
        _print_row("mend", verdict.mend.replace("CONFIG", str(config)))
    return 0


def list_all(config: Path, only: str | None) -> int:
    """Print the lists as a table."""
    store = folder_of(config).store
    rows = [_row(name, one) for name, held in _lists(store).items() if only in (None, name) for one in held]
    if only in (None, "crl"):
        rows += [_row_of_list(one) for one in store.lists()]
    if not rows:
        print("nothing is trusted, and nothing was rejected" if only is None else "the list is empty")
        return 0
    _print_table(rows)
    return 0


def describe(certificate: Certificate) -> str:
    """Name a certificate in one line."""
    return f"{certificate.subject} ({certificate.thumbprint})"


def _lists(store: TrustStore) -> dict[str, list[Certificate]]:
    return {"trusted": store.trusted(), "issuers": store.issuers(), "rejected": store.rejected()}


def _row(name: str, certificate: Certificate) -> tuple[str, ...]:
    what = "(an authority)" if certificate.is_ca else (certificate.uris[0] if certificate.uris else "")
    return name, certificate.thumbprint, certificate.subject, f"{certificate.ends:%Y-%m-%d}", what


def _row_of_list(one: RevocationList) -> tuple[str, ...]:
    return "crl", "", one.issuer, f"{one.ends:%Y-%m-%d}" if one.ends else "", f"(made {one.made:%Y-%m-%d})"


def _print_table(rows: Iterable[tuple[str, ...]]) -> None:
    table = [_HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for number, cells in enumerate(table):
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        print(line if number else paint(line, "bold", sys.stdout))


def _print_details(certificate: Certificate) -> None:
    _print_row("subject", certificate.subject)
    _print_row("issuer", "itself" if certificate.is_self_issued else certificate.issuer)
    _print_row("thumbprint", certificate.thumbprint)
    _print_row("SHA-256", certificate.fingerprint)
    _print_row("application", certificate.uris[0] if certificate.uris else "none")
    _print_row("host names", ", ".join(sorted(certificate.host_names)) or "none")
    _print_row("key", f"{certificate.key_words}, signed with {certificate.hash_name}")
    _print_row("valid", f"{certificate.begins:%Y-%m-%d} to {certificate.ends:%Y-%m-%d}")


def _print_row(name: str, text: str) -> None:
    print(f"  {name:<12} {text}")


def _file(kind: CertificateKind) -> str:
    return CERTIFICATE_FILE if kind is CertificateKind.RSA else f"own-{kind.value}.der"
