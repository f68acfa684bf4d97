from __future__ import annotations

import argparse

import pytest

from core.time import from_iso
from server.cli import main
from server.cli.main import _parser  # pyright: ignore[reportPrivateUsage] - the command's own arguments

Capture = pytest.CaptureFixture[str]
URL = "opc.tcp://127.0.0.1:4840"
SERVER = (URL, "--node", "/Objects/x", "--from", "2026-07-01")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*SERVER, "--skip-bad"), "--skip-bad is for tables"),
        ((*SERVER, "--time", "ms"), "--time is for tables"),
        ((*SERVER, "--decimal", ","), "--decimal is for tables"),
        ((*SERVER, "--prefix", "/Objects/"), "--prefix is for tables"),
        (("x.csv", "--to", "2026-07-02"), "--to is for servers"),
        (("x.csv", "--security", "sign"), "--security is for servers"),
        (("x.csv", "--user", "me"), "--user is for servers"),
        (("x.csv", "--certificate", "me.der"), "--certificate is for servers"),
    ],
)
def test_options_of_the_other_kind_of_source_are_refused(words: tuple[str, ...], told: str, capsys: Capture) -> None:
    assert main(["history", "import", "plant.yaml", *words]) == 2
    assert told in capsys.readouterr().err


def test_the_span_of_a_server_is_of_the_zone_and_modes_are_known_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[argparse.Namespace] = []

    async def note(arguments: argparse.Namespace) -> int:
        asked.append(arguments)
        return 0

    monkeypatch.setattr("server.cli.history_import_server.import_server", note)
    words = (*SERVER, "--zone", "Europe/Berlin", "--to", "2026-07-02", "--security", "none")
    assert main(["history", "import", "plant.yaml", *words]) == 0
    (arguments,) = asked
    assert (arguments.start, arguments.end) == (from_iso("2026-06-30T22:00:00Z"), from_iso("2026-07-01T22:00:00Z"))
    assert arguments.security == "None"


@pytest.mark.parametrize("url", ["opc.tcp://plc:48x0", "opc.tcp://plc:99999", "opc.tcp://plc", "opc.tcp://:4840"])
def test_a_url_without_host_or_port_is_told(url: str, capsys: Capture) -> None:
    assert main(["history", "import", "plant.yaml", url, *SERVER[1:]]) == 1
    assert f"{url}: this names no host and port" in capsys.readouterr().err


def test_the_help_names_the_decimal_sign(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["history", "import", "--help"])
    assert "--decimal SIGN" in capsys.readouterr().out
