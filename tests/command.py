"""The ``plantspace`` command in a process of its own, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-P", "-m", "plantspace"]


def environment(**more: str) -> dict[str, str]:
    """Give an environment in which the checkout's ``plantspace`` is found from any folder."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "packaging")))
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PYTHONPATH")}
    return {**kept, "PYTHONPATH": path, "PYTHONWARNINGS": "error", **more}


def plantspace(
    *arguments: str, cwd: Path | None = None, timeout: float = 60.0, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. ``more``: variables of its environment."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Running:
    """A command that goes on. Its standard error goes to ``errors``, its standard output is read line by line."""

    def __init__(self, *arguments: str, errors: Path, cwd: Path | None = None, **more: str) -> None:
        """Start it."""
        self._errors = errors
        with errors.open("wb") as stream:
            self.process = subprocess.Popen(
                [*COMMAND, *arguments],
                cwd=cwd,
                env=environment(**more),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                bufsize=1,
            )

    def line(self) -> str:
        """Give the next line of its standard output, empty at the end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def until_line(self, wanted: str) -> str:
        """Read on until a line that holds ``wanted`` and give it."""
        while line := self.line():
            if wanted in line:
                return line
        message = f"{wanted!r} was never said; standard error: {self.errors()}"
        raise AssertionError(message)

    def errors(self) -> str:
        """What it has said on standard error."""
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def end(self) -> None:
        """Kill it if it is still there, and let go of its output."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
