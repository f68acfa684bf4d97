from __future__ import annotations

import io
import re
import sys
import threading

import pytest

from server.cli import terminal
from server.cli.terminal import Progress, counted, paint


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def usual_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_colours_go_to_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paint("text", "red", _Terminal()) == "\x1b[31mtext\x1b[0m"
    assert paint("text", "red", io.StringIO()) == "text"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("text", "red", _Terminal()) == "text"


def test_an_empty_no_color_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert paint("text", "red", _Terminal()) != "text"


def test_a_dumb_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert paint("text", "red", _Terminal()) == "text"


@pytest.mark.parametrize(("count", "said"), [(0, "0 errors"), (1, "1 error"), (2, "2 errors")])
def test_counting(count: int, said: str) -> None:
    assert counted(count, "error") == said


class _Watched(_Terminal):
    """A terminal that says when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        self.written.set()
        return count


def test_progress_shows_after_its_patience_and_is_gone_when_done(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Watched()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "_PATIENCE", 0.01)
    monkeypatch.setattr(terminal, "_EVERY", 0.01)
    with Progress("checking plant.yaml"):
        assert screen.written.wait(60)
    said = screen.getvalue()
    assert re.search(r"checking plant\.yaml … \d+ s", said)
    assert said.endswith("\r\x1b[2K")


def test_progress_says_nothing_of_what_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "_PATIENCE", 60.0)
    with Progress("checking"):
        pass
    assert screen.getvalue() == ""


def test_progress_says_nothing_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    monkeypatch.setattr(terminal, "_PATIENCE", 0.0)
    with Progress("checking") as progress:
        assert progress._thread is None  # pyright: ignore[reportPrivateUsage] - nothing public shows it
    assert file.getvalue() == ""
