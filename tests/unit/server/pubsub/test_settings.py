from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from core.errors import Findings
from core.settings import Document, build
from server.pubsub.settings import ConnectionSettings, DataSetSettings
from tests.conftest import ROOT
from tests.pages import code, table

DATASETS = "datasets: {meters: {nodes: [/Objects/Line1/*]}}\n"
READ = "topic: a/b, user: ann, fields: {x: /Objects/x}"


def _build(tmp_path: Path, text: str) -> tuple[ConnectionSettings | None, list[str]]:
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    document = Document.read(file, findings)
    made = build(ConnectionSettings, document, findings) if document is not None else None
    return made, [str(finding) for finding in findings.items]


def test_little_needs_to_be_written(tmp_path: Path) -> None:
    made, problems = _build(tmp_path, f"broker: mqtts://b\n{DATASETS}")
    assert problems == []
    assert made is not None
    assert made.address == ("b", 8883, True, "")
    dataset = made.datasets["meters"]
    assert (dataset.publish, dataset.samples, dataset.keyframe, dataset.group) == (1.0, "latest", 10, "default")
    assert (made.in_flight, made.prefix, made.protocol) == (1_000, "opcua", "mqttv5")


def test_everything_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", "geheim")
    made, problems = _build(
        tmp_path,
        "broker: mqtts://b:1234\nclient_id: c\nusername: u\npassword: ${env:BROKER_PASSWORD}\nca_file: ca.pem\n"
        "certificate_file: c.pem\nkey_file: k.pem\nprotocol: mqttv311\npublisher: p\nprefix: plant/opcua\n"
        "in_flight: 5\n"
        "keep_alive: 10s\nconnect_timeout: 3s\nacknowledge_timeout: 5s\nretry_first: 1s\nretry_longest: 1min\n"
        "max_message: 262144\n"
        "datasets: {d: {nodes: [nsu=urn:x;s=a], publish: 250ms, samples: all, keyframe: 1, group: g,"
        " names: path, content: [], queue: 1000, description: x}}\n",
    )
    assert problems == []
    assert made is not None
    assert made.password is not None
    assert made.password.reveal() == "geheim"
    assert "geheim" not in repr(made)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("broker: http://b\n" + DATASETS, "not by http"),
        ("broker: mqtt://u:p@b\n" + DATASETS, "must not hold a user"),
        ("broker: mqtt://b/x\n" + DATASETS, "is not the address of a broker"),
        ("broker: mqtt://b:99999\n" + DATASETS, "is not the address of a broker"),
        ("broker: mqtt://b\nca_file: x\n" + DATASETS, "is not encrypted"),
        ("broker: mqtts://b\nkey_file: x\n" + DATASETS, "key_file is given without certificate_file"),
        ("broker: mqtts://b\ncertificate_file: x\n" + DATASETS, "certificate_file is given without key_file"),
        ("broker: mqtt://b\nkeep_alive: 500ms\n" + DATASETS, "whole seconds"),
        ("broker: mqtt://b\nprefix: $SYS\n" + DATASETS, "belongs to the broker"),
        ("broker: mqtt://b\nprefixes: {alarms: $SYS}\n" + DATASETS, "belongs to the broker"),
        ("broker: mqtt://b\nprefixes: {alarm: x}\n" + DATASETS, "alarms"),
        ("broker: mqtt://b\nencoding: sparkplug\nprefixes: {logs: x}\n" + DATASETS, "begin with none"),
        ("broker: mqtt://b\nencoding: uadp\ndatasets: {a: {nodes: [/x], json: {}}}\n", "a has json:"),
        (
            f"broker: mqtt://b\nsubscribed: {{r: {{{READ}, security: {{group: g}}}}}}\n" + DATASETS,
            "no security of their own",
        ),
        ("broker: mqtt://b\nlogs: {own: {uadp: {}}}\n" + DATASETS, "own has uadp:"),
        ("broker: mqtt://b\npublisher: a/b\n" + DATASETS, "cannot stand in an MQTT topic"),
        ("broker: mqtt://b\nin_flite: 3\n" + DATASETS, "in_flight"),
        ("broker: mqtt://b\ndatasets: {a/b: {nodes: [/Objects/x]}}\n", "cannot stand in an MQTT topic"),
        ("broker: mqtt://b\ndatasets: {a: {nodes: [x]}}\n", "names no node"),
        ("broker: mqtt://b\ndatasets: {a: {nodes: []}}\n", "nodes"),
        ("broker: mqtt://b\ndatasets: {a: {nodes: [/x], group: '#'}}\n", "cannot stand in an MQTT topic"),
        ("broker: mqtt://b\n", "nothing to publish"),
        ("broker: mqtt://b\nreplay: sideways\n" + DATASETS, "one of in-order, live-first"),
        ("broker: mqtt://b\nreplay_rate: 5/s\n" + DATASETS, "is not a rate"),
        ("broker: mqtt://b\nreplay_rate: 5MB/s\n" + DATASETS, "replay: live-first"),
        ("broker: mqtt://b\nsparkplug: {}\n" + DATASETS, "encoding: sparkplug"),
        ("broker: mqtt://b\nencoding: sparkplug\nlogs: {own: {}}\n" + DATASETS, "no messages for logs"),
        ("broker: mqtt://b\nlogs: {meters: {}}\n" + DATASETS, "two datasets are called meters"),
        ("broker: mqtt://b\ndatasets: {a: {nodes: [/x], class: log}}\n", "logs"),
        ("broker: mqtt://b\npassword: geheim\n" + DATASETS, "must not stand in the configuration"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    made, problems = _build(tmp_path, text)
    assert made is None
    assert any(told in problem for problem in problems), problems
    assert all("c.yaml:" in problem for problem in problems)
    assert not any("geheim" in problem for problem in problems)


def test_all_that_clashes_is_told_in_one_run_each_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("geheim", encoding="utf-8")
    made, problems = _build(
        tmp_path, f"broker: mqtt://b\nkey_file: k\nca_file: c\npassword: ${{file:secret}}\n{DATASETS}"
    )
    assert made is None
    assert [problem.removeprefix(f"{tmp_path}/") for problem in problems] == [
        (
            "c.yaml:1:9: 'broker': mqtt://b is not encrypted, but ca_file and key_file are given"
            " (write mqtts:// or wss:// for the broker, or leave the files out)"
        ),
        "c.yaml:2:11: 'key_file': key_file is given without certificate_file (give both or neither)",
        "c.yaml:4:11: 'password': a password is given without a username (write username: beside it)",
    ]


def test_relative_files_begin_beside_the_configuration_and_secrets_stay_hidden(tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text("geheim\n", encoding="utf-8")
    files = "ca_file: ca.pem\ncertificate_file: /etc/own.pem\nkey_file: own.key\n"
    user = f"username: u\npassword: ${{file:{tmp_path / 'mqtt-password'}}}\n"
    read, problems = _build(tmp_path, f"broker: mqtts://b\n{files}{user}{DATASETS}")
    assert problems == []
    assert read is not None
    made = read.beside(Path("/etc/plantspace"))
    assert (made.ca_file, made.certificate_file) == ("/etc/plantspace/ca.pem", "/etc/own.pem")
    assert made.key_file == "/etc/plantspace/own.key"
    assert made.password is not None
    assert made.password.reveal() == "geheim"
    assert "geheim" not in f"{made!r} {made.model_dump_json()}"


@pytest.mark.parametrize(("heading", "model"), [("Connection", ConnectionSettings), ("DataSets", DataSetSettings)])
def test_the_reference_tells_every_key_in_order(heading: str, model: type[BaseModel]) -> None:
    rows = table(ROOT / "docs/reference/pubsub.md", heading)
    keys = [field.alias or name for name, field in model.model_fields.items()]
    assert [key for row in rows for key in code(row[0])] == keys
