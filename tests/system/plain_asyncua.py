"""asyncua's server without anything of ours, to see that an attack is one; and how much memory a process took."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.broker import free_port
from tests.command import ROOT, environment

_PROCESS = Path(__file__).with_name("plain_asyncua_process.py")
_READY_WITHIN = 60.0
_KILOBYTE = 1024


class Memory:
    """The most that a process takes from now on, beyond what it has now. Bytes."""

    def __init__(self, process: int | str = "self") -> None:
        self._folder = Path("/proc") / str(process)
        (self._folder / "clear_refs").write_text("5", encoding="ascii")  # the peak begins anew (proc(5))
        self._before = self._told("VmRSS")

    @property
    def taken(self) -> int:
        return self._told("VmHWM") - self._before

    def _told(self, name: str) -> int:
        for line in (self._folder / "status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * _KILOBYTE
        message = f"the process tells no {name}"
        raise AssertionError(message)


class PlainServer:
    """One server in another process; its variable ``ns=1;s=Name`` is a String that anybody writes."""

    def __init__(self, url: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.url = url
        self.pid = process.pid
        self._log = log

    @property
    def log(self) -> str:
        """What it said on standard error."""
        return self._log.read_text(encoding="utf-8", errors="replace")


@asynccontextmanager
async def plain_server(folder: Path) -> AsyncGenerator[PlainServer]:
    """Start one, and end it however busy it is."""
    port, log = free_port(), folder / "plain.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_PROCESS),
            str(port),
            cwd=ROOT,
            env=environment(PYTHONWARNINGS="ignore"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_READY_WITHIN):
            assert await process.stdout.readline() == b"ready\n", log.read_text(encoding="utf-8")
        yield PlainServer(f"opc.tcp://127.0.0.1:{port}", process, log)
    finally:
        process.kill()
        await process.communicate()
