"""The audit trail of a running gateway: records are queued on the event loop and written by a thread of their own."""

from __future__ import annotations

import asyncio
import logging
import threading
import time as clocks
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from core.backoff import Backoff
from core.errors import StoreError
from core.time import Clock, SystemClock
from server.audit.entry import Kept
from server.audit.record import AuditRecord
from server.audit.retention_rule import Retention
from server.audit.trail_file import TrailFile, Written
from server.audit.trail_records import RecordsLost, TrailStopped
from server.audit.waiting import Loss, Waiting, WaitingRecords

_log = logging.getLogger("plantspace.audit")
ROOM: Final = 10_000
"""Records that wait to be written at most."""
_PER_COMMIT: Final = 250
_LOOKS_EVERY: Final = 60.0
"""Seconds between two looks for records that are too old."""

Heard = Callable[[AuditRecord, int], None]
"""Hears of a record and when it was recorded (ticks), on the thread that recorded it."""
Stored = Callable[[Sequence[Written]], None]
"""Is given records that the disk has, on the writer's thread."""


class AuditTrail:
    """Keeps records for good. Make it early, start it before the endpoint, stop it last: it takes records until then.

    What cannot be queued or written is counted, and the count becomes a record of its own at its place in the chain.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        clock: Clock | None = None,
        *,
        server_id: str = "",
        uris: Callable[[], Sequence[str]] = tuple,
        retention: Retention | None = None,
        room: int = ROOM,
    ) -> None:
        """Keep the trail in ``folder`` (the data folder), for the gateway ``name``; nothing is opened yet.

        ``server_id``: the ServerId of all records, the name if empty. ``uris``: gives the NamespaceArray. ``room``:
        records that may wait.
        """
        self._clock: Clock = clock or SystemClock()
        self._file = TrailFile(folder, name, self._clock, server_id, uris)
        self._retention = retention or Retention()
        self._waiting = WaitingRecords(room)
        self._changed = self._waiting.changed
        self._flushes: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._stopping = self._gave_up = False
        self._ended = True
        self._thread: threading.Thread | None = None
        self._heard: list[Heard] = []
        self._stored: list[Stored] = []
        self._backoff = Backoff(0.5, longest=30.0)
        self.written = 0
        """Records written since the start."""

    @property
    def lost(self) -> int:
        """Records lost since the start."""
        return self._waiting.lost

    def on_record(self, heard: Heard) -> None:
        """Tell ``heard`` of every record at once."""
        self._heard.append(heard)

    def on_written(self, stored: Stored) -> None:
        """Give ``stored`` what the disk has; it must not block."""
        self._stored.append(stored)

    async def start(self) -> None:
        """Open the trail and begin to write. Raises :class:`~core.errors.StoreError`; then nothing is open."""
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = self._ended = self._gave_up = False
        self._waiting.open()
        self._thread = threading.Thread(
            target=self._work, args=(asyncio.get_running_loop(), opened), name="audit-trail"
        )
        self._thread.start()
        try:
            await opened
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Write what waits, say in the trail that it stops, and close it. Safe twice and before :meth:`start`."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with self._changed:
            self._stopping = True
            self._changed.notify()
        await asyncio.to_thread(thread.join)

    async def flush(self) -> None:
        """Return when everything recorded so far is on the disk, or the trail is closed."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._changed:
            if self._ended:
                return
            self._flushes.append((loop, done))
            self._changed.notify()
        await done

    def record(self, record: AuditRecord) -> None:
        """Queue a record; takes microseconds and never raises. Call it on the event loop's thread."""
        moment = self._clock.now()
        try:
            self._waiting.put(record, moment)
        except Exception:  # noqa: BLE001 - a record that is wrong must not fail what it tells of
            _log.exception("a record of the type %s is wrong", type(record).__name__)
            self._waiting.lose(moment)
            return
        for heard in self._heard:
            try:
                heard(record, moment)
            except Exception:  # noqa: BLE001 - as above
                _log.exception("a record of the type %s could not be told", type(record).__name__)

    def _work(self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None]) -> None:
        try:
            written = self._file.open()
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller of start() is told
            self._end()
            loop.call_soon_threadsafe(_settle, opened, error)
            return
        loop.call_soon_threadsafe(_settle, opened, None)
        self._tell(written)
        try:
            self._write_all()
        finally:
            self._file.close()
            self._end()

    def _write_all(self) -> None:
        looked = -_LOOKS_EVERY
        while True:
            if clocks.monotonic() - looked >= _LOOKS_EVERY:
                looked = clocks.monotonic()
                self._cut()
            with self._changed:
                self._changed.wait_for(self._has_work, _LOOKS_EVERY)
                flushes, self._flushes = self._flushes, []
                stopping = self._stopping
            self._drain()
            for one in flushes:
                _wake(*one)
            if stopping:
                self._drain()
                if not self._gave_up:
                    self._append([self._keep(TrailStopped(), self._clock.now())])
                return

    def _has_work(self) -> bool:
        return bool(self._waiting or self._flushes or self._stopping)

    def _drain(self) -> None:
        while not self._gave_up and (batch := self._waiting.take(_PER_COMMIT)):
            self._append([self._kept(one) for one in batch])

    def _kept(self, one: Waiting | Loss) -> Kept:
        return self._keep(one.record, one.time) if isinstance(one, Waiting) else self._lost_record(one)

    def _keep(self, record: AuditRecord, moment: int) -> Kept:
        try:
            return self._file.keep(record, moment)
        except Exception:  # noqa: BLE001 - its values are of a wrong type: that there was one is kept all the same
            _log.exception("a record of the type %s could not be written", type(record).__name__)
            self._waiting.lost += 1
            text = f"a record of the type {type(record).__name__} could not be written"
            return self._file.keep(RecordsLost(lost=1, first_time=moment, last_time=moment, message=text), moment)

    def _lost_record(self, loss: Loss) -> Kept:
        text = f"{loss.lost} records were lost: they came faster than they could be written"
        lost = RecordsLost(lost=loss.lost, first_time=loss.first, last_time=loss.last, message=text)
        return self._file.keep(lost, loss.last)

    def _append(self, batch: list[Kept]) -> None:
        """Write until the disk takes it; at the stop it is tried once, and what waits behind it not at all."""
        told = ""
        while True:
            try:
                written = self._file.append(batch)
            except StoreError as error:
                if str(error) != told:
                    told = str(error)
                    _log.error("audit records cannot be written, they wait in memory: %s", error)
            else:
                self._backoff.reset()
                self._tell(written)
                return
            with self._changed:
                if self._stopping:
                    self._gave_up = True
                    self._waiting.lost += len(batch)
                    _log.error("%d audit records are lost: %s", len(batch), told)
                    return
                self._changed.wait_for(lambda: self._stopping, self._backoff.next())

    def _cut(self) -> None:
        try:
            while written := self._file.cut(self._retention):
                self._tell(written)
        except StoreError as error:
            _log.error("old audit records cannot be removed: %s", error)

    def _tell(self, written: Sequence[Written]) -> None:
        self.written += len(written)
        for stored in self._stored:
            try:
                stored(written)
            except Exception:  # noqa: BLE001 - the trail goes on, whoever listens
                _log.exception("audit records could not be handed on")

    def _end(self) -> None:
        left = self._waiting.close()
        if left:
            _log.error("%d audit records are lost: the trail was closed before they were written", left)
        with self._changed:
            self._ended = True
            flushes, self._flushes = self._flushes, []
        for one in flushes:
            _wake(*one)


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _wake(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle, future, None)
