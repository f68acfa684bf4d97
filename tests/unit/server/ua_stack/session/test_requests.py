"""Requests of the Session services, beside asyncua's own encoder."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from server.address_space.decoding import DecodingError
from server.ua_stack.session.requests import (
    read_activate_session,
    read_cancel,
    read_close_session,
    read_create_session,
)

TEXT = st.none() | st.text(max_size=20)
BYTES = st.binary(max_size=80)


@given(
    TEXT, TEXT, TEXT, BYTES, BYTES, st.floats(), st.integers(0, 2**32 - 1), st.lists(st.text(max_size=9), max_size=3)
)
def test_create_session_is_read_as_it_was_sent(
    name: str | None,
    url: str | None,
    uri: str | None,
    nonce: bytes,
    certificate: bytes,
    timeout: float,
    most: int,
    urls: list[str],
) -> None:
    params: Any = ua.CreateSessionParameters()
    params.ClientDescription.ApplicationUri = uri
    params.ClientDescription.ApplicationName = ua.LocalizedText("Ann", "en")
    params.ClientDescription.ApplicationType = ua.ApplicationType.Client
    params.ClientDescription.DiscoveryUrls = urls
    params.SessionName, params.EndpointUrl, params.ServerUri = name, url, None
    params.ClientNonce, params.ClientCertificate = nonce, certificate
    params.RequestedSessionTimeout, params.MaxResponseMessageSize = timeout, most
    read = read_create_session(struct_to_binary(params))
    assert (read.name, read.endpoint_url, read.server_uri) == (name, url, None)
    assert (read.nonce, read.certificate, read.most_response) == (nonce, certificate, most)
    assert read.timeout == timeout or timeout != timeout  # noqa: PLR0124 - NaN
    assert read.client.application_uri == uri
    assert (read.client.name.locale, read.client.name.text) == ("en", "Ann")
    assert (read.client.application_type, read.client.discovery_urls) == (1, tuple(urls))


@given(st.lists(st.text(max_size=5), max_size=3), BYTES, st.text(max_size=9))
def test_activate_session_is_read_as_it_was_sent(locales: list[str], signature: bytes, name: str) -> None:
    params: Any = ua.ActivateSessionParameters()
    params.ClientSignature.Algorithm, params.ClientSignature.Signature = "urn:sha", signature
    params.LocaleIds = locales
    token: Any = ua.UserNameIdentityToken()
    token.PolicyId, token.UserName, token.Password = "user_name", name, b"secret"
    params.UserIdentityToken = token
    params.UserTokenSignature.Algorithm, params.UserTokenSignature.Signature = None, None
    read = read_activate_session(struct_to_binary(params))
    assert read.signature == ("urn:sha", signature)
    assert read.locales == tuple(locales)
    assert read.token.kind == ua.ObjectIds.UserNameIdentityToken_Encoding_DefaultBinary
    assert read.token.body == struct_to_binary(token)
    assert read.token_signature == ("", b"")


def test_the_rest_is_a_number_each() -> None:
    assert read_close_session(b"\x01")
    assert not read_close_session(b"\x00")
    assert read_cancel(b"\x07\x00\x00\x00") == 7


@given(st.binary(max_size=200))
def test_bytes_that_make_no_sense_are_refused_and_nothing_else_happens(data: bytes) -> None:
    for read in (read_create_session, read_activate_session, read_close_session, read_cancel):
        try:
            read(data)
        except DecodingError:
            continue


@pytest.mark.parametrize("form", [2, 7])
def test_a_token_in_another_encoding_is_refused(form: int) -> None:
    head = b"\xff\xff\xff\xff" * 4  # no signature, no certificates, no locales
    with pytest.raises(DecodingError):
        read_activate_session(head + b"\x00\x00" + bytes((form,)) + b"\x00" * 12)
