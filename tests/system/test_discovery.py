"""How clients find the gateway: by each of its names, by a discovery server, and by being connected to."""

from __future__ import annotations

import asyncio
import json
import socket
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asyncua import Server, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from certs.machine import addresses, host_names
from server.ua_stack.discovery.settings import host_and_port
from tests.command import plantspace
from tests.foreign.client import ANSWERS_WITHIN, need_node
from tests.system.patient import PatientClient
from tests.system.running_gateway import RunningGateway
from tests.system.wire import Wire, connection
from tests.waiting import until

FOREIGN = Path(__file__).resolve().parents[1] / "foreign"
SERVER_URI = f"urn:{socket.gethostname()}:plantspace:line-1"
EVIL = "opc.tcp://evil.example:4840"
_ids = ua.ObjectIds
GET_ENDPOINTS = _ids.GetEndpointsRequest_Encoding_DefaultBinary
FIND_SERVERS = _ids.FindServersRequest_Encoding_DefaultBinary


def gateway(folder: Path, body: str = "", *, host: str = "0.0.0.0", security: str = "None") -> RunningGateway:  # noqa: S104 - all the names of this machine
    """Lay a gateway down that listens on ``host``. ``body``: more of the ``server:`` section, indented."""
    made = RunningGateway(folder, body, security=security, anonymous="Observer")
    text = made.config.read_text(encoding="utf-8")
    made.config.write_text(text.replace("127.0.0.1", host), encoding="utf-8")
    return made


def array(kind: Any, encoded: bytes) -> list[Any]:
    """Decode an array of structures."""
    buffer = Buffer(encoded[4:])
    return [struct_from_binary(kind, buffer) for _ in range(int.from_bytes(encoded[:4], "little"))]


async def endpoint_urls(wire: Wire, url: str) -> set[str]:
    body = struct_to_binary(ua.GetEndpointsParameters(EndpointUrl=url))
    answer = await wire.ask(GET_ENDPOINTS, body)
    assert answer.status == "Good"
    told = array(ua.EndpointDescription, answer.body.data[answer.body.at :])
    assert told
    return {one.EndpointUrl for one in told} | {url for one in told for url in one.Server.DiscoveryUrls}


async def server_urls(wire: Wire, url: str) -> set[str]:
    body = struct_to_binary(ua.FindServersParameters(EndpointUrl=url))
    answer = await wire.ask(FIND_SERVERS, body)
    told = array(ua.ApplicationDescription, answer.body.data[answer.body.at :])
    return {url for one in told for url in one.DiscoveryUrls}


@asynccontextmanager
async def channel(url: str) -> AsyncGenerator[Wire]:
    """Open a channel without security."""
    host, port = host_and_port(url)
    async with connection(f"opc.tcp://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}") as wire:  # noqa: S104 - as above
        await wire.greet()
        await wire.open_channel()
        yield wire


def reachable(port: int) -> list[str]:
    """Give the names and addresses of this machine that lead to the gateway's port."""
    found: list[str] = []
    for host in (*host_names(), *(str(one) for one in addresses() if one.version == 4)):
        try:
            socket.create_connection((host, port), 5).close()
        except OSError:
            continue
        found.append(host)
    return found


async def test_endpoints_are_told_by_the_name_that_the_client_came_by(tmp_path: Path) -> None:
    with gateway(tmp_path) as held:
        _, port = host_and_port(held.url)
        hosts = await asyncio.to_thread(reachable, port)
        assert {"127.0.0.1", "localhost"} <= set(hosts)
        for host in hosts:
            url = f"opc.tcp://{host}:{port}"
            client = PatientClient(url)
            endpoints = await client.connect_and_get_server_endpoints()
            assert {urlsplit(one.EndpointUrl).hostname for one in endpoints} == {host.casefold()}
            (server,) = await client.connect_and_find_servers()
            assert server.DiscoveryUrls[0] == url.casefold()
            assert server.ApplicationUri.endswith(":plantspace:line-1")
            async with client:  # and a session is made by what was told
                assert await client.nodes.server_state.read_value() == ua.ServerState.Running


async def test_a_secure_endpoint_tells_of_itself_without_security(tmp_path: Path) -> None:
    with gateway(tmp_path, security="SignAndEncrypt") as held:
        async with channel(held.url) as wire:
            answer = await wire.ask(GET_ENDPOINTS, struct_to_binary(ua.GetEndpointsParameters(EndpointUrl=held.url)))
            told = array(ua.EndpointDescription, answer.body.data[answer.body.at :])
            assert {one.SecurityMode for one in told} == {ua.MessageSecurityMode.SignAndEncrypt}
            assert {one.SecurityPolicyUri.partition("#")[2] for one in told} == {
                "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss",
            }  # fmt: skip
            certificate = (held.data / "certs" / "own.der").read_bytes()
            assert {one.ServerCertificate for one in told} == {certificate}
            assert [one.SecurityLevel for one in told] == sorted((one.SecurityLevel for one in told), reverse=True)


async def test_threat_11_a_foreign_host_name_is_not_echoed(tmp_path: Path) -> None:
    with gateway(tmp_path, "  host_names: [gate.plant.example]\n") as held:
        _, port = host_and_port(held.url)
        async with channel(held.url) as wire:
            for told in (await endpoint_urls(wire, EVIL), await server_urls(wire, EVIL)):
                assert not any("evil" in url for url in told)
                assert f"opc.tcp://gate.plant.example:{port}" in told
            by_name = await endpoint_urls(wire, f"opc.tcp://gate.plant.example:{port}")
            assert f"opc.tcp://gate.plant.example:{port}" in by_name


async def test_threat_11_it_takes_no_registrations(tmp_path: Path) -> None:
    with gateway(tmp_path) as held:
        async with channel(held.url) as wire:
            for name, structure in REGISTRATIONS.items():
                kind = int(getattr(_ids, f"{name}Request_Encoding_DefaultBinary"))
                answer = await wire.ask(kind, struct_to_binary(structure))
                assert (answer.kind, answer.status) == (
                    _ids.ServiceFault_Encoding_DefaultBinary,
                    "BadServiceUnsupported",
                )
            assert "opc.tcp://evil.example:4840" not in await server_urls(wire, held.url)


def _registered() -> ua.RegisteredServer:
    return ua.RegisteredServer(
        ServerUri="urn:evil",
        ServerNames=[ua.LocalizedText("evil")],
        DiscoveryUrls=[EVIL],
        IsOnline=True,
    )


REGISTRATIONS: dict[str, Any] = {
    "RegisterServer": _registered(),
    "RegisterServer2": ua.RegisterServer2Parameters(Server=_registered()),
    "FindServersOnNetwork": ua.FindServersOnNetworkParameters(),
}


async def test_threat_11_shows_on_the_plain_library(free_port: Callable[[], int]) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{free_port()}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    async with server:
        url = server.endpoint.geturl()
        async with channel(url) as wire:
            assert EVIL in await endpoint_urls(wire, EVIL)
            assert EVIL in await server_urls(wire, EVIL)
            kind = int(_ids.RegisterServerRequest_Encoding_DefaultBinary)
            answer = await wire.ask(kind, struct_to_binary(_registered()))
            assert answer.status == "Good"
            assert EVIL in await server_urls(wire, url)


class Listener:
    """A client of ours that listens for the gateway's connections."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[Wire] = asyncio.Queue()
        self.wires: list[Wire] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        self.wires.append(wire)
        self.came.put_nowait(wire)

    async def next(self) -> tuple[Wire, str, str]:
        """Wait for a connection; give it with the ServerUri and the EndpointUrl of its ReverseHello."""
        async with asyncio.timeout(60):
            wire = await self.came.get()
        frame = await wire.frame()
        assert frame[:4] == b"RHEF"
        length = int.from_bytes(frame[8:12], "little")
        return wire, frame[12 : 12 + length].decode(), frame[16 + length :].decode()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for wire in self.wires:
            await wire.close()
        if self._server is not None:
            await self._server.wait_closed()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    await made.start()
    yield made
    await made.stop()


async def test_reverse_connect_serves_a_client_that_listens(tmp_path: Path, listener: Listener) -> None:
    body = f"  reverse_connect:\n    - url: opc.tcp://127.0.0.1:{listener.port}\n"
    with gateway(tmp_path, body, host="127.0.0.1") as held:
        wire, server, url = await listener.next()
        assert server.endswith(":plantspace:line-1")
        assert url == held.url
        await wire.greet()
        await wire.open_channel()
        assert held.url in await endpoint_urls(wire, url)
        await wire.open_session()
        another, *_ = await listener.next()
        await another.close()  # without a word: that is its right, and another one comes
        third, *_ = await listener.next()
        third.send(b"MSGF\x10\x00\x00\x00" + bytes(8))  # it has to greet first
        await third.over()
        fourth, *_ = await listener.next()
        await fourth.greet()
        await fourth.open_channel()
        assert held.url in await endpoint_urls(wire, url)
        assert await asyncio.to_thread(held.stop) == 0
        for one in (wire, fourth):
            await one.over()


class Foreign:
    """A program of node-opcua that tells what happens, a JSON line each."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[dict[str, Any]] = []

    async def wait(self, key: str) -> dict[str, Any]:
        """Give the next line that has this key."""
        assert self._process.stdout is not None
        while True:
            line = await asyncio.wait_for(self._process.stdout.readline(), ANSWERS_WITHIN)
            assert line, f"it has ended; it told {self.told}"
            if line.startswith(b'{"'):
                told = json.loads(line)
                self.told.append(told)
                assert "error" not in told, told
                if key in told:
                    return told


@asynccontextmanager
async def foreign(script: str, **given: object) -> AsyncGenerator[Foreign]:
    """Start one of the programs in tests/foreign, and end it."""
    process = await asyncio.create_subprocess_exec(
        need_node(), str(FOREIGN / script), json.dumps(given),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    try:
        yield Foreign(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


async def test_reverse_connect_with_a_client_of_other_hands(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    body = f"  reverse_connect: [{{url: 'opc.tcp://127.0.0.1:{port}', longest_wait: 1s}}]\n"
    with gateway(tmp_path / "gateway", body, host="127.0.0.1") as held:
        async with foreign("reverse_client.js", **_client(tmp_path, port, "None")) as client:
            await _let_in(client, held)


async def test_reverse_connect_is_as_secure_as_any(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    body = f"  reverse_connect: [{{url: 'opc.tcp://127.0.0.1:{port}', longest_wait: 1s}}]\n"
    with gateway(tmp_path / "gateway", body, host="127.0.0.1", security="SignAndEncrypt") as held:
        given = _client(tmp_path, port, "SignAndEncrypt")
        given["serverCertificate"] = b64encode((held.data / "certs" / "own.der").read_bytes()).decode()
        rejected = held.data / "certs" / "rejected"
        async with foreign("reverse_client.js", **given) as client:
            await client.wait("listening")
            await until(lambda: any(rejected.iterdir()), seconds=30)  # its certificate is not trusted yet
        (one,) = rejected.iterdir()
        trusted = await asyncio.to_thread(plantspace, "certs", "trust", str(held.config), str(one))
        assert trusted.returncode == 0, trusted.stderr
        async with foreign("reverse_client.js", **given) as client:
            await _let_in(client, held)


def _client(folder: Path, port: int, mode: str) -> dict[str, str]:
    return {
        "listen": f"opc.tcp://127.0.0.1:{port}",
        "folder": str(folder / "pki"),
        "mode": mode,
        "policy": "None" if mode == "None" else "Basic256Sha256",
        "serverUri": SERVER_URI,
    }


async def _let_in(client: Foreign, held: RunningGateway) -> None:
    told = await client.wait("endpoints")
    assert set(told["endpoints"]) == {held.url}
    assert (await client.wait("servers"))["servers"] == [SERVER_URI]
    await client.wait("done")


def _host_name() -> str:
    """Give the name that the discovery server's certificate has."""
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        pytest.skip(f"this machine's own name {name!r} cannot be resolved: nobody could connect by it")
    return name


async def test_registers_with_a_discovery_server_of_other_hands(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port, host = free_port(), _host_name()
    body = f"  discovery_server: {{url: 'opc.tcp://{host}:{port}', every: 1s}}\n"
    held = gateway(tmp_path / "gateway", body, host="127.0.0.1", security="SignAndEncrypt")
    modes = ["None", "Sign", "SignAndEncrypt"]
    async with foreign("discovery_server.js", port=port, folder=str(tmp_path / "pki"), modes=modes) as lds:
        ready = await lds.wait("ready")
        (tmp_path / "lds.der").write_bytes(b64decode(ready["certificate"]))
        held.start()
        try:
            # Without trust the gateway tells its name to nobody.
            log = held._logs[0]
            await until(lambda: "its certificate is refused" in log.read_text(encoding="utf-8"))
            trusted = await asyncio.to_thread(plantspace, "certs", "trust", str(held.config), str(tmp_path / "lds.der"))
            assert trusted.returncode == 0, trusted.stderr
            told = await lds.wait("registered")
            assert told["urls"] == [held.url]
            assert told["name"] == "Plantspace line-1"
            assert (await lds.wait("registered"))["first"] is False
            client = PatientClient(f"opc.tcp://{host}:{port}")
            found = {one.ApplicationUri: one for one in await client.connect_and_find_servers()}
            assert found[told["registered"]].DiscoveryUrls == [held.url]
            assert await asyncio.to_thread(held.stop) == 0
            gone = await lds.wait("unregistered")
            assert (gone["unregistered"], gone["forced"]) == (told["registered"], False)
        finally:
            held.kill()
