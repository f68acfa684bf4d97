"""Ends the connections of clients whose certificate is trusted no longer, without waiting for their keys to end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from random import uniform
from typing import Final, Protocol

from certs.verdict import Verdict
from server.ua_stack.frames import TransportError

_log = logging.getLogger("plantspace.endpoint")
EVERY: Final = 5.0
"""Seconds between two looks at the trust list."""
_ROUNDS: Final = 2
"""Looks at the connections after a change: a channel may have been let in just before it, and be open just after."""


class ClientConnection(Protocol):
    """A connection that has a client's certificate, or none."""

    @property
    def client_chain(self) -> list[bytes]:
        """The certificate that the client proved to own and its issuers, DER; empty where there is none."""
        ...

    def distrust(self, verdict: Verdict) -> None:
        """End it, because of ``verdict``."""
        ...


class TrustFollower:
    """Looks whether the trust list has changed, and judges all who are connected anew if it has.

    A certificate that has only expired is met when its channel is renewed, an hour later at most.
    """

    def __init__(
        self,
        stamp: Callable[[], object],
        judge: Callable[[bytes], Awaitable[Verdict]],
        connections: Callable[[], Sequence[ClientConnection]],
        every: float = EVERY,
    ) -> None:
        """``stamp``: another value once the lists have changed, blocks on files; ``judge``: of a chain, DER.

        ``judge`` raises :class:`TransportError` where it has too much to do.
        """
        self._stamp_of = stamp
        self._judge = judge
        self._connections = connections
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow from now on. Raises :class:`OSError` where the lists cannot be looked at."""
        seen = await asyncio.to_thread(self._stamp_of)
        self._task = asyncio.create_task(self._follow(seen), name="trust list")

    async def stop(self) -> None:
        """Follow no longer; safe twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self, seen: object) -> None:
        failing, rounds = "", 0
        while True:
            await asyncio.sleep(self._every * uniform(0.9, 1.1))  # noqa: S311 - so that gateways do not move in step
            try:
                stamp = await asyncio.to_thread(self._stamp_of)
                if stamp != seen:
                    seen, rounds = stamp, _ROUNDS
                if rounds:
                    await self._judge_all()
                    rounds -= 1
                failing = ""
            except (OSError, TransportError) as error:  # the next look tries again
                if str(error) != failing:
                    _log.warning("whether connected clients are still trusted cannot be seen: %s", error)
                failing = str(error)

    async def _judge_all(self) -> None:
        for connection in tuple(self._connections()):
            chain = connection.client_chain
            if chain:
                verdict = await self._judge(b"".join(chain))
                if not verdict.is_good:
                    connection.distrust(verdict)
