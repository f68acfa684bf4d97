"""A link without a broker: it keeps what is flown, and the test answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from server.pubsub.contract import LOST, MqttMessage, Subscription


class OpenFlight:
    def __init__(self, count: int) -> None:
        self.codes: list[int | None] = [None] * count
        self.over = asyncio.Event()

    async def wait(self) -> None:
        await self.over.wait()

    def answer(self, code: int = 0) -> None:
        self.codes = [code if one is None else one for one in self.codes]
        self.over.set()


class OpenLink:
    """``clock``: tells when each message came; ``answers``: at once with code 0."""

    is_v5 = True
    largest = 1_000_000

    def __init__(self, *, answers: bool = True) -> None:
        self.lost = asyncio.Event()
        self.reason = ""
        self.flown: list[tuple[float, MqttMessage, int]] = []
        self.flights: list[OpenFlight] = []
        self.subscribed: list[list[str]] = []
        self.fault = ""
        self._answers = answers

    @property
    def messages(self) -> list[MqttMessage]:
        return [message for _, message, _ in self.flown]

    def fly(self, messages: Sequence[MqttMessage], priority: int = 1) -> OpenFlight:
        if self.fault:
            raise ValueError(self.fault)
        now = asyncio.get_running_loop().time()
        self.flown.extend((now, message, priority) for message in messages)
        flight = OpenFlight(len(messages))
        self.flights.append(flight)
        if self._answers:
            flight.answer()
        return flight

    def size_of(self, message: MqttMessage) -> int:
        return len(message.payload) + len(message.topic) + 10

    async def settle(self) -> None:
        for flight in self.flights:
            await flight.wait()

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> list[int]:
        self.subscribed.append([one.topic_filter for one in subscriptions])
        return [1] * len(subscriptions)

    def abort(self, reason: str) -> None:
        self.reason = reason
        self.lost.set()
        for flight in self.flights:
            flight.answer(LOST)
