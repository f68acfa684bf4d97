"""Starts the other station of :mod:`tests.unit.drivers.can.bus_peer` and talks with it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.unit.drivers.can.bus_peer import GROUP

_PROGRAM = Path(__file__).with_name("bus_peer.py")


@dataclass
class Peer:
    """The other station. ``heard``: the lines it wrote."""

    url: str
    process: asyncio.subprocess.Process
    heard: list[str] = field(default_factory=list[str])

    def send(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.heard.append(line.decode().strip())


@asynccontextmanager
async def station() -> AsyncGenerator[Peer]:
    """Run the station on a bus of its own."""
    if find_spec("msgpack") is None:
        pytest.skip("msgpack is not installed: python-can has no multicast bus without it")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(_PROGRAM), str(port), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    peer = Peer(f"udp_multicast://{GROUP}?port={port}", process)
    assert process.stdin is not None
    assert process.stdout is not None
    ready = await process.stdout.readline()
    assert ready == b"ready\n"
    listening = asyncio.create_task(peer.listen())
    try:
        yield peer
    finally:
        process.stdin.close()
        await process.wait()
        await listening
