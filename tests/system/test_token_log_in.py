"""Log-ins with tokens of an issuer (Part 4 v1.05 7.40.6, Part 6 v1.05 6.5.3)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.uaerrors import BadIdentityTokenInvalid, BadIdentityTokenRejected, UaStatusCodeError

from tests.jwt_issuer import EC, RSA, JwtIssuer
from tests.system.log_in import APPLICATION, ENCRYPTED, trusted_client
from tests.system.plant import Plant, lay_down, running
from tests.system.token_client import TokenClient


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[JwtIssuer]:
    with JwtIssuer(tmp_path / "issuer", tls=True) as issuer:
        yield issuer


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int], issuer: JwtIssuer) -> AsyncIterator[Plant]:
    """Run a gateway that takes the issuer's tokens; the claim ``op`` gives the role Operator."""
    config = lay_down(tmp_path, port=free_port(), security='["SignAndEncrypt"]', anonymous="none")
    users = {"issuers": {"plant": issuer.settings()}, "lock_out": {"source_failures": 1000}}
    more = f"users: {json.dumps(users)}\nroles: {json.dumps({'Operator': {'claims': ['op']}})}\n"
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    async with running(config) as held:
        yield held


@asynccontextmanager
async def client(plant: Plant, folder: Path, token: bytes) -> AsyncGenerator[TokenClient]:
    """Make a client that is trusted, and not connected yet."""
    files = trusted_client(plant, folder)
    made = TokenClient(plant.url, token)
    made.application_uri = APPLICATION
    await made.set_security(SecurityPolicyBasic256Sha256, *files, mode=ENCRYPTED)
    yield made


async def written(client: Client, plant: Plant, value: float) -> str:
    """Write the level; give the name of the StatusCode."""
    try:
        await client.get_node(plant.node("Level")).write_value(ua.DataValue(ua.Variant(value)))
    except UaStatusCodeError as error:
        return type(error).__name__
    return "Good"


@pytest.mark.parametrize("key_id", [RSA, EC])
async def test_a_token_gives_the_roles_that_it_claims(
    plant: Plant, issuer: JwtIssuer, tmp_path: Path, key_id: str
) -> None:
    async with client(plant, tmp_path / "client", issuer.token(key_id=key_id)) as operator, operator:
        assert await written(operator, plant, 42.0) == "Good"
    token = issuer.token(issuer.claims(roles=["Operator", "SecurityAdmin"]), key_id)
    async with client(plant, tmp_path / "client", token) as other, other:  # names of claims are no names of roles
        assert await written(other, plant, 43.0) in ("BadUserAccessDenied", "BadNodeIdUnknown")


async def test_threat_12_wrong_tokens_are_answered_alike(plant: Plant, issuer: JwtIssuer, tmp_path: Path) -> None:
    async with client(plant, tmp_path / "client", b"") as hostile:
        await hostile.connect_sessionless()
        try:
            await hostile.create_session()
            for what, token in issuer.wrong_tokens().items():
                hostile.token = token
                with pytest.raises(UaStatusCodeError) as refused:
                    await hostile.activate_session("token")
                assert refused.type in (BadIdentityTokenRejected, BadIdentityTokenInvalid), what
                # one that is too long is refused before it is decrypted
                assert refused.type is BadIdentityTokenRejected or what == "far too long"
            hostile.token = issuer.token()
            await hostile.activate_session("token")
            assert await written(hostile, plant, 44.0) == "Good", "an honest token is good on the same channel"
        finally:
            await hostile.disconnect()
