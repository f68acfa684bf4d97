"""OpenSecureChannel (Part 4 v1.05 5.6.2): issues and renews SecurityTokens to those who may have them."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from struct import pack
from typing import Final, Self

from asyncua.ua.status_codes import StatusCodes
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.certificate import thumbprint_of
from core.security_mode import SecurityMode
from core.time import now
from server.ua_stack.channel import Client, GatewayChannel, Security
from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel import asymmetric
from server.ua_stack.secure_channel.gate import CertificateGate
from server.ua_stack.secure_channel.limits import ChannelLimits
from server.ua_stack.secure_channel.messages import (
    ISSUE,
    RENEW,
    OpenHeader,
    OpenRequest,
    open_head,
    open_response,
    read_open_header,
    read_open_request,
)
from server.ua_stack.secure_channel.policies import Policies
from server.ua_stack.secure_channel.record import ChannelRecord
from server.ua_stack.secure_channel.suites import NONE, Suite
from server.ua_stack.secure_channel.symmetric import ChunkKeys
from server.ua_stack.secure_channel.threads import ChannelThread
from server.ua_stack.secure_channel.tokens import Token

_NONCES: Final = 10_000
_RENEWALS: Final = 10
_RENEWALS_WITHIN: Final = 60.0
_NUMBERS: Final = (1 << 32) - 1
_SEQUENCE_SIZE: Final = 8


class Nonces:
    """The nonces that clients have used last: none may be used again (Part 4 v1.05 5.6.2.2)."""

    def __init__(self, most: int = _NONCES) -> None:
        """Remember so many."""
        self._most = most
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def take(self, nonce: bytes) -> None:
        """Remember one. Raises :class:`TransportError` where it was seen before."""
        if nonce in self._seen:
            raise TransportError(StatusCodes.BadNonceInvalid, "a nonce that was used before")
        self._seen[nonce] = None
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)


class ChannelIds:
    """The SecureChannelIds in use: random, so that nobody guesses another's, and each once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._used: set[int] = set()

    def take(self) -> int:
        """Give one that nobody has."""
        while (number := secrets.randbelow(_NUMBERS) + 1) in self._used:
            pass
        self._used.add(number)
        return number

    def release(self, number: int) -> None:
        """Take one back; 0 is nobody's."""
        self._used.discard(number)


class RenewalRate:
    """How often one channel is renewed: each costs milliseconds of RSA, and no client needs it twice a minute."""

    def __init__(self) -> None:
        """Begin with none."""
        self._at: deque[float] = deque(maxlen=_RENEWALS)

    def take(self) -> None:
        """Count one. Raises :class:`TransportError` where there were too many."""
        moment = time.monotonic()
        if len(self._at) == _RENEWALS and moment - self._at[0] < _RENEWALS_WITHIN:
            message = f"over {_RENEWALS} renewals in {_RENEWALS_WITHIN:.0f} s"
            raise TransportError(StatusCodes.BadTcpServerTooBusy, message)
        self._at.append(moment)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A request that was taken apart. ``security``: what the channel would have, or has already."""

    security: Security
    sequence: int
    request_id: int
    request: OpenRequest

    @classmethod
    def of(cls, security: Security, plain: bytes) -> Self:
        """Read SequenceHeader and body. Raises :class:`TransportError`."""
        try:
            sequence, request_id = asymmetric.sequence_of(plain)
        except asymmetric.SealError as error:
            raise TransportError(StatusCodes.BadSecurityChecksFailed, str(error)) from None
        return cls(security, sequence, request_id, read_open_request(plain[_SEQUENCE_SIZE:]))


class ChannelOpening:
    """Answers OpenSecureChannel. What is refused is refused as soon as that is known, the dear steps last."""

    def __init__(
        self, policies: Policies, gate: CertificateGate | None, thread: ChannelThread, limits: ChannelLimits
    ) -> None:
        """``gate``: judges certificates, None where nothing but None is offered; ``thread``: does what takes long."""
        self._policies = policies
        self._gate = gate
        self._thread = thread
        self._limits = limits
        self._nonces = Nonces()
        self.ids = ChannelIds()

    async def answer(
        self, channel: GatewayChannel, frame: bytes, renewals: RenewalRate, record: ChannelRecord
    ) -> bytes:
        """Open or renew a channel; give the answer's chunk, and behind it what was held back for it.

        ``record`` is filled in as things become known. Raises :class:`TransportError`: the connection has to end.
        """
        head = read_open_header(frame)
        record.policy_uri, record.channel_id = head.policy_uri, head.channel
        if head.channel != channel.channel_id:  # 0 before it is open
            raise TransportError(StatusCodes.BadSecureChannelIdInvalid, f"channel {head.channel} is not this one")
        if channel.tokens is not None:
            renewals.take()
            if head.policy_uri != channel.policy_uri:
                raise TransportError(StatusCodes.BadSecurityChecksFailed, "a renewal with another policy")
        if head.policy_uri == NONE:  # the certificate in it would prove nothing, and is not looked at (threat 2)
            asked = _Asked.of(Security(), frame[head.size :])
        else:
            asked = await self._unsealed(channel.security, head, frame, record)
        channel.take_sequence(asked.sequence)
        request = asked.request
        record.request_type, record.mode, record.lifetime = request.kind, request.mode, request.lifetime
        record.audit_entry_id = request.audit
        security = self._agreed(channel, asked)
        return await self._issued(channel, security, asked, record)

    async def _unsealed(self, before: Security, head: OpenHeader, frame: bytes, record: ChannelRecord) -> _Asked:
        suite, identity = self._policies.suite(head.policy_uri), before.identity
        if identity is None:
            identity = self._policies.identity(head.thumbprint)
        elif identity.thumbprint != head.thumbprint:
            raise TransportError(StatusCodes.BadCertificateInvalid, "a renewal for another certificate of ours")

        def work() -> tuple[Client, bytes]:
            client = self._judged(suite, head.certificate, before.client, record)
            sealed = frame[head.size :]
            return client, asymmetric.unseal(suite, identity.key, client.key, frame[: head.size], sealed)

        try:
            client, plain = await self._thread.do(work)
        except asymmetric.SealError as error:
            raise TransportError(StatusCodes.BadSecurityChecksFailed, str(error)) from None
        return _Asked.of(Security(SecurityMode.NONE, suite, identity, client), plain)

    def _judged(self, suite: Suite, sent: bytes, before: Client | None, record: ChannelRecord) -> Client:
        """Give the client whose certificate is trusted, its signature not looked at yet. Blocks on files.

        Raises :class:`TransportError`.
        """
        if self._gate is None:
            raise TransportError(StatusCodes.BadSecurityPolicyRejected, "certificates are not taken")
        verdict, chain = self._gate.judge(sent)
        record.verdict, record.certificate = verdict, chain[0] if chain else None
        if not verdict.is_good or verdict.certificate is None:
            raise TransportError(int(getattr(StatusCodes, verdict.told)), str(verdict))
        key = verdict.certificate.key
        if not isinstance(key, rsa.RSAPublicKey) or not suite.least_bits <= key.key_size <= suite.most_bits:
            message = f"a certificate with {verdict.certificate.key_words} is not for this policy"
            raise TransportError(StatusCodes.BadSecurityChecksFailed, message)
        if before is not None and before.chain[0] != chain[0]:
            raise TransportError(StatusCodes.BadSecurityChecksFailed, "a renewal with another certificate")
        return Client(chain, key)

    def _agreed(self, channel: GatewayChannel, asked: _Asked) -> Security:
        """See that what is asked for may be had. Raises :class:`TransportError`."""
        request, security = asked.request, asked.security
        if request.kind != (ISSUE if channel.tokens is None else RENEW):
            raise TransportError(StatusCodes.BadSecurityChecksFailed, f"request type {request.kind} is out of place")
        suite = security.suite
        if suite is None:
            if request.mode != SecurityMode.NONE:
                raise TransportError(StatusCodes.BadSecurityModeRejected, f"the policy None with mode {request.mode}")
            return security
        mode = self._policies.mode(request.mode)
        if channel.tokens is not None and mode is not channel.security.mode:
            raise TransportError(StatusCodes.BadSecurityModeRejected, "a renewal with another mode")
        if len(request.nonce) != suite.nonce:
            raise TransportError(StatusCodes.BadNonceInvalid, f"a nonce of {len(request.nonce)} bytes")
        self._nonces.take(request.nonce)
        return replace(security, mode=mode)

    async def _issued(self, channel: GatewayChannel, security: Security, asked: _Asked, record: ChannelRecord) -> bytes:
        request, suite = asked.request, security.suite
        lifetime = self._limits.revised(request.lifetime)
        nonce = b"" if suite is None else secrets.token_bytes(suite.nonce)
        renewing = channel.tokens
        token = new_token(
            security, request.nonce, nonce, lifetime, frozenset() if renewing is None else renewing.numbers
        )
        number = channel.channel_id if renewing is not None else self.ids.take()
        with channel.holding() as held:
            # Its number is given now: what is sent while it is in the making has later ones, and follows it.
            body = pack("<II", channel.next_sequence(), asked.request_id)
            body += open_response(request.handle, number, token.number, lifetime, nonce, now())
            try:
                chunk = await self._sealed(security, number, body)
            except BaseException:
                if renewing is None:
                    self.ids.release(number)
                raise
            if renewing is None:
                channel.opened(number, security, token)
                channel.discovery_only = suite is None and not self._policies.has_none
            else:
                renewing.renew(token)
            record.what, record.channel_id = "opened" if renewing is None else "renewed", number
            return b"".join((chunk, *held))

    async def _sealed(self, security: Security, number: int, body: bytes) -> bytes:
        suite, identity, client = security.suite, security.identity, security.client
        if suite is None or identity is None or client is None:
            return open_head(number, NONE, b"", b"", len(body)) + body
        thumbprint = thumbprint_of(client.chain[0])  # Part 6 v1.05 6.7.2.3
        head = open_head(number, suite.uri, identity.chain, thumbprint)
        return await self._thread.do(lambda: asymmetric.seal(suite, identity.key, client.key, head, body))


def new_token(security: Security, theirs: bytes, ours: bytes, lifetime: int, used: frozenset[int]) -> Token:
    """Make a SecurityToken; ``theirs`` and ``ours``: the nonces; ``used``: numbers that it may not have."""
    while (number := secrets.randbelow(_NUMBERS) + 1) in used:
        pass
    seconds, moment, suite = lifetime / 1000.0, time.monotonic(), security.suite
    if suite is None:
        return Token(number, seconds, moment)
    encrypts = security.mode is SecurityMode.SIGN_AND_ENCRYPT
    receiving = ChunkKeys(ours, theirs, suite.encryption_bytes, encrypts=encrypts)
    sending = ChunkKeys(theirs, ours, suite.encryption_bytes, encrypts=encrypts)
    return Token(number, seconds, moment, receiving, sending)
