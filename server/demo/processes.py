"""The demo's other processes: started here, and ended with this process however it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import plantspace
import server
from core.errors import PlantspaceError

STARTS_WITHIN = 30.0
_ENDS_WITHIN = 5.0


class DemoError(PlantspaceError):
    """The demo cannot be set up here; the message says why and what mends it."""


class DeviceProcess:
    """One ``plantspace demo-device`` in a session of its own: a Ctrl-C at the terminal reaches the demo alone.

    It ends when its standard input does, and the kernel closes that whatever ends the demo.
    """

    def __init__(self, name: str) -> None:
        """Name the device; nothing runs before :meth:`start`."""
        self.name = name
        self._process: asyncio.subprocess.Process | None = None

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *arguments: str) -> int:
        """Start it and give the port that it listens at. Raises :class:`DemoError`."""
        command = [sys.executable, "-P", "-m", "plantspace", "demo-device", self.name, *arguments]
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, env=_environment(), start_new_session=True
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(STARTS_WITHIN):
                line = await self._process.stdout.readline()
        if not line.strip().isdigit():
            await self.stop()
            message = f"the demo's {self.name} did not start within {STARTS_WITHIN:.0f} s"
            raise DemoError(message)
        return int(line)

    async def stop(self) -> None:
        """End it; safe twice and before :meth:`start`."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101 - asked for in start
        process.stdin.close()
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _environment() -> dict[str, str]:
    """Let the child find this very Plantspace, from wherever it was imported (a wheel or a checkout)."""
    folders = [str(Path(str(package.__file__)).parents[1]) for package in (server, plantspace)]
    before = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([*folders, *([before] if before else [])])}
