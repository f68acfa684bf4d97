"""Issued tokens: JSON Web Tokens (RFC 7519, RFC 8725) of the issuers that the configuration names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import jwt
from jwt.exceptions import PyJWTError

from core.errors import PlantspaceError
from server.users.errors import LoginFault, LoginRefused
from server.users.identity import Identity, IdentityKind
from server.users.jwks import KeySource
from server.users.names import proper_name
from server.users.settings import IssuerSettings

JWT_TOKEN_TYPE: Final = "http://opcfoundation.org/UA/UserToken#JWT"  # noqa: S105 - a URI (Part 6 v1.05 6.5.3.1)
MOST_BYTES: Final = 16_384
_MOST_CLAIMED: Final = 1000
_LONGEST_CLAIMED: Final = 256
_REQUIRED: Final = ("iss", "aud", "exp", "iat")

Claims = Mapping[str, Any]  # claims are of any JSON type (RFC 7519 4)


class _Invalid(PlantspaceError):  # noqa: N818 - the name says what the token is
    """A token says something that it must not."""


class TokenVerifier:
    """Turns tokens into identities. Blocks; one thread's alone."""

    def __init__(
        self, issuers: Mapping[str, IssuerSettings], base: Path = Path(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``base``: the folder that names of files are relative to; ``clock``: seconds."""
        self._issuers = {
            one.issuer: (
                one,
                KeySource(one.keys, base=base, ca_file=one.ca_file, timeout=one.timeout, clock=clock),
            )
            for one in issuers.values()
        }

    def verify(self, token: bytes) -> Identity:
        """Give the user of a token. Raises :class:`~server.users.errors.LoginRefused`."""
        if len(token) > MOST_BYTES:
            raise LoginRefused(LoginFault.TOKEN, f"it has over {MOST_BYTES} bytes")
        try:
            return self._verified(token.decode("ascii"))
        except (PyJWTError, PlantspaceError) as error:
            raise LoginRefused(LoginFault.TOKEN, str(error)) from error
        except Exception as error:  # a hostile token may bring a parser to raise anything: Infinity, depth
            raise LoginRefused(LoginFault.TOKEN, f"it cannot be read ({type(error).__name__})") from error

    def _verified(self, token: str) -> Identity:
        header = jwt.get_unverified_header(token)
        unproved: Claims = jwt.decode(token, options={"verify_signature": False})
        known = self._issuers.get(str(unproved.get("iss")))
        if known is None:
            message = "its issuer is none of those that are trusted"
            raise _Invalid(message)
        settings, source = known
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in settings.algorithms:
            message = f"its signature is {algorithm!r}, which is not allowed"
            raise _Invalid(message)
        if "crit" in header or not (key_id is None or isinstance(key_id, str)):
            message = "its header asks for what is not understood"
            raise _Invalid(message)
        claims: Claims = jwt.decode(
            token,
            source.key(key_id, algorithm),
            algorithms=[algorithm],
            issuer=settings.issuer,
            audience=settings.audience,
            leeway=settings.leeway,
            options={"require": list(_REQUIRED)},
        )
        return _identity(claims, settings)


def _identity(claims: Claims, settings: IssuerSettings) -> Identity:
    begin, end = float(claims["iat"]), float(claims["exp"])
    if end - begin > settings.lifetime:
        message = f"it is valid for longer than {settings.lifetime:g} s"
        raise _Invalid(message)
    name = _claim(claims, settings.claims.name)
    if not isinstance(name, str):
        message = f"its claim {settings.claims.name!r} names nobody"
        raise _Invalid(message)
    return Identity(
        IdentityKind.ISSUED,
        proper_name(name),
        issuer=settings.issuer,
        roles=_texts(claims, settings.claims.roles),
        groups=_texts(claims, settings.claims.groups),
        expires=end + settings.leeway,
    )


def _claim(claims: Claims, path: str) -> object:
    """Give a claim; of one that stands inside others the path is written with points: ``realm_access.roles``."""
    if path in claims:
        return claims[path]
    found: object = claims
    for key in path.split("."):
        if not isinstance(found, dict):
            return None
        found = cast("dict[str, object]", found).get(key)
    return found


def _texts(claims: Claims, path: str) -> frozenset[str]:
    claimed = _claim(claims, path)
    if claimed is None:
        return frozenset()
    texts = cast("list[object]", claimed) if isinstance(claimed, list) else [claimed]
    if len(texts) > _MOST_CLAIMED or not all(isinstance(text, str) and len(text) <= _LONGEST_CLAIMED for text in texts):
        message = f"its claim {path!r} is no list of texts"
        raise _Invalid(message)
    return frozenset(str(text) for text in texts)
