"""Messages on their way: those handed over together, and which of all goes next."""

from __future__ import annotations

import asyncio
from collections import deque

from server.pubsub.contract import LOST
from server.pubsub.mqtt.publishing import Prepared


class MessageFlight:
    """Messages handed to a link together: a :class:`~server.pubsub.contract.Flight`."""

    __slots__ = ("_done", "codes", "messages", "next", "prepared", "unanswered")

    def __init__(self, prepared: Prepared) -> None:
        """Take messages as they are written."""
        self.prepared = prepared
        self.messages = prepared.messages
        self.codes: list[int | None] = [None] * len(self.messages)
        self.next = 0
        """The first that is not sent yet."""
        self.unanswered = len(self.messages)
        self._done: asyncio.Event | None = None

    async def wait(self) -> None:
        """Return when each message has a code."""
        if self.unanswered:
            self._done = self._done or asyncio.Event()
            await self._done.wait()

    def answer(self, place: int, code: int) -> None:
        """Give a message its code."""
        self.codes[place] = code
        self.unanswered -= 1
        if not self.unanswered:
            self.finish()

    def lose(self) -> None:
        """Give :data:`LOST` to all that have no code yet."""
        if self.unanswered:
            self.codes = [LOST if code is None else code for code in self.codes]
            self.unanswered = 0
            self.finish()

    def finish(self) -> None:
        """Wake whoever waits."""
        if self._done is not None:
            self._done.set()


class Waiting:
    """Flights with messages that are not sent yet, by priority. It holds as much as callers hand over."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._queues: dict[int, deque[MessageFlight]] = {}
        self._order: list[int] = []

    def add(self, flight: MessageFlight, priority: int) -> None:
        """Put a flight behind those of its priority."""
        queue = self._queues.get(priority)
        if queue is None:
            queue = self._queues[priority] = deque()
            self._order = sorted(self._queues, reverse=True)
        queue.append(flight)

    def first(self) -> MessageFlight | None:
        """Give the flight whose message goes next."""
        for priority in self._order:
            if self._queues[priority]:
                return self._queues[priority][0]
        return None

    def drop(self, flight: MessageFlight) -> None:
        """Take out the flight that was :meth:`first`: all of it is sent."""
        for priority in self._order:
            if self._queues[priority] and self._queues[priority][0] is flight:
                self._queues[priority].popleft()
                return

    def lose(self) -> None:
        """Give up on all."""
        queues, self._queues = self._queues, {}
        self._order = []
        for queue in queues.values():
            for flight in queue:
                flight.lose()
