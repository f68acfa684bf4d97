"""Connects to the first of a host's addresses that answers (RFC 8305), and leaves no socket behind when it is stopped.

asyncio's own race loses a socket that is connected in the moment in which the race is cancelled.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

_NEXT_AFTER: Final = 0.25
"""Seconds after which the next address is tried beside the first (RFC 8305, 5)."""

Address = tuple[int, int, int, str, Any]
"""As getaddrinfo gives it."""


async def race(host: str, port: int) -> socket.socket:
    """Give a connected socket. Raises :class:`OSError` that says why none of the addresses answers."""
    loop = asyncio.get_running_loop()
    waiting = _by_turns(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    tries: list[asyncio.Task[socket.socket]] = []
    first: asyncio.Task[socket.socket] | None = None
    try:
        while first is None:
            running = [task for task in tries if not task.done()]
            if waiting:
                tries.append(asyncio.create_task(_connect(waiting.pop(0))))
                running.append(tries[-1])
            if not running:
                break
            timeout = _NEXT_AFTER if waiting else None
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            first = next((task for task in done if task.exception() is None), None)
        losers = [task for task in tries if task is not first]
        await _call_off(losers)
    except BaseException:
        await _call_off(tries)
        raise
    if first is None:
        raise _why(tries)
    return first.result()


async def _call_off(tries: list[asyncio.Task[socket.socket]]) -> None:
    """Stop tries and close what they have made."""
    for task in tries:
        task.cancel()
    try:
        await asyncio.gather(*tries, return_exceptions=True)
    finally:
        for task in tries:
            if not task.cancelled() and task.exception() is None:
                task.result().close()


def _by_turns(addresses: Sequence[Address]) -> list[Address]:
    """Let the families take turns, the first one's first."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    rounds = itertools.zip_longest(*families.values())
    return [address for turn in rounds for address in turn if address is not None]


async def _connect(address: Address) -> socket.socket:
    family, kind, protocol, _, where = address
    made = socket.socket(family, kind, protocol)
    try:
        made.settimeout(0)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, where)
    except BaseException:
        made.close()
        raise
    return made


def _why(tries: list[asyncio.Task[socket.socket]]) -> OSError:
    """Give one error for all tries: their number, if they agree, or all of their texts."""
    errors = [task.exception() for task in tries]
    numbers = {error.errno for error in errors if isinstance(error, OSError)}
    if len(numbers) == 1 and (number := numbers.pop()):
        return OSError(number, os.strerror(number))
    return OSError("; ".join(str(error) for error in errors) or "it has no address")
