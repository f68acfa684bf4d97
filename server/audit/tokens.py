"""What may be told of a UserIdentityToken as a client sent it (Part 4 v1.05 7.40, Part 5 v1.05 6.4.10)."""

from __future__ import annotations

from typing import Any, Final

from asyncua import ua

from server.audit.kinds import ANONYMOUS_TOKEN, ISSUED_TOKEN, USER_NAME_TOKEN, X509_TOKEN, IdentityToken

_KINDS: Final[dict[type, int]] = {
    ua.UserNameIdentityToken: USER_NAME_TOKEN,
    ua.X509IdentityToken: X509_TOKEN,
    ua.IssuedIdentityToken: ISSUED_TOKEN,
    ua.AnonymousIdentityToken: ANONYMOUS_TOKEN,
}


def told_token(token: Any) -> IdentityToken | None:  # noqa: ANN401 - asyncua leaves the types of its tokens' fields open
    """Leave out passwords and the data of issued tokens; None for what is no token that the standard knows."""
    sent: type = token.__class__
    kind = _KINDS.get(sent)
    if kind is None:
        return None
    name = token.UserName if kind == USER_NAME_TOKEN else None
    certificate = token.CertificateData if kind == X509_TOKEN else None
    return IdentityToken(kind, token.PolicyId, name, certificate)
