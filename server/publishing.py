"""What the gateway's PubSub is made of: the plan's connections, with the events, users and devices of this gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.pubsub.component import ConnectionCounts, PubSub
from server.pubsub.delivery.streams import DataClass
from server.pubsub.frames import PubSubState, WriterIdentity
from server.pubsub.statistics import PubSubStatistics

if TYPE_CHECKING:
    from core.image import ProcessImage
    from historian.outbox import Outbox
    from server.audit.record import AuditRecord
    from server.plan.datasets import PlannedConnection
    from server.plan.plan import Plan
    from server.published_connections import PublishedConnections
    from server.pubsub.commands.caller import Users
    from server.pubsub.commands.way_back import WayBack
    from server.pubsub.uadp.keys import SecurityKeys
    from server.writing import WriteRouter


@dataclass(frozen=True, slots=True)
class Commanding:
    """What commands need of the gateway. ``record`` takes audit records; ``ready``: set once the gateway is up."""

    users: Users
    router: WriteRouter
    record: Callable[[AuditRecord], None] | None = None
    ready: asyncio.Event | None = None


class Publishing:
    """The gateway's PubSub; brokers and what is published may change while it runs (:meth:`apply`).

    ``outbox`` opens the outbox the first time that something is published.
    """

    def __init__(self, plan: Plan, image: ProcessImage, outbox: Callable[[], Awaitable[Outbox]]) -> None:
        """Publish nothing yet."""
        self._plan = plan
        self._image = image
        self._open_outbox = outbox
        self._made: PublishedConnections | None = None
        self.commanding: Commanding | None = None
        """Set before the start; without it nothing comes back."""
        self.on_change: Callable[[], None] | None = None
        self.on_dead: Callable[[str, DataClass, bytes, int], None] | None = None
        """As :class:`PubSub` has them."""

    @property
    def pubsub(self) -> PubSub | None:
        """What publishes; None where nothing was published yet."""
        return None if self._made is None else self._made.pubsub

    async def start(self) -> None:
        """Come up. Raises :class:`~core.errors.PlantspaceError`; then everything is down again."""
        try:
            connections = self._plan.pubsub.connections if self._plan.pubsub is not None else {}
            await self.apply(connections, self._plan.configured.paused)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End all connections. Safe twice and before :meth:`start`."""
        if self._made is not None:
            await self._made.stop()

    async def apply(self, planned: Mapping[str, PlannedConnection], paused: Collection[str] = ()) -> None:
        """Publish what ``planned`` says from now on. Raises as :meth:`PubSub.apply` does."""
        if self._made is None:
            if not planned:
                return
            self._made = await self._make()
        await self._made.pubsub.apply(planned, paused)

    def sinks(self) -> list[str]:
        """Name the sinks that the outbox knows the connections by, as they run."""
        return [] if self.pubsub is None else self.pubsub.sinks()

    def statistics(self) -> dict[str, PubSubStatistics]:
        """Read what was counted, by connection."""
        return {} if self.pubsub is None else self.pubsub.statistics()

    def counted(self) -> dict[str, PubSubStatistics]:
        """Read all that was counted since the start, of connections and DataSets that are no more, too."""
        return {} if self.pubsub is None else self.pubsub.counted()

    def way_backs(self) -> dict[str, WayBack]:
        """Give what takes in what comes, by connection, of those that run."""
        return {} if self._made is None else self._made.way_backs()

    def dataset_of(self, stream: str, payload: bytes) -> str | None:
        """Name the DataSet whose data an outbox record holds; None for what is none of these."""
        return None if self.pubsub is None else self.pubsub.dataset_of(stream, payload)

    def state(self, connection: str) -> PubSubState:
        """Give the state of a connection (Part 14 v1.05 6.2.1)."""
        return PubSubState.DISABLED if self.pubsub is None else self.pubsub.state(connection)

    def identity(self, connection: str, writer: str) -> WriterIdentity | None:
        """Give a DataSetWriter as its messages name it; None for one that does not run."""
        return None if self.pubsub is None else self.pubsub.identity(connection, writer)

    def security_keys(self, group: str, starting_token: int, count: int) -> SecurityKeys | None:
        """Give the keys of a SecurityGroup (Part 14 v1.05 8.3.2); None where there is none of that name."""
        return None if self._made is None else self._made.security_keys(group, starting_token, count)

    def counts(self, connection: str) -> ConnectionCounts:
        """Count what a connection has done."""
        found = self.statistics().get(connection)
        if found is None:
            return ConnectionCounts()
        delivery, broker = found.delivery, found.connection
        failed = delivery.refused + delivery.dead_records
        losses = broker.connects - (1 if broker.connected else 0)
        return ConnectionCounts(delivery.acknowledged, failed, broker.connects, losses)

    def messages(self, connection: str, writer: str) -> tuple[int, int]:
        """Count the messages of a DataSetWriter that were accepted, and the values of which none could be made."""
        found = self.statistics().get(connection)
        counters = None if found is None else found.writers.get(writer)
        return (0, 0) if counters is None else (counters.messages, counters.dropped)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def _died(self, connection: str, kind: DataClass, payload: bytes, samples: int) -> None:
        if self.on_dead is not None:
            self.on_dead(connection, kind, payload, samples)

    async def _make(self) -> PublishedConnections:
        outbox = await self._open_outbox()
        made = await asyncio.to_thread(_makers)
        connections = made(self._plan, self._image, outbox, self.commanding)
        connections.pubsub.on_dead = self._died
        connections.pubsub.on_change = self._changed
        return connections


def _makers() -> type[PublishedConnections]:
    """Load what publishes: a tenth of a gateway's start, spared where nothing is published. Blocks."""
    from server.published_connections import PublishedConnections  # noqa: PLC0415

    return PublishedConnections
