"""A real Mosquitto broker in another process, on a free loopback port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

STARTS_WITHIN = 10.0
STOPS_WITHIN = 10.0

_LOOK_AGAIN = 0.02


def find_mosquitto() -> str | None:
    """Give the path of the broker's program. Debian puts it where a user's PATH does not always look."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """Give a TCP port that nothing listens on at 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """One Mosquitto with its folder. May be stopped and started again on the same port, as after an outage."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, *, port: int | None = None, persistence: bool = False) -> None:
        """Lay down the configuration in ``folder``; nothing runs before :meth:`start`.

        With ``persistence``, sessions and retained messages outlive :meth:`stop`.
        """
        self.folder = folder
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
            f"persistence {'true' if persistence else 'false'}",
            f"persistence_location {folder}/",
            # Started by root it would become the user `mosquitto`, who cannot write into a test's folder.
            *(["user root"] if os.geteuid() == 0 else []),
        ]
        self._configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def url(self) -> str:
        """The broker's address as the configuration writes it."""
        return f"mqtt://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        """What the broker has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    @property
    def _configuration(self) -> Path:
        return self.folder / "mosquitto.conf"

    @property
    def _log(self) -> Path:
        return self.folder / "mosquitto.log"

    def start(self) -> None:
        """Start it, and return once clients can connect. Raises :class:`RuntimeError` with its log if they cannot."""
        if self._process is not None:
            message = "the broker runs already"
            raise RuntimeError(message)
        program = find_mosquitto()
        if program is None:
            message = "mosquitto is not installed (apt-get install mosquitto)"
            raise RuntimeError(message)
        said = len(self.log)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-v", "-c", str(self._configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + STARTS_WITHIN
        # Its own word is awaited, not a connection: on a port already taken another process would answer.
        while not ("running" in self.log[said:] and self._answers()):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.stop()
                message = f"mosquitto {'ended' if ended else 'does not listen'} on port {self.port}:\n{self.log}"
                raise RuntimeError(message)
            time.sleep(_LOOK_AGAIN)

    def stop(self) -> None:
        """End it as an operator would: clients are cut off, what persists is written. Harmless when it does not run."""
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
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1):
                return True
        except OSError:
            return False
