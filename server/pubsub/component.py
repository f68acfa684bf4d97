"""PubSub as one component: connections to several brokers at once, each of which comes and goes for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from core.errors import PlantspaceError
from server.pubsub.delivery.streams import CLASSES, DEFAULT, STREAM, DataClass, is_pubsub, is_pubsub_sink, sink_of
from server.pubsub.frames import PubSubState, WriterIdentity
from server.pubsub.statistics import PubSubStatistics

if TYPE_CHECKING:
    from historian.outbox import Outbox
    from server.pubsub.connection import PubSubConnection
    from server.pubsub.events.selection import EventSelection
    from server.pubsub.fields import DataSetField
    from server.pubsub.settings import ConnectionSettings


class Planned(Protocol):
    """What one connection publishes."""

    @property
    def settings(self) -> ConnectionSettings:
        """Its settings."""
        ...

    @property
    def fields(self) -> Mapping[str, Sequence[DataSetField]]:
        """The fields of its DataSets of points."""
        ...

    @property
    def events(self) -> Mapping[str, EventSelection]:
        """What each DataSet of events hears."""
        ...

    @property
    def twin(self) -> Sequence[DataSetField]:
        """What a cloud's twin shows."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionCounts:
    """Of one connection, since the start. ``messages``: acknowledged; ``failed``: refused or set aside.

    ``connects`` and ``losses``: how often the broker was reached and lost.
    """

    messages: int = 0
    failed: int = 0
    connects: int = 0
    losses: int = 0


class PubSub:
    """Publishes what is planned (:meth:`apply`). The outbox is open meanwhile.

    ``make`` makes a connection of its name and plan; it is asked for one each time a connection begins anew.
    """

    def __init__(self, outbox: Outbox, make: Callable[[str, Planned], Awaitable[PubSubConnection]]) -> None:
        """Publish nothing yet."""
        self._outbox = outbox
        self._make = make
        self._planned: dict[str, Planned] = {}
        self._running: dict[str, tuple[Planned, PubSubConnection]] = {}
        self._ended: dict[str, PubSubStatistics] = {}
        """What connections had counted that were changed or removed since the start."""
        self._changing = asyncio.Lock()
        self.on_change: Callable[[], None] | None = None
        """Called when other connections run than before."""
        self.on_dead: Callable[[str, DataClass, bytes, int], None] | None = None
        """Told of what is set aside: its connection and class, the record's payload, and its samples."""

    @property
    def connections(self) -> dict[str, PubSubConnection]:
        """The connections that run, by their names."""
        return {name: connection for name, (_, connection) in self._running.items()}

    async def stop(self) -> None:
        """End all connections. Safe twice. What they counted, at their end too, stays to be read (:meth:`counted`)."""
        async with self._changing:
            await asyncio.gather(*map(self._end, tuple(self._running)))

    async def apply(self, planned: Mapping[str, Planned], paused: Collection[str] = ()) -> None:
        """Publish what ``planned`` says from now on; connections that stay as they are do not notice.

        A connection that is no more leaves nothing behind: what waits for its broker is forgotten, and that is told in
        the log. What waits for those that are ``paused`` stays. Raises :class:`~core.errors.PlantspaceError` where a
        connection cannot begin; the others run then, and what could not is begun when this is applied anew.
        """
        async with self._changing:
            changed = [
                name
                for name, one in planned.items()
                if name not in self._running or not _same(self._running[name][0], one)
            ]
            for name in [name for name in self._running if name not in planned or name in changed]:
                await self._end(name)
            self._planned = dict(planned)
            problem: PlantspaceError | None = None
            try:
                for name in changed:
                    try:
                        await self._begin(name, planned[name])
                    except PlantspaceError as error:
                        problem = problem or error
                if problem is None:  # whoever is refused a change gets back what was there, with what waited
                    await self._forget(planned, paused)
            finally:
                if self.on_change is not None:
                    self.on_change()
            if problem is not None:
                raise problem

    async def drain(self) -> None:
        """Return once all that was accepted before this call is with the brokers. Bound it."""
        await asyncio.gather(*(connection.drain() for connection in self.connections.values()))

    def sinks(self) -> list[str]:
        """Name the sinks that the outbox knows the connections by, as they run."""
        return [sink for name in self._running for sink in self.sinks_of(name)]

    def sinks_of(self, name: str) -> list[str]:
        """Name the sinks of one connection."""
        return [sink_of(name, kind) for kind in self._running[name][1].streams]

    def statistics(self) -> dict[str, PubSubStatistics]:
        """Read what was counted since the start, by connection; of what is published now."""
        return {name: self._of(name, connection, whole=False) for name, connection in self.connections.items()}

    def counted(self) -> dict[str, PubSubStatistics]:
        """Read all that was counted since the start, of connections and DataSets that are no more, too."""
        running = {name: self._of(name, connection, whole=True) for name, connection in self.connections.items()}
        return {**self._ended, **running}

    def dataset_of(self, stream: str, payload: bytes) -> str | None:
        """Name the DataSet whose data an outbox record holds, as the ledger does; None for what is none of these."""
        if not is_pubsub(stream):
            return None
        name = DEFAULT if stream == STREAM else stream.split("/")[1]
        running = self._running.get(name)
        dataset = None if running is None else running[1].dataset_of(payload)
        return None if dataset is None else full_name(name, dataset)

    def state(self, connection: str) -> PubSubState:
        """Give the state of a connection (Part 14 v1.05 6.2.1)."""
        running = self._running.get(connection)
        if running is None:
            return PubSubState.ERROR if connection in self._planned else PubSubState.DISABLED
        counters = running[1].statistics().connection
        if counters.connected:
            return PubSubState.OPERATIONAL
        return PubSubState.ERROR if counters.failures else PubSubState.PRE_OPERATIONAL

    def identity(self, connection: str, writer: str) -> WriterIdentity | None:
        """Give a DataSetWriter as its messages name it; None for one that does not run."""
        running = self._running.get(connection)
        return None if running is None else running[1].identity(writer)

    def _of(self, name: str, connection: PubSubConnection, *, whole: bool) -> PubSubStatistics:
        present, ended = connection.statistics(), self._ended.get(name)
        if ended is None:
            return present
        added = present.after(ended)
        return added if whole else added.only(present)

    async def _forget(self, planned: Mapping[str, Planned], paused: Collection[str]) -> None:
        """Forget what waits for connections that are no more, whether they ran or were disabled."""
        kept = set(all_sinks([*planned, *paused]))
        known = await self._outbox.backlogs()
        if any(is_pubsub_sink(sink) and sink not in kept for sink in known):
            await self._outbox.keep_only([sink for sink in known if not is_pubsub_sink(sink) or sink in kept])

    async def _end(self, name: str) -> None:
        _, connection = self._running.pop(name)
        await connection.stop()
        self._ended[name] = self._of(name, connection, whole=True)

    async def _begin(self, name: str, planned: Planned) -> None:
        connection = await self._make(name, planned)
        connection.on_dead = partial(self._died, name)
        await connection.start()
        self._running[name] = planned, connection

    def _died(self, name: str, kind: DataClass, payload: bytes, samples: int) -> None:
        if self.on_dead is not None:
            self.on_dead(name, kind, payload, samples)


def _same(one: Planned, other: Planned) -> bool:
    """Tell whether two plans publish the same."""
    return (one.settings, one.fields, one.events, one.twin) == (
        other.settings,
        other.fields,
        other.events,
        other.twin,
    )


def full_name(connection: str, dataset: str) -> str:
    """Name a DataSet among those of all connections."""
    return dataset if connection == DEFAULT else f"{connection}.{dataset}"


def all_sinks(connections: Iterable[str]) -> Collection[str]:
    """Name every sink that connections could have, of whatever class."""
    return [sink_of(name, kind) for name in connections for kind in CLASSES]
