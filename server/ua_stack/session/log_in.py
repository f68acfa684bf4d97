"""From a UserIdentityToken to a user: what the token proves is asked of :mod:`server.users`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from secrets import token_hex

from asyncua import ua

from certs.certificate import Certificate
from certs.encoded import split_chain
from certs.errors import CertificateError
from certs.store import TrustStore
from certs.verdict import Peer, Rules
from core.errors import PlantspaceError
from server.ua_stack.channel import GatewayChannel
from server.ua_stack.secure_channel.identities import ServerIdentity
from server.ua_stack.secure_channel.suites import NONE
from server.ua_stack.session.requests import Signature
from server.ua_stack.session.user_tokens import (
    ANONYMOUS,
    CERTIFICATE,
    USER_NAME,
    GivenToken,
    TokenError,
    TokenPolicy,
    chosen_policy,
    decrypted,
    offered_policies,
    verify_user,
)
from server.users.errors import LoginRefused, TooManyLogins
from server.users.identity import Identity, IdentityKind
from server.users.logins import Logins

_USER_RULES = Rules(peer=Peer.USER)


class Refusal(PlantspaceError):  # noqa: N818 - the name says what became of the log-in
    """A log-in that failed: the StatusCode that the client is told, and the reason that it is not."""

    def __init__(self, status: int, reason: str) -> None:
        """Keep both."""
        self.status = status
        super().__init__(reason)


class LogIn:
    """Takes tokens. ``server_key`` gives the key that secrets are encrypted for, None where there is none yet."""

    def __init__(
        self,
        logins: Logins,
        user_trust: TrustStore | None,
        server_key: Callable[[], ServerIdentity | None],
        issuer: str = "",
    ) -> None:
        """``user_trust``: certificates of persons; ``issuer``: what clients are told of where tokens come from."""
        self._logins = logins
        self._user_trust = user_trust
        self._server_key = server_key
        self._issuer = issuer
        self._chains: dict[str, list[bytes]] = {}
        """Of users who logged in with a certificate, by its thumbprint."""

    async def distrusted(self, users: Collection[Identity]) -> set[str]:
        """Give the thumbprints among ``users`` whose certificate would not be let in any more."""
        present = {user.thumbprint for user in users if user.kind is IdentityKind.CERTIFICATE}
        self._chains = {thumbprint: chain for thumbprint, chain in self._chains.items() if thumbprint in present}
        trust, chains = self._user_trust, dict(self._chains)
        if trust is None or not chains:
            return set()
        return await asyncio.to_thread(
            lambda: {
                thumbprint
                for thumbprint, chain in chains.items()
                if not trust.judge(chain, application_uri=None, rules=_USER_RULES).is_good
            }
        )

    def offered(self, *, encrypted: bool) -> tuple[TokenPolicy, ...]:
        """Give the token policies of an endpoint; ``encrypted``: whether its channels have a policy that encrypts."""
        has_key = self._server_key() is not None
        return offered_policies(
            encrypted=encrypted,
            anonymous=self._logins.offers_anonymous,
            named=has_key,
            certificates=has_key and self._user_trust is not None,
            tokens=has_key and self._logins.offers_tokens,
            issuer=self._issuer,
        )

    async def log_in(self, given: GivenToken, signature: Signature, channel: GatewayChannel, nonce: bytes) -> Identity:
        """Give the user of a token. ``nonce``: the session's last one. Raises :class:`Refusal`.

        What was wrong is told to the log and the audit trail, not to who may be guessing.
        """
        try:
            policy = chosen_policy(given, self.offered(encrypted=channel.policy_uri != NONE))
            if given.kind == ANONYMOUS:
                return self._logins.anonymous()
            uri = policy.security_policy_uri or channel.policy_uri
            if given.kind == CERTIFICATE:
                return await self._by_certificate(given, signature, uri, nonce, self._own(channel))
            return await self._by_secret(given, uri, channel.peer, nonce, self._own(channel))
        except LoginRefused as refused:
            told = f"{refused.fault}{f': {refused.detail!r}' if refused.detail else ''}"
            raise Refusal(refused.status, told) from None
        except TooManyLogins as busy:
            raise Refusal(busy.status, str(busy)) from None
        except TokenError as error:
            status = ua.StatusCodes.BadIdentityTokenInvalid
            raise Refusal(int(status), str(error)) from None

    def certificate(self, channel: GatewayChannel) -> bytes | None:
        """Give what clients on a channel encrypt secrets for, and sign for: a certificate, DER, or None."""
        own = channel.security.identity or self._server_key()
        return None if own is None else own.der

    def _own(self, channel: GatewayChannel) -> ServerIdentity:
        """Give the identity that a channel shows; one that was opened before a renewal still has the old one."""
        own = channel.security.identity or self._server_key()
        if own is None:
            message = "there is no key to decrypt it with"
            raise TokenError(message)
        return own

    async def _by_secret(
        self, given: GivenToken, policy_uri: str, source: str, nonce: bytes, own: ServerIdentity
    ) -> Identity:
        try:
            secret = await asyncio.to_thread(decrypted, given, policy_uri, own.key, nonce)
        except TokenError:
            # It takes as long as a wrong secret, and counts as one: nobody learns from time what decrypts.
            if given.kind == USER_NAME:
                await self._logins.by_password(given.name, token_hex(16).encode(), source)
            else:
                await self._logins.by_token(token_hex(16).encode(), source)
            raise
        if given.kind == USER_NAME:
            return await self._logins.by_password(given.name, secret, source)
        return await self._logins.by_token(secret, source)

    async def _by_certificate(
        self, given: GivenToken, signature: Signature, policy_uri: str, nonce: bytes, own: ServerIdentity
    ) -> Identity:
        trust = self._user_trust
        if trust is None:
            message = "certificates of users are not taken"
            raise TokenError(message)
        try:
            chain = split_chain(given.data)
            leaf = Certificate.parse(chain[0])
        except (CertificateError, IndexError) as error:
            message = f"no certificate: {error}"
            raise TokenError(message) from None
        verdict = await asyncio.to_thread(trust.validate, chain, application_uri=None, rules=_USER_RULES)
        if not verdict.is_good:
            raise Refusal(int(ua.StatusCodes.BadIdentityTokenRejected), str(verdict))
        try:
            await asyncio.to_thread(verify_user, signature, policy_uri, leaf.key, own.der + nonce)
        except TokenError as error:  # Part 4 v1.05 5.7.3.3 has a StatusCode of its own for it
            raise Refusal(int(ua.StatusCodes.BadUserSignatureInvalid), str(error)) from None
        issuers = tuple(one.x509 for one in verdict.chain if one != leaf)
        user = self._logins.by_certificate(leaf.x509, issuers)
        self._chains[user.thumbprint] = chain
        return user
