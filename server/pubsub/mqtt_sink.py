"""The outbox's sink for MQTT: records in order, some in flight, each counted as delivered when its PUBACK is here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from core.errors import StoreUnavailable
from historian.contract import PoisonRecord, Record
from server.pubsub.broker_connection import BrokerConnection
from server.pubsub.broker_link import FAILURE, LOST, BrokerLink, reason_text
from server.pubsub.record import DamagedRecord, MqttMessage, pack, unpack

_NEVER: Final = frozenset({0x90, 0x95, 0x99})
"""Topic Name invalid, Packet too large, Payload format invalid: no later try mends these (MQTT 5.0, 3.4.2.1)."""
_INLINE: Final = 16 * 1024
"""Bytes of a record taken apart on the loop."""

Window = deque[tuple[Record, MqttMessage, asyncio.Future[int]]]


@dataclass(slots=True)
class SinkCounters:
    """In messages, since the start. A message published again after a broken link counts again in ``published``."""

    published: int = 0
    acknowledged: int = 0
    in_flight: int = 0
    refused: int = 0


class MqttSink:
    """Delivers over a :class:`BrokerConnection`, which others start and stop: closing and opening costs no link."""

    def __init__(self, connection: BrokerConnection, acknowledge_timeout: float) -> None:
        """Take the connection, and the seconds without a PUBACK after which a link is given up."""
        self._connection = connection
        self._timeout = acknowledge_timeout
        self._through = 0
        self._expected: dict[int, MqttMessage] = {}
        self.counters = SinkCounters()

    async def open(self) -> None:
        """Nothing to do: a broker that is away is waited for in :meth:`deliver`."""

    async def close(self) -> None:
        """Nothing to do: the connection has an owner."""

    def expect(self, sequence: int, message: MqttMessage) -> None:
        """Take a copy of the metadata accepted as record ``sequence``, in case that one does not get here.

        It may be dropped over the outbox's cap or be damaged; what comes after it cannot be read without it.
        """
        self._expected[sequence] = message

    async def deliver(self, records: Sequence[Record]) -> None:
        """Publish records in order and return once the broker has acknowledged all; waits while there is no broker.

        What was acknowledged before a link broke is not published again. Raises
        :class:`~core.errors.StoreUnavailable` and :class:`~historian.contract.PoisonRecord`.
        """
        link = await self._connection.link()
        window: Window = deque()
        poison: PoisonRecord | None = None
        try:
            for record in self._completed(records):
                if record.sequence <= self._through:
                    continue
                while len(window) >= link.window:
                    await self._settle(link, window)
                try:
                    message = await self._message(record, link)
                    acknowledged = link.publish(message, "ua-metadata" if message.retain else "ua-data")
                except (DamagedRecord, ValueError) as error:
                    poison = PoisonRecord(record.sequence, str(error))
                    break
                window.append((record, message, acknowledged))
                self.counters.published += 1
                self.counters.in_flight = len(window)
            while window:
                await self._settle(link, window)
            if poison is not None:
                raise poison
        except PoisonRecord as refused:
            self._expected.pop(refused.sequence, None)
            raise
        finally:
            self.counters.in_flight = 0

    def _completed(self, records: Sequence[Record]) -> Sequence[Record]:
        """Put expected metadata that is missing back in its place."""
        present = {record.sequence for record in records}
        missing = [
            Record(sequence, 0, 0, pack(message))
            for sequence, message in self._expected.items()
            if self._through < sequence < records[-1].sequence and sequence not in present
        ]
        return sorted((*missing, *records), key=attrgetter("sequence")) if missing else records

    async def _message(self, record: Record, link: BrokerLink) -> MqttMessage:
        """Take a record apart; a large one takes milliseconds to inflate."""
        payload = record.payload
        message = unpack(payload) if len(payload) < _INLINE else await asyncio.to_thread(unpack, payload)
        size = link.size_of(message)
        if size > link.largest:
            problem = f"it has about {size} bytes, and the broker takes {link.largest}"
            raise DamagedRecord(problem)
        return message

    async def _settle(self, link: BrokerLink, window: Window) -> None:
        """Wait for the oldest in flight; brokers acknowledge in order (MQTT 5.0, 4.6)."""
        record, message, acknowledged = window[0]
        if not acknowledged.done():
            await asyncio.wait((acknowledged,), timeout=self._timeout)
        if not acknowledged.done():
            # MQTT repeats a message on a new connection only (MQTT 5.0, 4.4): make one.
            problem = f"no PUBACK within {self._timeout:g} s"
            link.abort(problem)
            raise StoreUnavailable(problem)
        code = acknowledged.result()
        if code == LOST:
            raise StoreUnavailable(link.reason or reason_text(code))
        if code >= FAILURE:
            self.counters.refused += 1
            reason = f"the broker refuses {message.topic}: {reason_text(code)}"
            if code in _NEVER:
                raise PoisonRecord(record.sequence, reason)
            raise StoreUnavailable(reason)
        window.popleft()
        self._through = record.sequence
        self._expected.pop(record.sequence, None)
        self.counters.acknowledged += 1
        self.counters.in_flight = len(window)
        if message.retain:
            self._connection.remember(message)
