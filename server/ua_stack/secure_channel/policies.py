"""Which security policies and modes the endpoint offers, with which certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncua.ua.status_codes import StatusCodes

from core.security_mode import SecurityMode
from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel.identities import Identities, ServerIdentity
from server.ua_stack.secure_channel.suites import NONE, SUITES, Suite

_MODES = {"None": SecurityMode.NONE, "Sign": SecurityMode.SIGN, "SignAndEncrypt": SecurityMode.SIGN_AND_ENCRYPT}


@dataclass(frozen=True, slots=True)
class OfferedPolicy:
    """An endpoint that GetEndpoints tells of. ``level``: SecurityLevel; ``certificate``: DER, its issuers behind it.

    ``certificate`` is what an endpoint of None encrypts log-ins for; empty where there is none at all.
    """

    uri: str
    mode: SecurityMode
    level: int
    certificate: bytes


class Policies:
    """What is offered: nothing that is not configured, and nothing without a certificate but None."""

    def __init__(self, modes: Sequence[str], identities: Identities) -> None:
        """``modes``: of ``None``, ``Sign``, ``SignAndEncrypt``, as configured."""
        self._modes = [_MODES[name] for name in modes]
        self._identities = identities

    @property
    def has_none(self) -> bool:
        """Whether sessions are offered without security."""
        return SecurityMode.NONE in self._modes

    @property
    def offered(self) -> Sequence[OfferedPolicy]:
        """All of them, with the certificates of now."""
        own = self._identities.rsa
        certificate = own.chain if own is not None else b""
        told = [OfferedPolicy(NONE, SecurityMode.NONE, 0, certificate)] if self.has_none else []
        if own is None:
            return told
        for mode in self._modes:
            if mode is not SecurityMode.NONE:
                told += [OfferedPolicy(one.uri, mode, one.level(mode), certificate) for one in SUITES.values()]
        return told

    def suite(self, uri: str) -> Suite:
        """Give a policy that has keys. Raises :class:`TransportError` for one that is not offered."""
        suite = SUITES.get(uri)
        if suite is None or all(mode is SecurityMode.NONE for mode in self._modes):
            raise TransportError(StatusCodes.BadSecurityPolicyRejected, f"the policy {uri[:80]!r} is not offered")
        return suite

    def identity(self, thumbprint: bytes) -> ServerIdentity:
        """Give the identity that a client has encrypted for. Raises :class:`TransportError` where it has another."""
        own = self._identities.rsa
        if own is None or own.thumbprint != thumbprint:
            message = "it is for another certificate than this server's"
            raise TransportError(StatusCodes.BadCertificateInvalid, message)
        return own

    def mode(self, number: int) -> SecurityMode:
        """Give a mode that has keys. Raises :class:`TransportError` for one that is not offered."""
        if number == SecurityMode.NONE or number not in self._modes:
            raise TransportError(StatusCodes.BadSecurityModeRejected, f"the mode {number} is not offered")
        return SecurityMode(number)
