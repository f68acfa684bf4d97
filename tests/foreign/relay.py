"""Clients of other hands that send the services of OPC UA Part 4 as they are told: node-opcua and gopcua.

Each runs in a process of its own, ``relay.js`` or ``go/relay.go``, which encodes a request, sends it in its own session
and tells what came back. Requests and answers are named as in Part 4, in JSON: see the head of ``relay.js``.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.client import need_node

_FOLDER = Path(__file__).resolve().parent
ANSWERS_WITHIN = 60.0
BUILT_WITHIN = 200.0

Answer = dict[str, Any]


class RelayError(Exception):
    """What a client says went wrong on its own side: nothing that the server has answered."""


class Relay:
    """A client's process; a thread reads its answers. Ends with :meth:`stop`."""

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        """Start it. ``folder``: where the client keeps its certificates and says what troubles it."""
        self._folder = folder
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        with (folder / "relay.log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self._reader = threading.Thread(target=self._read, name="relay", daemon=True)
        self._reader.start()

    def ask(self, do: str, **given: Any) -> Future[Any]:
        """Send a command; its answer comes later, or :class:`RelayError`."""
        answer: Future[Any] = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = answer
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"id": number, "do": do, **given}).encode() + b"\n")
            self._process.stdin.flush()
        return answer

    @contextmanager
    def session(self, url: str, **how: Any) -> Generator[Session]:
        """Open a session on a connection of its own; what it has subscribed ends with it.

        ``how``: ``secure``, which gopcua's relay alone knows.
        """
        name = f"session-{next(self._numbers)}"
        self.ask("open", session=name, url=url, folder=str(self._folder / "pki"), **how).result(ANSWERS_WITHIN)
        session = Session(self, name, url)
        try:
            yield session
        finally:
            if not session.closed:
                session.close()

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.startswith(b'{"'):  # node-opcua itself prints warnings
                continue
            told = json.loads(line)
            with self._lock:
                answer = self._waiting.pop(told["id"])
            if "error" in told:
                answer.set_exception(RelayError(told["error"]))
            else:
                answer.set_result(told["answer"])
        for answer in self._waiting.values():
            answer.set_exception(RelayError("the client has ended"))


class Session:
    """A session of a foreign client, and the services it calls."""

    def __init__(self, relay: Relay, name: str, url: str) -> None:
        """Use an open session."""
        self._relay = relay
        self._name = name
        self._url = url
        self.closed = False

    def send(self, service: str, request: Mapping[str, Any]) -> Future[Answer]:
        """Call a service and do not wait. The answer has ``result``, and the rest where that is Good."""
        return self._relay.ask("call", session=self._name, service=service, request=request)

    def call(self, service: str, **request: Any) -> Answer:
        """Call a service and give its answer."""
        return self.send(service, request).result(ANSWERS_WITHIN)

    def watch(self, node: str, size: int) -> Any:
        """Let the client's own subscription loop watch a node; give the first value."""
        return self._relay.ask("watch", session=self._name, url=self._url, node=node, size=size).result(ANSWERS_WITHIN)

    def watched(self, count: int) -> list[Any]:
        """Give the values that the client's own loop has delivered, once they are ``count``."""
        return self._relay.ask("watched", session=self._name, count=count).result(ANSWERS_WITHIN)

    def close(self) -> None:
        """Close it with its subscriptions, and its connection."""
        self.closed = True
        self._relay.ask("close", session=self._name).result(ANSWERS_WITHIN)


@contextmanager
def node_relay(folder: Path) -> Generator[Relay]:
    """Run node-opcua's client; skips where there is none."""
    yield from _running([need_node(), _FOLDER / "relay.js"], folder)


@contextmanager
def go_relay(folder: Path) -> Generator[Relay]:
    """Build and run gopcua's client; skips where there is no Go, or no way to get the module."""
    yield from _running([_built(folder)], folder)


def _running(command: Sequence[str | Path], folder: Path) -> Generator[Relay]:
    relay = Relay(command, folder)
    try:
        yield relay
    finally:
        relay.stop()


def _built(folder: Path) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed: no gopcua client to talk to")
    fetched = _go([go, "mod", "download"])
    if fetched.returncode:
        pytest.skip(f"gopcua cannot be fetched: {fetched.stderr.strip()}")
    program = folder / "relay"
    built = _go([go, "build", "-o", str(program), "."])
    assert built.returncode == 0, built.stderr
    return program


def _go(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=_FOLDER / "go",
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        timeout=BUILT_WITHIN,
        check=False,
    )
