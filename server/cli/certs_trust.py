"""Changes what is trusted."""

from __future__ import annotations

import sys
from pathlib import Path

from certs.certificate import Certificate
from certs.errors import CertificateError
from certs.revocation import RevocationList
from certs.trust_folders import read_certificates, read_lists
from server.cli.certs_folder import folder_of, read_file
from server.cli.certs_show import describe
from server.cli.terminal import paint


def trust(config: Path, what: str) -> int:
    """Trust one that was rejected, or those in a file. Raises PlantspaceError and OSError, as all here do."""
    store = folder_of(config).store
    store.prepare()
    if Path(what).is_file():
        given = read_file(Path(what), read_certificates)
        done = [store.add_trusted(one.der) for one in given]
    else:
        done = [store.trust(what)]
    for certificate in done:
        print(f"trusted: {describe(certificate)}")
        if certificate.is_ca:
            _note("it is an authority: every client that it has issued a certificate for is let in")
            continue
        verdict = store.judge([certificate.der])
        if not verdict.is_good:
            mend = verdict.mend.replace("CONFIG", str(config))
            _note(f"it is refused all the same: {verdict.status.value}: {verdict.reason} ({mend})")
    return 0


def reject(config: Path, thumbprint: str) -> int:
    """Trust one no longer, or forget an issuer."""
    store = folder_of(config).store
    store.prepare()
    wanted = store.find(thumbprint)
    if wanted in store.issuers() and wanted not in store.trusted():
        print(f"forgotten: {describe(store.remove(wanted.fingerprint, 'issuers'))}")
        return 0
    certificate = store.reject(wanted.fingerprint)
    print(f"rejected: {describe(certificate)}")
    verdict = store.judge([certificate.der])
    if verdict.is_good:
        _note("its issuer is trusted, so it is let in all the same: revoke it, or reject its issuer")
    return 0


def bring_in(config: Path, files: list[Path], *, trusted: bool) -> int:
    """Take in authorities, then revocation lists."""
    store = folder_of(config).store
    authorities: list[Certificate] = []
    lists: list[RevocationList] = []
    for file in files:
        for item in read_file(file, _either):
            if isinstance(item, RevocationList):
                lists.append(item)
            elif item.is_ca:
                authorities.append(item)
            else:
                message = (
                    f"{file}: {item.subject} is no authority (to let it in: plantspace certs trust {config} {file})"
                )
                raise CertificateError(message)
    store.prepare()
    for authority in authorities:
        if trusted:
            store.add_trusted(authority.der)
        else:
            store.add_issuer(authority.der)
        print(f"{'trusted' if trusted else 'issuer'}: {describe(authority)}")
    for one in lists:
        store.add_crl(one.der)
        print(f"revocation list of {one.issuer}, made {one.made:%Y-%m-%d %H:%M} UTC")
    return 0


def _either(content: bytes) -> list[Certificate | RevocationList]:
    """Read certificates, revocation lists, or a PEM file with both."""
    found: list[Certificate | RevocationList] = []
    problems: list[str] = []
    for read in (read_certificates, read_lists):
        try:
            found += read(content)
        except CertificateError as error:
            problems.append(str(error))
    if not found:
        message = f"it is neither a certificate nor a revocation list: {problems[0]}; {problems[-1]}"
        raise CertificateError(message)
    return found


def _note(text: str) -> None:
    print(f"{paint('note:', 'yellow', sys.stderr)} {text}", file=sys.stderr)
