"""The life of the SecurityGroups in the gateway: read once, turned when their time is over, written by threads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

from core.errors import PlantspaceError
from core.time import Clock
from server.pubsub.uadp.keys import SecurityGroups
from server.pubsub.uadp.settings import UadpSecuritySettings

_log = logging.getLogger("plantspace.pubsub")

_EVERY: Final = 1.0


class KeyRotation:
    """Owns the SecurityGroups of one gateway. Nothing is read or begun before :meth:`ensure`."""

    def __init__(
        self, folder: Path, clock: Clock, on_rotated: Callable[[], Awaitable[None]], every: float = _EVERY
    ) -> None:
        """``on_rotated``: is awaited when a group goes on with another key; ``every``: seconds between two looks."""
        self.groups = SecurityGroups(folder, clock)
        self._on_rotated = on_rotated
        self._every = every
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()

    async def ensure(self, wanted: Iterable[UadpSecuritySettings]) -> None:
        """Have these SecurityGroups.

        Raises :class:`~core.errors.SettingError`, :class:`~core.errors.StoreUnavailable` and
        :class:`~core.errors.StoreCorrupt`, as :class:`~.keys.SecurityGroups` does.
        """
        groups = self.groups
        async with self._beginning:
            if self._task is None:
                await asyncio.to_thread(groups.load)
                await asyncio.to_thread(groups.tend)
                self._task = asyncio.create_task(self._tend(), name="pubsub-keys")
            for settings in wanted:
                await asyncio.to_thread(groups.ensure, settings)

    async def stop(self) -> None:
        """End. Safe twice."""
        self._stopping.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    async def _tend(self) -> None:
        failing = ""
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every)
                return
            try:
                rotated = await asyncio.to_thread(self.groups.tend)
                if rotated:
                    _log.info("the keys of %s are new", ", ".join(rotated))
                    await self._on_rotated()
                failing = ""
            except PlantspaceError as error:
                # A full disk: the keys in use stay, and the next look tries again.
                if str(error) != failing:
                    _log.error("the keys of the SecurityGroups cannot be renewed: %s", error)
                failing = str(error)
            except Exception:  # noqa: BLE001 - keys have to turn, whatever those do who are told of it
                _log.exception("a new key was not told to everybody")
