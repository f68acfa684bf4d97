"""Threads that read, each with a connection of its own: a long read holds no other up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from historian.influx.connection import Connection
from historian.influx.query import Querier
from historian.influx.settings import InfluxSettings

T = TypeVar("T")

_THREADS: Final = 4


class Readers:
    """Runs queries; made anew after each :meth:`stop`."""

    def __init__(self, settings: InfluxSettings) -> None:
        """Prepare; threads and connections come with the queries."""
        self._settings = settings
        self._threads = ThreadPoolExecutor(_THREADS, "influx-reader")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._connections: list[Connection] = []
        self._stopping = False

    async def run(self, work: Callable[[Querier], T]) -> T:
        """Run ``work`` in one of the threads; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._querier()))

    async def stop(self) -> None:
        """End what is under way, which raises :class:`~core.errors.StoreUnavailable`, and the threads."""
        with self._lock:
            self._stopping = True
            connections = list(self._connections)
        for connection in connections:
            connection.abort()
        await asyncio.to_thread(self._threads.shutdown)
        for connection in connections:
            connection.close()

    def _querier(self) -> Querier:
        querier: Querier | None = getattr(self._own, "querier", None)
        if querier is None:
            connection = Connection(self._settings)
            with self._lock:
                self._connections.append(connection)
                if self._stopping:
                    connection.abort()
            querier = self._own.querier = Querier(self._settings, connection)
        return querier
