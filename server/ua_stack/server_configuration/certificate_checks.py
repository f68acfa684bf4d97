"""Whether an uploaded certificate may become the gateway's own (Part 12 v1.05 7.10.5). All of it blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncua.ua.status_codes import StatusCodes

from certs.certificate import Certificate
from certs.encoded import LONGEST_CHAIN
from certs.errors import CertificateError
from certs.installing import Installed
from certs.making import CertificateKind, kind_of
from certs.own import OwnCertificates
from certs.store import TrustStore
from server.ua_stack.server_configuration.private_keys import read_private_key
from server.ua_stack.server_configuration.refusal import ConfigurationRefused


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What UpdateCertificate brings; the key is empty where the gateway has it."""

    certificate: bytes
    issuers: Sequence[bytes]
    key_format: str
    private_key: bytes


def check_certificate(
    own: OwnCertificates, store: TrustStore, kind: CertificateKind, uploaded: Uploaded, pending: Sequence[bytes]
) -> Installed:
    """Do all checks. ``pending``: certificates of a trust list that waits with it, to complete the chain with.

    Raises :class:`ConfigurationRefused`: BadCertificateInvalid for bytes that are no certificate, or one of another
    type; BadNotSupported for the private key; BadSecurityChecksFailed for what does not fit.
    """
    try:
        fresh = Certificate.parse(uploaded.certificate)
        issuers = [Certificate.parse(one) for one in uploaded.issuers[:LONGEST_CHAIN]]
    except CertificateError as error:
        raise ConfigurationRefused(StatusCodes.BadCertificateInvalid, str(error)) from error
    if kind_of(fresh.key) is not kind:
        message = f"the certificate is for a key of {fresh.key_words}, which is another type"
        raise ConfigurationRefused(StatusCodes.BadCertificateInvalid, message)
    if len(issuers) == LONGEST_CHAIN:
        message = f"{len(uploaded.issuers)} issuers came along, and at most {LONGEST_CHAIN - 1} are taken"
        raise ConfigurationRefused(StatusCodes.BadCertificateInvalid, message)
    key = None
    if uploaded.key_format or uploaded.private_key:
        try:
            key = read_private_key(uploaded.key_format, uploaded.private_key)
        except CertificateError as error:
            raise ConfigurationRefused(StatusCodes.BadNotSupported, str(error)) from error
    try:
        known = [*store.trusted(), *store.issuers(), *(Certificate.parse(one) for one in pending)]
        sent = [one.der for one in dict.fromkeys(issuers)]
        return own.check(kind, fresh.der, sent, known=known, private_key=key)
    except (OSError, CertificateError) as error:
        raise ConfigurationRefused(StatusCodes.BadSecurityChecksFailed, str(error)) from error
