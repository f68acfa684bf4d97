"""All that speak on the links of one connection: its publisher, what comes back, and a cloud's twin."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from server.pubsub.contract import BrokerSession, Link, MqttMessage, SpeakingSession, Subscription

_log = logging.getLogger("plantspace.pubsub")


class WayBack(Protocol):
    """Takes what comes in by a connection (:class:`server.pubsub.commands.way_back.WayBack`)."""

    def subscriptions(self) -> Sequence[Subscription]:
        """Name what is to be subscribed on each link."""
        ...

    def received(self, message: MqttMessage) -> bool:
        """Take a message, at once; False where it is for nobody here."""
        ...

    async def start(self) -> None:
        """Begin to carry out what comes."""
        ...

    async def stop(self) -> None:
        """Finish what is under way; safe twice."""
        ...


class Twin(BrokerSession, Protocol):
    """A device's twin in a cloud (:class:`server.pubsub.cloud.twin.session.TwinSession`)."""

    def opened(self, link: Link) -> None:
        """Learn the link."""
        ...

    def takes(self, message: MqttMessage) -> bool:
        """Tell whether a message is this twin's to take."""
        ...

    async def start(self) -> None:
        """Begin."""
        ...

    async def stop(self) -> None:
        """End. Safe twice."""
        ...


class ConnectionSession:
    """One :class:`~server.pubsub.contract.SpeakingSession` of several.

    ``retained``: metadata to be said on each link.
    """

    def __init__(self, publisher: BrokerSession) -> None:
        """Speak as a publisher alone; the others are added before the first link."""
        self._publisher = publisher
        self._speaks = publisher if isinstance(publisher, SpeakingSession) else None
        self.in_sequence = self._speaks is not None and self._speaks.in_sequence
        self.priority = 1 if self._speaks is None else self._speaks.priority
        self.touches_live = self._speaks is not None
        """Whether :meth:`before` and :meth:`finish` do anything to what is not replayed."""
        self.way_back: WayBack | None = None
        self.twin: Twin | None = None
        self.retained: dict[str, MqttMessage] = {}
        self.retains = True
        """Whether the broker takes retained messages; those that go over the link are seen to there."""
        self.strangers = 0
        """Messages that came and were for nobody."""
        self._link: Link | None = None

    def remember(self, message: MqttMessage) -> None:
        """Repeat a retained message on every new link, for a broker that lost it; an empty one is forgotten."""
        if message.payload:
            self.retained[message.topic] = message
        else:
            self.retained.pop(message.topic, None)

    def renewed(self) -> Sequence[MqttMessage]:
        """Give what is said again once a day, so that no broker lets it expire."""
        said = () if self.in_sequence else self._publisher.greeting()
        return [*(one for one in said if one.retain), *self.retained.values()]

    def send(self, messages: Sequence[MqttMessage]) -> None:
        """Publish what answers; while there is no link it is lost, and asked for again."""
        link = self._link
        if link is None or link.lost.is_set():
            return
        for message in messages:
            try:
                link.fly([message], self.priority if self.in_sequence else _ANSWERS)
            except ValueError as error:
                _log.warning("an answer cannot be sent to %s: %s", message.topic, error)

    async def start(self) -> None:
        """Start those that have a life of their own."""
        for one in (self.way_back, self.twin):
            if one is not None:
                await one.start()

    async def stop(self) -> None:
        """Stop them."""
        for one in (self.twin, self.way_back):
            if one is not None:
                await one.stop()

    def will(self) -> MqttMessage | None:
        """Give the publisher's, retained where the broker takes that: some close the connection for it."""
        will = self._publisher.will()
        return will if will is None or self.retains else replace(will, retain=False)

    def opened(self, link: Link) -> None:
        """Learn the link."""
        self._link = link
        if self._speaks is not None:
            self._speaks.opened(link)
        if self.twin is not None:
            self.twin.opened(link)

    def subscriptions(self) -> Sequence[Subscription]:
        """Name everybody's."""
        everybody = (self._publisher, self.way_back, self.twin)
        wanted = [sub for one in everybody if one is not None for sub in one.subscriptions()]
        return list(dict.fromkeys(wanted))

    def greeting(self) -> Sequence[MqttMessage]:
        """Give everybody's, and what is retained."""
        twin = () if self.twin is None else self.twin.greeting()
        return (*self._publisher.greeting(), *self.retained.values(), *twin)

    async def admitted(self) -> None:
        """Wait for whoever the publisher waits for."""
        await self._publisher.admitted()

    def before(self, message: MqttMessage) -> Sequence[MqttMessage]:
        """Give what the publisher has to say before a message."""
        return () if self._speaks is None else self._speaks.before(message)

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:
        """Give the publisher's last touch."""
        return self._publisher.finish(message, replayed=replayed)

    def received(self, message: MqttMessage) -> None:
        """Hand a message to whom it is for."""
        if self.twin is not None and self.twin.takes(message):
            self.twin.received(message)
        elif self.way_back is None or not self.way_back.received(message):
            if self._speaks is None:
                self.strangers += 1
            else:
                self._speaks.received(message)

    def lost(self) -> None:
        """Tell everybody that the link has ended."""
        self._link = None
        self._publisher.lost()
        if self.twin is not None:
            self.twin.lost()

    def farewell(self) -> Sequence[MqttMessage]:
        """Give the publisher's."""
        return self._publisher.farewell()


_ANSWERS = 8
"""Answers to commands go before all data: somebody waits for them, and they are few."""
