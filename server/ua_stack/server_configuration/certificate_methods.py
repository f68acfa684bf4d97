"""The methods of ServerConfiguration that are about certificates (Part 12 v1.05 7.10.5 to 7.10.12)."""

# asyncua's annotations call a plain int or bytes wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from asyncua import ua
from cryptography import x509

from certs.errors import CertificateError
from certs.making import CertificateKind
from certs.own import OwnCertificates
from certs.store import TrustList, TrustStore
from server.address_space.keys import NodeKey, is_null, key_of, nodeid_of
from server.ua_stack.server_configuration.certificate_checks import Uploaded, check_certificate
from server.ua_stack.server_configuration.certificate_group import CERTIFICATE_TYPES, CertificateGroup
from server.ua_stack.server_configuration.refusal import ConfigurationRefused
from server.ua_stack.server_configuration.subject_name import parse_subject_name
from server.ua_stack.server_configuration.transactions import Transactions
from server.ua_stack.sessions import GatewaySession

_LEAST_NONCE, _MOST_NONCE = 32, 4096
_RANDOM = Path("/dev/urandom")
_ROOM = 512
"""Bytes of an answer beside the certificates in it."""
_Answer = list[ua.Variant]
_kinds = ua.VariantType


class CertificateMethods:
    """Answers them. ``groups``: the first is the one that a null NodeId stands for."""

    def __init__(self, own: OwnCertificates, groups: Sequence[CertificateGroup], transactions: Transactions) -> None:
        """Work on ``own`` and on the trust lists of ``groups``."""
        self._own = own
        self._groups = groups
        self._transactions = transactions

    async def update_certificate(
        self,
        session: GatewaySession | None,
        group_id: ua.NodeId | None,
        type_id: ua.NodeId | None,
        certificate: bytes | None,
        issuers: Sequence[bytes | None] | None,
        key_format: str | None,
        private_key: bytes | None,
    ) -> _Answer:
        """Answer UpdateCertificate (7.10.5): the certificate waits for ApplyChanges."""
        group = self._group(group_id)
        kind = group.kind_of(_key(type_id))
        sent = tuple(one or b"" for one in issuers or ())
        uploaded = Uploaded(certificate or b"", sent, key_format or "", private_key or b"")
        async with self._transactions.lock:
            with self._transactions.claimed(session) as transaction:
                pending = transaction.trust_lists.get(group, TrustList())
                known = [*(pending.trusted or ()), *(pending.issuers or ())]
                chosen = await asyncio.to_thread(check_certificate, self._own, group.store, kind, uploaded, known)
                transaction.certificates[kind] = chosen
                transaction.certificate_groups[kind] = group
        return [ua.Variant(Value=True, VariantType=_kinds.Boolean)]

    async def create_signing_request(
        self,
        session: GatewaySession | None,
        group_id: ua.NodeId | None,
        type_id: ua.NodeId | None,
        subject_name: str | None,
        new_key: bool,  # noqa: FBT001 - the method's own argument
        nonce: bytes | None,
    ) -> _Answer:
        """Answer CreateSigningRequest (7.10.10). A new key is kept, also across a restart, until its certificate comes.

        It is the group's next request for a new key that gives it up.
        """
        kind = self._group(group_id).kind_of(_key(type_id))
        try:
            subject = parse_subject_name(subject_name) if subject_name else None
        except CertificateError as error:
            raise ConfigurationRefused(ua.StatusCodes.BadInvalidArgument, str(error)) from error
        given = nonce or b""
        if new_key and not _LEAST_NONCE <= len(given) <= _MOST_NONCE:
            message = f"the nonce has {len(given)} bytes, and {_LEAST_NONCE} to {_MOST_NONCE} are asked for"
            raise ConfigurationRefused(ua.StatusCodes.BadInvalidArgument, message)
        async with self._transactions.lock:
            if new_key:
                self._transactions.check_free(session)
            try:
                request = await asyncio.to_thread(self._request, kind, subject, given if new_key else b"")
            except (OSError, CertificateError) as error:
                raise ConfigurationRefused(ua.StatusCodes.BadResourceUnavailable, str(error)) from error
        return [ua.Variant(request, _kinds.ByteString)]

    async def get_certificates(self, _session: GatewaySession | None, group_id: ua.NodeId | None) -> _Answer:
        """Answer GetCertificates (7.10.8)."""
        kinds = self._group(group_id).kinds
        try:
            held = await asyncio.to_thread(self._own.load) if kinds else {}
        except (OSError, CertificateError) as error:
            raise ConfigurationRefused(ua.StatusCodes.BadResourceUnavailable, str(error)) from error
        types = [nodeid_of(CERTIFICATE_TYPES[kind]) for kind in kinds]
        return [
            ua.Variant(types, _kinds.NodeId, is_array=True),
            ua.Variant([held[kind].details.der for kind in kinds], _kinds.ByteString, is_array=True),
        ]

    async def get_rejected_list(self, session: GatewaySession | None) -> _Answer:
        """Answer GetRejectedList (7.10.12): of each group the newest first, as many as there is room for."""
        return await rejected(session, [group.store for group in self._groups])

    def _group(self, group_id: ua.NodeId | None) -> CertificateGroup:
        key = _key(group_id)
        for group in self._groups:
            if group.key == key or is_null(key):
                return group
        raise ConfigurationRefused(ua.StatusCodes.BadInvalidArgument, "there is no such certificate group")

    def _request(self, kind: CertificateKind, subject: x509.Name | None, nonce: bytes) -> bytes:
        if nonce:  # the system's generator mixes in what is written to it, and is no worse for what is no secret
            with suppress(OSError):
                _RANDOM.write_bytes(nonce)
        named = subject or self._own.load()[kind].details.x509.subject
        return self._own.request(kind, new_key=bool(nonce), subject=named)


async def rejected(session: GatewaySession | None, stores: Sequence[TrustStore]) -> _Answer:
    """Give the certificates that were rejected, as GetRejectedList tells them."""
    try:
        found = await asyncio.to_thread(lambda: [one.der for store in stores for one in store.rejected()])
    except (OSError, CertificateError) as error:
        raise ConfigurationRefused(ua.StatusCodes.BadResourceUnavailable, str(error)) from error
    size, told = _ROOM, list[bytes]()
    for der in dict.fromkeys(found):
        size += 4 + len(der)
        if session is not None and not session.channel.fits(size):
            break
        told.append(der)
    return [ua.Variant(told, _kinds.ByteString, is_array=True)]


def _key(nodeid: ua.NodeId | None) -> NodeKey:
    return 0 if nodeid is None else key_of(nodeid)
