"""One connection to a broker and what is published there: DataSetWriters at their pace, a delivery for each class."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.errors import StoreError, StoreUnavailable
from core.image import ProcessImage
from core.time import Clock, now
from historian.outbox import Outbox
from server.address_space.structured import StructureCodec
from server.pubsub.cloud import settings as cloud
from server.pubsub.cloud.paced_link import paced
from server.pubsub.connection_session import ConnectionSession, Twin, WayBack
from server.pubsub.contract import Encoded, Encoding, MqttMessage
from server.pubsub.delivery.counters import DeliveryCounters, total
from server.pubsub.delivery.stream_delivery import DeliverySettings, StreamDelivery
from server.pubsub.delivery.streams import (
    BACKLOG,
    CLASSES,
    DEFAULT,
    LIVE,
    DataClass,
    is_in_order,
    sink_of,
    stream_of,
)
from server.pubsub.events.contract import EventSource
from server.pubsub.fields import DataSetField
from server.pubsub.frames import WriterIdentity
from server.pubsub.json.field_types import NO_TYPES
from server.pubsub.json.metadata import field_digests
from server.pubsub.mqtt.connection import BrokerConnection, ConnectionCounters
from server.pubsub.mqtt.credentials import CredentialProvider
from server.pubsub.pacing import keep_publishing
from server.pubsub.publishers.contract import AnyDataSet, Published, Publisher
from server.pubsub.publishers.edge_node import EdgeNodePublisher
from server.pubsub.publishers.namespace import NamespacePublisher
from server.pubsub.publishers.part14 import Part14Publisher
from server.pubsub.record import dataset_of, pack, topic_of
from server.pubsub.settings import ConnectionSettings, DataSetSettings, client_id_of
from server.pubsub.sparkplug.commands import SparkplugCommand
from server.pubsub.state import StateFile
from server.pubsub.statistics import PubSubStatistics
from server.pubsub.topics import check_level
from server.pubsub.uadp.keys import SecurityGroups
from server.pubsub.writer import DataSetWriter, Destination, Events, PointValues, bursts

_log = logging.getLogger("plantspace.pubsub")

_FLUSHES_WITHIN: Final = 2.0

Send = Callable[[Sequence[MqttMessage]], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a connection stands in. ``folder``: where its state is kept; ``base``: where relative names of files begin.

    ``sources``: its DataSets of events by name; ``way_back``, ``twin``: make what takes in what comes by it, given how
    to send an answer; ``on_command`` takes what Sparkplug hosts want written; ``security``: the SecurityGroups of UADP.
    """

    image: ProcessImage
    outbox: Outbox
    folder: Path
    base: Path = field(default_factory=Path)
    codec: StructureCodec = NO_TYPES
    sources: Mapping[str, EventSource] = field(default_factory=dict[str, EventSource])
    way_back: Callable[[Send, str], WayBack] | None = None
    twin: Callable[[], Twin | None] | None = None
    on_command: Callable[[SparkplugCommand], None] | None = None
    clock: Clock | None = None
    security: SecurityGroups | None = None


class PubSubConnection:
    """Publishes the configured DataSets. The outbox is open before :meth:`start` and closed after :meth:`stop`."""

    def __init__(
        self,
        settings: ConnectionSettings,
        around: Surroundings,
        *,
        gateway: str,
        fields: Mapping[str, Sequence[DataSetField]],
        name: str = DEFAULT,
        state_file: Path | None = None,
    ) -> None:
        """Prepare. ``gateway``: the publisher's name where none is configured; ``fields``: the points of each DataSet.

        Raises :class:`~core.errors.SettingError` for a name that cannot stand in a topic, and :class:`ValueError` for a
        DataSet without fields or with a field's name twice.
        """
        self.name = name
        self.settings = cloud.apply(settings.beside(around.base))
        self._around = around
        self._publisher_name = check_level(settings.publisher or gateway)
        self._fields = {one: tuple(fields.get(one, ())) for one in settings.datasets}
        self._fields |= {one: tuple(around.sources[one].fields) for one in (*settings.events, *settings.logs)}
        for one, members in self._fields.items():
            _check_fields(one, members)
        self._state = StateFile(state_file or around.folder / state_name(name))
        self._publisher = self._make_publisher()
        self._session: ConnectionSession | None = None
        self._broker: BrokerConnection | None = None
        self._names: dict[str, str] = {}
        self._deliveries: dict[DataClass, StreamDelivery] = {}
        self._writers: dict[str, DataSetWriter] = {}
        self._encodings: dict[str, Encoding] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._counted = ConnectionCounters()
        self.on_dead: Callable[[DataClass, bytes, int], None] | None = None
        """Told of what is set aside: its class, the record's payload, and its samples."""

    @property
    def classes(self) -> tuple[DataClass, ...]:
        """Give the classes that this configuration publishes in, telemetry always."""
        used = {one.kind for one in self.settings.published.values()} | {"telemetry"}
        return tuple(kind for kind in CLASSES if kind in used)

    @property
    def streams(self) -> tuple[DataClass, ...]:
        """Give the classes that are delivered: those of this configuration, and what waits of an earlier one."""
        return tuple(self._deliveries)

    def identity(self, writer: str) -> WriterIdentity | None:
        """Give a DataSetWriter as its messages name it; None for one that does not run."""
        found = self._writers.get(writer)
        return None if found is None else found.identity

    @property
    def session(self) -> ConnectionSession | None:
        """Who speaks on the links, while it runs."""
        return self._session

    @property
    def retained(self) -> tuple[MqttMessage, ...]:
        """The metadata that is repeated on every new link."""
        return () if self._session is None else tuple(self._session.retained.values())

    async def start(self) -> None:
        """Come up; the broker may be away.

        Raises :class:`~core.errors.StoreUnavailable` when the outbox or the state cannot be written.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        self._stopping.clear()
        for name, writer in self._writers.items():
            writer.start()
            dataset, source = self.settings.published[name], self._around.sources.get(name)
            arrived = source.arrived if dataset.kind == "alarms" and source is not None else None
            paced = keep_publishing(writer, dataset.publish, arrived, self._stopping)
            self._tasks.append(asyncio.create_task(paced, name=f"pubsub-{self.name}-{name}"))

    async def stop(self) -> None:
        """Accept what waits, give the broker two seconds to take it, leave the rest in the outbox. Safe twice."""
        tasks, self._tasks = self._tasks, []
        self._stopping.set()
        await asyncio.gather(*tasks)
        if tasks:
            await asyncio.gather(*(writer.stop() for writer in self._writers.values()))
        deliveries = self._deliveries.values()
        if self._broker is not None and self._broker.counters.connected:
            with contextlib.suppress(TimeoutError, StoreError):
                await asyncio.wait_for(_drained(deliveries), _FLUSHES_WITHIN)
        for delivery in deliveries:
            await delivery.stop()
        if self._session is not None:
            await self._session.stop()
        if self._broker is not None:
            await self._broker.stop()

    def statistics(self) -> PubSubStatistics:
        """Read what was counted."""
        classes: dict[DataClass, DeliveryCounters] = {
            kind: delivery.counters for kind, delivery in self._deliveries.items()
        }
        all_of_it = total(classes.values())
        return PubSubStatistics(
            self._counted if self._broker is None else self._broker.counters,
            all_of_it,
            classes,
            {name: writer.counters for name, writer in self._writers.items()},
            {name: all_of_it.values[name] for name in self._fields},
        )

    def dataset_of(self, payload: bytes) -> str | None:
        """Name the DataSet whose data an outbox record holds; None for what is none of these."""
        topic = topic_of(payload)
        name = dataset_of(payload) if topic is None else self._names.get(topic)
        return name if name in self._fields else None

    async def describe(self) -> None:
        """Say the metadata anew: with another key, where they are secured with one."""
        session = self._session
        if session is None:
            return
        for encoding in tuple(self._encodings.values()):
            messages = await asyncio.to_thread(encoding.metadata)
            for message in messages:
                session.remember(message)
            session.send(messages)

    def has_backlog(self) -> bool:
        """Tell whether something waits that was accepted before the broker's present link."""
        return any(delivery.has_backlog for delivery in self._deliveries.values())

    async def drain(self) -> None:
        """Return once all that was accepted before this call is with the broker. Bound it."""
        await _drained(self._deliveries.values())

    def _make_publisher(self) -> Publisher:
        settings, around = self.settings, self._around
        points = {name: self._fields[name] for name in settings.datasets}
        published = Published(self.name, self._publisher_name, settings, points, around.codec, around.security)
        if settings.encoding == "sparkplug":
            return EdgeNodePublisher(
                published,
                around.image,
                around.folder / f"sparkplug-{self.name}.json",
                on_command=around.on_command,
                has_backlog=self.has_backlog,
            )
        return NamespacePublisher(published) if settings.encoding == "unified-namespace" else Part14Publisher(published)

    async def _start(self) -> None:
        settings, around = self.settings, self._around
        await self._state.load()
        self._session = session = ConnectionSession(await self._publisher.open())
        if around.way_back is not None:
            session.way_back = around.way_back(session.send, self._publisher_name)
        if around.twin is not None:
            session.twin = around.twin()
        limits = cloud.limits(settings)
        session.retains = limits is None or limits.retains
        self._broker = BrokerConnection(
            settings,
            session,
            client_id=client_id_of(self.name, self._publisher_name),
            credentials=self._credentials(),
            renewed=session.renewed,
            wrap=lambda link: paced(link, limits),
        )
        self._names = {self._publisher.data_topic(one.group, name): name for name, one in settings.published.items()}
        known = await around.outbox.backlogs()
        for kind in CLASSES:
            around.outbox.keep_for(stream_of(self.name, kind), settings.keep.get(kind))
            waits = known.get(sink_of(self.name, kind))
            if kind in self.classes or (waits is not None and waits.records):
                self._deliveries[kind] = await self._delivery(kind, self._broker, session)
        await self._forget_removed(session)
        for name, dataset in settings.published.items():
            self._writers[name] = await self._writer(name, dataset, session)
        await self._state.save()
        await session.start()
        await self._broker.start()

    def _credentials(self) -> CredentialProvider | None:
        access = cloud.shared_access(self.settings)
        return None if access is None else access.credentials

    async def _delivery(self, kind: DataClass, broker: BrokerConnection, session: ConnectionSession) -> StreamDelivery:
        settings = self.settings
        made = StreamDelivery(
            self._around.outbox,
            stream_of(self.name, kind),
            sink_of(self.name, kind),
            broker,
            session,
            DeliverySettings(
                LIVE[kind],
                BACKLOG[kind],
                live_first=settings.replay == "live-first" and not is_in_order(kind),
                late_after=settings.late_after,
                replay_rate=settings.rate,
            ),
            name_of=self._names.get,
            remember=session.remember,
            touches_live=session.touches_live,
            clock=self._around.clock,
        )
        made.on_dead = lambda record: self._died(kind, record.payload, record.samples)
        await made.start()
        return made

    def _died(self, kind: DataClass, payload: bytes, samples: int) -> None:
        if self.on_dead is not None:
            self.on_dead(kind, payload, samples)

    async def _writer(self, name: str, dataset: AnyDataSet, session: ConnectionSession) -> DataSetWriter:
        """Make a writer; new or changed metadata goes through the outbox, in front of the data that it describes."""
        fields, around, publisher = self._fields[name], self._around, self._publisher
        # Metadata of ten thousand fields takes a tenth of a second, and the table of units is read first.
        digests = [dataset.description, *await asyncio.to_thread(field_digests, fields)]
        changed = self._state.admit(name, publisher.metadata_topic(dataset.group, name), digests, now())
        state = self._state.writers[name]
        version = (state.major, state.minor)
        identity = WriterIdentity(self._publisher_name, dataset.group, name, state.writer_id, version)
        encoding = await asyncio.to_thread(publisher.encoding, identity, dataset, fields)
        publisher.admitted(identity, dataset)
        self._encodings[name] = encoding
        stream = stream_of(self.name, dataset.kind)
        metadata = await asyncio.to_thread(encoding.metadata)
        if changed:
            await self._tell(dataset.kind, name, metadata, session)
        else:
            for message in metadata:
                session.remember(message)
        to = Destination(
            around.outbox,
            stream,
            encoding,
            publisher.name,
            self.settings.max_message,
            by_time=publisher.by_time,
            accepted=self._deliveries[dataset.kind].fresh.keep,
        )
        if isinstance(dataset, DataSetSettings):
            source = PointValues(name, dataset, fields, around.image, by_time=to.by_time)
        else:
            source = Events(around.sources[name])
        return DataSetWriter(identity, source, to, self._state)

    async def _tell(
        self, kind: DataClass, name: str, metadata: Iterable[MqttMessage], session: ConnectionSession
    ) -> bool:
        """Put metadata into the stream of what it describes; where there is no room for all, each link begins with it.

        Tells whether there was. An outbox full of alarms keeps no gateway from its start.
        """
        told = True
        for burst in bursts([Encoded(message, 0) for message in metadata]):
            payload = pack(name, self._publisher.name, now(), burst)
            described = burst.messages
            try:
                sequence = await self._around.outbox.append(stream_of(self.name, kind), payload, 0)
            except StoreUnavailable as error:
                _log.warning("%s: its metadata goes before what waits for the broker: %s", name, error)
                told = False
                for message in described:
                    session.remember(message)
            else:
                self._deliveries[kind].expect(sequence, described)
        return told

    async def _forget_removed(self, session: ConnectionSession) -> None:
        """Clear the retained metadata of writers that are gone or moved (Part 14 v1.05 7.3.5.8)."""
        published = self.settings.published
        for name, state in list(self._state.writers.items()):
            dataset = published.get(name)
            topic = "" if dataset is None else self._publisher.metadata_topic(dataset.group, name)
            if topic != state.topic and state.topic:
                gone = MqttMessage(state.topic, b"", 1, retain=True, kind="ua-metadata")
                told = await self._tell("telemetry", name, [gone], session)
            else:
                told = True
            if dataset is None and state.parts and told:
                self._state.dismiss(name)


def state_name(connection: str) -> str:
    """Name the file of a connection's state."""
    return "pubsub.json" if connection == DEFAULT else f"pubsub.{connection}.json"


async def _drained(deliveries: Iterable[StreamDelivery]) -> None:
    await asyncio.gather(*(delivery.drain() for delivery in deliveries))


def _check_fields(name: str, fields: Sequence[DataSetField]) -> None:
    if not fields:
        message = f"the dataset {name} has no fields"
        raise ValueError(message)
    seen: set[str] = set()
    for one in fields:
        if one.name in seen:
            message = f"the dataset {name} has two fields named {one.name}"
            raise ValueError(message)
        seen.add(one.name)
