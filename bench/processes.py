"""The processes of a benchmark: started, asked, and always ended."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ENDS_WITHIN = 20.0


def memory_bytes() -> int:
    """Give this process's resident memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def free_port() -> int:
    """Give a free TCP port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child that speaks JSON lines, or just runs."""

    def __init__(self, command: Sequence[str], *, speaks: bool = True) -> None:
        """Start it."""
        self._hears = False
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE if speaks else subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> Self:
        """Own the child."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        if self.child.poll() is None:
            if self._hears and self.child.stdin is not None:
                self.child.stdin.close()
            else:
                self.child.terminate()
            try:
                self.child.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            if stream is not None and not stream.closed:
                stream.close()

    def line(self) -> str:
        """Give its next line. Raises :class:`RuntimeError` when it ended instead."""
        if self.child.stdout is None:
            message = "this child says nothing"
            raise RuntimeError(message)
        line = self.child.stdout.readline()
        if not line:
            message = f"{self.child.args} ended with {self.child.wait()}"
            raise RuntimeError(message)
        return line

    def ask(self, word: str = "sample") -> dict[str, Any]:
        """Send a line and give the JSON line that answers."""
        if self.child.stdin is None:
            message = "this child hears nothing"
            raise RuntimeError(message)
        self._hears = True
        self.child.stdin.write(f"{word}\n")
        self.child.stdin.flush()
        return json.loads(self.line())

    def finish(self) -> dict[str, Any]:
        """Wait for its end and give the JSON that it printed."""
        out, _ = self.child.communicate()
        return json.loads(out)

    @property
    def cpu_seconds(self) -> float:
        """Give the CPU time that it has used."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def module(name: str, *arguments: object) -> list[str]:
    """Give the command line of one of our modules."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def subscriber(url: str, groups: Sequence[tuple[str, int, str]], seconds: float, **more: float) -> list[str]:
    """Give the command line of :mod:`bench.subscriber`; ``more``: fields of its ``Wanted``."""
    return module("bench.subscriber", url, json.dumps({"groups": groups, "seconds": seconds, **more}))


@contextmanager
def work_folder() -> Generator[Path, None, None]:
    """Give a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="plantspace-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def slow_points(folder: Path, count: int) -> Path:
    """Lay down the configuration of a gateway with Double points ``sim-1.t0 …`` that change once a second."""
    file = folder / "slow.yaml"
    file.write_text(
        f"""name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{free_port()}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
devices:
  sim-1: {{driver: simulator, scan: 1s, generate: {{count: {count}, type: Double, signal: ramp}}}}
""",
        encoding="utf-8",
    )
    return file


@contextmanager
def broker(folder: Path, settings: str = "") -> Generator[int | None, None, None]:
    """Run a Mosquitto on loopback, as it is but for ``settings``; give its port, or None where it is not installed."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{settings}\n", encoding="utf-8")
    with Process([program, "-c", str(configuration)], speaks=False):
        yield port


def cost(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, float]:
    """Give what a gateway used between two samples: share of a core, and CPU seconds."""
    cpu = float(after["cpu_seconds"]) - float(before["cpu_seconds"])
    wall = float(after["at"]) - float(before["at"])
    return {"cpu_seconds": cpu, "seconds": wall, "cores": cpu / wall}
