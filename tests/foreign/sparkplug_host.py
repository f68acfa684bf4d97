"""A Sparkplug host of other hands in another process, as a test drives it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until

_FOLDER = Path(__file__).resolve().parent
_LIBRARY = "sparkplug-payload"


class SparkplugHost:
    """What the host has seen: a dictionary a message, as sparkplug_host.js prints it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.seen: list[dict[str, Any]] = []

    async def follow(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.seen.append(json.loads(line))

    async def ask(self, do: str, **given: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **given}).encode() + b"\n")
        await self._process.stdin.drain()

    def of(self, verb: str) -> list[dict[str, Any]]:
        return [one for one in self.seen if one["verb"] == verb]

    def values(self, verb: str, metric: str) -> list[dict[str, Any]]:
        """Give each value of a metric in messages of one kind, in order."""
        return [told for one in self.of(verb) for name, told in one["metrics"] if name == metric]


@asynccontextmanager
async def sparkplug_host(url: str, group: str, node: str, host: str = "mes") -> AsyncGenerator[SparkplugHost]:
    """Start a host that listens once it is given, and end it. Skips the test where node or the library is missing."""
    program = shutil.which("node")
    if program is None or not (_FOLDER / "node_modules" / _LIBRARY).is_dir():
        pytest.skip(f"node or {_LIBRARY} is not installed: run `npm install` in tests/foreign")
    process = await asyncio.create_subprocess_exec(
        program,
        str(_FOLDER / "sparkplug_host.js"),
        *(url, group, node, host),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    made = SparkplugHost(process)
    following = asyncio.create_task(made.follow())
    try:
        await until(lambda: made.of("ready"), seconds=60)
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await following
