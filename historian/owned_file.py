"""A SQLite file that this process alone writes: one that writes it, one that tends it, and another in its place.

The file is opened, found damaged in use and replaced, and closed by several tasks at once; here alone is decided which
of them comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.backoff import Backoff
from core.errors import StoreCorrupt, StoreError, StoreUnavailable
from historian.contract import OpenOutcome
from historian.database import Database
from historian.threads import Reader, Writer

_log = logging.getLogger("plantspace.historian")

T = TypeVar("T")


class OwnedFile:
    """Owns the writer of ``database``, its keeper, and the reader given.

    ``tend``: a round of what keeps the file in shape, run again after the seconds it gives and when :meth:`wake` is
    called. ``begun``: called each time a file has been opened, before anything is written; ``first``: then run on it,
    before all else. ``replaces_damaged``: False where another process may be writing a file found damaged: it stays,
    and each call raises :class:`~core.errors.StoreCorrupt`.
    """

    def __init__(
        self,
        database: Database,
        reader: Reader,
        tend: Callable[[], Awaitable[float]],
        *,
        begun: Callable[[], None] | None = None,
        first: Callable[[sqlite3.Connection], None] | None = None,
        replaces_damaged: bool = True,
    ) -> None:
        """Name the file and its reader; nothing is opened before :meth:`open`."""
        self._database = database
        self._reader = reader
        self._writer = Writer(database)
        self._tend = tend
        self._begun = begun
        self._first = first
        self._replaces_damaged = replaces_damaged
        self._changing = asyncio.Lock()
        """Held while the file is opened, replaced or closed."""
        self._generation = 0
        """How many files have been begun in the place of damaged ones: an error tells of the one it was met in."""
        self._is_open = False
        self._distrusted: bool = False
        """The file was found damaged in use, and no new one could be begun yet."""
        self._due = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> OpenOutcome:
        """Open or begin the file; a damaged one is set aside.

        Raises :class:`~core.errors.StoreUnavailable`, and :class:`~core.errors.StoreCorrupt` where a damaged one stays;
        then nothing is left open.
        """
        async with self._changing:
            self._is_open = True
            return await self._open(distrust=False)

    async def close(self) -> None:
        """Release everything; safe twice and before :meth:`open`."""
        async with self._changing:
            self._is_open = False
            await self._close()

    def wake(self) -> None:
        """Have the file tended soon."""
        self._due.set()

    async def run(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Write (:meth:`historian.threads.Writer.run`); a file found damaged is left to :meth:`write` and its next."""
        generation = self._generation
        try:
            return await self._writer.run(change)
        except StoreCorrupt:
            if generation == self._generation:
                self._distrusted = self._replaces_damaged
            raise

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Write what must be kept: a file found damaged is replaced by a new one, and ``change`` goes into that."""
        if self._distrusted:
            await self._replace(self._generation)
        generation = self._generation
        try:
            return await self._writer.run(change)
        except StoreCorrupt:
            if not self._replaces_damaged:
                raise
            await self._replace(generation)
            return await self._writer.run(change)

    async def _open(self, *, distrust: bool) -> OpenOutcome:
        try:
            outcome = OpenOutcome(await self._reader.prepare(distrust=distrust, replaces=self._replaces_damaged))
            if self._begun is not None:
                self._begun()
            await self._writer.start()
            if self._first is not None:
                await self._writer.run(self._first)
        except BaseException:
            await self._close()  # whoever tries again begins with threads of its own
            raise
        self._due.set()
        self._keeper = asyncio.create_task(self._keep(), name=f"{self._database.path.name}-keeper")
        return outcome

    async def _close(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        await self._writer.stop()
        await self._reader.stop()

    async def _replace(self, generation: int) -> None:
        """Begin a new file in the place of one found damaged in use; asked for again where that fails half way.

        ``generation``: which one it was: of several that meet the damage, the first replaces it for all.
        """
        self._distrusted = self._distrusted or generation == self._generation
        async with self._changing:
            if generation != self._generation:
                return
            if not self._is_open:
                message = f"{self._database.path}: it is not open"
                raise StoreUnavailable(message)
            await self._close()
            await self._open(distrust=True)
            self._generation += 1
            self._distrusted = False

    async def _keep(self) -> None:
        """Tend the file again and again; a locked or full disk is tried again later."""
        path = self._database.path
        backoff = Backoff()
        while True:
            self._due.clear()  # before: what comes while the file is tended is for the next round
            try:
                pause = await self._tend()
                backoff.reset()
            except StoreCorrupt as error:
                self._distrusted = self._replaces_damaged
                then = "it is set aside with what is written next" if self._distrusted else "it stays"
                _log.error("%s; %s", error, then)
                return
            except StoreError as error:
                _log.warning("%s is not being kept in shape for now: %s", path.name, error)
                await asyncio.sleep(backoff.next())  # whatever comes meanwhile: that would be no back-off
                continue
            except Exception:  # noqa: BLE001 - what nobody foresaw must not end merging and retention for ever
                _log.exception("%s could not be kept in shape in a way that was not foreseen", path)
                await asyncio.sleep(backoff.next())
                continue
            # not wait_for: before Python 3.12 it loses a cancellation that comes together with the event
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._due.wait()
