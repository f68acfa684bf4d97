"""Whether a certificate that an authority has issued may become the gateway's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from certs.certificate import Certificate
from certs.chain import ChainSearch
from certs.errors import CertificateError
from certs.making import CertificateKind, PrivateKey, kind_of
from certs.validation import Asked, Known, validate
from certs.verdict import CertificateStatus as Status
from certs.verdict import Peer, Rules


class Installed(NamedTuple):
    """What is to be kept. ``issuers``: DER, from the certificate's own issuer up to the root."""

    certificate: Certificate
    key: PrivateKey
    issuers: tuple[bytes, ...]


def check_installed(
    kind: CertificateKind,
    certificate: bytes,
    issuers: Sequence[bytes],
    known: Sequence[Certificate],
    keys: Sequence[PrivateKey],
    application_uri: str,
    now: datetime,
) -> Installed:
    """Check key, application URI, dates, uses and chain. Raises :class:`CertificateError` that says what does not fit.

    Revocation is not asked about: it is for those who are shown the certificate to do.
    """
    fresh = Certificate.parse(certificate)
    if kind_of(fresh.key) is not kind:
        message = f"the certificate is for a key of {fresh.key_words}, and {kind.value} is wanted"
        raise CertificateError(message)
    key = next((each for each in keys if each.public_key() == fresh.key), None)
    if key is None:
        message = (
            f"the certificate of {fresh.subject} does not belong to the gateway's key "
            "(make a request with plantspace certs csr and have that one signed)"
        )
        raise CertificateError(message)
    given = [Certificate.parse(der) for der in issuers]
    search = ChainSearch(fresh, (*given, *known), ())
    chain = search.find(())
    if chain is None:
        lacking = search.lacking
        problem = "was not signed by" if search.has_forged else "was issued by, and there is no certificate of,"
        message = f"{lacking.subject} {problem} {lacking.issuer} (give its issuers' certificates with it)"
        raise CertificateError(message)
    rules = Rules(peer=Peer.SERVER, suppressed=frozenset({Status.REVOCATION_UNKNOWN, Status.ISSUER_REVOCATION_UNKNOWN}))
    verdict = validate([fresh.der], Known(chain[-1:], (*given, *known)), Asked(application_uri, None, now, rules))
    if not verdict.is_good:
        message = f"{verdict.status.value}: {verdict.reason} ({verdict.mend})"
        raise CertificateError(message)
    return Installed(fresh, key, tuple(one.der for one in chain[1:]))
