from __future__ import annotations

import argparse

import pytest

from core.errors import DeviceError
from server.cli import main, run
from server.cli.main import _join_moments  # pyright: ignore[reportPrivateUsage] - argparse shows nothing of it

Capture = pytest.CaptureFixture[str]


def _make_run_raise(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(run, "_run", fail)


def test_our_own_errors_are_one_plain_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    _make_run_raise(monkeypatch, DeviceError("does not answer", device="plc", mend="look at its plug"))
    assert main(["run", "x", "--debug"]) == 1
    assert capsys.readouterr().err == "plantspace: plc: does not answer (look at its plug)\n"


def test_an_unexpected_error_is_one_plain_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    _make_run_raise(monkeypatch, LookupError("no\nsuch thing"))
    assert main(["run", "x"]) == 1
    said = capsys.readouterr()
    assert said.err == "plantspace: unexpected LookupError: no such thing (--debug shows where; please report it)\n"


@pytest.mark.parametrize("argv", [["--debug", "run", "x"], ["run", "x", "--debug"]])
def test_debug_stands_before_or_after_the_command(monkeypatch: pytest.MonkeyPatch, argv: list[str]) -> None:
    _make_run_raise(monkeypatch, LookupError("thing"))
    with pytest.raises(LookupError):
        main(argv)


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    _make_run_raise(monkeypatch, FileNotFoundError(2, "No such file or directory", "models/x.xml"))
    assert main(["run", "x"]) == 1
    assert capsys.readouterr().err == "plantspace: models/x.xml: no such file or directory\n"


def test_usage_errors_do_not_name_what_the_demo_runs_itself(capsys: Capture) -> None:
    assert main(["fly"]) == 2
    said = capsys.readouterr().err
    assert "invalid choice: 'fly'" in said
    assert "nodeset" in said
    assert "demo-device" not in said


def test_the_demos_own_command_is_there(capsys: Capture) -> None:
    assert main(["demo-device", "toaster"]) == 2
    assert "plantspace demo-device: error: argument name: invalid choice: 'toaster'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("-1H", "'H' is not a unit of time (hours are written 1h; units are us, ms, s, min, h, d or y)"),
        ("-5m", "'m' is not a unit of time (minutes are written 5min; units are us, ms, s, min, h, d or y)"),
        ("-3", "the duration '3' has no unit (write a unit: 100ms; units are us, ms, s, min, h, d or y)"),
        ("-2 fortnights", "'fortnights' is not a unit of time (units are us, ms, s, min, h, d or y)"),
    ],
)
def test_a_time_before_now_in_no_known_unit_is_told_what_to_write(when: str, told: str, capsys: Capture) -> None:
    assert main(["history", "query", "x", "--data", ".", "--start", when]) == 2
    assert capsys.readouterr().err.endswith(f"--start: {when!r} is no time before now, such as -1h: {told}\n")


def test_times_before_now_need_no_equals_sign() -> None:
    given = ["query", "--start", "-1.5h", "--end", "-30min", "--limit", "-1", "x"]
    assert _join_moments(given) == ["query", "--start=-1.5h", "--end=-30min", "--limit", "-1", "x"]
