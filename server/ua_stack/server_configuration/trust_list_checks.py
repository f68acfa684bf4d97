"""Whether what a client uploads may become a trust list (Part 12 v1.05 7.8.2.5 to 7.8.2.7). All of it blocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from asyncua.ua.status_codes import StatusCodes

from certs.certificate import Certificate
from certs.chain import ChainSearch
from certs.errors import CertificateError
from certs.revocation import RevocationList
from certs.store import TrustList, TrustStore
from certs.validation import Asked, Known, validate
from certs.verdict import CertificateStatus, Peer, Rules
from server.ua_stack.server_configuration.refusal import ConfigurationRefused
from server.ua_stack.server_configuration.trust_list_data import MOST_ENTRIES, decode, encode
from server.ua_stack.server_configuration.trust_list_file import MAX_SIZE

_UNKNOWN = frozenset({CertificateStatus.REVOCATION_UNKNOWN, CertificateStatus.ISSUER_REVOCATION_UNKNOWN})


def check_upload(store: TrustStore, encoded: bytes) -> TrustList:
    """Read a trust list and check it together with the lists that it leaves as they are; doubles are dropped.

    A certificate that has expired, or is too weak, may be in the list: it is refused whenever it is shown.
    """
    try:
        fresh = _without_doubles(decode(encoded))
        held = store.trust_list()
        trusted = _certificates(_either(fresh.trusted, held.trusted))
        issuers = _certificates(_either(fresh.issuers, held.issuers))
        _check_issuers(_certificates(fresh.issuers or ()))
        for one in _certificates((*(fresh.trusted or ()), *(fresh.issuers or ()))):
            _check_chain(one, (*trusted, *issuers))
        authorities = [one for one in (*trusted, *issuers) if one.is_ca]
        for der in (*(fresh.trusted_crls or ()), *(fresh.issuer_crls or ())):
            _check_list(RevocationList.parse(der), authorities)
    except CertificateError as error:
        raise ConfigurationRefused(StatusCodes.BadCertificateInvalid, str(error)) from error
    return fresh


def check_added(store: TrustStore, der: bytes, peer: Peer, *, is_trusted: bool) -> Certificate:
    """Check a certificate that is to be trusted by itself.

    Not an authority's: with this method no revocation list comes along, and without one nobody would be let in.
    """
    try:
        added = Certificate.parse(der)
    except CertificateError as error:
        raise ConfigurationRefused(StatusCodes.BadCertificateInvalid, str(error)) from error
    if not is_trusted or added.is_ca:
        message = "an authority comes with its revocation list: write the whole trust list"
        raise ConfigurationRefused(StatusCodes.BadCertificateInvalid, message)
    trusted, issuers = store.trusted(), store.issuers()
    if added not in trusted and len(trusted) >= MOST_ENTRIES:
        message = f"the trust list has {len(trusted)} certificates, and more are not taken"
        raise ConfigurationRefused(StatusCodes.BadRequestTooLarge, message)
    known = Known((*trusted, added), tuple(issuers), tuple(store.lists()))
    rules = Rules(peer=peer, suppressed=_UNKNOWN)
    verdict = validate([der], known, Asked(None, None, datetime.now(UTC), rules))
    if not verdict.is_good:
        raise ConfigurationRefused(StatusCodes.BadCertificateInvalid, str(verdict))
    if len(encode(store.trust_list())) + len(der) > MAX_SIZE:
        raise ConfigurationRefused(StatusCodes.BadRequestTooLarge, "the trust list would be too large")
    return added


def check_removed(store: TrustStore, thumbprint: str, where: Literal["trusted", "issuers"]) -> Certificate:
    """Find the certificate that is to go; no other may need it to be complete."""
    trusted, issuers = store.trusted(), store.issuers()
    wanted = thumbprint.replace(" ", "").upper()
    held, elsewhere = (trusted, issuers) if where == "trusted" else (issuers, trusted)
    found = next((one for one in held if one.thumbprint == wanted), None)
    if found is None:
        message = f"no certificate {thumbprint[:64]!r} is in the list"
        raise ConfigurationRefused(StatusCodes.BadInvalidArgument, message)
    if found not in elsewhere:
        for other in (*trusted, *issuers):
            if other != found and found.is_named_issuer_of(other) and other.is_signed_by(found):
                message = f"{found.subject} has issued {other.subject}, which is in the list"
                raise ConfigurationRefused(StatusCodes.BadCertificateChainIncomplete, message)
    return found


def _either(fresh: Sequence[bytes] | None, held: Sequence[bytes] | None) -> Sequence[bytes]:
    return fresh if fresh is not None else held or ()


def _without_doubles(lists: TrustList) -> TrustList:
    each = (lists.trusted, lists.trusted_crls, lists.issuers, lists.issuer_crls)
    return TrustList(*(None if one is None else list(dict.fromkeys(one)) for one in each))


def _certificates(ders: Sequence[bytes]) -> list[Certificate]:
    return [Certificate.parse(der) for der in ders]


def _check_issuers(issuers: Sequence[Certificate]) -> None:
    for one in issuers:
        if not one.is_ca:
            message = f"{one.subject} is among the issuers, and no authority"
            raise CertificateError(message)


def _check_chain(certificate: Certificate, known: Sequence[Certificate]) -> None:
    search = ChainSearch(certificate, known, ())
    if search.find(()) is None:
        lacking = search.lacking
        problem = "was not signed by" if search.has_forged or lacking.is_self_issued else "lacks its issuer"
        message = f"{lacking.subject} {problem} {lacking.issuer}"
        raise CertificateError(message)


def _check_list(fresh: RevocationList, authorities: Sequence[Certificate]) -> None:
    if fresh.is_delta:
        message = f"the revocation list of {fresh.issuer} is a delta list"
        raise CertificateError(message)
    if not any(fresh.is_signed_by(one) for one in authorities):
        message = f"no authority in the trust list has signed the revocation list of {fresh.issuer}"
        raise CertificateError(message)
