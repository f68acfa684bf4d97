"""What leaves a link: messages wait by priority, go out in bursts, and are in flight until they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Sequence
from typing import Final

from server.pubsub.columns import Messages
from server.pubsub.contract import FAILURE, MqttMessage
from server.pubsub.mqtt.counters import LinkCounters
from server.pubsub.mqtt.flights import MessageFlight, Waiting
from server.pubsub.mqtt.packets import Acknowledged
from server.pubsub.mqtt.publishing import Publisher
from server.pubsub.mqtt.transport import Wire

MOST_IN_FLIGHT: Final = 65_000
"""The rest of the 65 535 packet identifiers is for subscriptions."""
_BURST_MESSAGES: Final = 256
_BURST_BYTES: Final = 128 * 1024
"""What is joined for one write."""
_REFILL: Final = 64
"""Places of the window that are worth a write of their own, where it is larger."""
_SMALL: Final = 16
"""A window under this is filled at once."""
_SOON: Final = 0.001
"""Seconds that a few free places wait for more. Never for long: a broker whose answers wait for TCP to acknowledge the
last one (Nagle's algorithm) sends no more until it hears from us."""
_REST: Final = 0.001
"""Seconds in which answers are gathered: a broker sends each by itself, and to read one costs as much as all."""
_LARGE: Final = 200
"""A window that lasts longer than a rest: answers to a smaller one are waited for, and Nagle's algorithm joins them."""
_BURSTS: Final = 4
"""Writes before the loop's other work has a turn."""

Refusal = Callable[[MqttMessage, int, str], None]
"""Told of a message that the broker refused, its reason code, and the broker's words."""


class Departures:
    """The messages of one link that is up. ``window``: how many of QoS 1 may be unacknowledged at once."""

    def __init__(
        self,
        publisher: Publisher,
        window: int,
        wire: Wire,
        counters: LinkCounters,
        *,
        taken: Container[int],
        refused: Refusal,
    ) -> None:
        """``taken``: packet identifiers that are in use for something else than messages."""
        self.publisher = publisher
        self._window = window
        # Mosquitto's window is 20 and it answers each message singly: a write for every few answers costs more than
        # the messages in it. So the window is filled again when much of it is free, or a moment later.
        self._enough = 1 if window < _SMALL else min(window, _REFILL)
        self._wire = wire
        self._counters = counters
        self._taken = taken
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        self._waiting = Waiting()
        self._flying: dict[int, tuple[MessageFlight, int]] = {}
        """By packet identifier, the oldest first: the flight, and what to take off the identifier for the place."""
        self._last_id = 0
        self._is_due = False
        self._later: asyncio.TimerHandle | None = None
        self._over = False

    def __len__(self) -> int:
        """Count what was sent and is not acknowledged."""
        return len(self._flying)

    def add(self, messages: Sequence[MqttMessage], priority: int) -> MessageFlight:
        """Send messages when it is their turn. Raises :class:`ValueError` for one that cannot be; then none is sent."""
        flight = MessageFlight(self.publisher.prepare(Messages.of(messages)))
        if self._over:
            flight.lose()
        elif messages:
            self._waiting.add(flight, priority)
            self.schedule()
        return flight

    def acknowledge(self, packet: Acknowledged) -> None:
        """Take acknowledgements, in any order."""
        flying, counters = self._flying, self._counters
        for packet_id, code in zip(packet.ids, packet.codes, strict=True):
            known = flying.pop(packet_id, None)
            if known is None:
                counters.strays += 1
                continue
            counters.acknowledged += 1
            flight, base = known
            flight.codes[packet_id - base] = code
            flight.unanswered -= 1
            if not flight.unanswered:
                flight.finish()
            if code >= FAILURE:
                counters.refused += 1
                self._refused(flight.messages[packet_id - base], code, packet.texts.get(packet_id, ""))
        if self._over:
            return
        if self._waiting.first() is not None:
            if self._window - len(flying) >= self._enough:
                self._send()  # in this turn of the loop: another one costs as much as some messages
            elif self._later is None:
                self._later = self._loop.call_later(_SOON, self.schedule)
        if flying and self._window >= _LARGE:
            self._wire.rest(_REST)

    def oldest(self) -> object | None:
        """Give what waits longest for its acknowledgement, if anything does: always the same object for one message."""
        return next(iter(self._flying), None)

    async def settle(self) -> None:
        """Return when all that was flown has a code."""
        while (flight := self._waiting.first()) is not None or self._flying:
            await (flight or next(iter(self._flying.values()))[0]).wait()

    def lose(self) -> None:
        """Give up on all, and on whatever is added from now on."""
        self._over = True
        self._wait_no_more()
        flying, self._flying = self._flying, {}
        for flight, _ in flying.values():
            flight.lose()  # of one that has lost already nothing is left
        self._waiting.lose()

    def new_id(self) -> int:
        """Give a packet identifier that nothing waits under (MQTT 5.0, 2.2.1)."""
        number = self._last_id
        while True:
            number = number + 1 if number < 0xFFFF else 1  # noqa: PLR2004 - two bytes, and not 0
            if number not in self._flying and number not in self._taken:
                self._last_id = number
                return number

    def schedule(self) -> None:
        """Send soon: what is flown in one turn of the loop leaves in one write."""
        if not self._is_due and not self._over:
            self._is_due = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        """Send as much as the window and the wire take."""
        self._is_due = False
        self._wait_no_more()
        for _ in range(_BURSTS):
            if self._wire.paused or self._over or not self._burst():
                return
        self.schedule()

    def _wait_no_more(self) -> None:
        later, self._later = self._later, None
        if later is not None:
            later.cancel()

    def _burst(self) -> bool:
        """Send up to a burst; give whether it was a full one, so that there may be more."""
        parts: list[bytes] = []
        count = size = 0
        waiting = self._waiting
        while count < _BURST_MESSAGES and size < _BURST_BYTES and (flight := waiting.first()) is not None:
            end = min(len(flight.messages), flight.next + _BURST_MESSAGES - count)
            if flight.messages.forms[flight.next].qos:
                begin, added = flight.next, self._numbered(parts, flight, end, _BURST_BYTES - size)
                if flight.next == begin:
                    break
            else:
                begin, added = flight.next, self._unnumbered(parts, flight, end, _BURST_BYTES - size)
            count += flight.next - begin
            size += added
            if flight.next == len(flight.messages):
                waiting.drop(flight)
        if count:
            self._counters.published += count
            self._wire.write(b"".join(parts))
        return count >= _BURST_MESSAGES or size >= _BURST_BYTES

    def _numbered(self, parts: list[bytes], flight: MessageFlight, end: int, room: int) -> int:
        """Add messages of QoS 1 up to place ``end`` that have the window's leave; give the bytes of their payloads."""
        begin = flight.next
        end = min(end, begin + self._window - len(self._flying))
        if begin >= end:
            return 0
        first = self.new_id()
        free = 1
        while free < end - begin and self._is_free(first + free):
            free += 1
        made, size = self.publisher.append(parts, flight.prepared, begin, begin + free, first, room)
        segment = (flight, first - begin)
        self._flying.update(dict.fromkeys(range(first, first + made), segment))
        self._last_id = first + made - 1
        flight.next = begin + made
        return size

    def _unnumbered(self, parts: list[bytes], flight: MessageFlight, end: int, room: int) -> int:
        """Add messages of QoS 0 up to place ``end``; give the bytes of their payloads."""
        begin = flight.next
        made, size = self.publisher.append(parts, flight.prepared, begin, end, 0, room)
        flight.next = begin + made
        for place in range(begin, begin + made):
            flight.answer(place, 0)
        return size

    def _is_free(self, number: int) -> bool:
        return number <= 0xFFFF and number not in self._flying and number not in self._taken  # noqa: PLR2004 - two bytes
