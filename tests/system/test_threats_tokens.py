"""Other sessions' tokens, guessed passwords and replayed ones, sent to a running gateway (threats 6, 12 and 21)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one; chunks are made inside.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from struct import pack

import pytest
from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_to_binary
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_der_x509_certificate

from server.address_space.encoding import encode_bytes, encode_node_id, encode_string
from server.address_space.keys import numeric_key
from server.ua_stack import processor
from server.ua_stack.other_services import OTHER_SERVICES
from tests.system.log_in import PASSWORD, add_user
from tests.system.patient import PatientClient
from tests.system.plain_asyncua import plain_server
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.wire import Wire, connection, session

IDS = ua.ObjectIds
CREATE = IDS.CreateSessionRequest_Encoding_DefaultBinary
ACTIVATE = IDS.ActivateSessionRequest_Encoding_DefaultBinary
READ = IDS.ReadRequest_Encoding_DefaultBinary
SHA1 = hashes.SHA1()  # noqa: S303 - inside OAEP, as the policy says
OAEP_PADDING = padding.OAEP(padding.MGF1(SHA1), SHA1, None)
OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"
SERVICES = sorted(
    {int(kind) for kind in (*processor._SERVICES, *OTHER_SERVICES) if isinstance(kind, int)}
    | {
        IDS.PublishRequest_Encoding_DefaultBinary,
        IDS.CloseSessionRequest_Encoding_DefaultBinary,
        IDS.CancelRequest_Encoding_DefaultBinary,
    }
)
READS_STATE = (
    pack("<diI", 0.0, 3, 1)
    + encode_node_id(IDS.Server_ServerStatus_State)
    + pack("<I", 13)
    + encode_string(None)
    + b"\x00\x00"
    + encode_string(None)
)


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    """Give a plant that anonymous clients operate without security; ann is a user."""
    folder = tmp_path / "plant"
    folder.mkdir()
    config = lay_down(folder, port=free_port())
    await add_user(folder / "var", "ann", "Operator")
    async with running(config) as held:
        yield held


@asynccontextmanager
async def served(plant: Plant) -> AsyncGenerator[Client]:
    """See that an honest client is served before, and another one comes in after."""
    async with connected(plant) as client:
        assert await client.get_node(plant.node("Serial")).read_value() == 99
        yield client
        assert await client.get_node(plant.node("Serial")).read_value() == 99
    async with connected(plant) as late:
        assert await late.get_node(plant.node("Serial")).read_value() == 99


@asynccontextmanager
async def stranger(url: str) -> AsyncGenerator[Wire]:
    """Open a channel, and no session."""
    async with connection(url) as wire:
        await wire.greet()
        await wire.open_channel()
        yield wire


def guessed(token: ua.NodeId) -> list[ua.NodeId]:
    """Give tokens that are nearly another's, and such as simple servers have."""
    right = bytes(token.Identifier)  # type: ignore[call-overload]  # a ByteString, as the gateway makes them
    return [
        ua.NodeId(right[:-1] + bytes([right[-1] ^ 1]), 0, ua.NodeIdType.ByteString),
        ua.NodeId(right[:-1], 0, ua.NodeIdType.ByteString),
        ua.NodeId(right, 1, ua.NodeIdType.ByteString),
        ua.NodeId(secrets.token_bytes(32), 0, ua.NodeIdType.ByteString),
        ua.NodeId(),
        *(ua.NodeId(number, 0) for number in (1, 1001, 2**32 - 1)),
    ]


async def test_threat_06_no_service_takes_another_sessions_token(plant: Plant) -> None:
    """Of a client that has a session itself, and of one that has none."""
    refused = {"BadSessionIdInvalid", "BadSecureChannelIdInvalid"}
    async with served(plant), session(plant.url) as victim, stranger(plant.url) as nobody:
        async with session(plant.url, "urn:test:thief") as thief:
            right = victim.token
            for kind in SERVICES:
                for wire in (thief, nobody):
                    for token in (right, *guessed(right)):
                        wire.token = token
                        told = (await wire.ask(kind, READS_STATE)).status
                        assert told in refused, (kind, token)
        assert (await victim.ask(READ, READS_STATE)).status == "Good", "the victim's session is as it was"


async def test_threat_06_nobody_activates_a_session_by_a_guess(plant: Plant) -> None:
    params = ua.ActivateSessionParameters(UserIdentityToken=ua.AnonymousIdentityToken(PolicyId="anonymous"))
    async with served(plant), session(plant.url) as victim, stranger(plant.url) as nobody:
        for token in guessed(victim.token):
            nobody.token = token
            assert (await nobody.ask(ACTIVATE, struct_to_binary(params))).status == "BadSessionIdInvalid"
        assert (await victim.ask(READ, READS_STATE)).status == "Good"


async def test_threat_06_tokens_are_256_bits_of_chance(plant: Plant) -> None:
    tokens: set[bytes] = set()
    for _ in range(20):
        async with session(plant.url) as wire:
            assert wire.token.NodeIdType is ua.NodeIdType.ByteString
            tokens.add(bytes(wire.token.Identifier))  # type: ignore[call-overload]  # a ByteString
    assert len(tokens) == 20
    assert {len(one) for one in tokens} == {32}


async def test_threat_06_and_12_what_asyncua_lets_in(tmp_path: Path) -> None:
    """On the plain library a token is a number next to one's own, and any password is the right one."""
    async with plain_server(tmp_path) as plain:
        async with session(plain.url) as first, session(plain.url) as second:
            assert abs(int(second.token.Identifier) - int(first.token.Identifier)) == 1  # type: ignore[arg-type]  # a number
            second.token = first.token
            assert (await second.ask(READ, READS_STATE)).status == "Good", "another session's token"
        client = PatientClient(plain.url)
        client.set_user("admin")
        client.set_password("any password")
        async with client:
            assert await client.get_node(ua.NodeId("Name", 1)).read_value() == "sound"


class Guesser:
    """Logs in on a channel of None, with passwords encrypted for the gateway's key as it demands."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.nonce = b""
        self.key: rsa.RSAPublicKey | None = None

    async def create(self) -> None:
        params = ua.CreateSessionParameters(RequestedSessionTimeout=60_000)
        params.ClientDescription.ApplicationUri = "urn:test:guesser"
        answer = await self.wire.ask(CREATE, struct_to_binary(params))
        assert answer.status == "Good"
        answer.body.node_id()
        self.wire.token = nodeid_from_binary(Buffer(answer.body.data[answer.body.at :]))
        answer.body.node_id()
        answer.body.double()
        self.nonce = answer.body.bytes() or b""
        key = load_der_x509_certificate(answer.body.bytes() or b"").public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        self.key = key

    def token(self, name: str, password: bytes, *, nonce: bytes | None = None, algorithm: str = OAEP) -> bytes:
        """Write a UserNameIdentityToken."""
        assert self.key is not None
        plain = password + (self.nonce if nonce is None else nonce)
        scheme = padding.PKCS1v15() if algorithm.endswith("rsa-1_5") else OAEP_PADDING
        sealed = password if not algorithm else self.key.encrypt(pack("<I", len(plain)) + plain, scheme)
        body = encode_string("user_name_basic256sha256") + encode_string(name) + encode_bytes(sealed)
        kind = numeric_key(0, IDS.UserNameIdentityToken_Encoding_DefaultBinary)
        return encode_node_id(kind) + b"\x01" + encode_bytes(body + encode_string(algorithm))

    async def send(self, token: bytes) -> str:
        """Activate with a token; what the nonce is from then on is kept."""
        nothing = encode_string(None) + encode_bytes(None)
        body = nothing + pack("<ii", -1, -1) + token + nothing
        answer = await self.wire.ask(ACTIVATE, body)
        if answer.status == "Good":
            self.nonce = answer.body.bytes() or b""
        return answer.status


@asynccontextmanager
async def guessing(plant: Plant) -> AsyncGenerator[Guesser]:
    async with stranger(plant.url) as wire:
        guesser = Guesser(wire)
        await guesser.create()
        yield guesser


async def test_threat_12_no_account_is_built_in(plant: Plant) -> None:
    async with served(plant):
        for name, password in (("admin", b"admin"), ("root", b""), ("", b""), ("plantspace", b"plantspace")):
            async with guessing(plant) as guesser:
                assert await guesser.send(guesser.token(name, password)) == "BadIdentityTokenRejected"


async def test_threat_12_guessing_locks_and_holds_nobody_up(plant: Plant) -> None:
    """One error for all; after five the right one is refused as well, unseen; others read at once meanwhile."""
    logins = plant.gateway.doors.access.logins
    async with served(plant) as honest, guessing(plant) as guesser:
        told: set[str] = set()
        took: list[float] = []

        async def read() -> None:
            while not done.is_set():
                began = time.perf_counter()
                await honest.get_node(plant.node("Serial")).read_value()
                took.append(time.perf_counter() - began)

        longest: list[float] = []
        done = asyncio.Event()
        reading = asyncio.create_task(read())
        try:
            for number in range(5):
                took.clear()
                told.add(await guesser.send(guesser.token("ann", f"guess {number}".encode())))
                longest.append(max(took, default=60.0))
            assert logins.users.locks == 1
            verified = logins.counters.failed
            for _ in range(20):
                told.add(await guesser.send(guesser.token("ann", PASSWORD.encode())))
        finally:
            done.set()
            await reading
        assert told == {"BadIdentityTokenRejected"}
        assert logins.counters.failed == verified, "what is locked costs no verification"
        assert logins.counters.locked == 20
        assert median(longest) < 1.0, "a machine that stands still once is no fault"


async def test_threat_12_names_that_nobody_has_cost_what_others_cost(plant: Plant) -> None:
    """The shortest of a few is what is compared: it is what an attacker would measure, too."""
    logins = plant.gateway.doors.access.logins
    async with served(plant), guessing(plant) as guesser:
        shortest: dict[str, float] = {}
        for tries in range(20):
            if tries > 3 and 0.4 < shortest["ann"] / shortest["nobody at all"] < 2.5:
                break  # on a busy machine it takes more of them
            for name in ("ann", "nobody at all"):
                began = time.perf_counter()
                assert await guesser.send(guesser.token(name, b"a guess")) == "BadIdentityTokenRejected"
                shortest[name] = min(shortest.get(name, 60.0), time.perf_counter() - began)
            assert not logins.users.locks + logins.sources.locks, "what is locked costs nothing"
            for locks in (logins.users, logins.sources):
                locks._trails.clear()
        assert 0.4 < shortest["ann"] / shortest["nobody at all"] < 2.5, shortest


async def test_threat_21_a_password_serves_once(plant: Plant) -> None:
    async with served(plant), guessing(plant) as guesser:
        right = guesser.token("ann", PASSWORD.encode())
        assert await guesser.send(right) == "Good"
        assert await guesser.send(right) == "BadIdentityTokenRejected", "replayed in its own session"
        async with guessing(plant) as other:
            assert await other.send(right) == "BadIdentityTokenRejected", "and in another one"
        assert await guesser.send(guesser.token("ann", PASSWORD.encode())) == "Good", "with the nonce of now"


async def test_threat_21_a_password_in_the_clear_or_by_old_means_is_refused_though_it_is_right(plant: Plant) -> None:
    old = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
    async with served(plant), guessing(plant) as guesser:
        for token in (
            guesser.token("ann", PASSWORD.encode(), algorithm=""),
            guesser.token("ann", PASSWORD.encode(), algorithm=old),
            guesser.token("ann", PASSWORD.encode(), nonce=b""),
            guesser.token("ann", PASSWORD.encode(), nonce=bytes(32)),
        ):
            assert await guesser.send(token) == "BadIdentityTokenRejected"
        assert await guesser.send(guesser.token("ann", PASSWORD.encode())) == "Good"
