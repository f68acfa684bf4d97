from __future__ import annotations

import io
import logging
import sys
import threading

import pytest

from server.cli.logs import logging_to_stderr

_own = logging.getLogger("plantspace.test")
_other = logging.getLogger("somelibrary")


def test_plantspace_logs_from_the_level_on_and_libraries_their_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr("info"):
        _own.debug("too fine")
        _own.info("mine")
        _other.info("not wanted")
        _other.warning("theirs")
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split(" ", 2)[2] for line in said.err.splitlines()] == [
        "INFO plantspace.test: mine",
        "WARNING somelibrary: theirs",
    ]


@pytest.mark.parametrize(("level", "traces"), [("error", 0), ("debug", 1)])
def test_tracebacks_of_libraries_are_for_those_who_debug(
    capsys: pytest.CaptureFixture[str], level: str, traces: int
) -> None:
    with logging_to_stderr(level):
        try:
            raise LookupError  # noqa: TRY301 - made to be logged
        except LookupError:
            _other.exception("something failed")
    said = capsys.readouterr().err
    assert "something failed" in said
    assert said.count("Traceback") == traces


def test_what_a_client_sends_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr("info"):
        logging.getLogger("plantspace.test").warning("from %s", "a\n2026 INFO forged \x1b[2J\u2028 müde")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.endswith("from a\\n2026 INFO forged \\x1b[2J\\u2028 müde\n")


def test_everything_is_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level, threading.active_count()
    with logging_to_stderr("debug"):
        pass
    assert (root.handlers, root.level, threading.active_count()) == before
    assert capsys.readouterr().err == ""


class _Stopped(io.StringIO):
    """A terminal that takes nothing until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        self.goes_on.wait(60)
        return super().write(text)


def test_a_terminal_that_stands_still_holds_nobody_up_and_losses_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Stopped()
    monkeypatch.setattr("server.cli.logs._WAITING", 3)
    monkeypatch.setattr(sys, "stderr", screen)
    with logging_to_stderr("info"):
        for number in range(10):
            _own.info("line %d", number)
        screen.goes_on.set()
    said = screen.getvalue().splitlines()
    assert "lines of log were dropped" in said[-1]
    dropped = int(said[-1].split()[1])
    assert dropped + len(said) - 1 == 10
    assert dropped >= 6
