"""Files and byte strings that hold certificates: DER, PEM, and chains of DER as OpenSecureChannel carries them."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from certs.certificate import LARGEST_CERTIFICATE
from certs.errors import CertificateError

LONGEST_CHAIN: Final = 8
"""Certificates of a chain, root and leaf included."""
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)
_SEQUENCE = 0x30
_LONG_FORM = 0x80
_MOST_LENGTH_BYTES = 4


def split_chain(blob: bytes) -> list[bytes]:
    """Split DER certificates that stand one behind the other, leaf first (Part 6 v1.05 6.2.6).

    Raises :class:`CertificateError` where there are more than 8, one has over 16 KiB, or the bytes are no DER.
    """
    chain: list[bytes] = []
    at = 0
    while at < len(blob):
        if len(chain) == LONGEST_CHAIN:
            message = f"the chain has more than {LONGEST_CHAIN} certificates"
            raise CertificateError(message)
        end = at + _element(blob, at)
        chain.append(blob[at:end])
        at = end
    return chain


def pem_blocks(content: bytes, *labels: str) -> list[bytes]:
    """Give the DER of a file: its PEM blocks with one of the labels, or the file itself where it is no PEM.

    Raises :class:`CertificateError` where a block is damaged.
    """
    if b"-----BEGIN " not in content:
        return [content] if content else []
    wanted = {label.encode() for label in labels}
    return [_unpem(match[2]) for match in _PEM.finditer(content) if match[1] in wanted]


def to_pem(label: str, ders: Sequence[bytes]) -> bytes:
    """Write DER as PEM blocks, one behind the other."""
    begin, end = f"-----BEGIN {label}-----\n".encode(), f"-----END {label}-----\n".encode()
    return b"".join(begin + _wrapped(b64encode(der)) + end for der in ders)


def _wrapped(encoded: bytes) -> bytes:
    """Break lines after 64 letters, as RFC 7468 wants them."""
    return b"".join(encoded[at : at + 64] + b"\n" for at in range(0, len(encoded), 64))


def _unpem(text: bytes) -> bytes:

    try:
        return b64decode(b"".join(text.split()), validate=True)
    except ValueError as error:
        message = f"a PEM block is damaged: {error}"
        raise CertificateError(message) from error


def _element(blob: bytes, at: int) -> int:
    """Give the length of the DER SEQUENCE at ``at``, its head included."""
    head = blob[at : at + 2]
    if len(head) < len(b"0\x00") or head[0] != _SEQUENCE:
        message = "the bytes are no DER certificate"
        raise CertificateError(message)
    count = head[1] & ~_LONG_FORM if head[1] & _LONG_FORM else 0
    if head[1] == _LONG_FORM or count > _MOST_LENGTH_BYTES:
        message = "the bytes are no DER certificate: their length is not told"
        raise CertificateError(message)
    length = int.from_bytes(blob[at + 2 : at + 2 + count], "big") if count else head[1]
    whole = 2 + count + length
    if whole > LARGEST_CERTIFICATE or at + whole > len(blob):
        message = f"a certificate of {whole} bytes is claimed, and {len(blob) - at} are there"
        raise CertificateError(message)
    return whole
