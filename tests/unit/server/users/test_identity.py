from __future__ import annotations

import pytest

from server.users.identity import NOBODY, Identity, IdentityKind, certificate_identity, parse_subject
from tests.unit.server.users.certificates import certificate


def test_a_certificate_gives_name_thumbprint_and_subjects() -> None:
    authority = certificate({"CN": "Works CA", "O": "Works"})
    own = certificate({"CN": "Ann", "OU": "Line 1", "O": "Works"})
    identity = certificate_identity(own, (authority,))
    assert (identity.name, len(identity.thumbprint)) == ("Ann", 40)
    assert identity.subjects == (
        (("CN", "Ann"), ("O", "Works"), ("OU", "Line 1")),
        (("CN", "Works CA"), ("O", "Works")),
    )
    assert identity.expires == own.not_valid_after_utc.timestamp()


def test_a_subject_with_parts_that_have_no_name_fits_no_rule() -> None:
    assert certificate_identity(certificate({"CN": "Ann", "email": "ann@example.com"})).subjects == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CN=Ann/O=Works", (("CN", "Ann"), ("O", "Works"))),
        ('O=Works/CN="Ann / Bob"', (("CN", "Ann / Bob"), ("O", "Works"))),
        ("DC=com/DC=example", (("DC", "com"), ("DC", "example"))),
    ],
)
def test_subjects_are_read(text: str, parts: tuple[tuple[str, str], ...]) -> None:
    assert parse_subject(text) == parts


@pytest.mark.parametrize("text", ["", "Ann", "XX=Ann", "CN=", 'CN="Ann', 'CN="Ann"x', "CN=Ann/", "CN=Ann//O=x"])
def test_what_is_no_subject_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_subject(text)


def test_users_are_told_apart() -> None:
    ann = Identity(IdentityKind.USER_NAME, "Ann")
    assert ann.key == Identity(IdentityKind.USER_NAME, "ann", expires=1.0).key
    others = [
        NOBODY,
        Identity(IdentityKind.ISSUED, "Ann", issuer="https://a"),
        Identity(IdentityKind.ISSUED, "Ann", issuer="https://b"),
        Identity(IdentityKind.CERTIFICATE, "Ann", thumbprint="00"),
        Identity(IdentityKind.CERTIFICATE, "Ann", thumbprint="01"),
    ]
    assert len({one.key for one in (ann, *others)}) == 6
