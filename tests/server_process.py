"""A server of another maker in a process of its own: awaited, and ended as by an operator or a power cut."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_LOOK_AGAIN = 0.02


class ServerProcess:
    """One program, whose output goes to the file ``log``. May be ended and started again."""

    def __init__(self, name: str, log: Path, *, starts_within: float, stops_within: float) -> None:
        """Start nothing yet. ``name``: what messages call it."""
        self._name, self._log = name, log
        self._starts_within, self._stops_within = starts_within, stops_within
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process; 0 while none runs."""
        return self._process.pid if self._process is not None else 0

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def start(
        self, command: Sequence[str], answers: Callable[[], bool], environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it, and return once it ``answers``.

        Raises :class:`RuntimeError`, with what it has said, where it does not, has ended, or runs already.
        """
        if self._process is not None:
            message = f"{self._name} runs already"
            raise RuntimeError(message)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + self._starts_within
        while not answers():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                message = f"{self._name} {'ended' if ended else 'does not answer'}:\n{self.said}"
                raise RuntimeError(message)
            time.sleep(_LOOK_AGAIN)

    def stop(self) -> None:
        """End it as an operator would. Harmless when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(self._stops_within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
