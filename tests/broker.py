"""A real Mosquitto broker in another process, on a free loopback port."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.server_process import ServerProcess

STARTS_WITHIN = 60.0
STOPS_WITHIN = 60.0


def find_mosquitto() -> str | None:
    """Give the path of the broker's program. Debian puts it where a user's PATH does not always look."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


# Below those that the kernel gives to connections and to whoever listens on any port: what is free stays so until it is
# used, but for another process of tests, which begins elsewhere.
_FIRST_PORT, _PORTS = 10_000, 20_000
_next_ports = itertools.count(random.randrange(_PORTS))


def free_port() -> int:
    """Give a TCP port that nothing listens on at 127.0.0.1 now, another one at each call."""
    for number in itertools.islice(_next_ports, _PORTS):
        port = _FIRST_PORT + number % _PORTS
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = "no port is free"
    raise RuntimeError(message)


class Broker:
    """One Mosquitto with its folder. May be stopped and started again on the same port, as after an outage."""

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        persistence: bool = False,
        anonymous: bool = True,
        options: Sequence[str] = (),
        web_socket: Sequence[str] | None = None,
    ) -> None:
        """Lay down the configuration in ``folder``; nothing runs before :meth:`start`.

        With ``persistence``, sessions and retained messages outlive :meth:`stop`. ``options``: more lines of
        mosquitto.conf, for its listener or for all: ``certfile …``, ``max_inflight_messages 5``, ``acl_file …``.
        ``web_socket``: not None for another listener that speaks WebSocket, with such lines of its own.
        """
        self.folder = folder
        self.port = port or free_port()
        self.web_socket_port = 0 if web_socket is None else free_port()
        self._secure = any("certfile" in line for line in options)
        self._web_socket_secure = any("certfile" in line for line in web_socket or ())
        self._process = ServerProcess(
            f"mosquitto on port {self.port}",
            folder / "mosquitto.log",
            starts_within=STARTS_WITHIN,
            stops_within=STOPS_WITHIN,
        )
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} {self.host}",
            *options,
            f"allow_anonymous {'true' if anonymous else 'false'}",
            *([] if web_socket is None else [f"listener {self.web_socket_port} {self.host}", "socket_domain ipv4"]),
            *([] if web_socket is None else ["protocol websockets", *web_socket]),
            f"persistence {'true' if persistence else 'false'}",
            f"persistence_location {folder}/",
            # Started by root it would become the user `mosquitto`, who cannot write into a test's folder.
            *(["user root"] if os.geteuid() == 0 else []),
        ]
        self._configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def url(self) -> str:
        """The broker's address as the configuration writes it."""
        return f"mqtt{'s' if self._secure else ''}://{self.host}:{self.port}"

    @property
    def web_socket_url(self) -> str:
        """The address of the listener that speaks WebSocket."""
        return f"ws{'s' if self._web_socket_secure else ''}://{self.host}:{self.web_socket_port}/mqtt"

    @property
    def log(self) -> str:
        """What the broker has said so far."""
        return self._process.said

    @property
    def _configuration(self) -> Path:
        return self.folder / "mosquitto.conf"

    def start(self) -> None:
        """Start it, and return once clients can connect. Raises :class:`RuntimeError` with its log if they cannot."""
        program = find_mosquitto()
        if program is None:
            message = "mosquitto is not installed (apt-get install mosquitto)"
            raise RuntimeError(message)
        before = len(self.log)
        # Its own word is awaited, not a connection: on a port already taken another process would answer.
        self._process.start(
            [program, "-v", "-c", str(self._configuration)],
            lambda: "running" in self.log[before:] and self._answers(),
        )

    def stop(self) -> None:
        """End it as an operator would: clients are cut off, what persists is written. Harmless when it does not run."""
        self._process.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1):
                return True
        except OSError:
            return False
