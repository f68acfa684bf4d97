"""The contracts inside PubSub: what an encoding makes, what a link carries, and who speaks on a link.

docs/decisions/0017-to-the-cloud.md tells how they fit together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from server.pubsub.frames import Frame

LOST: Final = -1
"""In the place of a reason code: the link ended before the broker acknowledged."""

FAILURE: Final = 0x80
"""Reason codes from here on are refusals (MQTT 5.0, 2.4)."""


@dataclass(slots=True, unsafe_hash=True)
class MqttMessage:
    """One MQTT message, either way. What MQTT 3.1.1 has no place for is left out there.

    Nobody changes one once it is made. It is not ``frozen`` because making a frozen one takes 1.1 us instead of 0.2.
    Many are columns: :class:`~server.pubsub.columns.Messages`.

    ``kind``: Part 14's message type (``ua-data``), sent as the user property UAMessageType; ``expiry``: seconds that a
    broker keeps it; ``response_topic`` and ``correlation``: of a request (MQTT 5.0, 4.10); ``properties``: user
    properties.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    kind: str = ""
    content_type: str = ""
    expiry: int | None = None
    response_topic: str = ""
    correlation: bytes = b""
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Encoded:
    """A message of a DataSetWriter, and how many of its values stand in it."""

    message: MqttMessage
    values: int


class Encoding(Protocol):
    """Makes the messages of one DataSetWriter. No I/O, no clock; may be called on any thread, one call at a time."""

    def data(self, frames: Sequence[Frame], largest: int) -> Sequence[Encoded]:
        """Encode frames, in order, in messages of up to ``largest`` bytes where the encoding can be cut.

        An encoding that makes many small ones gives them as :class:`~server.pubsub.columns.EncodedMessages`.

        Raises whatever a value raises that nobody foresaw; then nothing of ``frames`` counts as made.
        """
        ...

    def metadata(self) -> list[MqttMessage]:
        """Describe the fields in retained messages; none where the encoding describes them elsewhere."""
        ...


class Flight(Protocol):
    """Messages handed to a link together. ``codes``: each one's reason code by its place, None while unanswered."""

    codes: list[int | None]

    async def wait(self) -> None:
        """Return when each message has a code, :data:`LOST` for all that were not acknowledged before the link ended.

        Messages of QoS 0 have the code 0 once they are handed to the socket.
        """
        ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic filter and the highest QoS wanted. ``no_local``: what this client publishes does not come back."""

    topic_filter: str
    qos: int = 1
    no_local: bool = False


class Link(Protocol):
    """One connection to a broker, from its CONNACK to its end. Used on the event loop's thread."""

    lost: asyncio.Event
    is_v5: bool
    largest: int
    """Bytes of the largest packet that the broker takes."""

    @property
    def reason(self) -> str:
        """Why it ended."""
        ...

    def fly(self, messages: Sequence[MqttMessage], priority: int = 1) -> Flight:
        """Send messages, in order among those of one priority, higher priorities first.

        No more than the window are unacknowledged at once; the rest waits inside. Raises :class:`ValueError` for a
        topic or a size that MQTT or this broker cannot carry; then none is sent.
        """
        ...

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> list[int]:
        """Subscribe; gives each one's reason code. Raises :class:`~core.errors.StoreUnavailable` if the link ends."""
        ...

    def abort(self, reason: str) -> None:
        """Give the link up at once."""
        ...


class SizedLink(Link, Protocol):
    """A link that knows the sizes of packets, and when nothing is under way."""

    def size_of(self, message: MqttMessage) -> int:
        """Give the bytes of a message's packet, at most; over :attr:`largest` it cannot fly."""
        ...

    async def settle(self) -> None:
        """Return when all that was flown has a code."""
        ...


class BrokerSession(Protocol):
    """Who speaks on each link of a connection: Part 14's publisher, a Sparkplug edge node, a cloud's device."""

    def will(self) -> MqttMessage | None:
        """Give what the broker says when the link breaks; asked for anew for each link."""
        ...

    def subscriptions(self) -> Sequence[Subscription]:
        """Name what is subscribed on each link, before :meth:`greeting` is sent."""
        ...

    def greeting(self) -> Sequence[MqttMessage]:
        """Give what goes out first on each link, before any data: status, retained metadata, births."""
        ...

    async def admitted(self) -> None:
        """Return when data may go out on the present link (at once; a Sparkplug node waits for its primary host)."""
        ...

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:
        """Give a message of the outbox its last touch: sequence numbers of the link, the mark of backfill.

        Called once for each sending, in the order of sending. The outbox's bytes are the same each time, and so is
        whatever identifies the message.
        """
        ...

    def received(self, message: MqttMessage) -> None:
        """Take a message of a subscription. Returns at once; what takes time is queued, bounded and counted."""
        ...

    def lost(self) -> None:
        """Learn that the link has ended."""
        ...

    def farewell(self) -> Sequence[MqttMessage]:
        """Give what goes out before a clean end."""
        ...


@runtime_checkable
class SpeakingSession(BrokerSession, Protocol):
    """A session that also speaks of its own accord: a Sparkplug node's rebirths and deaths, a twin's reports.

    Whoever runs a session looks with ``isinstance`` and, if it is one of these, calls :meth:`opened` and
    :meth:`before` as well. Between :meth:`~BrokerSession.finish` and ``fly`` there is no ``await``, so that
    nothing the session says itself comes between two messages already numbered.
    """

    in_sequence: bool
    """Whether finish numbers messages: then all that goes out on the link has one priority, :attr:`priority`."""
    priority: int

    def opened(self, link: Link) -> None:
        """Learn the link that :meth:`~BrokerSession.will` was asked for; before ``subscriptions`` and ``greeting``."""
        ...

    def before(self, message: MqttMessage) -> Sequence[MqttMessage]:
        """Give what has to stand in front of a message of the outbox; called right before its ``finish``."""
        ...
