# asyncua's annotations call plain texts and bytes wrong where it takes them.
# pyright: reportArgumentType=false
from __future__ import annotations

import pytest
from asyncua import ua

from server.audit.entry import keep
from server.audit.kinds import ANONYMOUS_TOKEN, ISSUED_TOKEN, USER_NAME_TOKEN, X509_TOKEN, IdentityToken
from server.audit.tokens import told_token
from tests.unit.server.audit.samples import SECRET, activate

TOKENS = [
    (ua.AnonymousIdentityToken("a"), IdentityToken(ANONYMOUS_TOKEN, "a")),
    (ua.UserNameIdentityToken("u", "alice", SECRET.encode(), "rsa"), IdentityToken(USER_NAME_TOKEN, "u", "alice")),
    (ua.X509IdentityToken("x", b"\x30\x01"), IdentityToken(X509_TOKEN, "x", certificate=b"\x30\x01")),
    (ua.IssuedIdentityToken("j", SECRET.encode(), "rsa"), IdentityToken(ISSUED_TOKEN, "j")),
]


@pytest.mark.parametrize(("token", "told"), TOKENS)
def test_what_may_be_told_of_a_token(token: object, told: IdentityToken) -> None:
    found = told_token(token)
    assert found == told
    assert SECRET not in repr(activate(found))
    assert SECRET.encode() not in keep(activate(found), 1, "", ()).tail


def test_what_is_no_token_is_not_told() -> None:
    assert told_token(SECRET.encode()) is None
    assert told_token(ua.ExtensionObject(Body=SECRET.encode())) is None
