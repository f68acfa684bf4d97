"""What holds beside the numbered threats: secure by default, no secret told anywhere, no traceback to a client."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one; chunks are made inside.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Never

import psutil
import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.ua_binary import struct_to_binary
from asyncua.ua.uaerrors import UaStatusCodeError

from certs.own import own_certificate
from server.address_space.encoding import encode_node_id
from server.address_space.keys import numeric_key
from server.cli.main import main
from server.configuration import GatewaySettings
from server.gateway import Gateway
from server.plan import plan_gateway
from tests.broker import free_port
from tests.command import plantspace
from tests.system.log_in import APPLICATION, ENCRYPTED, PASSWORD, add_user, logged_in, trusted_client
from tests.system.patient import PatientClient
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.running_gateway import RunningGateway
from tests.system.wire import connection, session

IDS = ua.ObjectIds
READ = IDS.ReadRequest_Encoding_DefaultBinary
CREATE = IDS.CreateSessionRequest_Encoding_DefaultBinary
SECRET = "f1sh-and-chips-S3cret"
PUBSUB = """\
pubsub:
  broker: mqtt://127.0.0.1:{port}
  username: line-1
  password: ${{env:BROKER_PASSWORD}}
  datasets: {{all: {{publish: 1s, nodes: ["/Objects/sim/*"]}}}}
devices:
  sim: {{driver: simulator, scan: 1s, generate: {{count: 2, type: Double, signal: ramp}}}}
"""


def test_a_configuration_that_says_nothing_offers_nothing_but_encryption_on_loopback() -> None:
    settings = GatewaySettings()
    assert settings.server.endpoint == "opc.tcp://127.0.0.1:4840"
    assert settings.server.security == ["SignAndEncrypt"]
    assert settings.server.anonymous == "none"
    assert not settings.server.reverse_connect
    assert settings.server.discovery_server is None
    assert not settings.users.issuers
    assert not settings.roles
    assert settings.audit.syslog is None
    assert settings.historian is None


async def test_a_gateway_of_a_configuration_that_says_nothing_lets_nobody_in(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Its port alone is what cannot be left out here: another gateway of this machine may have 4840."""
    port, before = free_port(), _listening()
    config = tmp_path / "plant.yaml"
    config.write_text(f"server: {{endpoint: 'opc.tcp://127.0.0.1:{port}'}}\n", encoding="utf-8")
    gateway = Gateway(await plan_gateway(config))
    await gateway.start()
    try:
        assert _listening() - before == {("127.0.0.1", port)}
        endpoints = await PatientClient(gateway.url).connect_and_get_server_endpoints()
        assert {one.SecurityMode for one in endpoints} == {ENCRYPTED}
        tokens = {token.TokenType for one in endpoints for token in one.UserIdentityTokens or ()}
        assert ua.UserTokenType.Anonymous not in tokens
        async with connection(gateway.url) as wire:  # in the clear there is discovery, and nothing else
            await wire.greet()
            await wire.open_channel()
            told = await wire.ask(CREATE, struct_to_binary(ua.CreateSessionParameters()))
            assert told.status == "BadSecurityPolicyRejected"
        await asyncio.to_thread(own_certificate, tmp_path / "client", APPLICATION, "client")
        pair = (tmp_path / "client" / "own.der", tmp_path / "client" / "own.key.pem")
        stranger = PatientClient(gateway.url)
        stranger.application_uri = APPLICATION
        await stranger.set_security(SecurityPolicyBasic256Sha256, *pair, mode=ENCRYPTED)
        with pytest.raises((UaStatusCodeError, ConnectionError)):  # no application is trusted
            await stranger.connect()
        trusted_client(Plant(gateway), tmp_path / "client")
        for name in ("", "admin", "root"):  # and there is no user
            with pytest.raises(UaStatusCodeError):
                async with logged_in(Plant(gateway), pair, name):
                    pass
    finally:
        await gateway.stop()


def _listening() -> set[tuple[str, int]]:
    return {
        (one.laddr.ip, one.laddr.port)
        for one in psutil.Process().net_connections(kind="tcp")
        if one.status == psutil.CONN_LISTEN
    }


async def _everything_told(client: Client, start: Sequence[int]) -> str:
    """Give all values and texts below some nodes, as a client reads them."""
    told: list[str] = []
    todo, seen = [client.get_node(one) for one in start], set[Any]()
    while todo:
        node = todo.pop()
        if node.nodeid in seen:
            continue
        seen.add(node.nodeid)
        read = await node.read_attributes([ua.AttributeIds.DisplayName, ua.AttributeIds.Value, 5])
        told += [str(one.Value) for one in read]
        todo += await node.get_children()
    return "\n".join(told)


async def test_no_secret_is_told_anywhere(tmp_path: Path) -> None:
    """A password of the environment, and one that a user logs in with, wrongly and rightly."""
    port = free_port()
    gateway = RunningGateway(tmp_path / "plant", PUBSUB.format(port=port))
    environment = {"BROKER_PASSWORD": SECRET}
    checked = plantspace("check", str(gateway.config), **environment)
    damaged = tmp_path / "damaged.yaml"
    damaged.write_text(
        gateway.config.read_text(encoding="utf-8").replace("broker: mqtt", "broker: http"), encoding="utf-8"
    )
    refused = plantspace("check", str(damaged), **environment)
    assert refused.returncode != 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROKER_PASSWORD", SECRET)
        with gateway:
            async with gateway.client() as client:
                diagnostics = await _everything_told(client.ua, [IDS.Server, IDS.ObjectsFolder])
            assert gateway.stop() == 0
    audit = plantspace("audit", "export", "--data", str(gateway.data))
    exported = [
        plantspace(*command, str(gateway.config), **environment).stdout
        for command in (("nodeset", "export", "urn:plantspace:line-1", "--config"), ("tags", "export"))
    ]
    assert "t0" in exported[0]
    kept = b"".join(one.read_bytes() for one in gateway.data.rglob("*") if one.is_file())
    for where, text in {
        "check": checked.stdout + checked.stderr,
        "errors": refused.stdout + refused.stderr,
        "log": gateway.log,
        "nodes": diagnostics,
        "audit": audit.stdout + audit.stderr,
        "exports": "".join(exported),
        "data folder": kept.decode("latin-1"),
    }.items():
        assert SECRET not in text, where
    assert "Broker" in diagnostics or "PubSub" in diagnostics, "what was looked through is what there is"


async def test_no_password_of_a_user_is_told_anywhere(
    tmp_path: Path, free_port: Callable[[], int], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "plant"
    folder.mkdir()
    config = lay_down(folder, port=free_port(), security="[SignAndEncrypt]", anonymous="none")
    await add_user(folder / "var", "sam", "SecurityAdmin", "ConfigureAdmin", "Engineer")
    caplog.set_level("DEBUG", logger="plantspace")
    async with running(config) as plant:
        identity = trusted_client(plant, tmp_path / "client")
        with pytest.raises(UaStatusCodeError):
            async with logged_in(plant, identity, "sam", SECRET):
                pass
        async with logged_in(plant, identity, "sam") as sam:
            management = sam.get_node(ua.NodeId(24290, 0))  # UserManagement
            changed = ua.Variant(f"another {SECRET}", ua.VariantType.String)
            old = ua.Variant(PASSWORD, ua.VariantType.String)
            await management.call_method(ua.NodeId(24310, 0), old, changed)  # ChangePassword
            told = await _everything_told(sam, [IDS.Server])
        await plant.gateway.doors.auditing.trail.flush()
        capsys.readouterr()
        assert await asyncio.to_thread(main, ["audit", "export", "--data", str(folder / "var")]) == 0
        audit = capsys.readouterr().out
        assert "AuditUpdateMethod" in audit or "UserChange" in audit
    kept = b"".join(one.read_bytes() for one in (folder / "var").rglob("*") if one.is_file()).decode("latin-1")
    for where, text in {"log": caplog.text, "nodes": told, "audit": audit, "data folder": kept}.items():
        for secret in (SECRET, PASSWORD):
            assert secret not in text, where


async def test_clients_are_told_a_status_and_no_more_of_what_goes_wrong_inside(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever diagnostics it asks for (ReturnDiagnostics), no text and no path of ours is in the answer."""
    async with running(lay_down(tmp_path, port=free_port())) as plant, session(plant.url) as wire:

        def broken(*_given: object) -> Never:
            raise RuntimeError(SECRET)

        monkeypatch.setattr(plant.gateway.plan.stack.internal.batch_read, "steps", broken)
        header = ua.RequestHeader(AuthenticationToken=wire.token, ReturnDiagnostics=0x3FF)
        message = encode_node_id(numeric_key(0, READ)) + struct_to_binary(header) + bytes(16)
        wire.send(wire.channel.message_to_binary(message, request_id=99))
        frame = await wire.frame()
        assert b"\x00\x00\x02\x80" in frame, "BadInternalError"
        for ours in (SECRET.encode(), b"Traceback", b"RuntimeError", b".py"):
            assert ours not in frame
        monkeypatch.undo()
        async with connected(plant) as client:
            assert await client.get_node(plant.node("Serial")).read_value() == 99
    assert SECRET in caplog.text, "the log is told"


KINDS = {
    "AuditOpenSecureChannel",
    "AuditCertificateUntrusted",
    "AuditCreateSession",
    "AuditActivateSession",
    "AuditWriteUpdate",
    "AuditUpdateMethod",
    "AuditSession",
}
"""Log-ins, failed ones, errors of channels and certificates, writes, and calls."""


async def test_what_is_done_and_what_is_refused_is_in_the_trail(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "plant"
    folder.mkdir()
    config = lay_down(folder, port=free_port(), security="[SignAndEncrypt]", anonymous="none")
    await add_user(folder / "var", "ann", "Operator")
    async with running(config) as plant:
        await asyncio.to_thread(own_certificate, tmp_path / "stranger", APPLICATION, "stranger")
        pair = (tmp_path / "stranger" / "own.der", tmp_path / "stranger" / "own.key.pem")
        with pytest.raises((UaStatusCodeError, ConnectionError)):
            async with logged_in(plant, pair, "ann"):
                pass
        identity = trusted_client(plant, tmp_path / "client")
        with pytest.raises(UaStatusCodeError):
            async with logged_in(plant, identity, "ann", "a wrong password"):
                pass
        async with logged_in(plant, identity, "ann") as ann:
            await ann.get_node(plant.node("Level")).write_value(ua.DataValue(ua.Variant(1.0, ua.VariantType.Double)))
            with pytest.raises(UaStatusCodeError):
                await ann.nodes.server.call_method("0:ResendData", ua.Variant(4711, ua.VariantType.UInt32))
        await plant.gateway.doors.auditing.trail.flush()
        capsys.readouterr()
        assert await asyncio.to_thread(main, ["audit", "export", "--data", str(folder / "var")]) == 0
        records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["Type"] for one in records} >= KINDS
    refused = {one["Type"] for one in records if one.get("Status") is False}
    assert refused >= {
        "AuditOpenSecureChannel",
        "AuditCertificateUntrusted",
        "AuditActivateSession",
        "AuditUpdateMethod",
    }
