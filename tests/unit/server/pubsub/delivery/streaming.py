"""A stream of an outbox on disk with its delivery, over links of ours to a real broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import StoreUnavailable
from core.time import Clock, now
from historian.outbox import Outbox
from server.pubsub.columns import EncodedMessages
from server.pubsub.contract import Encoded, Link, MqttMessage, Subscription
from server.pubsub.delivery.stream_delivery import DeliverySettings, StreamDelivery
from server.pubsub.mqtt.link import MqttLink
from server.pubsub.mqtt.settings import BrokerSettings
from server.pubsub.record import Burst, pack

STREAM, SINK = "pubsub/test/telemetry", "mqtt/test/telemetry"


class Session:
    """Marks what is replayed."""

    def __init__(self) -> None:
        self.replayed: list[bytes] = []

    def will(self) -> MqttMessage | None:
        return None

    def subscriptions(self) -> Sequence[Subscription]:
        return ()

    def greeting(self) -> Sequence[MqttMessage]:
        return ()

    async def admitted(self) -> None:
        return

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:
        if replayed:
            self.replayed.append(message.payload)
            return replace(message, properties=(("Backfill", "true"),))
        return message

    def received(self, message: MqttMessage) -> None:
        raise NotImplementedError

    def lost(self) -> None:
        return

    def farewell(self) -> Sequence[MqttMessage]:
        return ()


class Links:
    """Makes a link when there is none, and waits while there is no broker."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.settings = BrokerSettings.model_validate({"broker": url, **settings})
        self.made: list[MqttLink] = []
        self._lock = asyncio.Lock()

    async def link(self) -> Link:
        async with self._lock:
            while not self.made or self.made[-1].lost.is_set():
                link = MqttLink(self.settings, client_id=f"test-{id(self)}")
                try:
                    await link.connect()
                except StoreUnavailable:
                    await link.close()
                    await asyncio.sleep(0.01)
                else:
                    self.made.append(link)
            return self.made[-1]

    async def close(self) -> None:
        for link in self.made:
            await link.close()


class Streaming:
    """What a test handles. ``keeps``: whether what is accepted is fresh, as a DataSetWriter's is, or has to be read."""

    keeps = True

    def __init__(self, outbox: Outbox, links: Links, settings: DeliverySettings, clock: Clock | None) -> None:
        self.outbox = outbox
        self.links = links
        self.session = Session()
        self.metadata: list[MqttMessage] = []
        self.delivery = StreamDelivery(
            outbox, STREAM, SINK, links, self.session, settings, remember=self.metadata.append, clock=clock
        )

    async def put(self, topic: str, *numbers: int, values: int = 1, **of_message: Any) -> int:
        """Accept a burst of messages that hold numbers."""
        moment = now()
        burst = [Encoded(MqttMessage(topic, b"%d" % number, **of_message), values) for number in numbers]
        payload = pack("meters", "json", moment, burst)
        accepted = await self.outbox.accept(STREAM, payload, values * len(numbers))
        if self.keeps:
            held = EncodedMessages.of(burst)
            self.delivery.fresh.keep(accepted, payload, Burst("meters", "json", moment, held.messages, held.values))
        return accepted.sequence


@asynccontextmanager
async def streaming(
    folder: Path,
    url: str,
    settings: DeliverySettings | None = None,
    *,
    clock: Clock | None = None,
    start: bool = True,
    largest_bytes: int = 1 << 30,
    **broker: Any,
) -> AsyncGenerator[Streaming]:
    """A delivery while the test lasts."""
    outbox = Outbox(folder / "outbox.sqlite", largest_bytes=largest_bytes, clock=clock)
    links = Links(url, **broker)
    await outbox.open()
    made = Streaming(outbox, links, settings or DeliverySettings(5, 1), clock)
    try:
        if start:
            await made.delivery.start()
        else:
            await outbox.register(SINK, STREAM)
        yield made
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await made.delivery.stop()
        await links.close()
        await outbox.close()
