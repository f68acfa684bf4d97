"""Where frames come from at run time: a live bus or a replayed log, each read by a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import can

from core.errors import ConnectionLost
from core.time import UNIX_EPOCH_TICKS, from_unix
from drivers.can.frame import EXTENDED, Frame
from drivers.can.frame_queue import FrameQueue
from drivers.can.logs import message_frame, read_log
from drivers.can.settings import CanSettings
from drivers.can.url import LiveUrl

_LOOK_UP = 0.1
"""Seconds after which a reader looks whether it shall end."""
_SENDING = 0.5
"""Seconds that sending a frame may take."""
_HEARS_ITSELF = "udp_multicast"
_PLAUSIBLE = from_unix(946_684_800.0)  # 2000-01-01: before that a timestamp is an adapter's uptime, not a date
_WORTH_WAITING = 0.004
_IDENTIFIER = 0x1FFF_FFFF


class Link(Protocol):
    """A source of frames. ``queue`` is made by ``open``."""

    queue: FrameQueue
    strays: int

    async def open(self) -> None:
        """Begin to read. Raises :class:`~core.errors.ConnectionLost`."""
        ...

    async def close(self) -> None:
        """End the thread and free what was opened; safe twice."""
        ...


class LiveLink:
    """A bus through python-can."""

    def __init__(self, url: LiveUrl, device: str, now: Callable[[], int]) -> None:
        """Keep what is needed to open; nothing is opened yet."""
        self.strays = 0
        """Datagrams on a multicast bus that are no CAN frames."""
        self._url = url
        self._device = device
        self._now = now
        self._bus: can.BusABC | None = None
        self._thread: threading.Thread | None = None
        self._sending = asyncio.Lock()

    async def open(self) -> None:
        """Open the bus and start the reader."""
        self.queue = FrameQueue()
        opening = asyncio.ensure_future(asyncio.to_thread(self._open))
        try:
            self._bus = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_discard)
            raise
        self._thread = threading.Thread(target=self._read, name=f"can {self._device}", daemon=True)
        self._thread.start()

    def _open(self) -> can.BusABC:
        url = self._url
        try:
            return can.Bus(interface=url.interface, channel=url.channel, **url.options)  # type: ignore[arg-type]  # options are each interface's own
        except (can.CanError, OSError, ValueError) as error:
            problem = f"cannot open {url.interface} {url.channel}: {error}"
            mend = f"is it up? 'ip link show {url.channel}'" if url.interface == "socketcan" else ""
            raise ConnectionLost(problem, device=self._device, mend=mend) from error

    def _read(self) -> None:
        bus, queue = self._bus, self.queue
        if bus is None:
            return
        while not queue.closing.is_set():
            try:
                message = bus.recv(_LOOK_UP)
            except can.CanError as error:
                # A multicast bus hears every datagram sent to its port; what is no frame ends nothing.
                if self._url.interface == "udp_multicast" and not isinstance(error.__cause__, OSError):
                    self.strays += 1
                    continue
                queue.fail(f"reading failed: {error}")
                return
            except (OSError, ValueError) as error:
                queue.fail(f"reading failed: {error}")
                return
            if message is not None:
                ticks = round(message.timestamp * 10_000_000) + UNIX_EPOCH_TICKS
                frame = message_frame(message, ticks if ticks > _PLAUSIBLE else self._now())
                if frame is not None:
                    queue.put(frame)

    async def send(self, key: int, data: bytes) -> None:
        """Send a data frame. Raises :class:`~core.errors.ConnectionLost` when it cannot be given to the bus in time."""
        bus = self._bus
        if bus is None:
            problem = "the bus is not open"
            raise ConnectionLost(problem, device=self._device)
        message = can.Message(
            arbitration_id=key & _IDENTIFIER,
            is_extended_id=bool(key & EXTENDED),
            data=data,
            is_fd=len(data) > 8,  # noqa: PLR2004 - ISO 11898-1: more than 8 bytes is CAN FD
        )
        async with self._sending:
            try:
                await asyncio.to_thread(bus.send, message, _SENDING)
            except (can.CanError, OSError, ValueError) as error:
                problem = f"sending failed: {error}"
                raise ConnectionLost(problem, device=self._device) from error
        if self._url.interface != _HEARS_ITSELF:
            self.queue.put(Frame(self._now(), key, data))  # no one else tells that the signal has this value now

    async def close(self) -> None:
        """End the reader, then close the bus."""
        bus, thread = self._bus, self._thread
        self._bus = self._thread = None
        if bus is None:
            return
        self.queue.closing.set()
        await asyncio.shield(asyncio.to_thread(_end, bus, thread))


def _discard(opening: asyncio.Future[can.BusABC]) -> None:
    """Close a bus that was opened after its time was over."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().shutdown()


def _end(bus: can.BusABC, thread: threading.Thread | None) -> None:
    if thread is not None:
        thread.join()
    bus.shutdown()


class ReplayLink:
    """A recorded log at its own pace; every frame's time is the moment of its replay."""

    def __init__(self, path: Path, settings: CanSettings, device: str, now: Callable[[], int]) -> None:
        """Keep what is needed to replay; nothing is opened yet."""
        self.strays = 0
        """Lines that are no frames."""
        self._path = path
        self._speed = settings.speed
        self._loops = settings.loop
        self._interval = settings.interval
        self._device = device
        self._now = now
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Start to replay from the log's beginning."""
        self.queue = FrameQueue()
        if not await asyncio.to_thread(self._path.is_file):
            problem = f"the log {self._path} is not there"
            raise ConnectionLost(problem, device=self._device, mend="give the path of a recorded CAN log")
        self._thread = threading.Thread(target=self._replay, name=f"can {self._device}", daemon=True)
        self._thread.start()

    def _replay(self) -> None:
        queue = self.queue
        due = time.monotonic()
        try:
            while not queue.closing.is_set():
                before, due = due, self._once(due)
                if not self._loops:
                    return
                if due == before:
                    queue.fail(f"the log {self._path} holds no frames")
                    return
                due += self._interval / self._speed
        except (OSError, ValueError) as error:
            queue.fail(f"reading {self._path} failed: {error}")

    def _once(self, due: float) -> float:
        """Replay the log once, its first frame at ``due``; give when its last one was due."""
        queue, previous, count = self.queue, None, 0
        for seconds, frame in read_log(self._path, self._stray):
            gap = self._interval
            if seconds is not None and previous is not None and seconds >= previous:
                gap = seconds - previous
            if count:
                due += gap / self._speed
            previous = seconds
            count += 1
            wait = due - time.monotonic()
            if wait > _WORTH_WAITING and queue.closing.wait(wait):
                break
            if not queue.put_patiently(frame._replace(time=self._now())):
                break
        return due if count != 1 else due + self._interval / self._speed

    def _stray(self, _number: int, _line: str) -> None:
        self.strays += 1

    async def close(self) -> None:
        """End the replay."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self.queue.closing.set()
            await asyncio.shield(asyncio.to_thread(thread.join))
