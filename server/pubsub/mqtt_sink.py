"""The outbox's sink for MQTT: records in order, some in flight, each counted as delivered when its PUBACK is here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import StoreUnavailable
from historian.contract import PoisonRecord, Record
from server.pubsub.broker_connection import BrokerConnection
from server.pubsub.broker_link import FAILURE, LOST, BrokerLink, reason_text
from server.pubsub.record import DamagedRecord, MqttMessage, unpack

_NEVER: Final = frozenset({0x90, 0x95, 0x99})
"""Topic Name invalid, Packet too large, Payload format invalid: no later try mends these (MQTT 5.0, 3.4.2.1)."""
_OVERHEAD: Final = 128
"""Bytes of a PUBLISH packet besides topic and payload, at most: fixed header, lengths, packet id, our properties."""

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
        self.counters = SinkCounters()

    async def open(self) -> None:
        """Nothing to do: a broker that is away is waited for in :meth:`deliver`."""

    async def close(self) -> None:
        """Nothing to do: the connection has an owner."""

    async def deliver(self, records: Sequence[Record]) -> None:
        """Publish records in order and return once the broker has acknowledged all; waits while there is no broker.

        What was acknowledged before a link broke is not published again. Raises
        :class:`~core.errors.StoreUnavailable` and :class:`~historian.contract.PoisonRecord`.
        """
        link = await self._connection.link()
        window: Window = deque()
        poison: PoisonRecord | None = None
        try:
            for record in records:
                if record.sequence <= self._through:
                    continue
                while len(window) >= link.window:
                    await self._settle(link, window)
                try:
                    message = await self._message(record, link.largest)
                    acknowledged = link.publish(message, "ua-metadata" if message.retain else "ua-data")
                except (DamagedRecord, ValueError) as error:
                    poison = PoisonRecord(record.sequence, str(error))
                    break
                window.append((record, message, acknowledged))
                self.counters.published += 1
                self.counters.in_flight = len(window)
            while window:
                await self._settle(link, window)
        finally:
            self.counters.in_flight = 0
        if poison is not None:
            raise poison

    async def _message(self, record: Record, largest: int) -> MqttMessage:
        """Take a record apart; a large one takes milliseconds to inflate."""
        payload = record.payload
        message = unpack(payload) if len(payload) < _INLINE else await asyncio.to_thread(unpack, payload)
        size = len(message.payload) + len(message.topic.encode()) + _OVERHEAD
        if size > largest:
            problem = f"it has about {size} bytes, and the broker takes {largest}"
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
        self.counters.acknowledged += 1
        self.counters.in_flight = len(window)
        if message.retain:
            self._connection.remember(message)
