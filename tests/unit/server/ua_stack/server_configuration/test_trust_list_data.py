"""TrustListDataType: our bytes are asyncua's, and hostile ones are refused."""

from __future__ import annotations

from contextlib import suppress

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from certs.errors import CertificateError
from certs.store import TrustList
from server.ua_stack.server_configuration.trust_list_data import decode, encode, masked

ENTRIES = st.lists(st.binary(max_size=40), max_size=5)
LISTS = st.builds(TrustList, *[st.none() | ENTRIES] * 4)


@given(lists=LISTS)
def test_what_is_written_is_read_again_by_us_and_by_asyncua(lists: TrustList) -> None:
    encoded = encode(lists)
    assert decode(encoded) == lists
    theirs = struct_from_binary(ua.TrustListDataType, Buffer(encoded))
    assert struct_to_binary(theirs) == encoded
    specified = (lists.trusted, lists.trusted_crls, lists.issuers, lists.issuer_crls)
    assert theirs.SpecifiedLists == sum(1 << place for place, one in enumerate(specified) if one is not None)
    assert theirs.TrustedCertificates == (lists.trusted or [])
    assert theirs.IssuerCrls == (lists.issuer_crls or [])


@given(encoded=st.binary(max_size=200))
def test_any_bytes_are_a_list_or_refused(encoded: bytes) -> None:
    with suppress(CertificateError):
        decode(encoded)


@given(lists=LISTS, cut=st.integers(1, 40))
def test_what_is_cut_off_is_refused(lists: TrustList, cut: int) -> None:
    encoded = encode(lists)
    refused = False
    try:
        decode(encoded[:-cut])
    except CertificateError:
        refused = True
    assert refused


@given(lists=LISTS, masks=st.integers(0, 15))
def test_masks_leave_what_they_name(lists: TrustList, masks: int) -> None:
    left = masked(lists, masks)
    for place, (one, kept) in enumerate(
        zip(
            (lists.trusted, lists.trusted_crls, lists.issuers, lists.issuer_crls),
            (left.trusted, left.trusted_crls, left.issuers, left.issuer_crls),
            strict=True,
        )
    ):
        assert kept == (one if masks >> place & 1 else None)
