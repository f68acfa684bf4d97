"""Who a session's user is, once that has been proved (Part 4 v1.05 7.40)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from server.users.names import name_key

Subject = tuple[tuple[str, str], ...]
"""Name and value of each part of an X.509 subject that Part 18 has a name for, sorted; empty where it has others."""

SUBJECT_PARTS: Final = ("CN", "O", "OU", "DC", "L", "S", "C", "dnQualifier", "serialNumber")
_PARTS: Final = dict(
    zip(
        (
            NameOID.COMMON_NAME,
            NameOID.ORGANIZATION_NAME,
            NameOID.ORGANIZATIONAL_UNIT_NAME,
            NameOID.DOMAIN_COMPONENT,
            NameOID.LOCALITY_NAME,
            NameOID.STATE_OR_PROVINCE_NAME,
            NameOID.COUNTRY_NAME,
            NameOID.DN_QUALIFIER,
            NameOID.SERIAL_NUMBER,
        ),
        SUBJECT_PARTS,
        strict=True,
    )
)


class IdentityKind(StrEnum):
    """Which UserIdentityToken proved it."""

    ANONYMOUS = "anonymous"
    USER_NAME = "user name"
    CERTIFICATE = "certificate"
    ISSUED = "issued token"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user. ``name`` is for people; ``key`` tells one user from every other.

    ``thumbprint``: SHA-1 of the user's certificate, hexadecimal in capitals. ``subjects``: of the certificate and its
    issuers. ``roles`` and ``groups``: claims of a token. ``expires``: seconds since 1970 after which the session has no
    user any more, or None. ``must_change_password``: until that is done there is the role Anonymous only.
    """

    kind: IdentityKind = IdentityKind.ANONYMOUS
    name: str = ""
    issuer: str = ""
    thumbprint: str = ""
    subjects: tuple[Subject, ...] = ()
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    expires: float | None = None
    must_change_password: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What two sessions of the same user have in common (Part 4 v1.05 5.14.7.1); anonymous ones are all alike."""
        who = self.thumbprint if self.kind is IdentityKind.CERTIFICATE else self.name
        if self.kind is IdentityKind.USER_NAME:
            who = name_key(self.name)
        return (self.kind.value, self.issuer, who)

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody said who it is."""
        return self.kind is IdentityKind.ANONYMOUS


NOBODY: Final = Identity()
"""The anonymous user."""


def certificate_identity(certificate: x509.Certificate, issuers: tuple[x509.Certificate, ...] = ()) -> Identity:
    """Give the user of a certificate whose signature, chain and trust were verified before."""
    subject = certificate.subject
    common = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(common[0].value) if common else subject.rfc4514_string()
    chain = (certificate, *issuers)
    return Identity(
        IdentityKind.CERTIFICATE,
        name[:256],
        thumbprint=certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - Part 18 4.4.3 names a Thumbprint, which is SHA-1
        subjects=tuple(subject for one in chain if (subject := _subject(one.subject))),
        expires=certificate.not_valid_after_utc.timestamp(),
    )


def _subject(name: x509.Name) -> Subject:
    parts = [(_PARTS.get(part.oid), str(part.value)) for part in name]
    known = tuple(sorted((key, value) for key, value in parts if key is not None))
    return known if len(known) == len(parts) else ()


def parse_subject(text: str) -> Subject:
    """Read ``CN="Ann Example"/O=Works``: parts in any order, quotes where a value holds a slash.

    Raises :class:`ValueError` that says what is wrong.
    """
    parts: list[tuple[str, str]] = []
    rest = text
    while rest:
        key, sign, rest = rest.partition("=")
        if not sign or key not in SUBJECT_PARTS:
            message = f"{key!r} is none of {', '.join(SUBJECT_PARTS)}"
            raise ValueError(message)
        if rest.startswith('"'):
            value, quote, rest = rest[1:].partition('"')
            if not quote or (rest and not rest.startswith("/")):
                message = f"the quotes of {key} do not match"
                raise ValueError(message)
        else:
            value, slash, rest = rest.partition("/")
            rest = slash + rest
        if not value:
            message = f"{key} is empty"
            raise ValueError(message)
        parts.append((key, value))
        if rest == "/":
            message = "nothing stands after the last '/'"
            raise ValueError(message)
        rest = rest.removeprefix("/")
    if not parts:
        message = "it is empty"
        raise ValueError(message)
    return tuple(sorted(parts))
