"""Whether a certificate is to be trusted: the steps of Part 4 v1.05 6.1.3, in their order.

Each step goes over the whole chain before the next begins. Work is bounded by the length of a chain, the size of a
certificate and the number of signatures that are looked at, whatever a peer sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.certificate import Certificate, host_key, printable
from certs.chain import ChainSearch
from certs.encoded import LONGEST_CHAIN
from certs.errors import CertificateError
from certs.revocation import Revocation, RevocationList, ask
from certs.verdict import CertificateStatus as Status
from certs.verdict import Peer, Rules, Verdict

_PURPOSE: Final = {
    Peer.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string,
    Peer.SERVER: ExtendedKeyUsageOID.SERVER_AUTH.dotted_string,
}
_ANY_PURPOSE: Final = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string


@dataclass(frozen=True, slots=True)
class Known:
    """What a trust list holds."""

    trusted: tuple[Certificate, ...] = ()
    issuers: tuple[Certificate, ...] = ()
    lists: tuple[RevocationList, ...] = ()


@dataclass(frozen=True, slots=True)
class _Finding:
    """A step that was not passed. ``is_strict``: it is not to be suppressed, though its status otherwise may be."""

    status: Status
    reason: str
    mend: str
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a certificate is asked for beside its chain; None: not asked."""

    application_uri: str | None
    host_names: Sequence[str] | None
    now: datetime
    rules: Rules


def validate(sent: Sequence[bytes], known: Known, asked: Asked) -> Verdict:
    """Judge a certificate, ``sent[0]``, and what its owner sent along. Never raises on what a peer sends."""
    certificates: list[Certificate] = []
    if not 1 <= len(sent) <= LONGEST_CHAIN:
        what = f"{len(sent)} certificates were sent" if sent else "no certificate was sent"
        return Verdict(Status.INVALID, what, f"the other side is to send 1 to {LONGEST_CHAIN}")
    for place, der in enumerate(sent):
        try:
            certificates.append(Certificate.parse(der))
        except CertificateError as error:
            who = f"the issuer {place} that was sent along" if place else "the certificate"
            leaf = certificates[0] if certificates else None
            return Verdict(Status.INVALID, f"{who}: {error}", "the other side has to have a new one made", leaf)
    verdict = _judge(certificates, known, asked)
    return replace(verdict, is_listed=certificates[0] in known.trusted)


def _judge(certificates: Sequence[Certificate], known: Known, asked: Asked) -> Verdict:
    leaf = certificates[0]
    search = ChainSearch(leaf, (*known.trusted, *known.issuers), certificates[1:])
    chain = search.find(known.trusted)
    if chain is None:
        return _incomplete(leaf, search)
    overlooked: list[tuple[Status, str]] = []
    for finding in _steps(chain, known, asked):
        if finding.status not in asked.rules.suppressed or finding.is_strict:
            return Verdict(finding.status, finding.reason, finding.mend, leaf, chain, tuple(overlooked))
        overlooked.append((finding.status, finding.reason))
    return Verdict(Status.GOOD, f"{leaf.subject} is trusted", "", leaf, chain, tuple(overlooked))


def _incomplete(leaf: Certificate, search: ChainSearch) -> Verdict:
    """Say why there is no chain: a signature that is wrong, or an issuer that is nowhere (steps 2 and 3)."""
    lacking = search.lacking
    if search.has_forged or lacking.is_self_issued:
        reason = f"the signature of {lacking.subject} was not made by {lacking.issuer}"
        return Verdict(Status.INVALID, reason, "it is forged or damaged: do not trust it", leaf)
    reason = f"the issuer of {lacking.subject} is not known: {lacking.issuer}"
    return Verdict(Status.CHAIN_INCOMPLETE, reason, "import the issuer's certificate", leaf)


def _steps(chain: Sequence[Certificate], known: Known, asked: Asked) -> Iterator[_Finding]:
    yield from _policy(chain, asked.rules)
    yield from _trust(chain, known)
    yield from _time(chain, asked.now)
    yield from _identity(chain[0], asked)
    yield from _leaf_use(chain, asked.rules)
    yield from _issuer_use(chain)
    yield from _revocation(chain, known, asked.now)


def _policy(chain: Sequence[Certificate], rules: Rules) -> Iterator[_Finding]:
    mend = "have a new one made, RSA with 2048 to 4096 bits or nistP256, signed with SHA-256"
    for certificate in chain:
        key = certificate.key
        fits = (isinstance(key, rsa.RSAPublicKey) and rules.least_rsa_bits <= key.key_size <= rules.most_rsa_bits) or (
            isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in rules.curves
        )
        if not fits:
            reason = f"the key of {certificate.subject} is {certificate.key_words}, which is not allowed"
            yield _Finding(Status.POLICY_CHECK_FAILED, reason, mend)
        if certificate.hash_name not in rules.hashes:
            reason = f"{certificate.subject} is signed with {certificate.hash_name}, which is not allowed"
            yield _Finding(Status.POLICY_CHECK_FAILED, reason, mend)


def _trust(chain: Sequence[Certificate], known: Known) -> Iterator[_Finding]:
    if not any(certificate in known.trusted for certificate in chain):
        root = chain[-1]
        reason = f"neither {chain[0].subject} nor an issuer of it is trusted"
        if len(chain) == 1:
            reason = f"{root.subject} is not trusted"
        mend = f"if you know it: plantspace certs trust CONFIG {chain[0].thumbprint}"
        yield _Finding(Status.UNTRUSTED, reason, mend)


def _time(chain: Sequence[Certificate], now: datetime) -> Iterator[_Finding]:
    for place, certificate in enumerate(chain):
        if certificate.begins <= now <= certificate.ends:
            continue
        status = Status.ISSUER_TIME_INVALID if place else Status.TIME_INVALID
        if now < certificate.begins:
            reason = f"{certificate.subject} is valid from {certificate.begins:%Y-%m-%d %H:%M} UTC on"
            yield _Finding(status, reason, "look at the clocks of both machines")
        else:
            reason = f"{certificate.subject} expired on {certificate.ends:%Y-%m-%d %H:%M} UTC"
            yield _Finding(status, reason, "its owner has to renew it")


def _identity(leaf: Certificate, asked: Asked) -> Iterator[_Finding]:
    """Compare host name and application URI; issuers have neither."""
    if asked.host_names is not None and not {host_key(name) for name in asked.host_names} & leaf.host_names:
        wanted = printable(", ".join(asked.host_names))
        has = printable(", ".join(sorted(leaf.host_names))) or "none"
        reason = f"{leaf.subject} is not for the host {wanted}; it names {has}"
        mend = "connect to a name that it has, or have one made with that name"
        yield _Finding(Status.HOST_NAME_INVALID, reason, mend)
    if asked.application_uri is not None and leaf.uris[:1] != (asked.application_uri,):
        has = printable(leaf.uris[0]) if leaf.uris else "no application URI"
        reason = f"the application calls itself {printable(asked.application_uri)!r}, its certificate says {has!r}"
        yield _Finding(Status.URI_INVALID, reason, "make both the same in that application's settings")


def _leaf_use(chain: Sequence[Certificate], rules: Rules) -> Iterator[_Finding]:
    leaf, uses = chain[0], chain[0].uses
    mend = "have one made for OPC UA applications (Part 6 6.2.2)"
    if leaf.is_ca:
        reason = f"{leaf.subject} is an authority's certificate; to trust it would trust whatever it issues"
        yield _Finding(Status.USE_NOT_ALLOWED, reason, mend)
    # Part 6 v1.05 6.2.2: RSA keys sign and encrypt; others sign. Without the extension nothing is forbidden (RFC 5280).
    key = uses.key
    encrypts = isinstance(leaf.key, rsa.RSAPublicKey) and rules.peer is not Peer.USER
    if key is not None and not (
        key.digital_signature and (not encrypts or (key.key_encipherment and key.data_encipherment))
    ):
        needs = "digitalSignature, keyEncipherment and dataEncipherment" if encrypts else "digitalSignature"
        reason = f"the keyUsage of {leaf.subject} lacks one of {needs}"
        yield _Finding(Status.USE_NOT_ALLOWED, reason, mend, uses.key_critical)
    purpose = _PURPOSE.get(rules.peer)
    if uses.extended is not None and purpose is not None and not uses.extended & {purpose, _ANY_PURPOSE}:
        reason = f"the extendedKeyUsage of {leaf.subject} does not have {rules.peer.value}Auth"
        yield _Finding(Status.USE_NOT_ALLOWED, reason, mend, uses.extended_critical)


def _issuer_use(chain: Sequence[Certificate]) -> Iterator[_Finding]:
    below = 0
    for issuer in chain[1:]:
        mend = "do not trust it: only an authority may issue certificates"
        if not issuer.is_ca or (issuer.uses.key is not None and not issuer.uses.key.key_cert_sign):
            reason = f"{issuer.subject} has issued a certificate, and is no authority"
            yield _Finding(Status.ISSUER_USE_NOT_ALLOWED, reason, mend)
        elif issuer.path_length is not None and below > issuer.path_length:
            reason = f"beneath {issuer.subject} stand {below} authorities, and {issuer.path_length} may"
            yield _Finding(Status.ISSUER_USE_NOT_ALLOWED, reason, mend)
        if not issuer.is_self_issued:
            below += 1


def _revocation(chain: Sequence[Certificate], known: Known, now: datetime) -> Iterator[_Finding]:
    answers = [
        (place, certificate, *ask(certificate, issuer, known.lists, now))
        for place, (certificate, issuer) in enumerate(pairwise(chain))
    ]
    for place, certificate, answer, why in answers:
        if answer is Revocation.UNKNOWN:
            status = Status.ISSUER_REVOCATION_UNKNOWN if place else Status.REVOCATION_UNKNOWN
            reason = f"whether {certificate.subject} was revoked is not known: {why}"
            yield _Finding(status, reason, "import the issuer's newest revocation list")
    for place, certificate, answer, why in answers:
        if answer is Revocation.REVOKED:
            status = Status.ISSUER_REVOKED if place else Status.REVOKED
            yield _Finding(status, f"{certificate.subject} is revoked: {why}", "its owner needs a new one")
