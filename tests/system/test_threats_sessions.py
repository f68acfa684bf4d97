"""Attacks on the session layer: places taken, log lines, audit records, and what outlives a session."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one; chunks are made inside.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from struct import pack

import pytest
from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.ua_binary import nodeid_from_binary, struct_to_binary
from asyncua.ua.uaerrors import UaStatusCodeError

from certs.own import own_certificate
from server.address_space.encoding import encode_array, encode_bytes, encode_node_id, encode_string
from server.address_space.keys import key_of, numeric_key
from server.audit.record import AuditRecord
from server.ua_stack.secure_channel.complaints import Complaints
from server.ua_stack.session.registry import SessionRegistry
from tests.system.log_in import APPLICATION, ENCRYPTED, add_user, trusted_client
from tests.system.patient import PatientClient
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.wire import Wire, connection, session
from tests.waiting import until

IDS = ua.ObjectIds
CREATE = IDS.CreateSessionRequest_Encoding_DefaultBinary
ACTIVATE = IDS.ActivateSessionRequest_Encoding_DefaultBinary
CLOSE = IDS.CloseSessionRequest_Encoding_DefaultBinary
READ = IDS.ReadRequest_Encoding_DefaultBinary
WRITE = IDS.WriteRequest_Encoding_DefaultBinary
SUBSCRIBE = IDS.CreateSubscriptionRequest_Encoding_DefaultBinary
VALUE = int(ua.AttributeIds.Value)
DISPLAY_NAME = int(ua.AttributeIds.DisplayName)
FEW_LINES = 25
"""What the endpoint says of a flood within some seconds."""
SHORT_RECORD = 16_384
"""Bytes of an audit record that tells of one log-in."""


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    """Give a plant of five sessions that anonymous clients operate without security; ann is a user."""
    folder = tmp_path / "plant"
    folder.mkdir()
    config = lay_down(folder, port=free_port())
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("  anonymous: Op", "  max_sessions: 5\n  anonymous: Op"), encoding="utf-8")
    await add_user(folder / "var", "ann", "Operator")
    async with running(config) as held:
        yield held


def registry(plant: Plant) -> SessionRegistry:
    return plant.gateway.plan.stack.internal.session_service.registry


@asynccontextmanager
async def served(plant: Plant) -> AsyncGenerator[None]:
    """See that an honest client is served before, and another one comes in after."""
    async with connected(plant) as client:
        assert await client.get_node(plant.node("Serial")).read_value() == 99
        yield
        assert await client.get_node(plant.node("Serial")).read_value() == 99
    async with connected(plant) as late:
        assert await late.get_node(plant.node("Serial")).read_value() == 99


@asynccontextmanager
async def stranger(plant: Plant) -> AsyncGenerator[Wire]:
    """Open a channel, and no session."""
    async with connection(plant.url) as wire:
        await wire.greet()
        await wire.open_channel()
        yield wire


async def create(wire: Wire) -> str:
    """Create a session, whose token the connection has from then on."""
    params = ua.CreateSessionParameters(RequestedSessionTimeout=3_600_000)
    params.ClientDescription.ApplicationUri = "urn:test:stranger"
    answer = await wire.ask(CREATE, struct_to_binary(params))
    if answer.status == "Good":
        answer.body.node_id()
        wire.token = nodeid_from_binary(Buffer(answer.body.data[answer.body.at :]))
    return answer.status


def activation(token: bytes, locales: bytes = pack("<i", -1)) -> bytes:
    """Write ActivateSession's parameters around a token."""
    nothing = encode_string(None) + encode_bytes(None)
    return nothing + pack("<i", -1) + locales + token + nothing


def structure(kind: int, body: bytes) -> bytes:
    return encode_node_id(numeric_key(0, kind)) + b"\x01" + encode_bytes(body)


ANONYMOUS = structure(IDS.AnonymousIdentityToken_Encoding_DefaultBinary, encode_string("anonymous"))
NOT_OFFERED = structure(IDS.AnonymousIdentityToken_Encoding_DefaultBinary, encode_string("nobody"))
NO_TOKEN = structure(IDS.Argument_Encoding_DefaultBinary, b"no token")


def named(name: str) -> bytes:
    """Write a user name with a password that nobody has encrypted."""
    body = encode_string("user_name_basic256sha256") + encode_string(name) + encode_bytes(b"open") + encode_string("")
    return structure(IDS.UserNameIdentityToken_Encoding_DefaultBinary, body)


async def status_of_activation(wire: Wire, token: bytes) -> str:
    return (await wire.ask(ACTIVATE, activation(token))).status


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.fixture
def records(plant: Plant) -> list[AuditRecord]:
    """Give what is recorded from now on."""
    told: list[AuditRecord] = []
    plant.gateway.doors.auditing.trail.on_record(lambda record, _moment: told.append(record))
    return told


async def test_threat_05_what_is_no_token_keeps_no_place(plant: Plant, records: list[AuditRecord]) -> None:
    async with served(plant), stranger(plant) as wire:
        made = [await create(wire)]
        assert await status_of_activation(wire, NO_TOKEN) == "BadIdentityTokenInvalid"
        assert [one.status for one in records if type(one).__name__ == "AuditActivateSession"][-1:] == [False]
        made += [await create(wire), await create(wire)]
        assert made == ["Good", "Good", "BadTooManySessions"], "two that are not activated are what a channel may have"
        registry(plant)._monotonic = lambda: time.monotonic() + 60.0  # more than a new session has to be activated in
        plant.gateway.plan.stack.internal.session_service.tick()
        registry(plant)._monotonic = time.monotonic
        assert len(registry(plant)) == 1, "the honest client's alone is left"


async def test_who_sent_what_is_no_token_may_try_again(plant: Plant) -> None:
    async with stranger(plant) as wire:
        assert await create(wire) == "Good"
        assert await status_of_activation(wire, NO_TOKEN) == "BadIdentityTokenInvalid"
        assert await status_of_activation(wire, ANONYMOUS) == "Good"


async def test_threat_16_one_channel_does_not_take_all_sessions(plant: Plant) -> None:
    async with stranger(plant) as wire:
        for _ in range(5):
            await create(wire)
            await status_of_activation(wire, ANONYMOUS)
        async with connected(plant) as honest:
            assert await honest.get_node(plant.node("Serial")).read_value() == 99


async def test_threat_16_sessions_that_were_left_behind_give_way(plant: Plant) -> None:
    for _ in range(5):
        async with stranger(plant) as wire:
            await create(wire)
            assert await status_of_activation(wire, ANONYMOUS) == "Good"
            assert (await wire.ask(SUBSCRIBE, pack("<dIII", 100.0, 10_000, 3000, 0) + b"\1\0")).status == "Good"
    listener = plant.gateway.plan.stack.server.listener
    assert listener is not None
    await until(lambda: not listener.clients)
    assert len(registry(plant)) == 5
    async with connected(plant) as honest:
        assert await honest.get_node(plant.node("Serial")).read_value() == 99


async def test_threat_05_who_has_logged_out_gives_way_to_new_connections(plant: Plant) -> None:
    admission = plant.gateway.plan.stack.server.channels.admission
    admission._per_address = 3
    async with stranger(plant) as one, stranger(plant) as two, stranger(plant) as three:
        for wire in (one, two, three):
            await create(wire)
            assert await status_of_activation(wire, ANONYMOUS) == "Good"
            assert (await wire.ask(CLOSE, b"\x01")).status == "Good"
        async with connected(plant) as honest:
            assert await honest.get_node(plant.node("Serial")).read_value() == 99


async def test_threat_12_a_flood_of_log_ins_is_told_in_few_lines(
    plant: Plant, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Complaints, "SECONDS", 600.0)  # all within one while, however slow the machine is
    async with served(plant), stranger(plant) as wire:
        await create(wire)
        with caplog.at_level(logging.WARNING):
            for _ in range(200):
                assert await status_of_activation(wire, NOT_OFFERED) == "BadIdentityTokenInvalid"
        assert len(lines(caplog)) <= FEW_LINES


async def test_threat_12_a_user_name_writes_no_line_of_the_log(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    forged = "ann\n2026-01-01 INFO plantspace.users: ann logged in\x1b[2J"
    async with served(plant), stranger(plant) as wire:
        await create(wire)
        with caplog.at_level(logging.WARNING):
            assert await status_of_activation(wire, named(forged)) == "BadIdentityTokenRejected"
        assert lines(caplog)
        assert all(line.isprintable() for line in lines(caplog)), lines(caplog)


async def test_threat_12_failed_log_ins_do_not_push_the_audit_trail_out(
    plant: Plant, records: list[AuditRecord]
) -> None:
    async with served(plant), stranger(plant) as wire:
        await create(wire)
        assert await status_of_activation(wire, named("x" * 60_000)) == "BadIdentityTokenRejected"
        certificate = encode_string("certificate_basic256sha256") + encode_bytes(b"\x30" * 60_000)
        token = structure(IDS.X509IdentityToken_Encoding_DefaultBinary, certificate)
        assert await status_of_activation(wire, token) == "BadIdentityTokenInvalid"
        assert records
        assert max(one.weight for one in records) < SHORT_RECORD


def padded(wire: Wire, kind: int, body: bytes, entry: int) -> bytes:
    """Write a request whose AuditEntryId has so many characters."""
    header = ua.RequestHeader(AuthenticationToken=wire.token, AuditEntryId="x" * entry)
    wire._request += 1
    message = encode_node_id(numeric_key(0, kind)) + struct_to_binary(header) + body
    return wire.channel.message_to_binary(message, request_id=wire._request)


def writing(node: ua.NodeId, *variants: bytes) -> bytes:
    head = encode_node_id(key_of(node)) + pack("<I", VALUE) + encode_string(None) + b"\x01"
    return encode_array([head + variant for variant in variants])


async def test_threat_12_what_a_client_calls_its_request_hides_no_write(
    plant: Plant, records: list[AuditRecord]
) -> None:
    """AuditEntryId is the client's own text, in each record of what it does; the trail has room for 16 MiB of them."""
    trail = plant.gateway.doors.auditing.trail
    async with served(plant), session(plant.url) as wire:
        both = writing(plant.node("Level"), b"\x0b" + pack("<d", 1.0), b"\x0b" + pack("<d", 2.0))
        wire.send(padded(wire, WRITE, both, 15_000_000))
        _, answer = await wire.answer()
        writes = [one for one in records if type(one).__name__ == "AuditWriteUpdate"]
        assert len(writes) == (2 if answer.status == "Good" else 0)
        assert all(one.weight < SHORT_RECORD for one in writes)
        assert not trail.lost


async def test_threat_12_large_values_hide_no_write(plant: Plant) -> None:
    trail = plant.gateway.doors.auditing.trail
    large = b"\x0c" + encode_string("x" * 9_000_000)
    async with served(plant), session(plant.url) as wire:
        done = 0
        for _ in range(2):
            answer = await wire.ask(WRITE, writing(plant.node("Name"), large))
            done += answer.status == "Good" and answer.body.int32() == 1 and answer.body.uint32() == 0
        assert not done or not trail.lost, f"{trail.lost} of {done} writes are not in the trail"


async def test_threat_05_what_a_session_was_sent_is_not_kept(plant: Plant) -> None:
    """A text of the last request, of each of a hundred sessions, is no place to leave 16 MiB."""
    async with served(plant), session(plant.url) as wire:
        wire.send(padded(wire, WRITE, writing(plant.node("Level")), 15_000_000))
        await wire.answer()
        (held,) = [one for one in registry(plant) if one.application_uri == "urn:test:wire"]
        assert len(held.audit_entry) < SHORT_RECORD


async def test_threat_17_a_million_languages_hold_up_nobody(plant: Plant) -> None:
    many = pack("<i", 1_000_000) + encode_string("xx") * 1_000_000
    item = encode_node_id(key_of(plant.node("Serial"))) + pack("<I", DISPLAY_NAME) + encode_string(None)
    reading = pack("<di", 0.0, 3) + encode_array([item + b"\x00\x00" + encode_string(None)] * 1000)
    async with connected(plant) as honest, session(plant.url) as wire:
        wire.send(wire.encode(ACTIVATE, activation(ANONYMOUS, many)) + wire.encode(READ, reading))
        began = time.process_time()
        await asyncio.gather(wire.answer(), honest.get_node(plant.node("Serial")).read_value())
        await wire.answer()
        assert time.process_time() - began < 10.0
        (held,) = [one for one in registry(plant) if one.application_uri == "urn:test:wire"]
        assert len(held.context.locales) <= 100


@asynccontextmanager
async def certified(plant: Plant, identity: tuple[Path, Path], user: Path) -> AsyncGenerator[Client]:
    client = PatientClient(plant.url)  # another one's own look at the session would end it before the test's
    client.application_uri = APPLICATION
    await client.set_security(SecurityPolicyBasic256Sha256, *identity, mode=ENCRYPTED)
    await client.load_client_certificate(str(user / "own.der"))
    await client.load_private_key(str(user / "own.key.pem"))
    async with client:
        yield client


async def test_threat_22_a_session_ends_with_the_trust_in_its_user(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    folder, user = tmp_path / "plant", tmp_path / "user"
    folder.mkdir()
    config = lay_down(folder, port=free_port(), security="[SignAndEncrypt]", anonymous="none")
    await asyncio.to_thread(own_certificate, user, "urn:user:ann", "ann")
    async with running(config) as plant:
        identity = trusted_client(plant, tmp_path / "client")
        trusted = plant.gateway.plan.data_dir / "certs" / "users" / "trusted" / "ann.der"
        shutil.copy(user / "own.der", trusted)
        state = ua.ObjectIds.Server_ServerStatus_State
        async with certified(plant, identity, user) as ann:
            assert await ann.get_node(state).read_value() == 0
            trusted.unlink()
            await until(lambda: not registry(plant), seconds=30)
            with pytest.raises(UaStatusCodeError):
                await ann.get_node(state).read_value()
