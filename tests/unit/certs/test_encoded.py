from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.encoded import pem_blocks, split_chain, to_pem
from certs.errors import CertificateError


def _element(content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return b"\x30" + bytes([length]) + content
    encoded = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return b"\x30" + bytes([0x80 | len(encoded)]) + encoded + content


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_a_chain_is_split_where_its_certificates_end(contents: list[bytes]) -> None:
    elements = [_element(content) for content in contents]
    assert split_chain(b"".join(elements)) == elements


@pytest.mark.parametrize(
    "blob",
    [
        b"0",
        b"0\x05abc",
        b"\x31\x00",
        b"0\x80ab\x00\x00",
        b"0\x84\xff\xff\xff\xff",
        b"0\x85\x00\x00\x00\x00\x01a",
        b"0\x00" * 9,
        b"0\x82\x40\x01" + bytes(0x4001),
    ],
)
def test_threat_22_what_is_no_chain_is_refused(blob: bytes) -> None:
    with pytest.raises(CertificateError):
        split_chain(blob)


@given(st.binary(max_size=300))
def test_threat_22_garbage_raises_nothing_else(blob: bytes) -> None:
    with contextlib.suppress(CertificateError):
        assert b"".join(split_chain(blob)) == blob


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=4))
def test_pem_there_and_back(ders: list[bytes]) -> None:
    assert pem_blocks(to_pem("CERTIFICATE", ders), "CERTIFICATE") == ders


def test_blocks_of_other_kinds_are_left_out() -> None:
    both = to_pem("PRIVATE KEY", [b"secret"]) + to_pem("CERTIFICATE", [b"shown"])
    assert pem_blocks(both, "CERTIFICATE") == [b"shown"]
