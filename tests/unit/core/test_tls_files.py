from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from core.errors import SettingError
from core.settings import Settings
from core.tls_files import ServerAddress, beside, clashing_files, client_context, take_apart


class _Named(Settings):
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


def _apart(url: str) -> ServerAddress:
    ports = {"http": 80, "https": 443}
    return take_apart(url, ports, secure=("https",), paths=("https",), what="a server", mend="write https://host")


def test_an_address_is_taken_apart() -> None:
    assert _apart("https://h/a/") == ServerAddress("h", 443, secure=True, path="/a")
    assert _apart("http://[::1]:8080") == ServerAddress("::1", 8080, secure=False)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("h:80", "reached by http:// or https://"),
        ("ftp://h", "not by ftp"),
        ("http://u@h", "must not hold a user"),
        ("http://h/a", "is not the address of a server"),
        ("http://h:0", "is not the address of a server"),
        ("http://h:99999", "is not the address of a server"),
        ("https://h?x=1", "is not the address of a server"),
        ("http://h\n", "reached by"),
    ],
)
def test_what_is_no_address_is_told(url: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        _apart(url)


def test_files_that_do_not_go_together_are_told() -> None:
    told = clashing_files(_Named(ca_file="a", key_file="k"), "url", "http://h", secure=False, mend="write https")
    assert [(key, str(error)) for key, error in told.items()] == [
        ("url", "http://h is not encrypted, but ca_file and key_file are given (write https)"),
        ("key_file", "key_file is given without certificate_file (give both or neither)"),
    ]
    both = _Named(certificate_file="c", key_file="k")
    assert clashing_files(both, "url", "https://h", secure=True, mend="") == {}


def test_relative_files_begin_beside() -> None:
    made = beside(_Named(ca_file="ca.pem", key_file="/k"), Path("/etc/plantspace"))
    assert (made.ca_file, made.certificate_file, made.key_file) == ("/etc/plantspace/ca.pem", "", "/k")


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(ssl.SSLError) as caught:
        client_context(_Named(ca_file=str(tmp_path / "gone.pem")))
    assert "gone.pem: cannot be used for TLS" in str(caught.value)
    with pytest.raises(ssl.SSLError) as caught:
        client_context(_Named(certificate_file=str(empty), key_file=str(empty)))
    assert f"certificate_file {empty} with key_file {empty}: cannot be used" in str(caught.value)
