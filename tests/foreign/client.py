"""node-opcua's client in another process, as a test drives it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).resolve().parent
ANSWERS_WITHIN = 60.0


class ForeignError(Exception):
    """What node-opcua says went wrong."""


class ForeignClient:
    """One client; ``ask`` sends a command of client.js and gives its answer. Raises :class:`ForeignError`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self.taken: list[dict[str, Any]] = []

    async def ask(self, do: str, **given: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **given}).encode() + b"\n")
        await self._process.stdin.drain()
        while True:
            line = await asyncio.wait_for(self._process.stdout.readline(), ANSWERS_WITHIN)
            assert line, "the client has ended"
            if line.startswith(b'{"'):  # node-opcua itself prints warnings
                told = json.loads(line)
                if "error" in told:
                    raise ForeignError(told["error"])
                return told["answer"]

    async def connect(self, url: str, **how: Any) -> Any:
        return await self.ask("connect", url=url, folder=str(self._folder / "pki"), **how)

    async def endpoints(self, url: str) -> Any:
        return await self.ask("endpoints", url=url, folder=str(self._folder / "pki"))

    async def read(self, *nodes: str) -> list[dict[str, Any]]:
        return await self.ask("read", nodes=list(nodes))

    async def notifications(self, name: str = "") -> list[dict[str, Any]]:
        """Give all notifications so far, of one item if it is named."""
        self.taken.extend(await self.ask("taken"))
        return [one for one in self.taken if not name or one.get("name") == name]


def need_node() -> str:
    """Give the path of node, or skip the test saying what is missing."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: no node-opcua client to talk to")
    if not (_FOLDER / "node_modules" / "node-opcua").is_dir():
        pytest.skip("node-opcua is not installed: run `npm install` in tests/foreign")
    return node


@asynccontextmanager
async def foreign_client(folder: Path) -> AsyncGenerator[ForeignClient]:
    """Start a client that keeps its certificates in ``folder``, and end it."""
    process = await asyncio.create_subprocess_exec(
        need_node(),
        str(_FOLDER / "client.js"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    client = ForeignClient(process, folder)
    try:
        yield client
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 60)
        except TimeoutError:
            process.kill()
            await process.wait()
