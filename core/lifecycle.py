"""Life of a component: started in order, stopped in the reverse one, whatever happens in between.

``stop`` is safe before ``start``, and twice. A ``start`` that raises has cleaned up after itself.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

_log = logging.getLogger("plantspace.lifecycle")


class Component(Protocol):
    """Something with a life of its own."""

    async def start(self) -> None:
        """Come up; returns when ready to serve. Raises a :class:`~core.errors.PlantspaceError` that says why not."""
        ...

    async def stop(self) -> None:
        """Go down: flush, release everything owned. Never raises for being down already."""
        ...


class Lifecycle:
    """Owns components: starts them in order, and stops those started in reverse."""

    def __init__(self) -> None:
        """Begin with nothing started."""
        self._started: list[tuple[str, Component]] = []

    async def start(self, name: str, component: Component) -> None:
        """Start one component and take it over. Its error is raised on; those started before stay for :meth:`stop`.

        A component that failed has cleaned up after itself; one that was cancelled half-way could not, and is stopped.
        """
        try:
            await component.start()
        except asyncio.CancelledError:
            await self._stop(name, component)
            raise
        self._started.append((name, component))

    async def stop(self) -> None:
        """Stop everything, last started first. One that fails to stop is logged and does not keep the others up."""
        while self._started:
            await self._stop(*self._started.pop())

    @staticmethod
    async def _stop(name: str, component: Component) -> None:
        try:
            await component.stop()
        except Exception:  # noqa: BLE001 - the others must still be stopped
            _log.exception("%s did not stop cleanly", name)
