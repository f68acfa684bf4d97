from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, Field, ValidationError

from core.errors import Findings
from core.settings import Document, Secret, Settings, build

SECRET = "hunter2-Tr0ub4dor"


def with_port(url: str) -> str:
    """Raise urllib's own error, which quotes a part of the URL."""
    if urlsplit(url).port is None:
        message = f"no port in {url}"
        raise ValueError(message)
    return url


class Broker(Settings):
    url: str = ""
    strict_url: Annotated[str, AfterValidator(with_port)] = "x://h:1"
    user: str = ""
    password: Secret | None = None
    port: int = 1883
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    topics: list[str] = Field(default_factory=list[str])


class Site(Settings):
    name: str = "site"
    broker: Broker = Broker()
    brokers: list[Broker] = Field(default_factory=list[Broker])


def make(folder: Path, text: str) -> tuple[Site | None, list[str]]:
    file = folder / "c.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    document = Document.read(file, findings)
    assert document is not None
    site = build(Site, document, findings)
    return site, [str(finding).replace(f"{folder}/", "") for finding in sorted(findings.items)]


@pytest.fixture(autouse=True)
def secret_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANT_PASSWORD", SECRET)
    monkeypatch.delenv("PLANT_UNSET", raising=False)


def test_references_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("from file\n", encoding="utf-8")
    monkeypatch.setenv("PLANT_PORT", "8883")
    site, problems = make(
        tmp_path,
        "name: ${device}\n"
        "broker:\n"
        "  url: mqtts://${env:PLANT_PASSWORD}@h:${env:PLANT_PORT}\n"
        "  password: ${file:password}\n"
        "  port: ${env:PLANT_PORT}\n",
    )
    assert problems == []
    assert site is not None
    assert site.name == "${device}"
    assert site.broker.url == f"mqtts://{SECRET}@h:8883"
    assert site.broker.port == 8883
    assert site.broker.password == Secret("from file")
    assert site.broker.password is not None
    assert site.broker.password.reveal() == "from file"


@pytest.mark.parametrize(("content", "text"), [("a\r\n", "a"), ("a\n\n", "a\n"), (" a", " a"), ("ü", "ü")])
def test_one_line_end_of_a_file_is_left_out(tmp_path: Path, content: str, text: str) -> None:
    (tmp_path / "p").write_bytes(content.encode())
    site, _ = make(tmp_path, "broker: {password: '${file:p}'}\n")
    assert site is not None
    assert site.broker.password is not None
    assert site.broker.password.reveal() == text


def test_a_secret_is_shown_to_nobody() -> None:
    secret = Secret(SECRET)
    assert (repr(secret), str(secret), f"{secret}") == ("Secret('***')", "***", "***")
    assert copy.deepcopy(secret) == copy.copy(secret) == secret == Secret(SECRET)
    assert secret != Secret("other")
    assert secret != SECRET
    assert hash(secret) == hash(Secret(SECRET))
    with pytest.raises(TypeError, match="a Secret is not written out"):
        pickle.dumps(secret)


def test_settings_show_nothing_that_a_reference_gave(tmp_path: Path) -> None:
    site, problems = make(
        tmp_path,
        "name: plain\n"
        "broker:\n"
        "  url: mqtt://u:${env:PLANT_PASSWORD}@h\n"
        "  password: ${env:PLANT_PASSWORD}\n"
        "  headers: {auth: 'Bearer ${env:PLANT_PASSWORD}'}\n"
        "  topics: [a, '${env:PLANT_PASSWORD}']\n"
        "brokers: [{user: '${env:PLANT_PASSWORD}'}, {user: plain}]\n",
    )
    assert problems == []
    assert site is not None
    assert site.broker.headers == {"auth": f"Bearer {SECRET}"}
    for shown in (repr(site), str(site), site.model_dump_json(), repr(site.broker)):
        assert SECRET not in shown
        assert "plain" in shown or "mqtt" not in shown
    assert '"user":"plain"' in site.model_dump_json()


GOLDEN: list[tuple[str, str, list[str]]] = [
    (
        "literal_secret",
        "broker: {password: hunter2-Tr0ub4dor}\n",
        [
            (
                "c.yaml:1:20: 'broker.password': a secret must not stand in the configuration "
                "(write ${env:NAME} or ${file:PATH})"
            )
        ],
    ),
    (
        "number_as_secret",
        "broker: {password: 12345}\n",
        [
            (
                "c.yaml:1:20: 'broker.password': a secret must not stand in the configuration "
                "(write ${env:NAME} or ${file:PATH})"
            )
        ],
    ),
    (
        "variable_unset",
        "name: ${env:PLANT_UNSET}\nbroker:\n  password: ${env:PLANT_UNSET}\n  port: ${env:PLANT_UNSET}\n",
        [
            f"c.yaml:{place}: the environment variable PLANT_UNSET is not set "
            "(set PLANT_UNSET where Plantspace is started, or name another variable)"
            for place in ("1:7", "3:13", "4:9")
        ],
    ),
    (
        "variable_without_name",
        "name: ${env:}\n",
        ["c.yaml:1:7: ${env:} does not name an environment variable (write ${env:NAME})"],
    ),
    (
        "file_missing",
        "broker: {password: '${file:none}'}\n",
        [
            (
                "c.yaml:1:20: the file none cannot be read: no such file or directory "
                "(create it, or name another; the path starts from the configuration's folder)"
            )
        ],
    ),
    (
        "file_is_a_folder",
        "broker: {password: '${file:/}'}\n",
        [
            (
                "c.yaml:1:20: the file / cannot be read: is a directory "
                "(make it readable for the user that Plantspace runs as)"
            )
        ],
    ),
    (
        "file_empty",
        "broker: {password: '${file:empty}'}\n",
        ["c.yaml:1:20: 'broker.password': ${file:empty} is empty (give the variable or the file the secret's text)"],
    ),
    (
        "file_not_text",
        "broker: {password: '${file:binary}'}\n",
        ["c.yaml:1:20: the file binary is not UTF-8 text (write its text as UTF-8)"],
    ),
    (
        "file_too_large",
        "broker: {password: '${file:large}'}\n",
        ["c.yaml:1:20: the file large is larger than 64 KiB (a reference is for a short text)"],
    ),
    (
        "filled_in_where_a_number_is_wanted",
        "broker: {port: '${env:PLANT_PASSWORD}'}\n",
        [
            (
                "c.yaml:1:16: 'broker.port' must be a whole number, but the text of ${env:PLANT_PASSWORD} stands there "
                "(write for example port: 1)"
            )
        ],
    ),
    (
        "validator_that_quotes_the_value",
        "broker: {strict_url: 'x://u:${env:PLANT_PASSWORD}@h'}\n",
        ["c.yaml:1:22: 'broker.strict_url': no port in x://u:${env:PLANT_PASSWORD}@h"],
    ),
    (
        "validator_that_quotes_a_piece_of_the_value",
        "broker: {strict_url: 'x://u:a:${env:PLANT_PASSWORD}'}\n",
        ["c.yaml:1:22: 'broker.strict_url': Port could not be cast to integer value as 'a:${env:PLANT_PASSWORD}'"],
    ),
    (
        "secret_in_a_place_of_another_shape",
        "broker: {password: '${env:PLANT_PASSWORD}', urll: x}\nbrokers: '${env:PLANT_PASSWORD}'\n",
        [
            "c.yaml:1:45: unknown key 'urll' in 'broker' (did you mean 'url'?)",
            (
                "c.yaml:2:10: 'brokers' must be a list, but the text of ${env:PLANT_PASSWORD} stands there "
                "(write for example brokers: [first, second])"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_bad_references_are_told_exactly(tmp_path: Path, text: str, expected: list[str]) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * 65537)
    site, problems = make(tmp_path, text)
    assert site is None
    assert problems == expected


def test_a_piece_of_a_secret_in_a_foreign_message_hides_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANT_PASSWORD", "abc:secretpiece/x")
    _, problems = make(tmp_path, "broker: {strict_url: 'x://u:${env:PLANT_PASSWORD}'}\n")
    assert problems == [
        "c.yaml:1:22: what 'x://u:${env:PLANT_PASSWORD}' stands for is not valid here",
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(secret=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=6, max_size=30))
def test_no_error_holds_a_secret(tmp_path: Path, secret: str) -> None:
    (tmp_path / "s").write_bytes(secret.encode() + b"\n")
    text = (
        "name: [ '${file:s}' ]\n"
        "broker:\n"
        "  strict_url: x://u:${file:s}@h:${file:s}\n"
        "  port: ${file:s}x\n"
        "  password: [ '${file:s}' ]\n"
        "  headers: ${file:s}\n"
    )
    _, problems = make(tmp_path, text)
    assert len(problems) >= 4
    told = "\n".join(problem.split(": ", 1)[1] for problem in problems)
    clean = "\n".join(problem.split(": ", 1)[1] for problem in make_with_other_secret(tmp_path, text))
    assert secret not in told or secret in clean


def make_with_other_secret(folder: Path, text: str) -> list[str]:
    """Give what is told for another secret: what stands there anyway tells nothing."""
    (folder / "s").write_bytes(b"\x01other\x01\n")
    return make(folder, text)[1]


def test_pydantic_itself_shows_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Broker.model_validate({"port": SECRET, "password": SECRET})
    assert SECRET not in str(caught.value)
