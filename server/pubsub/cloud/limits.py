"""What a broker takes: sizes, rates, topics. A message that breaks one of these is refused before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PACKET_OVERHEAD: Final = 64
"""Bytes of a PUBLISH packet besides its topic and its payload: fixed header, lengths, packet identifier, the properties
that each of our messages has (MQTT 5.0, 3.3). Only for rates, where a few bytes more or less mean nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one connection; None where nothing is known to be limited.

    ``payload``: bytes of a message; ``topic``: bytes of a topic; ``slashes``: ``/`` in a topic; ``client_id``: bytes;
    ``messages`` and ``throughput``: messages and bytes a second; ``in_flight``: messages without a PUBACK;
    ``subscriptions``: of one connection, and ``at_once`` of one SUBSCRIBE packet; ``keep_alive``: shortest and longest,
    seconds; ``retains``: messages may have the flag RETAIN; ``uncounted``: (beginning of a topic, slashes in it
    that are not counted); ``publishes``, ``subscribes``: what topics and filters begin with, anything where empty.
    """

    payload: int | None = None
    topic: int | None = None
    slashes: int | None = None
    client_id: int | None = None
    messages: float | None = None
    throughput: float | None = None
    in_flight: int | None = None
    subscriptions: int | None = None
    at_once: int | None = None
    keep_alive: tuple[int, int] | None = None
    retains: bool = True
    uncounted: tuple[tuple[str, int], ...] = ()
    publishes: tuple[str, ...] = ()
    subscribes: tuple[str, ...] = ()

    def topic_problem(self, topic: str) -> str:
        """Say what is wrong with a topic; empty where nothing is."""
        if self.publishes and not topic.startswith(self.publishes):
            return f"the topic {topic!r} is none of the broker's: {', '.join(self.publishes)}"
        size = len(topic.encode())
        if self.topic is not None and size > self.topic:
            return f"the topic {topic!r} has {size} bytes, and {self.topic} are taken"
        if self.slashes is not None:
            most = self.slashes + next((more for begin, more in self.uncounted if topic.startswith(begin)), 0)
            count = topic.count("/")
            if count > most:
                return f"the topic {topic!r} has {count} slashes, and {most} are taken"
        return ""

    def problem(self, topic: str, payload: bytes) -> str:
        """Say why a message is not taken; empty where it is."""
        if self.payload is not None and len(payload) > self.payload:
            return f"the message for {topic} has {len(payload)} bytes, and {self.payload} are taken"
        return self.topic_problem(topic)

    def takes_filter(self, topic_filter: str) -> bool:
        """Tell whether a topic filter may be subscribed."""
        return not self.subscribes or topic_filter.startswith(self.subscribes)

    @property
    def paces(self) -> bool:
        """Tell whether a rate is limited."""
        return self.messages is not None or self.throughput is not None
