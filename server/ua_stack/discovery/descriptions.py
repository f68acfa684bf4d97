"""ApplicationDescription and EndpointDescription as bytes (Part 4 v1.05 7.2, 7.14; Part 6 v1.05 5.2.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from nodesets.built_in_types import LocalizedText
from server.address_space.encoding import encode_array, encode_bytes, encode_localized_text, encode_string
from server.ua_stack.discovery.offered import OfferedEndpoint
from server.ua_stack.session.user_tokens import TokenPolicy

TRANSPORT_PROFILE: Final = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"
SERVER_TYPE: Final = 0
"""ApplicationType (Part 4 v1.05 7.4): a server, and no client or discovery server."""
_INT32 = Struct("<i")


@dataclass(frozen=True, slots=True)
class ApplicationName:
    """What the gateway is called: ApplicationUri, ProductUri and the name that people read."""

    uri: str
    product_uri: str
    name: str


def encode_strings(texts: Sequence[str]) -> bytes:
    """Write an array of Strings."""
    return encode_array([encode_string(text) for text in texts])


def encode_application(application: ApplicationName, urls: Sequence[str]) -> bytes:
    """Write the ApplicationDescription; ``urls``: its DiscoveryUrls, the best one first."""
    return b"".join(
        (
            encode_string(application.uri),
            encode_string(application.product_uri),
            encode_localized_text(LocalizedText(None, application.name)),
            _INT32.pack(SERVER_TYPE),
            encode_string(None),  # GatewayServerUri: there is no other server in front of this one
            encode_string(None),  # DiscoveryProfileUri: the DiscoveryUrls are those of the endpoint itself
            encode_strings(urls),
        )
    )


def encode_endpoints(application: ApplicationName, urls: Sequence[str], offered: Sequence[OfferedEndpoint]) -> bytes:
    """Write the array of EndpointDescriptions, the most secure first; ``urls[0]`` is the EndpointUrl of all of them."""
    described = encode_application(application, urls)
    best_first = sorted(offered, key=lambda one: -one.level)
    return encode_array([_encode_endpoint(urls[0], described, endpoint) for endpoint in best_first])


def _encode_endpoint(url: str, application: bytes, endpoint: OfferedEndpoint) -> bytes:
    return b"".join(
        (
            encode_string(url),
            application,
            encode_bytes(endpoint.certificate or None),
            _INT32.pack(endpoint.mode),
            encode_string(endpoint.policy_uri),
            encode_array([_encode_token(token) for token in endpoint.advertised()]),
            encode_string(TRANSPORT_PROFILE),
            bytes((endpoint.level,)),
        )
    )


def _encode_token(token: TokenPolicy) -> bytes:
    return b"".join(
        (
            encode_string(token.policy_id),
            _INT32.pack(token.kind),
            encode_string(token.issued_type or None),
            encode_string(token.issuer or None),
            encode_string(token.security_policy_uri or None),
        )
    )
