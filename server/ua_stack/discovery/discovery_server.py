"""What is said to a Local Discovery Server (Part 4 v1.05 5.5.5, 5.5.6; Part 12 v1.05 4.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final, NamedTuple, Protocol

from asyncua import ua
from asyncua.crypto.security_policies import (
    SecurityPolicyAes128Sha256RsaOaep,
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
    SecurityPolicyNone,
)
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.certificate import Certificate, printable
from certs.encoded import split_chain
from certs.errors import CertificateError
from certs.store import TrustStore
from certs.verdict import Peer, Rules, Verdict
from core.security_mode import SecurityMode
from nodesets.built_in_types import LocalizedText
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.encoding import (
    encode_array,
    encode_extension_object,
    encode_localized_text,
    encode_string,
)
from server.address_space.keys import numeric_key
from server.ua_stack.discovery.descriptions import SERVER_TYPE, TRANSPORT_PROFILE, ApplicationName, encode_strings
from server.ua_stack.discovery.peer_channel import PeerError, PeerFault, peer_channel
from server.ua_stack.discovery.settings import DiscoveryServerSettings, host_and_port

_POLICIES: Final = {
    policy.URI: (strength, policy)
    for strength, policy in enumerate(
        (
            SecurityPolicyNone,
            SecurityPolicyBasic256Sha256,
            SecurityPolicyAes128Sha256RsaOaep,
            SecurityPolicyAes256Sha256RsaPss,
        )
    )
}
"""What the gateway can do as a client, the strongest last."""
_MODES: Final = {"None": SecurityMode.NONE, "Sign": SecurityMode.SIGN, "SignAndEncrypt": SecurityMode.SIGN_AND_ENCRYPT}
_RULES: Final = Rules(peer=Peer.SERVER)
_OLD_SERVER: Final = (int(ua.StatusCodes.BadServiceUnsupported), int(ua.StatusCodes.BadNotImplemented))
_LEAST_ENDPOINT: Final = 53
_LEAST_STRING: Final = 4
_LEAST_TOKEN: Final = 20
_LONGEST_MDNS_NAME: Final = 63
_MOST_TOLD: Final = 10
_INT32 = Struct("<i")
_ids = ua.ObjectIds


@dataclass(frozen=True, slots=True)
class Registered:
    """What is registered: ``urls``: DiscoveryUrls, one at least; ``capabilities``: those of Part 12 v1.05 Annex D."""

    application: ApplicationName
    urls: Sequence[str]
    capabilities: Sequence[str] = ("DA",)

    def encoded(self, *, online: bool) -> bytes:
        """Write the RegisteredServer (Part 4 v1.05 5.5.5.2)."""
        return b"".join(
            (
                encode_string(self.application.uri),
                encode_string(self.application.product_uri),
                encode_array([encode_localized_text(LocalizedText(None, self.application.name))]),
                _INT32.pack(SERVER_TYPE),
                encode_string(None),  # GatewayServerUri
                encode_strings(self.urls),
                encode_string(None),  # SemaphoreFilePath: the gateway says itself when it goes
                b"\x01" if online else b"\x00",
            )
        )

    def configuration(self) -> bytes:
        """Write the array of DiscoveryConfigurations: how it is announced by multicast DNS (Part 4 v1.05 7.13)."""
        name = self.application.name.encode()[:_LONGEST_MDNS_NAME].decode(errors="ignore")
        body = encode_string(name) + encode_strings(self.capabilities)
        kind = numeric_key(0, int(_ids.MdnsDiscoveryConfiguration_Encoding_DefaultBinary))
        return encode_array([encode_extension_object(kind, body)])


class FoundEndpoint(NamedTuple):
    """One endpoint of another server, as far as it matters to a client without a user."""

    application_uri: str
    certificate: bytes
    mode: int
    policy_uri: str


class OwnIdentity(Protocol):
    """The gateway's certificate: :class:`~certs.own.OwnCertificate`, or what the endpoint shows."""

    @property
    def key(self) -> rsa.RSAPrivateKey:
        """The private key."""
        ...

    @property
    def chain(self) -> bytes:
        """The certificate and its issuers, DER, one behind the other."""
        ...


class DiscoveryServer:
    """A Local Discovery Server, and how the gateway shows itself to it.

    ``own``: gives the gateway's certificate as it is now; None where it has none. ``trust``: whose certificates are
    trusted.
    """

    def __init__(
        self,
        settings: DiscoveryServerSettings,
        own: Callable[[], OwnIdentity | None],
        trust: TrustStore | None,
        on_refused: Callable[[Verdict], None] | None = None,
    ) -> None:
        """``on_refused``: is told why the server's certificate is refused (Part 5: AuditCertificateEventType)."""
        self.settings = settings
        self._on_refused = on_refused
        self._own = own
        self._trust = trust

    async def register(self, registered: Registered, *, online: bool) -> None:
        """Register the gateway, or say that it goes. Raises :class:`PeerError`; takes no longer than ``timeout``."""
        try:
            async with asyncio.timeout(self.settings.timeout):
                await self._register(registered, online=online)
        except TimeoutError:
            message = f"it does not answer within {self.settings.timeout:g} s"
            raise PeerError(message) from None

    async def _register(self, registered: Registered, *, online: bool) -> None:
        url = self.settings.url
        found = self._chosen(await self._endpoints())
        policy = await self._policy(found)
        server = registered.encoded(online=online)
        async with peer_channel(url, policy) as channel:
            try:
                body = server + registered.configuration()
                await channel.ask(int(_ids.RegisterServer2Request_Encoding_DefaultBinary), body)
            except PeerFault as fault:
                if fault.status not in _OLD_SERVER:
                    raise
                await channel.ask(int(_ids.RegisterServerRequest_Encoding_DefaultBinary), server)

    async def _endpoints(self) -> list[FoundEndpoint]:
        """Ask what there is, which needs no security; whom it comes from is proved afterwards."""
        url = self.settings.url
        async with peer_channel(url, SecurityPolicyNone()) as channel:
            body = encode_string(url) + encode_strings(()) + encode_strings((TRANSPORT_PROFILE,))
            cursor = await channel.ask(int(_ids.GetEndpointsRequest_Encoding_DefaultBinary), body)
        try:
            return [_endpoint(cursor) for _ in range(cursor.count(_LEAST_ENDPOINT))]
        except DecodingError as error:
            raise PeerError(str(error)) from None

    def _chosen(self, found: Sequence[FoundEndpoint]) -> FoundEndpoint:
        allowed = {int(_MODES[name]) for name in self.settings.security}
        # A mode that encrypts with the policy that does not is a trap: its certificate would have to prove nothing.
        able = [
            one
            for one in found
            if one.policy_uri in _POLICIES
            and one.mode in allowed
            and (one.mode == SecurityMode.NONE) is (one.policy_uri == SecurityPolicyNone.URI)
        ]
        if not able:
            offers = sorted(
                {printable(f"{one.policy_uri.rpartition('#')[2][:40]} in mode {one.mode}") for one in found}
            )
            wanted = " or ".join(self.settings.security)
            told = ", ".join(offers[:_MOST_TOLD]) or "none at all"
            message = f"it offers no endpoint with security {wanted}; what it offers is {told}"
            raise PeerError(message)
        return max(able, key=lambda one: (one.mode, _POLICIES[one.policy_uri][0]))

    async def _policy(self, found: FoundEndpoint) -> Any:
        """Make asyncua's policy for an endpoint, once its certificate is found to be trusted."""
        _, kind = _POLICIES[found.policy_uri]
        if found.mode == SecurityMode.NONE:
            return SecurityPolicyNone()
        own = self._own()
        if own is None or self._trust is None:
            message = (
                "the gateway has no certificate to show it (offer an encrypted endpoint, or write security: [None])"
            )
            raise PeerError(message)
        host, _ = host_and_port(self.settings.url)
        try:
            chain = split_chain(found.certificate)
        except CertificateError as error:
            message = f"its certificate: {error}"
            raise PeerError(message) from None
        verdict = await asyncio.to_thread(
            self._trust.validate, chain, application_uri=found.application_uri, host_names=[host], rules=_RULES
        )
        if not verdict.is_good:
            if self._on_refused is not None:
                self._on_refused(verdict)
            message = f"its certificate is refused: {verdict}"
            raise PeerError(message)
        return await asyncio.to_thread(_made, kind, chain[0], own, found.mode)


def _made(kind: Any, peer: bytes, own: OwnIdentity, mode: int) -> Any:
    certificate, *issuers = [Certificate.parse(der).x509 for der in split_chain(own.chain)]
    try:
        return kind(peer, certificate, own.key, ua.MessageSecurityMode(mode), host_cert_chain=issuers)
    except (ValueError, AttributeError) as error:  # an ECC certificate on an RSA policy
        message = f"its certificate does not fit its policy: {error}"
        raise PeerError(message) from error


def _endpoint(cursor: Cursor) -> FoundEndpoint:
    """Read an EndpointDescription (Part 4 v1.05 7.14)."""
    cursor.string()  # EndpointUrl: the one that was configured is as good, and nobody else's word
    application_uri = cursor.string() or ""
    cursor.string()  # ProductUri
    cursor.localized_text()
    cursor.int32()  # ApplicationType
    cursor.string()  # GatewayServerUri
    cursor.string()  # DiscoveryProfileUri
    for _ in range(cursor.count(_LEAST_STRING)):
        cursor.bytes()
    certificate = cursor.bytes() or b""
    mode = cursor.int32()
    policy_uri = cursor.string() or ""
    for _ in range(cursor.count(_LEAST_TOKEN)):
        cursor.string()
        cursor.int32()
        for _ in range(3):
            cursor.string()
    cursor.string()  # TransportProfileUri
    cursor.byte()  # SecurityLevel: how it judges itself
    return FoundEndpoint(application_uri, certificate, mode, policy_uri)
