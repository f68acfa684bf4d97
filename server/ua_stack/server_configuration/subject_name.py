"""The subject that a client wants in a signing request (Part 12 v1.05 7.10.10)."""

from __future__ import annotations

import re
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from certs.errors import CertificateError

_PARTS: Final = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DC": NameOID.DOMAIN_COMPONENT,
    "L": NameOID.LOCALITY_NAME,
    "S": NameOID.STATE_OR_PROVINCE_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
}
_LONGEST = 1024
_MOST_PARTS = 16
_NEXT = r"(?:/?$|[/,]\s*(?=(?:CN|OU|DC|ST|O|L|S|C)\s*=))"
_PART = re.compile(rf'(CN|OU|DC|ST|O|L|S|C)\s*=\s*(?:"([^"]*)"\s*|([^"]*?)\s*){_NEXT}')


def parse_subject_name(text: str) -> x509.Name:
    """Read ``CN=Name/O=Works``, with quotes where a value holds a slash; commas in their place are taken, too.

    Raises :class:`CertificateError` that says what is wrong.
    """
    rest = text.strip().removeprefix("/")
    if len(rest) > _LONGEST:
        message = f"the subject has {len(rest)} characters, and at most {_LONGEST} are taken"
        raise CertificateError(message)
    at, parts = 0, list[x509.NameAttribute[str]]()
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None or len(parts) == _MOST_PARTS:
            message = f"the subject cannot be read from {rest[at : at + 32]!r} on (write CN=…/O=…)"
            raise CertificateError(message)
        value = part[2] if part[2] is not None else part[3]
        try:
            parts.append(x509.NameAttribute(_PARTS[part[1]], value))
        except ValueError as error:  # empty, too long, or a country that has not two letters
            message = f"the subject's {part[1]} cannot be {value[:64]!r}: {error}"
            raise CertificateError(message) from error
        at = part.end()
    if not parts:
        message = "the subject is empty"
        raise CertificateError(message)
    return x509.Name(parts)
