"""Users log in to a running gateway, and are refused (Part 4 v1.05 5.7.3, 7.40; threats 2, 5, 6, 12, 21)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.uaerrors import UaStatusCodeError

from certs.own import own_certificate
from server.users.administration import UserAdministration
from server.users.passwords import PasswordRules, Passwords
from tests.system.log_in import APPLICATION, ENCRYPTED, PASSWORD, add_user, logged_in, trusted_client
from tests.system.patient import PatientClient
from tests.system.plant import Plant, connected, lay_down, running
from tests.waiting import until

_codes = ua.StatusCodes


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    """Give a plant with ann (Operator), olga (Observer), nora (no role) and mike, who must change his password."""
    folder = tmp_path / "plant"
    folder.mkdir()
    config = lay_down(folder, port=free_port(), security="[Sign, SignAndEncrypt]", anonymous="none")
    for name, *roles in (("ann", "Operator"), ("olga", "Observer"), ("nora",)):
        await add_user(folder / "var", name, *roles)
    await add_user(folder / "var", "mike", "Operator", must_change=True)
    async with running(config) as held:
        yield held


@pytest.fixture
def identity(plant: Plant, tmp_path: Path) -> tuple[Path, Path]:
    """Give a client that the plant trusts."""
    return trusted_client(plant, tmp_path / "client")


async def _refusal(plant: Plant, identity: tuple[Path, Path], name: str, password: str = PASSWORD) -> int:
    with pytest.raises(UaStatusCodeError) as refused:
        async with logged_in(plant, identity, name, password):
            pass
    return int(refused.value.code)


async def _write(client: Client, node: ua.NodeId, value: float) -> int:
    try:
        await client.get_node(node).write_value(ua.DataValue(ua.Variant(value, ua.VariantType.Double)))
    except UaStatusCodeError as refused:
        return int(refused.code)
    return 0


async def test_users_have_the_rights_of_their_roles(plant: Plant, identity: tuple[Path, Path]) -> None:
    level = plant.node("Level")
    async with logged_in(plant, identity, "ann") as ann, logged_in(plant, identity, "olga") as olga:
        assert await ann.get_node(level).read_value() == 12.5
        assert await _write(ann, level, 1.5) == 0
        assert await olga.get_node(level).read_value() == 1.5
        assert await _write(olga, level, 2.5) == _codes.BadUserAccessDenied
    async with logged_in(plant, identity, "nora") as nora:
        with pytest.raises(UaStatusCodeError):
            await nora.get_node(level).read_value()
        assert await _write(nora, level, 2.5) != 0
        assert await nora.get_node(ua.ObjectIds.Server_ServerStatus_State).read_value() == 0


async def test_threat_12_every_failed_log_in_is_told_alike(plant: Plant, identity: tuple[Path, Path]) -> None:
    told = {
        await _refusal(plant, identity, "ann", "wrong horse battery"),
        await _refusal(plant, identity, "nobody"),
        await _refusal(plant, identity, "admin", "admin"),
        await _refusal(plant, identity, "ann\x00"),
    }
    assert told == {_codes.BadIdentityTokenRejected}


async def test_threat_12_guessing_locks_the_name_and_who_worked_there_before_goes_on(
    plant: Plant, identity: tuple[Path, Path]
) -> None:
    for _ in range(5):
        assert await _refusal(plant, identity, "olga", "guess after guess") == _codes.BadIdentityTokenRejected
    assert await _refusal(plant, identity, "olga") == _codes.BadIdentityTokenRejected  # the right one, and locked
    async with logged_in(plant, identity, "ann") as ann:
        assert await ann.get_node(plant.node("Level")).read_value() == 12.5


async def test_anonymous_clients_are_refused_where_they_have_no_role(plant: Plant, identity: tuple[Path, Path]) -> None:
    with pytest.raises(UaStatusCodeError) as refused:
        async with logged_in(plant, identity):
            pass
    assert refused.value.code in (_codes.BadIdentityTokenRejected, _codes.BadIdentityTokenInvalid)
    anonymous = PatientClient(plant.url)
    anonymous.application_uri = APPLICATION
    await anonymous.set_security(SecurityPolicyBasic256Sha256, *identity, mode=ENCRYPTED)
    endpoints = await anonymous.connect_and_get_server_endpoints()
    kinds = {token.TokenType for one in endpoints for token in one.UserIdentityTokens}
    assert kinds == {ua.UserTokenType.UserName, ua.UserTokenType.Certificate}


async def test_who_must_change_the_password_has_no_role_before(plant: Plant, identity: tuple[Path, Path]) -> None:
    async with logged_in(plant, identity, "mike") as mike:
        with pytest.raises(UaStatusCodeError):
            await mike.get_node(plant.node("Level")).read_value()


async def test_roles_that_change_are_felt_at_once_and_who_is_removed_is_out(
    plant: Plant, identity: tuple[Path, Path]
) -> None:
    level = plant.node("Level")
    store = _store(plant)
    administration = UserAdministration(store, Passwords(), PasswordRules(12))
    async with logged_in(plant, identity, "ann") as ann:
        await administration.set_roles("ann", add=["Observer"], remove=["Operator"])
        assert await _write(ann, level, 7.5) == _codes.BadUserAccessDenied
        assert await ann.get_node(level).read_value() == 12.5
        await administration.set_roles("ann", remove=["Observer"])
        with pytest.raises(UaStatusCodeError):
            await ann.get_node(level).read_value()
        await administration.set_enabled("ann", enabled=False)
        with pytest.raises(UaStatusCodeError) as refused:
            await ann.get_node(level).read_value()
        assert refused.value.code == _codes.BadSessionIdInvalid


def _store(plant: Plant) -> Any:
    rights: Any = plant.gateway.plan.stack.internal.session_service._rights  # the gateway's own users
    return rights.store


async def test_a_certificate_logs_a_user_in_who_has_its_key(
    plant: Plant, identity: tuple[Path, Path], tmp_path: Path
) -> None:
    user = tmp_path / "user"
    own = await asyncio.to_thread(own_certificate, user, "urn:user:ann", "ann")
    users = plant.gateway.plan.data_dir / "certs" / "users" / "trusted"
    shutil.copy(user / "own.der", users / "ann.der")

    async def client() -> Client:
        made = PatientClient(plant.url)
        made.application_uri = APPLICATION
        await made.set_security(SecurityPolicyBasic256Sha256, *identity, mode=ENCRYPTED)
        await made.load_client_certificate(str(user / "own.der"))
        await made.load_private_key(user / "own.key.pem")
        return made

    async with await client() as ann:
        with pytest.raises(UaStatusCodeError):  # known, and without a role
            await ann.get_node(plant.node("Level")).read_value()
    (users / "ann.der").unlink()
    with pytest.raises(UaStatusCodeError) as refused:
        async with await client():
            pass
    assert refused.value.code == _codes.BadIdentityTokenRejected
    del own


async def test_threat_06_a_session_is_nobody_else_s(plant: Plant, identity: tuple[Path, Path], tmp_path: Path) -> None:
    async with logged_in(plant, identity, "ann") as ann:
        token = ann.uaclient.session.authentication_token
        other = own_certificate(tmp_path / "other", APPLICATION, "other")
        shutil.copy(tmp_path / "other" / "own.der", plant.gateway.plan.data_dir / "certs" / "trusted" / "other.der")
        del other
        thief = PatientClient(plant.url)
        thief.application_uri = APPLICATION
        pair = (tmp_path / "other" / "own.der", tmp_path / "other" / "own.key.pem")
        await thief.set_security(SecurityPolicyBasic256Sha256, *pair, mode=ENCRYPTED)
        await thief.connect_sessionless()
        try:
            thief.uaclient.session.restore_authentication_token(token)
            thief._server_nonce, thief._policy_ids = ann._server_nonce, ann._policy_ids  # pyright: ignore[reportPrivateUsage] - what a thief of the whole memory would have
            for taken in (lambda: thief.get_node(plant.node("Level")).read_value(), thief.activate_session):
                with pytest.raises(UaStatusCodeError):
                    await taken()
        finally:
            await thief.disconnect_sessionless()
        assert await ann.get_node(plant.node("Level")).read_value() == 12.5


async def test_threat_05_sessions_that_nobody_logs_in_to_do_not_pile_up(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config = lay_down(tmp_path, port=free_port())
    text = config.read_text().replace("  anonymous: Operator", "  anonymous: Operator\n  max_sessions: 5")
    config.write_text(text)
    async with running(config) as plant:
        registry = plant.gateway.plan.stack.internal.session_service.registry
        async with connected(plant) as honest:
            opened: list[Client] = []
            for _ in range(8):
                stranger = PatientClient(plant.url)
                await stranger.connect_socket()
                await stranger.send_hello()
                await stranger.open_secure_channel()
                opened.append(stranger)
                await stranger.create_session()
            assert len(registry) == 5
            await opened[-1].create_session()
            with pytest.raises(UaStatusCodeError) as refused:
                await opened[-1].create_session()
            assert refused.value.code == _codes.BadTooManySessions
            async with connected(plant):  # an honest client finds room
                assert await honest.get_node(plant.node("Level")).read_value() == 12.5
            for stranger in opened:
                stranger.disconnect_socket()
            await until(lambda: len(registry) == 1)
