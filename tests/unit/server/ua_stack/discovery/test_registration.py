"""Registration with a discovery server, which asyncua's server and a hostile one stand in for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.server.internal_server import InternalServer

from certs.own import OwnCertificate, own_certificate
from certs.store import TrustStore
from certs.verdict import Verdict
from core.time import now
from server.ua_stack.discovery import registration
from server.ua_stack.discovery.descriptions import ApplicationName
from server.ua_stack.discovery.discovery_server import DiscoveryServer, Registered
from server.ua_stack.discovery.peer_channel import PeerError
from server.ua_stack.discovery.registration import Registration, RegistrationState
from server.ua_stack.discovery.settings import DiscoveryServerSettings
from tests.waiting import until

GATEWAY = ApplicationName("urn:gw-1:plantspace:line-1", "https://plantspace.io/", "Plantspace line-1")
REGISTERED = Registered(GATEWAY, ("opc.tcp://gw-1:4840", "opc.tcp://10.0.0.7:4840"), ("DA", "HD"))
LDS_URI = "urn:test:lds"


class Intake(InternalServer):
    """What takes registrations; ``is_old``: it knows RegisterServer alone."""

    is_old = False

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[Any, Any]] = []

    async def load_standard_address_space(self, shelf_file: Path | None = None) -> None:
        del shelf_file  # the services of discovery need no nodes

    def register_server(self, server: Any, conf: Any = None) -> None:
        self.taken.append((server, conf))

    def register_server2(self, params: Any) -> None:
        if self.is_old:
            raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
        self.register_server(params.Server, params.DiscoveryConfiguration)


class Certificates(NamedTuple):
    """Of the gateway, of the discovery server, and another key of that."""

    own: OwnCertificate[Any]
    lds: OwnCertificate[Any]
    other: OwnCertificate[Any]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    return Certificates(
        own_certificate(folder / "own", GATEWAY.uri, "line-1"),
        own_certificate(folder / "lds", LDS_URI, "LDS"),
        own_certificate(folder / "other", LDS_URI, "LDS"),
    )


@pytest.fixture
def own(certificates: Certificates) -> OwnCertificate[Any]:
    return certificates.own


@pytest.fixture
async def server(certificates: Certificates, free_port: Callable[[], int]) -> AsyncIterator[Server]:
    """An endpoint with every policy, whose services answer as those of a discovery server."""
    made = Server(iserver=Intake())
    made.set_endpoint(f"opc.tcp://127.0.0.1:{free_port()}")
    made._application_uri = LDS_URI
    made.iserver.certificate, made.iserver.private_key = certificates.lds.certificate, certificates.lds.key
    await made._setup_server_nodes()
    made.bserver = BinaryServer(made.iserver, "127.0.0.1", int(made.endpoint.port or 0), made.limits)
    made.bserver.set_policies(made._policies)
    await made.bserver.start()
    yield made
    await made.bserver.stop()
    made.iserver.method_service.stop()


def intake(server: Server) -> Intake:
    assert isinstance(server.iserver, Intake)
    return server.iserver


def asked(server: Server | str, **more: object) -> DiscoveryServerSettings:
    url = server if isinstance(server, str) else server.endpoint.geturl()
    return DiscoveryServerSettings.model_validate({"url": url, **more})


@pytest.fixture
async def trust(tmp_path: Path, certificates: Certificates) -> TrustStore:
    store = TrustStore(tmp_path / "certs")
    await asyncio.to_thread(store.prepare)
    store.add_trusted(certificates.lds.details.der)
    return store


async def test_it_registers_over_the_most_secure_endpoint(
    server: Server, own: OwnCertificate[Any], trust: TrustStore
) -> None:
    lds = DiscoveryServer(asked(server), lambda: own, trust)
    await lds.register(REGISTERED, online=True)
    await lds.register(REGISTERED, online=False)
    (here, configuration), (gone, _) = intake(server).taken
    assert (here.ServerUri, here.ProductUri, here.IsOnline) == (GATEWAY.uri, GATEWAY.product_uri, True)
    assert here.ServerNames[0].Text == GATEWAY.name
    assert here.ServerType is ua.ApplicationType.Server
    assert here.DiscoveryUrls == list(REGISTERED.urls)
    assert configuration[0].MdnsServerName == GATEWAY.name
    assert configuration[0].ServerCapabilities == ["DA", "HD"]
    assert gone.IsOnline is False
    await until(lambda: not server.bserver.clients if server.bserver else False)


async def test_an_old_server_gets_the_old_request(server: Server, own: OwnCertificate[Any], trust: TrustStore) -> None:
    intake(server).is_old = True
    await DiscoveryServer(asked(server), lambda: own, trust).register(REGISTERED, online=True)
    ((here, configuration),) = intake(server).taken
    assert (here.ServerUri, configuration) == (GATEWAY.uri, None)


@pytest.mark.parametrize("mode", ["None", "Sign", "SignAndEncrypt"])
async def test_only_the_modes_that_are_written_out_are_used(
    server: Server, own: OwnCertificate[Any], trust: TrustStore, mode: str
) -> None:
    lds = DiscoveryServer(asked(server, security=[mode]), lambda: own, trust)
    await lds.register(REGISTERED, online=True)
    assert len(intake(server).taken) == 1


async def test_without_encryption_it_registers_only_if_that_is_written_out(
    server: Server, own: OwnCertificate[Any], trust: TrustStore
) -> None:
    server.iserver.endpoints = [one for one in server.iserver.endpoints if one.SecurityMode.name == "None_"]
    with pytest.raises(PeerError, match="no endpoint with security Sign or SignAndEncrypt; what it offers is None"):
        await DiscoveryServer(asked(server), lambda: own, trust).register(REGISTERED, online=True)
    await DiscoveryServer(asked(server, security=["None"]), lambda: None, None).register(REGISTERED, online=True)
    assert len(intake(server).taken) == 1


async def test_encryption_by_the_policy_that_does_not_encrypt_is_no_endpoint(
    server: Server, own: OwnCertificate[Any], trust: TrustStore
) -> None:
    server.iserver.endpoints = [one for one in server.iserver.endpoints if one.SecurityMode.name == "None_"]
    for one in server.iserver.endpoints:
        one.SecurityMode = ua.MessageSecurityMode.SignAndEncrypt
    with pytest.raises(PeerError, match="no endpoint"):
        await DiscoveryServer(asked(server), lambda: own, trust).register(REGISTERED, online=True)
    assert not intake(server).taken


async def test_a_server_that_is_not_trusted_learns_nothing(
    server: Server, own: OwnCertificate[Any], tmp_path: Path
) -> None:
    store = TrustStore(tmp_path / "certs")
    await asyncio.to_thread(store.prepare)
    refused: list[Verdict] = []
    with pytest.raises(PeerError, match=r"BadCertificateUntrusted.*plantspace certs trust"):
        await DiscoveryServer(asked(server), lambda: own, store, refused.append).register(REGISTERED, online=True)
    assert len(store.rejected()) == len(refused) == 1
    assert not intake(server).taken


async def test_a_certificate_for_another_host_is_refused(
    server: Server, own: OwnCertificate[Any], trust: TrustStore
) -> None:
    url = server.endpoint.geturl().replace("127.0.0.1", "127.0.0.2")
    server.iserver.match_discovery_endpoint_url = False
    assert server.bserver is not None
    await server.bserver.stop()
    server.bserver.hostname = "127.0.0.2"
    await server.bserver.start()
    with pytest.raises(PeerError, match="BadCertificateHostNameInvalid"):
        await DiscoveryServer(asked(url), lambda: own, trust).register(REGISTERED, online=True)


async def test_a_key_that_is_not_the_certificates_is_found_out(
    server: Server, own: OwnCertificate[Any], trust: TrustStore, certificates: Certificates
) -> None:
    for policy in server._policies:
        policy.private_key = certificates.other.key
    with pytest.raises(PeerError):
        await DiscoveryServer(asked(server, timeout="1s"), lambda: own, trust).register(REGISTERED, online=True)
    assert not intake(server).taken


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def hostile() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Give what starts a server that does to each connection as it likes, and gives its URL."""
    running: list[asyncio.Server] = []

    async def start(handler: Handler) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        running.append(await asyncio.start_server(handle, "127.0.0.1", 0))
        return f"opc.tcp://127.0.0.1:{running[-1].sockets[0].getsockname()[1]}"

    yield start
    for one in running:
        one.close()
        await one.wait_closed()


ACK = b"ACKF" + (28).to_bytes(4, "little")
ACCEPTS = ACK + b"".join(number.to_bytes(4, "little") for number in (0, 65_535, 65_535, 0, 0))
CALM = {
    "closes at once": b"",
    "is no OPC UA": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "says no": b"ERRF\x10\x00\x00\x00\x00\x00\x7d\x80\xff\xff\xff\xff",
    "says no with a status that is none": b"ERRF\x10\x00\x00\x00\x12\x34\x56\x78\xff\xff\xff\xff",
    "a short error": b"ERRF\x09\x00\x00\x00\x00",
    "claims 2 GB": b"ACKF\xff\xff\xff\x7f",
    "takes a byte at once": ACK + bytes(4) + b"\x01" + bytes(15),
    "a short acknowledge": b"ACKF\x0c\x00\x00\x00\x00\x00\x00\x00",
    "opens with garbage": ACCEPTS + b"OPNF\x20\x00\x00\x00" + bytes(range(24)),
    "opens with lengths": ACCEPTS + b"OPNF\x40\x00\x00\x00" + b"\x00\x00\x00\x00" + b"\xff\xff\xff\x7f" * 13,
    "answers before it opens": ACCEPTS + b"MSGF\x40\x00\x00\x00" + bytes(56),
}


@pytest.mark.parametrize("sent", CALM.values(), ids=CALM.keys())
async def test_whatever_a_server_sends_is_an_error_in_words(
    hostile: Callable[[Handler], Awaitable[str]], sent: bytes
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(sent)
        await writer.drain()

    url = await hostile(answer)
    with pytest.raises(PeerError) as error:
        await DiscoveryServer(asked(url), lambda: None, None).register(REGISTERED, online=True)
    assert str(error.value).isprintable()


async def test_a_server_that_never_answers_is_given_up(hostile: Callable[[Handler], Awaitable[str]]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTS)
        await reader.read()

    url = await hostile(answer)
    with pytest.raises(PeerError, match="does not answer within"):
        await DiscoveryServer(asked(url, timeout="200ms"), lambda: None, None).register(REGISTERED, online=True)


async def test_it_renews_and_takes_back(
    server: Server, own: OwnCertificate[Any], trust: TrustStore, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(registration, "_GOES_WITHIN", 60.0)
    caplog.set_level("INFO", "plantspace.discovery")
    kept = Registration(DiscoveryServer(asked(server, every="50ms"), lambda: own, trust), lambda: REGISTERED)
    await kept.stop()
    begin = now()
    await kept.start()
    await until(lambda: kept.health.registrations >= 3)
    assert (kept.health.state, kept.health.error) == (RegistrationState.REGISTERED, "")
    assert kept.health.last >= begin
    await kept.stop()
    await kept.stop()
    taken = intake(server).taken
    assert [one.IsOnline for one, _ in taken][-1] is False
    assert all(one.IsOnline for one, _ in taken[:-1])
    assert kept.health.state is RegistrationState.GONE
    lines = [record.message for record in caplog.records if "registered" in record.message]
    assert [line.partition(" at ")[0] for line in lines] == ["registered", "no longer registered"]


async def test_one_that_is_away_is_tried_again_and_told_once(
    free_port: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    lds = DiscoveryServer(asked(f"opc.tcp://127.0.0.1:{free_port()}", every="20ms"), lambda: None, None)
    kept = Registration(lds, lambda: REGISTERED)
    await kept.start()
    await until(lambda: kept.health.failures >= 3)
    assert kept.health.state is RegistrationState.FAILING
    assert "cannot connect" in kept.health.error
    await kept.stop()
    assert len([record for record in caplog.records if record.name == "plantspace.discovery"]) == 1


async def test_a_stop_does_not_wait_for_a_server_that_has_gone(
    server: Server, own: OwnCertificate[Any], trust: TrustStore, hostile: Callable[[Handler], Awaitable[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(registration, "_GOES_WITHIN", 0.1)
    lds = DiscoveryServer(asked(server), lambda: own, trust)
    kept = Registration(lds, lambda: REGISTERED)
    await kept.start()
    await until(lambda: kept.health.registrations)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    lds.settings = asked(await hostile(silent))
    await kept.stop()
    assert kept.health.state is RegistrationState.REGISTERED
