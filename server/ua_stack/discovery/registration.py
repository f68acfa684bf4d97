"""Keeps the gateway registered with a Local Discovery Server (Part 4 v1.05 5.5.5.1)."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from core.backoff import Backoff
from core.time import now
from server.ua_stack.discovery.discovery_server import DiscoveryServer, Registered
from server.ua_stack.discovery.peer_channel import PeerError

_log = logging.getLogger("plantspace.discovery")
_FIRST_WAIT = 1.0
_EARLIEST = 0.8
"""Part of the period after which a renewal may come: a hundred gateways that start together do not stay together."""
_GOES_WITHIN = 5.0
"""Seconds that a clean stop waits for the discovery server."""


class RegistrationState(StrEnum):
    """Where the registration stands."""

    STARTING = "starting"
    REGISTERED = "registered"
    FAILING = "failing"
    GONE = "gone"


@dataclass(slots=True)
class RegistrationHealth:
    """For Diagnostics. ``last``: DateTime ticks of the last success, 0 for none; ``error``: empty while all is well."""

    url: str
    state: RegistrationState = RegistrationState.STARTING
    registrations: int = 0
    failures: int = 0
    last: int = 0
    error: str = ""


class Registration:
    """Registers in the background: a discovery server that is away holds nobody up."""

    def __init__(self, server: DiscoveryServer, registered: Callable[[], Registered]) -> None:
        """``registered``: gives what is registered, as it is at that moment."""
        self._server = server
        self._registered = registered
        self._every = server.settings.every
        self._backoff = Backoff(first=min(_FIRST_WAIT, self._every), longest=self._every)
        self._task: asyncio.Task[None] | None = None
        self.health = RegistrationHealth(server.settings.url)

    async def start(self) -> None:
        """Begin to register."""
        self._task = asyncio.create_task(self._run(), name="registration")

    async def stop(self) -> None:
        """Take the registration back, if there is one, and register no more. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not self.health.registrations:
            return
        try:
            async with asyncio.timeout(_GOES_WITHIN):
                await self._server.register(self._registered(), online=False)
        except (PeerError, TimeoutError) as error:
            _log.warning("the registration at %s could not be taken back: %s", self.health.url, error)
        else:
            self._enter(RegistrationState.GONE)
            _log.info("no longer registered at %s", self.health.url)

    async def _run(self) -> None:
        while True:
            wait = await self._try()
            await asyncio.sleep(wait)

    async def _try(self) -> float:
        """Register once; give how long to wait, in seconds."""
        health = self.health
        try:
            await self._server.register(self._registered(), online=True)
        except PeerError as error:
            self._failed(str(error))
            return self._backoff.next()
        except Exception as error:  # noqa: BLE001 - it is told, and what else the gateway does goes on
            _log.exception("the registration at %s failed", health.url)
            self._failed(repr(error))
            return self._backoff.next()
        health.registrations += 1
        health.last = now()
        self._backoff.reset()
        if health.state is not RegistrationState.REGISTERED:
            self._enter(RegistrationState.REGISTERED)
            _log.info("registered at %s", health.url)
        return random.uniform(self._every * _EARLIEST, self._every)  # noqa: S311 - jitter, no secret

    def _failed(self, reason: str) -> None:
        health = self.health
        health.failures += 1
        if health.state is not RegistrationState.FAILING or reason != health.error:
            _log.warning("not registered at %s, and tried again: %s", health.url, reason)
        self._enter(RegistrationState.FAILING, reason)

    def _enter(self, state: RegistrationState, error: str = "") -> None:
        self.health.state, self.health.error = state, error
