"""What the endpoint offers, as GetEndpoints tells it (Part 4 v1.05 7.14, 7.42)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from core.security_mode import SecurityMode
from server.ua_stack.secure_channel.suites import NONE
from server.ua_stack.session.user_tokens import ANONYMOUS, TokenPolicy

_JWT_PROFILE: Final = "http://opcfoundation.org/UA/Authorization#JWT"


@dataclass(frozen=True, slots=True)
class OfferedEndpoint:
    """A SecurityPolicy in one mode, and how users log in there.

    ``level``: SecurityLevel, 0 to 255. ``certificate``: what the server shows, DER, its issuers behind it (Part 6 v1.05
    6.2.6); empty where it has none. On an endpoint without security it is what secrets are encrypted for.
    """

    policy_uri: str
    mode: int
    level: int
    certificate: bytes = b""
    tokens: Sequence[TokenPolicy] = ()

    def advertised(self) -> Iterator[TokenPolicy]:
        """Give the tokens that clients are told of: no secret goes in the clear, no signature is left out (threat 21).

        Where the channel protects nothing, a token has to name a policy that does, and there has to be a key for it.
        """
        for token in self.tokens:
            is_protected = bool(self.certificate) and token.security_policy_uri not in ("", NONE)
            if self.mode != SecurityMode.NONE or token.kind == ANONYMOUS or is_protected:
                yield token


def issuer_endpoint(authority: str, resource: str, scopes: Sequence[str] = ()) -> str:
    """Give the IssuerEndpointUrl of JSON Web Tokens: a JSON object (Part 6 v1.05 6.5.2.2).

    ``authority``: URL of the issuer; ``resource``: what its tokens have to have among their ``aud``.
    """
    told = {
        "ua:resourceId": resource,
        "ua:authorityUrl": authority,
        "ua:authorityProfileUri": _JWT_PROFILE,
        "ua:scopes": list(scopes),
    }
    return json.dumps(told, separators=(",", ":"))
