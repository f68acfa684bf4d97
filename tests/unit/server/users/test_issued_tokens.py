"""Tokens of an issuer in a process of its own: what is taken, and what is refused whatever it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.users.errors import LoginFault, LoginRefused
from server.users.identity import IdentityKind
from server.users.settings import IssuerSettings
from server.users.tokens import TokenVerifier
from tests.jwt_issuer import EC, RSA, UNPUBLISHED, JwtIssuer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module", params=[False, True], ids=["http", "https"])
def issuer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JwtIssuer]:
    with JwtIssuer(tmp_path_factory.mktemp("issuer"), tls=request.param) as issuer:
        yield issuer


def verifier(issuer: JwtIssuer, clock: Clock | None = None) -> TokenVerifier:
    settings = IssuerSettings.model_validate(issuer.settings())
    return TokenVerifier({"plant": settings}, clock=clock or Clock())


@pytest.mark.parametrize("key_id", [RSA, EC])
def test_a_sound_token_is_taken(issuer: JwtIssuer, key_id: str) -> None:
    identity = verifier(issuer).verify(issuer.token(key_id=key_id))
    assert (identity.kind, identity.name, identity.issuer) == (IdentityKind.ISSUED, "ann", issuer.name)
    assert (identity.roles, identity.groups) == ({"op"}, {"line-1"})


def test_threat_12_wrong_tokens_are_refused_and_look_alike(issuer: JwtIssuer) -> None:
    of = verifier(issuer)
    asked = issuer.asked
    for what, token in issuer.wrong_tokens().items():
        with pytest.raises(LoginRefused) as refused:
            of.verify(token)
        assert (refused.value.fault, str(refused.value)) == (LoginFault.TOKEN, "the log-in is refused"), what
        assert refused.value.detail, what
    assert issuer.asked - asked == 1, "no token makes the gateway ask over and over, or ask elsewhere"


def test_keys_come_and_go_with_the_issuer(issuer: JwtIssuer) -> None:
    clock = Clock()
    of = verifier(issuer, clock)
    of.verify(issuer.token())
    issuer.publish(UNPUBLISHED)
    try:
        clock.now += 11
        of.verify(issuer.token(key_id=UNPUBLISHED))
        with pytest.raises(LoginRefused):
            of.verify(issuer.token())
    finally:
        issuer.publish(RSA, EC)


def test_keys_of_an_issuer_that_went_away_hold_for_a_while(tmp_path: Path) -> None:
    clock = Clock()
    with JwtIssuer(tmp_path) as issuer:
        of = verifier(issuer, clock)
        of.verify(issuer.token())
    clock.now += 3600
    of.verify(issuer.token())
    clock.now += 86_400
    with pytest.raises(LoginRefused):
        of.verify(issuer.token())
