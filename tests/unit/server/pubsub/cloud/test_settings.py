from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from core.errors import Findings
from core.settings import Document, build
from server.pubsub.cloud.presets import PRESETS
from server.pubsub.cloud.settings import CloudSettings, apply, limits, shared_access
from server.pubsub.mqtt.settings import BrokerSettings
from tests.conftest import ROOT
from tests.pages import table

CERTIFICATE = "certificate_file: c.pem\nkey_file: k.pem\n"
AWS = "preset: aws-iot-core\nbroker: mqtts://x-ats.iot.eu-central-1.amazonaws.com\nclient_id: line-1\n"
HUB = "preset: azure-iot-hub\nbroker: mqtts://plant.azure-devices.net\nclient_id: line-1\n"
GRID = "preset: azure-event-grid\nbroker: mqtts://ns.westeurope-1.ts.eventgrid.azure.net\nclient_id: line-1\n"
SHARED = "shared_access: {key: '${env:DEVICE_KEY}'}\n"


class Connection(BrokerSettings, CloudSettings):
    """As a connection of the configuration is made."""

    max_message: int = Field(default=1 << 20, ge=1_024)
    encoding: str = "json"
    prefix: str = "opcua"


@pytest.fixture(autouse=True)
def _a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE_KEY", "YSB0aHJvdy1hd2F5IGtleSBvZiB0aGlydHktdHdvIGJ5")
    monkeypatch.setenv("PASSWORD", "secret")


def made(tmp_path: Path, text: str) -> Connection:
    settings, problems = _build(tmp_path, text)
    assert problems == []
    assert settings is not None
    return settings


def _build(tmp_path: Path, text: str) -> tuple[Connection | None, list[str]]:
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    document = Document.read(file, findings)
    built = build(Connection, document, findings) if document is not None else None
    return built, [str(finding).removeprefix(f"{file}:") for finding in findings.items]


def test_each_limit_has_a_source() -> None:
    for preset in PRESETS.values():
        limited = {name for name in preset.limits.__slots__ if getattr(preset.limits, name) not in (None, (), True)}
        beside = {name for name in ("alpn", "proofs", "username", "twin") if getattr(preset, name)}
        assert limited | beside | {"schemes"} <= preset.sources.keys(), preset.name
        assert all(preset.sources.values())


def test_the_table_of_limits_is_true() -> None:
    rows = {row[0].strip("`"): row[1:] for row in table(ROOT / "docs/reference/cloud-presets.md", "Limits")}
    names = ("payload", "topic", "slashes", "client_id", "messages", "throughput", "in_flight", "subscriptions")
    for preset in PRESETS.values():
        told = [str(int(value)) if (value := getattr(preset.limits, name)) is not None else "" for name in names]
        shortest, longest = preset.limits.keep_alive or (1, 65_535)
        told += [f"{shortest} to {longest}", "yes" if preset.limits.retains else "no"]
        assert [
            cell.replace(" ", "") if cell[:1].isdigit() and "to" not in cell else cell for cell in rows[preset.name]
        ] == told


def test_without_a_preset_nothing_changes(tmp_path: Path) -> None:
    settings = made(tmp_path, "broker: mqtt://b\n")
    assert apply(settings) is settings
    assert limits(settings) is None
    assert shared_access(settings) is None


def test_aws_on_443_offers_its_protocol(tmp_path: Path) -> None:
    settings = made(tmp_path, AWS.replace("amazonaws.com", "amazonaws.com:443") + CERTIFICATE)
    applied = apply(settings)
    assert (applied.alpn, applied.protocol, applied.in_flight) == ("x-amzn-mqtt-ca", "mqttv5", 100)
    assert applied.max_message == 128 * 1024
    assert apply(made(tmp_path, AWS + CERTIFICATE)).alpn == ""
    by_password = AWS.replace(".com", ".com:443") + "username: u\npassword: ${env:PASSWORD}\n"
    assert apply(made(tmp_path, by_password)).alpn == "mqtt"


def test_what_the_configuration_says_stays(tmp_path: Path) -> None:
    text = (
        AWS.replace(".com", ".com:443")
        + CERTIFICATE
        + "alpn: other\nin_flight: 7\nmax_message: 2000\nprotocol: mqttv311\n"
    )
    applied = apply(made(tmp_path, text))
    assert (applied.alpn, applied.in_flight, applied.max_message, applied.protocol) == ("other", 7, 2000, "mqttv311")


def test_a_device_of_iot_hub_is_named_in_its_username(tmp_path: Path) -> None:
    applied = apply(made(tmp_path, HUB + SHARED))
    assert applied.username == "plant.azure-devices.net/line-1/?api-version=2021-04-12"
    assert applied.protocol == "mqttv311"
    assert shared_access(applied) is not None
    socket = apply(made(tmp_path, HUB.replace("mqtts", "wss") + CERTIFICATE))
    assert socket.address == ("plant.azure-devices.net", 443, True, "/$iothub/websocket")


def test_event_grid_takes_the_session_for_the_name(tmp_path: Path) -> None:
    assert apply(made(tmp_path, GRID + CERTIFICATE)).username == "line-1"
    assert apply(made(tmp_path, GRID + CERTIFICATE + "username: gateways\n")).username == "gateways"


def test_a_broker_of_ones_own_may_be_configured_otherwise(tmp_path: Path) -> None:
    own = "broker: mqtt://b\nclient_id: c\n"
    assert apply(made(tmp_path, f"preset: hivemq\n{own}")).in_flight == 10
    settings = made(tmp_path, f"preset: emqx\n{own}in_flight: 500\nmax_message: 4000000\nquota: {{payload: 4000000}}\n")
    assert (apply(settings).in_flight, apply(settings).max_message) == (500, 4_000_000)
    _, problems = _build(tmp_path, f"preset: emqx\n{own}max_message: 4000000\n")
    assert "takes messages of 1047552 bytes at most" in problems[0]


def test_a_quota_of_the_account_stands_for_the_presets(tmp_path: Path) -> None:
    found = limits(made(tmp_path, HUB + SHARED + "quota: {messages: 12, bytes: 20000, retain: true}\n"))
    assert found is not None
    assert (found.messages, found.throughput, found.retains, found.payload) == (12, 20_000, True, 256 * 1024)
    alone = limits(made(tmp_path, "broker: mqtt://b\nquota: {messages: 5}\n"))
    assert alone is not None
    assert (alone.messages, alone.payload) == (5, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (AWS.replace("mqtts", "mqtt"), "1:9: 'preset': AWS IoT Core lets nobody in without credentials"),
        (AWS.replace("mqtts", "mqtt"), "2:9: 'broker': AWS IoT Core is not reached by mqtt://"),
        (AWS.replace("mqtts", "wss") + CERTIFICATE, "2:9: 'broker': AWS IoT Core is not reached by wss://"),
        (AWS + CERTIFICATE + "keep_alive: 20s\n", "AWS IoT Core takes a keep-alive of 30s to 1200s"),
        (AWS + CERTIFICATE + "in_flight: 101\n", "takes 100 messages without acknowledgement at most"),
        (AWS + CERTIFICATE + "max_message: 131073\n", "takes messages of 131072 bytes at most"),
        (AWS + CERTIFICATE + "prefix: a/b/c/d\n", "topics would have 8 slashes, and AWS IoT Core takes 7"),
        (AWS + CERTIFICATE + SHARED, "AWS IoT Core has no shared access keys"),
        (AWS.replace("line-1", "a" * 129) + CERTIFICATE, "the client id has 129 bytes, and AWS IoT Core takes 128"),
        (HUB + SHARED + "protocol: mqttv5\n", "Azure IoT Hub does not speak mqttv5"),
        (HUB + SHARED + "encoding: sparkplug\n", "the topics of sparkplug do not exist at Azure IoT Hub"),
        (HUB + SHARED + CERTIFICATE, "both shared_access and certificate_file are given"),
        (HUB.replace("client_id: line-1\n", "") + SHARED, "client_id is missing"),
        (HUB.replace("line-1", "'line 1'") + SHARED, "'line 1' is no client id at Azure IoT Hub"),
        (HUB + CERTIFICATE + "username: line-1\n", "the username 'line-1' is not the device's at Azure IoT Hub"),
        (HUB + CERTIFICATE + "keep_alive: 1178s\n", "takes a keep-alive of 1s to 1177s"),
        (HUB + CERTIFICATE + "twin: {nodes: [/Objects/a], name: n}\n", "has one twin, which has no name"),
        (GRID + CERTIFICATE + "twin: {nodes: [/Objects/a]}\n", "Azure Event Grid has no device twins"),
        (AWS + CERTIFICATE + "twin: {nodes: [/Objects/a], name: 'a b'}\n", "'a b' is no shadow's name"),
        (AWS.replace("client_id: line-1\n", "") + CERTIFICATE + "twin: {nodes: [/Objects/a]}\n", "thing is not known"),
        ("broker: mqtt://b\ntwin: {nodes: [/Objects/a]}\n", "twin is given without a preset"),
        ("broker: mqtts://b\n" + SHARED, "shared_access is given without a preset"),
        ("preset: aws\nbroker: mqtts://b\n", "'preset'"),
    ],
)  # fmt: skip
def test_what_cannot_go_together_is_told_with_its_mend(tmp_path: Path, text: str, problem: str) -> None:
    _, problems = _build(tmp_path, text)
    found = [one for one in problems if problem in one]
    assert found, problems
    assert found[0].endswith(")"), "a mend is told"


def test_a_key_that_is_none_is_told_without_showing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE_KEY", "geheim!")
    settings, problems = _build(tmp_path, HUB + SHARED)
    assert settings is None
    assert "the key is not base64" in problems[0]
    assert "geheim" not in problems[0]


def test_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    settings = made(tmp_path, HUB + SHARED)
    assert "YSB0" not in repr(settings) + settings.model_dump_json()
