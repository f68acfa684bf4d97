"""Subjects as clients write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.errors import CertificateError
from server.ua_stack.server_configuration.subject_name import parse_subject_name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("CN=Line 1/O=Works", ["CN=Line 1", "O=Works"]),
        ("/CN=Line 1/DC=plant.example", ["CN=Line 1", "DC=plant.example"]),
        ("CN=Line 1, O=Works, Inc, C=DE", ["CN=Line 1", "O=Works, Inc", "C=DE"]),
        ('CN="Line 1/O=2"/OU=Filling/', ["CN=Line 1/O=2", "OU=Filling"]),
        ("CN=a/b/S=Bavaria/L=Town", ["CN=a/b", "ST=Bavaria", "L=Town"]),
    ],
)
def test_parts_are_read_in_their_order(text: str, told: list[str]) -> None:
    name = parse_subject_name(text)
    assert [f"{one.rfc4514_attribute_name}={one.value}" for one in name] == told


@pytest.mark.parametrize(
    "text", ["", "/", "Line 1", "CN=", "XX=1", 'CN="open', "C=Germany", "CN=a/" * 20, "CN=" + "x" * 65]
)
def test_what_is_no_subject_is_refused(text: str) -> None:
    with pytest.raises(CertificateError, match="subject"):
        parse_subject_name(text)


@given(st.text(alphabet='CNO=/, "a', max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(CertificateError):
        parse_subject_name(text)
