"""TrustListDataType (Part 12 v1.05 7.8.2.8) as the bytes that a TrustList file holds; decoding is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from struct import Struct
from typing import Final

from certs.errors import CertificateError
from certs.store import TrustList
from server.address_space.encoding import encode_array, encode_bytes, encode_uint32

MOST_ENTRIES: Final = 1000
"""Certificates or revocation lists of one of the four lists."""
_UINT32 = Struct("<I")
_INT32 = Struct("<i")


class Masks(IntFlag):
    """TrustListMasks (Part 12 v1.05 7.8.2.9): which of the four lists are meant."""

    TRUSTED_CERTIFICATES = 1
    TRUSTED_CRLS = 2
    ISSUER_CERTIFICATES = 4
    ISSUER_CRLS = 8
    ALL = 15


def masked(lists: TrustList, masks: int) -> TrustList:
    """Give a trust list without the lists that are not meant."""
    return TrustList(
        lists.trusted if masks & Masks.TRUSTED_CERTIFICATES else None,
        lists.trusted_crls if masks & Masks.TRUSTED_CRLS else None,
        lists.issuers if masks & Masks.ISSUER_CERTIFICATES else None,
        lists.issuer_crls if masks & Masks.ISSUER_CRLS else None,
    )


def encode(lists: TrustList) -> bytes:
    """Write a trust list; a list that is None is not among SpecifiedLists."""
    specified = 0
    parts: list[bytes] = []
    for place, one in enumerate((lists.trusted, lists.trusted_crls, lists.issuers, lists.issuer_crls)):
        specified |= 0 if one is None else 1 << place
        parts.append(encode_array([encode_bytes(each) for each in one or ()]))
    return b"".join((encode_uint32(specified), *parts))


def decode(encoded: bytes) -> TrustList:
    """Read a trust list. Raises :class:`CertificateError` where the bytes are none, or tell more than is taken."""
    if len(encoded) < _UINT32.size:
        message = "the trust list is cut off"
        raise CertificateError(message)
    (specified,) = _UINT32.unpack_from(encoded)
    if specified & ~int(Masks.ALL):
        message = f"SpecifiedLists is {specified}, and 15 stands for all lists there are"
        raise CertificateError(message)
    at = _UINT32.size
    lists: list[Sequence[bytes]] = []
    for _ in range(4):
        one, at = _byte_strings(encoded, at)
        lists.append(one)
    if at != len(encoded):
        message = f"{len(encoded) - at} bytes stand behind the trust list"
        raise CertificateError(message)
    return masked(TrustList(*lists), specified)


def _byte_strings(encoded: bytes, at: int) -> tuple[list[bytes], int]:
    count, at = _length(encoded, at)
    if count > MOST_ENTRIES:
        message = f"a list of {count} entries is claimed, and at most {MOST_ENTRIES} are taken"
        raise CertificateError(message)
    found: list[bytes] = []
    for _ in range(count):
        size, at = _length(encoded, at)
        if at + size > len(encoded):
            message = f"an entry of {size} bytes is claimed, and {len(encoded) - at} are there"
            raise CertificateError(message)
        found.append(encoded[at : at + size])
        at += size
    return found, at


def _length(encoded: bytes, at: int) -> tuple[int, int]:
    """Give a length, a null one as 0, and where what follows stands."""
    if at + _INT32.size > len(encoded):
        message = "the trust list is cut off"
        raise CertificateError(message)
    (length,) = _INT32.unpack_from(encoded, at)
    return max(length, 0), at + _INT32.size
