"""The URLs by which the gateway is reached: no answer ever names another host (threat 11)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from certs.machine import addresses, host_names, to_address

_LOOKS_EVERY: Final = 60.0
"""Seconds: a machine has more addresses once its network is up, and others after a move."""
_PATIENCE: Final = 2.0
"""Seconds that the start waits for names: a name server that is away is asked for longer."""
_URL: Final = re.compile(
    r"opc\.tcp://(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?(?:/.*)?", re.DOTALL
)
_STANDARD_PORT: Final = 4840
_HIGHEST_PORT: Final = 65_535
_MOST_TOLD: Final = 8
"""DiscoveryUrls in an answer: each EndpointDescription repeats them all."""


@dataclass(frozen=True, slots=True)
class MachineNames:
    """By what the machine is known: ``names`` (``localhost`` among them) and ``addresses``, as text."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]

    @classmethod
    def read(cls) -> MachineNames:
        """Ask the machine. Blocks on name resolution."""
        return cls(host_names(), tuple(map(str, addresses())))


class OwnUrls:
    """Knows which hosts are this gateway's, and looks again every minute once started.

    A host is one of ours if it is the configured one, one of ``more``, or a name or address of the machine.
    """

    def __init__(
        self, url: str, more: Sequence[str] = (), read: Callable[[], MachineNames] = MachineNames.read
    ) -> None:
        """``url``: of the endpoint, as it listens; ``more``: names and addresses that others give it, as NAT does."""
        self._more = tuple(more)
        self._read = read
        self._machine = MachineNames(("localhost",), ("127.0.0.1",))
        self._task: asyncio.Task[None] | None = None
        self.on_change: Callable[[], None] | None = None
        """Called when other hosts are ours."""
        self._take(url)

    def listen(self, url: str) -> None:
        """Take the URL that the endpoint listens on, once its port is known."""
        self._take(url)
        if self.on_change is not None:
            self.on_change()

    def _take(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or _STANDARD_PORT
        self._path = parts.path
        self._settle()

    async def start(self) -> None:
        """Ask the machine for its names, and go on doing so; who resolves them slowly is not waited for long."""
        asked = asyncio.Event()
        self._task = asyncio.create_task(self._look(asked), name="own names")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), _PATIENCE)

    async def stop(self) -> None:
        """Ask no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def first(self) -> str:
        """The URL for whoever says nothing of how it got here."""
        return self.told[0]

    def knows(self, url: str | None) -> bool:
        """Tell whether a client's URL names a host of ours."""
        return self._parts(url) is not None

    def answer(self, *asked: str | None) -> str:
        """Give the URL to answer with: the first of those asked whose host is ours, else the first of ours.

        Its port is the client's own, which another machine may have forwarded to ours; its path is always ours.
        """
        for url in asked:
            parts = self._parts(url)
            if parts is not None:
                return self._url(*parts)
        return self.first

    def discovery_urls(self, answer: str) -> tuple[str, ...]:
        """Give the DiscoveryUrls, those of the answer first."""
        return tuple(dict.fromkeys((answer, *self.told)))[:_MOST_TOLD]

    def _parts(self, url: str | None) -> tuple[str, int] | None:
        match = _URL.fullmatch(url) if url else None
        if match is None:
            return None
        host = _key(match[1].strip("[]"))
        port = int(match[2] or _STANDARD_PORT)
        return (host, port) if host in self._ours and 0 < port <= _HIGHEST_PORT else None

    def _url(self, host: str, port: int) -> str:
        return f"opc.tcp://{f'[{host}]' if ':' in host else host}:{port}{self._path}"

    def _settle(self) -> None:
        """Make the list of hosts, and of URLs that others may be told."""
        machine, address = self._machine, to_address(self._host)
        is_everywhere = not self._host or (address is not None and address.is_unspecified)
        own = (*(() if is_everywhere else (self._host,)), *self._more)
        self._ours = frozenset(map(_key, (*own, *machine.names, *machine.addresses)))
        lasting = [name for name in machine.names if name != "localhost"]
        lasting += [each for each in machine.addresses if not _is_loopback(each)]
        # A host that others cannot reach is told only where there is no other.
        hosts = (*own, *lasting) if is_everywhere else own
        self.told: tuple[str, ...] = tuple(self._url(_key(host), self._port) for host in hosts or ("localhost",))
        self.told = self.told[:_MOST_TOLD]

    def _learn(self, machine: MachineNames) -> None:
        if machine == self._machine:
            return
        self._machine = machine
        self._settle()
        if self.on_change is not None:
            self.on_change()

    async def _look(self, asked: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(OSError):  # no network for a moment: what was known stays so
                self._learn(await asyncio.to_thread(self._read))
            asked.set()
            await asyncio.sleep(_LOOKS_EVERY)


def _key(host: str) -> str:
    """Write a host as all that mean it do: a name in small letters, an address in its shortest form."""
    address = to_address(host)
    return str(address) if address is not None else host.casefold().rstrip(".")


def _is_loopback(text: str) -> bool:
    address = to_address(text)
    return address is not None and address.is_loopback
