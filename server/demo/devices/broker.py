"""Mosquitto for the demo: a guardian that ends it when the demo ends, however that comes about."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from server.demo.devices.process import input_ends

_ANSWERS_WITHIN = 10.0
_LOOK_AGAIN = 0.05
_STOPS_WITHIN = 5.0
# A CONNECT without a name or password, and the CONNACK that takes it (MQTT 3.1.1, 3.1 and 3.2).
_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
_CONNACK = b"\x20\x02\x00\x00"
_DISCONNECT = b"\xe0\x00"


def find_mosquitto() -> str | None:
    """Give the broker's program. Debian puts it where a user's PATH does not always look."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


async def answers(port: int) -> bool:
    """Tell whether an MQTT broker at 127.0.0.1 lets anybody in."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_CONNECT)
                accepted = await reader.readexactly(len(_CONNACK)) == _CONNACK
                writer.write(_DISCONNECT)
                return accepted
            finally:
                writer.close()
    return False


async def serve() -> None:
    """Run Mosquitto at a free port of 127.0.0.1 until standard input ends; print the port once it answers.

    Raises :class:`OSError` where it cannot be started, :class:`TimeoutError` where it does not answer.
    """
    program = find_mosquitto()
    if program is None:
        raise FileNotFoundError(2, "mosquitto is not installed")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="plantspace-broker-") as folder:
        configuration = Path(folder, "mosquitto.conf")
        lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "persistence false"]
        if os.geteuid() == 0:  # it would become the user `mosquitto`, which may not be there
            lines.append("user root")
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")  # noqa: ASYNC240 - nothing else runs here
        silent = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(configuration), stdin=silent, stdout=silent, stderr=silent
        )
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                while not await answers(port):  # noqa: ASYNC110 - another process has no event to wait for
                    await asyncio.sleep(_LOOK_AGAIN)
            print(port, flush=True)
            await input_ends()
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOPS_WITHIN):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
