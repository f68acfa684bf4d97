"""A link that keeps to what its broker takes: rates, sizes, topics, flags."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from server.pubsub.cloud.limits import PACKET_OVERHEAD, Limits
from server.pubsub.cloud.token_bucket import TokenBucket
from server.pubsub.contract import LOST, Flight, MqttMessage, SizedLink, Subscription

_DONE: Final = 0
_NO_FILTER: Final = 0x8F
"""Topic Filter invalid (MQTT 5.0, 3.9.3)."""
_LOOKS_EVERY: Final = 0.5
"""Seconds after which what waits learns that the link has ended, at the latest."""


@dataclasses.dataclass(slots=True, eq=False)
class _PacedFlight:
    """Messages on their way. ``codes``: as :class:`~server.pubsub.contract.Flight` has them."""

    codes: list[int | None]
    left: int
    done: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Return when each message has a code."""
        await self.done.wait()

    def answer(self, place: int, code: int) -> None:
        """Learn one message's code."""
        if self.codes[place] is None:
            self.codes[place] = code
            self.left -= 1
            if not self.left:
                self.done.set()


_Waiting = tuple[_PacedFlight, int, MqttMessage]


class PacedLink:
    """Another link, through which no second has more messages or bytes than ``limits`` say.

    What may not go yet waits inside: higher priorities first, in order among those of one priority. Of the event loop.
    """

    def __init__(
        self,
        link: SizedLink,
        limits: Limits,
        clock: Callable[[], float] | None = None,
        *,
        largest: int | None = None,
    ) -> None:
        """Wrap ``link``. ``clock``: monotonic seconds; ``largest``: bytes of the largest message that will come."""
        self._link = link
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        now = self._clock()
        biggest = limits.payload if largest is None else largest
        size = PACKET_OVERHEAD if biggest is None else biggest + PACKET_OVERHEAD
        self._messages = None if limits.messages is None else TokenBucket(limits.messages, now)
        self._bytes = None if limits.throughput is None else TokenBucket(limits.throughput, now, largest=size)
        self._lanes: dict[int, deque[_Waiting]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._carried: set[asyncio.Task[None]] = set()
        self._flights: set[_PacedFlight] = set()
        self._subscribed = 0
        self.lost = link.lost
        self.is_v5 = link.is_v5
        self.largest = link.largest

    @property
    def reason(self) -> str:
        """Say why it ended."""
        return self._link.reason

    @property
    def waiting(self) -> int:
        """Count the messages that wait for their turn."""
        return sum(map(len, self._lanes.values()))

    def fly(self, messages: Sequence[MqttMessage], priority: int = 1) -> Flight:
        """Send messages as the limits allow. Raises :class:`ValueError` for what this broker does not take."""
        for message in messages:
            if problem := self._limits.problem(message.topic, message.payload):
                raise ValueError(problem)
        if not self._limits.paces and self._limits.retains:
            return self._link.fly(messages, priority)
        flight = _PacedFlight([None] * len(messages), len(messages))
        if not messages:
            flight.done.set()
            return flight
        self._flights.add(flight)
        lane = self._lanes.setdefault(priority, deque())
        for place, message in enumerate(messages):
            if not message.retain or self._limits.retains:
                lane.append((flight, place, message))
            elif message.payload:
                lane.append((flight, place, dataclasses.replace(message, retain=False)))
            else:  # there is nothing retained that it could clear
                self._answer(flight, place, _DONE)
        self._go()
        return flight

    def size_of(self, message: MqttMessage) -> int:
        """Give the bytes of a message's packet, more than :attr:`largest` where the limits forbid the message."""
        size = self._link.size_of(message)
        return max(size, self.largest + 1) if self._limits.problem(message.topic, message.payload) else size

    async def settle(self) -> None:
        """Return when all that was flown has a code."""
        while self._flights:
            await next(iter(self._flights)).wait()
        await self._link.settle()

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> list[int]:
        """Subscribe, in as many packets as it takes. A filter that the broker does not know is refused here.

        Raises :class:`ValueError` for more than the broker takes.
        """
        limits = self._limits
        wanted = [one for one in subscriptions if limits.takes_filter(one.topic_filter)]
        if limits.subscriptions is not None and self._subscribed + len(wanted) > limits.subscriptions:
            message = f"{self._subscribed + len(wanted)} subscriptions are wanted, and {limits.subscriptions} are taken"
            raise ValueError(message)
        self._subscribed += len(wanted)
        at_once = limits.at_once or max(1, len(wanted))
        codes: list[int] = []
        for begin in range(0, len(wanted), at_once):
            codes += await self._link.subscribe(wanted[begin : begin + at_once])
        answered = dict(zip(wanted, codes, strict=True))
        return [answered.get(one, _NO_FILTER) for one in subscriptions]

    def abort(self, reason: str) -> None:
        """Give the link up at once."""
        self._link.abort(reason)

    def _go(self) -> None:
        """Send what may go now, and come again when the next may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait = 0.0
        while self._lanes and not wait and not self.lost.is_set():
            wait = self._send(max(self._lanes))
        if self.lost.is_set():
            self._give_up()
        elif self._lanes:
            self._timer = self._loop.call_later(min(wait, _LOOKS_EVERY), self._go)

    def _give_up(self) -> None:
        lanes, self._lanes = self._lanes, {}
        for lane in lanes.values():
            for flight, place, _ in lane:
                self._answer(flight, place, LOST)

    def _send(self, priority: int) -> float:
        """Hand over as much of a lane as may go now; gives the seconds until its next may, zero for none left."""
        lane = self._lanes[priority]
        now = self._clock()
        ready: list[_Waiting] = []
        wait = 0.0
        while lane:
            message = lane[0][2]
            size = float(len(message.payload) + len(message.topic) + PACKET_OVERHEAD)
            wait = 0.0 if self._messages is None else self._messages.wait(1.0, now)
            wait = wait if self._bytes is None else max(wait, self._bytes.wait(size, now))
            if wait > 0:
                break
            if self._messages is not None:
                self._messages.take(1.0, now)
            if self._bytes is not None:
                self._bytes.take(size, now)
            ready.append(lane.popleft())
        if not lane:
            del self._lanes[priority]
        if ready:
            self._hand_over(ready, priority)
        return wait

    def _hand_over(self, ready: Sequence[_Waiting], priority: int) -> None:
        try:
            inner = self._link.fly([message for _, _, message in ready], priority)
        except ValueError as error:
            # Whoever asked was told already that they are on their way: only the link's end makes them asked again.
            for flight, place, _ in ready:
                self._answer(flight, place, LOST)
            self._link.abort(str(error))
            return
        task = self._loop.create_task(self._carry(inner, ready), name="paced-flight")
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, inner: Flight, ready: Sequence[_Waiting]) -> None:
        """Tell each message's code to the flight that it came with."""
        await inner.wait()
        for code, (flight, place, _) in zip(inner.codes, ready, strict=True):
            self._answer(flight, place, LOST if code is None else code)

    def _answer(self, flight: _PacedFlight, place: int, code: int) -> None:
        flight.answer(place, code)
        if flight.done.is_set():
            self._flights.discard(flight)


def paced(link: SizedLink, limits: Limits | None, *, largest: int | None = None) -> SizedLink:
    """Give a link that keeps to ``limits``; the same one where there are none."""
    return link if limits is None else PacedLink(link, limits, largest=largest)
