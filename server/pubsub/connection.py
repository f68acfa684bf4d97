"""PubSub as one component: DataSetWriters at their pace, the outbox's forwarder, the connection to the broker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.backoff import Backoff
from core.errors import StoreError
from core.image import ProcessImage
from core.time import now
from historian.forwarder import Forwarder, ForwarderCounters
from historian.outbox import Outbox
from server.pubsub.broker_connection import BrokerConnection, ConnectionCounters
from server.pubsub.fields import DataSetField
from server.pubsub.json_encoding import WriterIdentity
from server.pubsub.metadata import field_digests, metadata_message
from server.pubsub.mqtt_sink import MqttSink, SinkCounters
from server.pubsub.record import MqttMessage, pack
from server.pubsub.settings import DataSetSettings, PubSubSettings
from server.pubsub.state import StateFile
from server.pubsub.topics import Topics, check_level
from server.pubsub.writer import STREAM, DataSetWriter, WriterCounters

_log = logging.getLogger("plantspace.pubsub")

SINK: Final = "mqtt"
"""The name that the outbox knows the broker's cursor by."""

_FLUSHES_WITHIN: Final = 2.0
_LONGEST_RETRY: Final = 1.0


@dataclass(frozen=True, slots=True)
class PubSubStatistics:
    """Everything counted, for diagnostics; ``writers`` by DataSet."""

    connection: ConnectionCounters
    sink: SinkCounters
    forwarder: ForwarderCounters
    writers: dict[str, WriterCounters]


class PubSubConnection:
    """Publishes the configured DataSets. The outbox is open before :meth:`start` and closed after :meth:`stop`."""

    def __init__(
        self,
        settings: PubSubSettings,
        *,
        gateway: str,
        image: ProcessImage,
        outbox: Outbox,
        fields: Mapping[str, Sequence[DataSetField]],
        state_file: Path,
        base: Path | None = None,
    ) -> None:
        """Prepare. ``gateway``: the publisher's name where none is configured; ``fields``: the points of each DataSet.

        ``base``: where relative names of the TLS files begin, the working folder if not given.

        Raises :class:`~core.errors.SettingError` for a name that cannot stand in a topic, and :class:`ValueError` for a
        DataSet without fields or with a field's name twice.
        """
        self._settings = settings = settings.beside(base or Path())
        self._image = image
        self._outbox = outbox
        self._topics = Topics(settings.prefix, check_level(settings.publisher or gateway))
        self._fields = {name: tuple(fields.get(name, ())) for name in settings.datasets}
        for name, members in self._fields.items():
            _check_fields(name, members)
        self._state = StateFile(state_file)
        self._broker = BrokerConnection(settings, self._topics)
        self._sink = MqttSink(self._broker, settings.acknowledge_timeout)
        self._forwarder = Forwarder(outbox, STREAM, self._sink, SINK, Backoff(longest=_LONGEST_RETRY))
        self._writers: dict[str, DataSetWriter] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Come up; the broker may be away.

        Raises :class:`~core.errors.StoreUnavailable` when the outbox or the state cannot be written.
        """
        try:
            await self._state.load()
            await self._forwarder.start()
            await self._forget_removed()
            for name, dataset in self._settings.datasets.items():
                self._writers[name] = await self._writer(name, dataset)
            await self._state.save()
            await self._broker.start()
        except BaseException:
            await self.stop()
            raise
        self._stopping.clear()
        for name, writer in self._writers.items():
            writer.start()
            self._tasks.append(asyncio.create_task(self._pace(writer), name=f"pubsub-{name}"))

    async def stop(self) -> None:
        """Accept what waits, give the broker two seconds to take it, leave the rest in the outbox. Safe twice."""
        tasks, self._tasks = self._tasks, []
        self._stopping.set()
        await asyncio.gather(*tasks)
        if tasks:
            await asyncio.gather(*(writer.stop() for writer in self._writers.values()))
        if self._broker.counters.connected:
            with contextlib.suppress(TimeoutError, StoreError):
                await asyncio.wait_for(self._forwarder.drain(), _FLUSHES_WITHIN)
        await self._forwarder.stop()
        await self._broker.stop()

    def statistics(self) -> PubSubStatistics:
        """Read what was counted."""
        return PubSubStatistics(
            self._broker.counters,
            self._sink.counters,
            self._forwarder.counters,
            {name: writer.counters for name, writer in self._writers.items()},
        )

    async def _writer(self, name: str, dataset: DataSetSettings) -> DataSetWriter:
        """Make a writer; new or changed metadata goes through the outbox, in front of the data that it describes."""
        fields = self._fields[name]
        topic = self._topics.metadata(dataset.group, name)
        # Metadata of ten thousand fields takes a tenth of a second, and the table of units is read first.
        digests = [dataset.description, *await asyncio.to_thread(field_digests, fields)]
        changed = self._state.admit(name, topic, digests, now())
        state = self._state.writers[name]
        identity = WriterIdentity(
            self._topics.publisher, dataset.group, name, state.writer_id, (state.major, state.minor)
        )
        metadata = await asyncio.to_thread(metadata_message, identity, dataset.description, fields)
        message = MqttMessage(topic, metadata, 1, retain=True)
        if changed:
            self._sink.expect(await self._outbox.append(STREAM, pack(message), 0), message)
        else:
            self._broker.remember(message)
        return DataSetWriter(
            identity,
            dataset,
            fields,
            self._image,
            self._outbox,
            self._state,
            self._topics.data(dataset.group, name),
            self._settings.max_message,
        )

    async def _forget_removed(self) -> None:
        """Clear the retained metadata of writers that are gone or moved (Part 14 v1.05 7.3.5.8)."""
        for name, state in list(self._state.writers.items()):
            dataset = self._settings.datasets.get(name)
            if dataset is None or self._topics.metadata(dataset.group, name) != state.topic:
                await self._outbox.append(STREAM, pack(MqttMessage(state.topic, b"", 1, retain=True)), 0)
            if dataset is None:
                del self._state.writers[name]

    async def _pace(self, writer: DataSetWriter) -> None:
        """Publish at the interval by the monotonic clock, without drift; intervals slept through are counted.

        Never cancelled amid an append, which would leave unknown whether the outbox has accepted.
        """
        loop = asyncio.get_running_loop()
        interval = writer.settings.publish
        due = loop.time() + interval
        told = ""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._stopping.wait()
                    return
            try:
                await writer.publish()
                told = ""
            except StoreError as error:
                if str(error) != told:
                    told = str(error)
                    _log.error("%s: nothing can be accepted for now: %s", writer.identity.writer, error)
            except Exception:  # noqa: BLE001 - a value that no one foresaw must not end the DataSet for ever
                _log.exception("%s: a message could not be made", writer.identity.writer)
            behind = int((loop.time() - due) // interval)
            if behind > 0:
                writer.counters.missed += behind
            due += interval * (max(behind, 0) + 1)


def _check_fields(name: str, fields: Sequence[DataSetField]) -> None:
    if not fields:
        message = f"the dataset {name} has no fields"
        raise ValueError(message)
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            message = f"the dataset {name} has two fields named {field.name}"
            raise ValueError(message)
        seen.add(field.name)
