"""Foreign clients log in to a running gateway: each policy, mode and kind of user, and what comes after (threat 21)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one; its own hooks are used.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
# pyright: reportAttributeAccessIssue=false, reportPrivateImportUsage=false
from __future__ import annotations

import asyncio
import shutil
from collections.abc import Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from certs.own import own_certificate
from tests.foreign.relay import RelayError
from tests.foreign.secure import SecureClient, SecureRelay, User, secure_go, secure_node
from tests.jwt_issuer import JwtIssuer
from tests.system.log_in import APPLICATION, PASSWORD
from tests.system.patient import PatientClient
from tests.system.secured_asyncua import GivenSecret, Heard, Secret, asyncua_apart, asyncua_client
from tests.system.secured_gateway import SecuredGateway, cable_to, secured_gateway
from tests.unit.server.ua_stack.secure_channel.peer import KINDS
from tests.waiting import until

_codes = ua.StatusCodes
CHANNELS = [("None", "None"), *((policy, mode) for policy in KINDS for mode in ("Sign", "SignAndEncrypt"))]
BEST = {"policy": "Aes256_Sha256_RsaPss", "mode": "SignAndEncrypt"}
NEW_PASSWORD = "another horse entirely"
OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"
RSA_15 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
_SHA1 = hashes.SHA1()  # noqa: S303 - within OAEP, as the policy has it


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Generator[JwtIssuer]:
    with JwtIssuer(tmp_path_factory.mktemp("issuer")) as held:
        yield held


@pytest.fixture(scope="module")
def gateway(issuer: JwtIssuer, tmp_path_factory: pytest.TempPathFactory) -> Generator[SecuredGateway]:
    with secured_gateway(tmp_path_factory.mktemp("gateway"), issuer) as held:
        yield held


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Generator[SecureRelay]:
    with secure_node(tmp_path_factory.mktemp("node")) as held:
        yield held


def named(name: str, password: str = PASSWORD) -> User:
    return {"name": name, "password": password}


async def write(client: SecureClient, gateway: SecuredGateway, value: float) -> str:
    return await client.ask("write", node=gateway.level, type="Double", value=value)


@pytest.mark.parametrize(("policy", "mode"), CHANNELS)
async def test_every_kind_of_user_works_over_every_channel(
    gateway: SecuredGateway, node: SecureRelay, issuer: JwtIssuer, policy: str, mode: str
) -> None:
    certificate, key = map(str, gateway.user_files)
    users: list[tuple[User | None, bool]] = [
        (None, False),
        (named("olga"), False),
        (named("ann"), True),
        ({"certificate": certificate, "key": key}, True),
        ({"token": issuer.token().decode()}, True),
    ]
    for number, (user, may_write) in enumerate(users):
        async with node.client(gateway.url, gateway.files, policy=policy, mode=mode, user=user) as client:
            before = await client.ask("read", node=gateway.level)
            await client.ask("subscribe", node=gateway.level, size=10)
            if not may_write:
                assert await write(client, gateway, 1.0) == "BadUserAccessDenied"
                assert await client.ask("read", node=gateway.level) == before
                continue
            value = 50.0 + number + CHANNELS.index((policy, mode)) / 16
            assert await write(client, gateway, value) == "Good"
            assert await client.ask("read", node=gateway.level) == value
            assert await client.ask("seen", count=2) == [before, value]


@pytest.mark.parametrize(("policy", "mode"), CHANNELS)
async def test_asyncua_works_over_every_channel(gateway: SecuredGateway, policy: str, mode: str) -> None:
    async with asyncua_client(gateway, "ann", policy=policy, mode=mode) as client:
        level = client.get_node(gateway.level)
        value = 150.0 + CHANNELS.index((policy, mode))
        heard: list[float] = []
        subscription = await client.create_subscription(50, Heard(heard))
        await subscription.subscribe_data_change(level)
        await until(lambda: len(heard) == 1)
        await level.write_value(ua.DataValue(ua.Variant(value, ua.VariantType.Double)))
        await until(lambda: heard[1:] == [value])
        assert await level.read_value() == value


async def test_wrong_users_are_told_alike(gateway: SecuredGateway, node: SecureRelay, issuer: JwtIssuer) -> None:
    wrong: list[User] = [
        named("ann", "wrong horse battery"),
        named("nobody"),
        {"token": issuer.wrong_tokens()["expired"].decode()},
    ]
    for user in wrong:
        with pytest.raises(RelayError, match="BadIdentityTokenRejected"):
            async with node.client(gateway.url, gateway.files, user=user, **BEST):
                pass


async def test_a_channel_is_renewed_while_values_come(gateway: SecuredGateway, node: SecureRelay) -> None:
    async with node.client(gateway.url, gateway.files, user=named("ann"), lifetime=1000, renewal=300, **BEST) as client:
        assert client.opened["lifetime"] == 60_000, "a lifetime of a second is not given"
        await client.ask("subscribe", node=gateway.level, size=1000)
        written = await _written_until(client, gateway, 200.0, renewed=4)
        assert (await client.ask("seen", count=len(written) + 1))[1:] == written
        assert (await client.ask("state"))["channel"] == client.opened["channel"]
    async with node.client(gateway.url, gateway.files, lifetime=2**32 - 1, **BEST) as client:
        assert client.opened["lifetime"] == 3_600_000


async def _written_until(client: SecureClient, gateway: SecuredGateway, begin: float, **wanted: int) -> list[float]:
    """Write one value after the other until the client's counts are reached; give them."""
    written: list[float] = []
    waiting = asyncio.ensure_future(client.ask("seen", **wanted))
    while not waiting.done():
        written.append(begin - 0.001 * (len(written) + 1))
        assert await write(client, gateway, written[-1]) == "Good"
    await waiting
    return written


async def test_a_session_goes_on_after_its_connection_was_cut(gateway: SecuredGateway, node: SecureRelay) -> None:
    async with (
        cable_to(gateway.url) as cable,
        node.client(cable.url, gateway.files, user=named("ann"), retry=20, **BEST) as client,
        node.client(gateway.url, gateway.files, user=named("ann"), **BEST) as writer,
    ):
        await client.ask("subscribe", node=gateway.level, size=1000)
        values = [20.0 + number / 8 for number in range(24)]
        for number, value in enumerate(values):
            if number in (8, 16):
                cable.cut()
            assert await write(writer, gateway, value) == "Good"
            if number == 12:
                await client.ask("seen", restored=1)
        await client.ask("seen", restored=2)
        assert (await client.ask("notified", count=len(values) + 1))[1:] == values, "none lost, none twice"
        state = await client.ask("state")
        assert state["session"] == client.opened["session"]
        assert state["channel"] != client.opened["channel"]
        assert await write(client, gateway, 77.0) == "Good", "with the same user"


async def test_a_client_without_subscriptions_logs_in_anew_after_a_cut(
    gateway: SecuredGateway, node: SecureRelay
) -> None:
    async with (
        cable_to(gateway.url) as cable,
        node.client(cable.url, gateway.files, user=named("ann"), retry=20, **BEST) as client,
    ):
        cable.cut()
        await client.ask("seen", restored=1)
        assert await write(client, gateway, 78.0) == "Good"


async def test_threat_06_a_session_moves_to_another_channel_of_its_own_client_and_user_alone(
    gateway: SecuredGateway, tmp_path: Path
) -> None:
    own_certificate(tmp_path, APPLICATION, "second")
    second = tmp_path / "own.der", tmp_path / "own.key.pem"
    shutil.copy(second[0], gateway.certs / "trusted" / "certs" / "second.der")
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(asyncua_client(gateway, "ann"))

        async def moved(name: str, mode: str = "SignAndEncrypt", files: tuple[Path, Path] = gateway.files) -> Client:
            other = await asyncua_apart(gateway, name, mode=mode, files=files)
            await other.connect_sessionless()
            stack.push_async_callback(other.disconnect_sessionless)
            other.uaclient.session.restore_authentication_token(ann.uaclient.session.authentication_token)
            other._server_nonce, other._policy_ids = ann._server_nonce, ann._policy_ids
            await other.activate_session(name, PASSWORD)
            return other

        for name, mode, files, status in (
            ("olga", "SignAndEncrypt", gateway.files, _codes.BadIdentityChangeNotSupported),
            ("ann", "Sign", gateway.files, _codes.BadSecurityChecksFailed),
            ("ann", "SignAndEncrypt", second, _codes.BadSecurityChecksFailed),
        ):
            with pytest.raises(UaStatusCodeError) as refused:
                await moved(name, mode, files)
            assert refused.value.code == status
        assert await ann.get_node(gateway.level).read_value() is not None, "it is still where it was"
        again = await moved("ann")
        assert await again.get_node(gateway.level).read_value() is not None
        with pytest.raises(UaStatusCodeError) as left:
            await ann.get_node(gateway.level).read_value()
        assert left.value.code in (_codes.BadSecureChannelIdInvalid, _codes.BadSessionIdInvalid)


async def test_the_user_of_an_open_session_changes(gateway: SecuredGateway, node: SecureRelay) -> None:
    async with node.client(gateway.url, gateway.files, user=named("ann"), **BEST) as client:
        await client.ask("subscribe", node=gateway.level, size=10)
        assert await write(client, gateway, 31.0) == "Good"
        assert await client.ask("change", user=named("olga")) == "Good"
        assert await write(client, gateway, 32.0) == "BadUserAccessDenied"
        assert await client.ask("change", user=named("ann", "wrong horse")) == "BadUserAccessDenied"
        assert await write(client, gateway, 32.0) == "BadUserAccessDenied", "it is still olga's"
        assert await client.ask("change", user=named("ann")) == "Good"
        assert await write(client, gateway, 33.0) == "Good"
        assert (await client.ask("seen", count=3))[1:] == [31.0, 33.0]
        assert (await client.ask("state"))["session"] == client.opened["session"]


async def test_who_must_change_the_password_is_told_so_and_can(gateway: SecuredGateway, node: SecureRelay) -> None:
    users, change = ua.ObjectIds.UserManagement, ua.ObjectIds.UserManagement_ChangePassword
    async with node.client(gateway.url, gateway.files, user=named("mike"), **BEST) as client:
        assert client.opened["activation"] == "GoodPasswordChangeRequired"
        assert await write(client, gateway, 41.0) != "Good"
        texts = [PASSWORD, NEW_PASSWORD]
        assert await client.ask("call", object=f"i={users}", method=f"i={change}", texts=texts) == "Good"
        assert await write(client, gateway, 41.0) == "Good", "in the same session"
    async with node.client(gateway.url, gateway.files, user=named("mike", NEW_PASSWORD), **BEST) as client:
        assert client.opened["activation"] == "Good"
    with pytest.raises(RelayError, match="BadIdentityTokenRejected"):
        async with node.client(gateway.url, gateway.files, user=named("mike"), **BEST):
            pass


@pytest.mark.parametrize("policy", KINDS)
def test_gopcua_works_as_a_user_over_an_encrypted_channel(gateway: SecuredGateway, tmp_path: Path, policy: str) -> None:
    value = 81.0 + len(policy)
    written = {"nodeId": gateway.level, "attributeId": 13, "value": {"value": {"type": "Double", "value": value}}}
    with secure_go(tmp_path, gateway.url, gateway.files, policy, named("ann")) as session:
        assert session.call("Write", nodesToWrite=[written])["results"] == [0]
        read = session.call("Read", nodesToRead=[{"nodeId": gateway.level, "attributeId": 13}], timestampsToReturn=2)
        assert read["results"][0]["value"] == value
    with (
        pytest.raises(RelayError, match=r"0x80210000|identity token"),
        secure_go(tmp_path, gateway.url, gateway.files, policy, named("ann", "wrong horse")),
    ):
        pass


async def test_threat_21_no_client_sends_a_password_in_the_clear(
    gateway: SecuredGateway, node: SecureRelay, issuer: JwtIssuer
) -> None:
    token = issuer.token().decode()
    async with cable_to(gateway.url) as cable:
        for user in (named("ann"), {"token": token}):
            async with node.client(cable.url, user=user) as client:
                assert await write(client, gateway, 61.0) == "Good"
        through = PatientClient(cable.url)
        through.set_user("ann")
        through.set_password(PASSWORD)
        async with through:
            assert await through.get_node(gateway.level).read_value() == 61.0
        assert b"ann" in cable.sent, "the channels were not encrypted"
        assert PASSWORD.encode() not in cable.sent
        assert token.encode() not in cable.sent


async def test_threat_21_secrets_that_are_not_encrypted_as_they_have_to_be(gateway: SecuredGateway) -> None:
    endpoints = await PatientClient(gateway.url).connect_and_get_server_endpoints()
    key: Any = x509.load_der_x509_certificate(endpoints[0].ServerCertificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(_SHA1), _SHA1, None)
    used: list[bytes] = []

    def sealed(nonce: bytes, scheme: Any = oaep, *, length: int | None = None) -> bytes:
        plain = PASSWORD.encode() + nonce
        return key.encrypt((len(plain) if length is None else length).to_bytes(4, "little") + plain, scheme)

    def honest(nonce: bytes) -> tuple[bytes, str]:
        used.append(sealed(nonce))
        return used[-1], OAEP

    wrong: dict[str, Secret] = {
        "in the clear": lambda _nonce: (PASSWORD.encode(), None),
        "in the clear, with the algorithm": lambda _nonce: (PASSWORD.encode(), OAEP),
        "for another session": lambda _nonce: (used[0], OAEP),
        "without a nonce": lambda _nonce: (sealed(b""), OAEP),
        "with RSA 1.5": lambda nonce: (sealed(nonce, padding.PKCS1v15()), RSA_15),
        "with RSA 1.5, called OAEP": lambda nonce: (sealed(nonce, padding.PKCS1v15()), OAEP),
        "a length that is not its own": lambda nonce: (sealed(nonce, length=2**32 - 1), OAEP),
        "no algorithm": lambda nonce: (sealed(nonce), None),
        "nothing": lambda _nonce: (b"", OAEP),
    }
    async with GivenSecret(gateway.url, honest) as client:
        assert await client.get_node(gateway.level).read_value() is not None
    told = {what: await _refusal(GivenSecret(gateway.url, given)) for what, given in wrong.items()}
    assert told == dict.fromkeys(wrong, _codes.BadIdentityTokenRejected), "as for a wrong password"
    async with GivenSecret(gateway.url, honest) as client:
        assert await client.get_node(gateway.level).read_value() is not None


async def _refusal(client: Client) -> int:
    with pytest.raises(UaStatusCodeError) as refused:
        async with client:
            pass
    return int(refused.value.code)


async def test_twenty_log_in_at_once_and_a_subscriber_loses_nothing(gateway: SecuredGateway, node: SecureRelay) -> None:
    async with (
        node.client(gateway.url, gateway.files, user=named("olga"), **BEST) as subscriber,
        asyncua_client(gateway, "ann") as writer,
        AsyncExitStack() as stack,
    ):
        await subscriber.ask("subscribe", node=gateway.level, size=1000)
        clients = [
            node.client(gateway.url, gateway.files, user=named("ann"), policy=policy, mode="SignAndEncrypt")
            for policy in (list(KINDS) * 7)[:20]
        ]
        entering = asyncio.ensure_future(asyncio.gather(*map(stack.enter_async_context, clients)))
        level, written = writer.get_node(gateway.level), list[float]()
        while not entering.done():
            written.append(100.0 + (len(written) + 1) / 1024)
            await level.write_value(ua.DataValue(ua.Variant(written[-1], ua.VariantType.Double)))
        opened = await entering
        assert len({one.opened["session"] for one in opened}) == 20
        assert (await subscriber.ask("seen", count=len(written) + 1))[1:] == written
        assert len(written) > 20
