"""What a secure channel must refuse (threats 1, 2, 8, 9, 10, 20 to 23), and that others are served meanwhile."""

# asyncua's annotations are partial and call a plain int wrong where it takes one; connections are looked at inside.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
# pyright: reportAttributeAccessIssue=false, reportUnknownVariableType=false, reportOptionalMemberAccess=false
from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from asyncua import Client, Server, ua
from asyncua.crypto import security_policies
from asyncua.ua.ua_binary import struct_to_binary
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs.certificate import Certificate
from certs.making import Application, CertificateKind
from certs.own import OwnCertificates
from certs.store import TrustStore
from certs.verdict import CertificateStatus
from server.audit.connections import AuditCertificateUntrusted, AuditChannel
from server.ua_stack.channel_audit import records_of
from server.ua_stack.secure_channel.limits import ChannelLimits
from server.ua_stack.secure_channel.service import SecureChannels
from server.ua_stack.secure_channel.settings import ChannelSettings
from tests.system.patient import PatientClient
from tests.system.plain_asyncua import Memory, plain_server
from tests.system.plant import Plant, lay_down, running
from tests.system.wire import Wire, connection, session
from tests.unit.certs.openssl import CLIENT, Authority, need_openssl
from tests.unit.server.ua_stack.secure_channel.peer import BASIC, ENCRYPT, KINDS, SIGN, Peer, der, identity
from tests.waiting import until

IDS = ua.ObjectIds
ENDPOINTS = IDS.GetEndpointsRequest_Encoding_DefaultBinary
SERVERS = IDS.FindServersRequest_Encoding_DefaultBinary
CREATE = IDS.CreateSessionRequest_Encoding_DefaultBinary
READ = IDS.ReadRequest_Encoding_DefaultBinary
BOTH = '["None", SignAndEncrypt]'


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    """Give a plant with and without security."""
    async with running(lay_down(tmp_path, port=free_port(), security=BOTH)) as held:
        yield held


@pytest.fixture
async def secure(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    """Give a plant that offers encryption alone."""
    async with running(lay_down(tmp_path, port=free_port(), security="[SignAndEncrypt]")) as held:
        yield held


def limit(monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
    """Have the next gateway keep to other limits."""
    kept = ChannelLimits(**limits)
    monkeypatch.setattr(ChannelSettings, "limits", lambda *_settings: kept)  # pyright: ignore[reportUnknownLambdaType] - not looked at


def channels(plant: Plant) -> SecureChannels:
    return plant.gateway.plan.stack.server.channels


def trust(plant: Plant, name: str, content: bytes, where: str = "trusted/certs") -> None:
    folder = plant.gateway.plan.data_dir / "certs" / where
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def rejected(plant: Plant) -> set[bytes]:
    return {file.read_bytes() for file in (plant.gateway.plan.data_dir / "certs" / "rejected").glob("*")}


async def server_certificate(url: str) -> x509.Certificate:
    endpoints = await PatientClient(url).connect_and_get_server_endpoints()
    return x509.load_der_x509_certificate(endpoints[0].ServerCertificate)


async def open_with(wire: Wire, peer: Peer, **asked: Any) -> ua.OpenSecureChannelResponse:
    """Greet, and open the channel."""
    await wire.greet()
    wire.send(peer.opening(**asked))
    return peer.opened(await wire.frame())


async def refused(url: str, peer: Peer, **asked: Any) -> str:
    """Give the error that a channel is refused with."""
    async with connection(url) as wire:
        await wire.greet()
        wire.send(peer.opening(**asked))
        return await wire.error()


@asynccontextmanager
async def secured(plant: Plant, folder: Path) -> AsyncGenerator[Client]:
    """Connect asyncua's client with a certificate that is trusted."""
    certificate, key = identity("client")
    folder.mkdir()  # noqa: ASYNC240 - small files of a test
    (folder / "client.der").write_bytes(der(certificate))
    (folder / "client.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    trust(plant, "client.der", der(certificate))
    client = PatientClient(plant.url)
    client.application_uri = "urn:test:client"
    await client.set_security(BASIC, folder / "client.der", folder / "client.pem", mode=ENCRYPT)
    async with client:
        yield client


GET_ENDPOINTS = struct_to_binary(ua.GetEndpointsParameters())


async def test_threat_01_a_message_without_a_channel_is_answered_by_asyncua_and_not_by_us(
    plant: Plant, tmp_path: Path
) -> None:
    frame = Wire.encode(fresh(), ENDPOINTS, GET_ENDPOINTS)  # channel 0, token 0
    async with plain_server(tmp_path) as plain, connection(plain.url) as wire:
        await wire.greet()
        wire.send(frame)
        assert (await wire.frame())[:4] == b"MSGF"
    async with connection(plant.url) as wire:
        await wire.greet()
        wire.send(frame)
        assert await wire.error() == "BadSecureChannelIdInvalid"


def fresh() -> Any:
    """Give a client's side that has no connection."""
    return Wire(None, None)  # type: ignore[arg-type]  # it only encodes


async def test_threat_01_and_22_what_asyncua_lets_in(free_port: Callable[[], int]) -> None:
    """A session without security where only encryption is offered; any certificate at all."""
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{free_port()}")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    server.iserver.certificate, server.iserver.private_key = identity("server")
    async with server:
        url = server.endpoint.geturl()
        async with session(url):
            pass
        async with connection(url) as wire:
            told = await open_with(wire, Peer(BASIC, own=identity("stranger")), lifetime=2**32 - 1)
            assert told.Parameters.SecurityToken.RevisedLifetime == 2**32 - 1  # threat 23
    made: Any = security_policies.SecurityPolicyFactory(
        security_policies.SecurityPolicyNone, ua.MessageSecurityMode.None_
    )
    admin = der(identity("client")[0])
    assert made.create(admin).peer_certificate == admin  # threat 2: what nobody has proved is taken as an identity


async def test_threat_01_without_security_only_discovery_is_answered_where_none_is_not_offered(secure: Plant) -> None:
    async with connection(secure.url) as wire:
        await wire.greet()
        await wire.open_channel()
        assert (await wire.ask(ENDPOINTS, GET_ENDPOINTS)).status == "Good"
        assert (await wire.ask(SERVERS, struct_to_binary(ua.FindServersParameters()))).status == "Good"
        create = struct_to_binary(ua.CreateSessionParameters(RequestedSessionTimeout=60_000))
        assert (await wire.ask(CREATE, create)).status == "BadSecurityPolicyRejected"
        answer = await wire.ask(READ, struct_to_binary(ua.ReadParameters()))
        assert answer.status in ("BadSecurityPolicyRejected", "BadSessionIdInvalid")
    assert await refused(secure.url, Peer(BASIC, SIGN, server=await server_certificate(secure.url))) in (
        "BadSecurityModeRejected",
        "BadSecurityChecksFailed",
    )


async def test_threat_02_a_certificate_that_nobody_has_signed_with_is_no_identity(plant: Plant) -> None:
    own = await server_certificate(plant.url)
    admin, thief = identity("client"), identity("thief")
    trust(plant, "admin.der", der(admin[0]))
    peer = Peer()
    peer.policy.host_certificate, peer.policy.host_certificate_chain = der(admin[0]), []
    peer.policy.Mode = ENCRYPT  # so that asyncua sends the certificate

    def none(request: ua.OpenSecureChannelRequest) -> None:
        request.Parameters.SecurityMode = ua.MessageSecurityMode.None_

    async with connection(plant.url) as wire:
        await wire.greet()
        wire.send(peer.opening(change=none))
        assert (await wire.frame())[:4] == b"OPNF"
        (held,) = plant.gateway.plan.stack.server.bserver.clients
        assert held.channel.client_certificate is None
    stolen = Peer(BASIC, own=(admin[0], thief[1]), server=own)
    assert await refused(plant.url, stolen) == "BadSecurityChecksFailed"
    async with connection(plant.url) as wire:
        await open_with(wire, Peer(BASIC, own=admin, server=own))


async def test_threat_08_who_dribbles_is_closed_in_time(plant: Plant) -> None:
    async with session(plant.url) as honest:
        async with connection(plant.url) as wire:
            wire.send(b"MSGF" + pack("<I", 0x7FFF_FFFF))
            assert await wire.error() == "BadTcpMessageTooLarge"
        channels(plant).limits = replace(channels(plant).limits, opens_within=0.4)  # of who comes now
        async with connection(plant.url) as wire:
            wire.send(b"MSGF" + pack("<I", 65_000))

            async def dribble() -> None:
                while not wire.writer.transport.is_closing():
                    wire.send(b"x")
                    await asyncio.sleep(0)

            dribbling = asyncio.create_task(dribble())
            await wire.over()
            dribbling.cancel()
            await asyncio.gather(dribbling, return_exceptions=True)
        assert (await honest.ask(ENDPOINTS, GET_ENDPOINTS)).status == "Good"


async def test_threat_05_who_opens_a_channel_and_never_logs_in_is_closed_in_time(plant: Plant) -> None:
    async with session(plant.url) as honest:
        channels(plant).limits = replace(channels(plant).limits, activates_within=2.0)  # of who comes now
        async with connection(plant.url) as wire:
            await wire.greet()
            await wire.open_channel()
            await wire.over()
        assert (await honest.ask(ENDPOINTS, GET_ENDPOINTS)).status == "Good"


async def test_threat_05_idle_connections_give_way_to_new_ones(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, per_address=5)
    async with running(lay_down(tmp_path, port=free_port())) as plant, session(plant.url) as honest:
        idle = [Wire(*await asyncio.open_connection("127.0.0.1", plant.gateway.plan.stack.server.bserver.port))]
        while len(idle) < 20:
            idle.append(Wire(*await asyncio.open_connection("127.0.0.1", plant.gateway.plan.stack.server.bserver.port)))
        async with session(plant.url) as late:
            assert (await late.ask(ENDPOINTS, GET_ENDPOINTS)).status == "Good"
            assert (await honest.ask(ENDPOINTS, GET_ENDPOINTS)).status == "Good"
        assert len(channels(plant).admission) <= 5
        for one in idle:
            await one.close()


async def test_threat_09_messages_without_an_end(plant: Plant, tmp_path: Path) -> None:
    part = bytes(60_000)

    def unfinished(wire: Wire, number: int) -> bytes:
        token = wire.channel.security_token
        return b"MSGC" + pack("<IIIII", 24 + len(part), token.ChannelId, token.TokenId, 2 + number, 2) + part

    async with plain_server(tmp_path) as plain, connection(plain.url) as wire:
        await wire.greet()
        await wire.open_channel()
        memory = Memory(plain.pid)
        for number in range(400):
            wire.send(unfinished(wire, number))
            await wire.writer.drain()
        await until(lambda: memory.taken > 15_000_000, seconds=30)  # 24 MB of somebody that nobody knows
    async with session(plant.url) as honest:
        async with connection(plant.url) as wire:
            await wire.greet()
            await wire.open_channel()
            wire.send(unfinished(wire, 0) + unfinished(wire, 1))
            assert await wire.error() == "BadTcpMessageTooLarge"
        held = channels(plant).unfinished
        assert held.held == 0
        held._most = 400_000  # a quarter of it is for those who have not logged in
        async with connection(plant.url) as first, connection(plant.url) as second:
            for wire in (first, second):
                await wire.greet()
                await wire.open_channel()
            first.send(unfinished(first, 0))
            await until(lambda: held.held == len(part))
            second.send(unfinished(second, 0))
            assert await second.error() == "BadTcpNotEnoughResources"
            assert (await honest.ask(ENDPOINTS, GET_ENDPOINTS)).status == "Good"
        await until(lambda: held.held == 0)


async def test_threat_10_a_buffer_of_25_bytes(plant: Plant, tmp_path: Path) -> None:
    hello = Wire.hello(receive=25)
    async with plain_server(tmp_path) as plain, connection(plain.url) as wire:
        wire.send(hello)
        assert (await wire.frame())[:4] == b"ACKF"
    async with connection(plant.url) as wire:
        wire.send(hello)
        assert await wire.error() == "BadConnectionRejected"
    async with connection(plant.url) as wire:
        wire.send(Wire.hello(receive=8192, send=8192))
        told = await wire.frame()
        assert told[8:20] == pack("<III", 0, 8192, 8192)


@pytest.mark.parametrize("name", KINDS)
async def test_threat_20_wrong_signatures_and_numbers_close_the_channel_alone(
    plant: Plant, tmp_path: Path, name: str
) -> None:
    own = await server_certificate(plant.url)
    async with secured(plant, tmp_path / "honest") as honest:
        for spoil in ("signature", "sequence", "token", "channel", "again"):
            peer = Peer(KINDS[name], server=own)
            async with connection(plant.url) as wire:
                await open_with(wire, peer)
                if spoil == "sequence":
                    peer.channel._sequence_number += 5
                request = Wire.encode(fresh(), ENDPOINTS, GET_ENDPOINTS)[24:]
                frame = bytearray(peer.channel.message_to_binary(request, request_id=1))
                if spoil in ("signature", "token", "channel"):
                    frame[{"signature": -1, "token": 12, "channel": 8}[spoil]] ^= 1
                wire.send(bytes(frame) * (2 if spoil == "again" else 1))
                assert await wire.error() in (
                    "BadSecurityChecksFailed",
                    "BadSecureChannelTokenUnknown",
                    "BadSecureChannelIdInvalid",
                )
        assert await honest.get_node(plant.node("Serial")).read_value() == 99


async def test_threat_21_deprecated_policies_are_neither_offered_nor_taken(plant: Plant) -> None:
    endpoints = await PatientClient(plant.url).connect_and_get_server_endpoints()
    assert not any(str(one.SecurityPolicyUri).endswith(("#Basic128Rsa15", "#Basic256")) for one in endpoints)
    own = x509.load_der_x509_certificate(endpoints[0].ServerCertificate)
    for kind in (security_policies.SecurityPolicyBasic128Rsa15, security_policies.SecurityPolicyBasic256):
        assert await refused(plant.url, Peer(kind, server=own)) == "BadSecurityPolicyRejected"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a foreign authority."""
    need_openssl()
    return Authority(tmp_path_factory.mktemp("authority"), "root")


def issued(authority: Authority, name: str, *given: Any, **more: Any) -> tuple[x509.Certificate, Any]:
    content = authority.issue(name, *given, **more)
    key = serialization.load_pem_private_key((authority.folder / f"{name}.key").read_bytes(), None)
    return x509.load_der_x509_certificate(content), key


async def test_threat_22_certificates_that_are_not_to_be_trusted(plant: Plant, authority: Authority) -> None:
    own = await server_certificate(plant.url)
    names = "subjectAltName=URI:urn:test:foreign,DNS:client.example\n"
    good = issued(authority, "good", CLIENT + names)
    revoked = issued(authority, "revoked", CLIENT + names)
    expired = issued(authority, "expired", CLIENT + names, ends="20210101000000Z")
    signs = CLIENT.replace("digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment", "keyCertSign")
    misused = issued(authority, "misused", signs + names)
    weak = issued(authority, "weak", CLIENT + names, key="rsa:1024")
    authority.revoke("revoked")
    stranger = identity("stranger")

    async def outcome(own_pair: tuple[x509.Certificate, Any]) -> str:
        peer = Peer(BASIC, own=own_pair, server=own)
        async with connection(plant.url) as wire:
            await wire.greet()
            wire.send(peer.opening())
            frame = await wire.frame()
            if frame[:3] == b"OPN":
                peer.opened(frame)
                return "Good"
            return ua.StatusCode(int.from_bytes(frame[8:12], "little")).name

    assert await outcome(stranger) == "BadSecurityChecksFailed"
    assert await outcome(good) == "BadSecurityChecksFailed", "nobody knows who has issued it"
    assert {der(stranger[0]), der(good[0])} <= rejected(plant)
    trust(plant, "root.der", authority.der)
    assert await outcome(good) == "BadSecurityChecksFailed", "whether it was revoked is not known"
    trust(plant, "root.crl", authority.revocation_list(), "trusted/crl")
    assert await outcome(good) == "Good"
    assert await outcome(revoked) == "BadSecurityChecksFailed"
    assert await outcome(expired) == "BadCertificateTimeInvalid"
    assert await outcome(misused) == "BadCertificateUseNotAllowed"
    assert await outcome(weak) in ("BadSecurityChecksFailed", "BadCertificatePolicyCheckFailed")
    trust(plant, "stranger.der", der(stranger[0]))
    assert await outcome(stranger) == "Good"
    assert der(revoked[0]) in rejected(plant)
    (plant.gateway.plan.data_dir / "certs" / "trusted" / "certs" / "stranger.der").unlink()
    assert await outcome(stranger) == "BadSecurityChecksFailed"


async def test_threat_22_a_chain_is_sent_along_and_another_ones_key_is_not_enough(
    plant: Plant, authority: Authority, tmp_path: Path
) -> None:
    own = await server_certificate(plant.url)
    middle = Authority(tmp_path, "middle", authority)
    pair = issued(middle, "client", CLIENT + "subjectAltName=URI:urn:test:foreign\n")
    trust(plant, "root.der", authority.der)
    trust(plant, "root.crl", authority.revocation_list(), "trusted/crl")
    trust(plant, "middle.crl", middle.revocation_list(), "trusted/crl")
    assert await refused(plant.url, Peer(BASIC, own=pair, server=own)) == "BadSecurityChecksFailed"
    peer = Peer(BASIC, own=pair, server=own)
    peer.policy.host_certificate_chain = [middle.der]
    async with connection(plant.url) as wire:
        await open_with(wire, peer)
        held = plant.gateway.plan.stack.server.bserver.clients[-1].channel
        assert held.client_chain == [der(pair[0]), middle.der]


async def test_threat_22_who_is_trusted_no_longer_is_disconnected_and_nobody_else(secure: Plant) -> None:
    told: list[Any] = []
    channels(secure).on_channel = told.append
    own = await server_certificate(secure.url)
    for name in ("client", "another"):
        trust(secure, f"{name}.der", der(identity(name)[0]))
    async with connection(secure.url) as wire, connection(secure.url) as other:
        await open_with(wire, Peer(BASIC, own=identity("client"), server=own))
        peer = Peer(BASIC, own=identity("another"), server=own)
        await open_with(other, peer)
        store = TrustStore(secure.gateway.plan.data_dir / "certs")
        store.reject(Certificate.parse(der(identity("client")[0])).thumbprint)
        assert await wire.error() == "BadSecurityChecksFailed"
        await until(lambda: [one for one in told if one.what == "closed" and one.verdict is not None])
        ended = next(one for one in told if one.what == "closed" and one.verdict is not None)
        assert (ended.certificate, ended.verdict.status) == (der(identity("client")[0]), CertificateStatus.UNTRUSTED)
        audited = [type(record) for record in records_of(ended)]
        assert audited == [AuditCertificateUntrusted, AuditChannel]
        other.send(peer.channel.message_to_binary(Wire.encode(fresh(), ENDPOINTS, GET_ENDPOINTS)[24:], request_id=3))
        assert peer.received(await other.frame())


async def test_threat_23_a_channel_ends_with_its_keys(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, shortest=400, longest=2000)
    async with running(lay_down(tmp_path, port=free_port(), security=BOTH)) as plant:
        peer = Peer()
        async with connection(plant.url) as wire:
            told = await open_with(wire, peer, lifetime=1)
            assert told.Parameters.SecurityToken.RevisedLifetime == 400
            assert await wire.error() == "BadSecureChannelTokenUnknown"
        async with connection(plant.url) as wire:
            peer = Peer()
            told = await open_with(wire, peer, lifetime=2**32 - 1)
            assert told.Parameters.SecurityToken.RevisedLifetime == 2000
            for _ in range(6):  # and one that is renewed goes on, beyond what the first token and its overlap last
                due = time.monotonic() + 0.5
                await until(lambda due=due: time.monotonic() >= due)
                wire.send(peer.opening(renew=True))
                peer.opened(await wire.frame())
                peer.channel.revolve_tokens()
                wire.send(
                    peer.channel.message_to_binary(Wire.encode(fresh(), ENDPOINTS, GET_ENDPOINTS)[24:], request_id=3)
                )
                assert (peer.received(await wire.frame()))[:4] != b""


async def test_certificates_are_renewed_while_channels_are_open(secure: Plant, tmp_path: Path) -> None:
    before = await server_certificate(secure.url)
    async with secured(secure, tmp_path / "client") as client:
        folder = secure.gateway.plan.data_dir / "certs"
        uri = secure.gateway.plan.stack.options.application_uri
        application = Application(uri, "test", ("localhost",), ())
        OwnCertificates(folder, application).renew(CertificateKind.RSA, new_key=True)
        await channels(secure).identities.refresh()
        await client.open_secure_channel(renew=True)
        assert await client.get_node(secure.node("Serial")).read_value() == 99
        after = await server_certificate(secure.url)
        assert after != before
        assert await refused(secure.url, Peer(BASIC, server=before)) == "BadCertificateInvalid"
        async with connection(secure.url) as wire:
            await open_with(wire, Peer(BASIC, server=after))


async def test_the_audit_trail_is_told(plant: Plant) -> None:
    told: list[Any] = []
    channels(plant).on_channel = told.append
    own = await server_certificate(plant.url)
    assert await refused(plant.url, Peer(BASIC, own=identity("stranger"), server=own)) == "BadSecurityChecksFailed"
    (record,) = [one for one in told if one.what == "refused"]
    assert (record.peer, record.certificate) == ("127.0.0.1", der(identity("stranger")[0]))
    assert record.verdict.status.value == "BadCertificateUntrusted"
    await until(lambda: [one.what for one in told if one.what != "refused"] == ["opened", "closed"])
