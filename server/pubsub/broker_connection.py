"""Keeps a link to the broker up: reconnects with back-off, tells the publisher's state, repeats what is retained."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Final

from core.backoff import Backoff
from core.errors import StoreUnavailable
from server.pubsub.broker_link import EXPIRY, FAILURE, BrokerLink, default_client_id, reason_text
from server.pubsub.json_encoding import PubSubState, status_message
from server.pubsub.record import MqttMessage
from server.pubsub.settings import PubSubSettings
from server.pubsub.topics import Topics

_log = logging.getLogger("plantspace.pubsub")

_STEADY: Final = 10.0
"""A link that held for so many seconds was a success; one that breaks sooner makes the next wait longer."""
_FAREWELL: Final = 1.0


@dataclass(slots=True)
class ConnectionCounters:
    """How the connection is, for diagnostics. ``last_error`` is empty while it is up."""

    connected: bool = False
    connects: int = 0
    failures: int = 0
    last_error: str = ""


class BrokerConnection:
    """One publisher's connection. :meth:`start` returns at once: a broker that is away holds nothing up."""

    def __init__(self, settings: PubSubSettings, topics: Topics) -> None:
        """Prepare; nothing is connected before :meth:`start`."""
        self._settings = settings
        self._topics = topics
        self._client_id = settings.client_id or default_client_id(topics.publisher)
        self._dialled: BrokerLink | None = None
        """The link whose broker has our status, or is about to get it; it may not be up yet, or be lost."""
        self._link: BrokerLink | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._retained: dict[str, MqttMessage] = {}
        self.counters = ConnectionCounters()

    async def start(self) -> None:
        """Begin to connect."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="pubsub-broker")

    async def stop(self) -> None:
        """Say goodbye if there is anyone to hear it, and disconnect. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is None:
            return
        link = self._dialled
        if link is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.publish(self._status(PubSubState.DISABLED), "ua-status"), _FAREWELL)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def link(self) -> BrokerLink:
        """Wait for a link that is up; however long the broker is away."""
        while self._link is None or self._link.lost.is_set():
            self._up.clear()
            await self._up.wait()
        return self._link

    @property
    def retained(self) -> tuple[MqttMessage, ...]:
        """What is repeated on every new link."""
        return tuple(self._retained.values())

    def remember(self, message: MqttMessage) -> None:
        """Repeat a retained message on every new link, for a broker that lost it; an empty one is forgotten."""
        if message.payload:
            self._retained[message.topic] = message
        else:
            self._retained.pop(message.topic, None)

    async def _run(self) -> None:
        settings = self._settings
        backoff = Backoff(first=settings.retry_first, longest=settings.retry_longest)
        loop = asyncio.get_running_loop()
        while True:
            link = BrokerLink(settings, self._client_id, self._status(PubSubState.ERROR))
            began = loop.time()
            try:
                await link.connect()
                self._dialled = link
                await self._greet(link)
                self._came_up(link)
                await self._hold(link)
                problem = link.reason
            except StoreUnavailable as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 - a fault of the client library must not end publishing for ever
                _log.exception("the link to %s failed in a way it does not foresee", settings.broker)
                problem = str(error) or type(error).__name__
            finally:
                self._dialled = self._link = None
                self.counters.connected = False
                await link.close()
            if loop.time() - began >= _STEADY:
                backoff.reset()
            self._went_down(problem)
            await asyncio.sleep(backoff.next())

    async def _greet(self, link: BrokerLink) -> None:
        """Publish the state and what is retained. Raises :class:`~core.errors.StoreUnavailable` if the link breaks."""
        messages = [(self._status(PubSubState.OPERATIONAL), "ua-status")]
        messages += [(message, "ua-metadata") for message in self._retained.values()]
        for message, kind in messages:
            size = link.size_of(message)
            if size > link.largest:
                _log.error(
                    "%s takes %d bytes at most: %s has %d and is not repeated",
                    self._settings.broker,
                    link.largest,
                    message.topic,
                    size,
                )
                continue
            try:
                code = await asyncio.wait_for(link.publish(message, kind), self._settings.acknowledge_timeout)
            except TimeoutError as error:
                problem = f"{self._settings.broker} does not acknowledge"
                raise StoreUnavailable(problem) from error
            if code < 0:
                raise StoreUnavailable(link.reason)
            if code >= FAILURE:
                _log.warning("%s refuses %s: %s", self._settings.broker, message.topic, reason_text(code))

    async def _hold(self, link: BrokerLink) -> None:
        """Return when the link is lost; renew in time what the broker would let expire."""
        while True:
            try:
                await asyncio.wait_for(link.lost.wait(), EXPIRY / 2)
            except TimeoutError:
                await self._greet(link)
            else:
                return

    def _came_up(self, link: BrokerLink) -> None:
        self._link = link
        self.counters.connected = True
        self.counters.connects += 1
        self.counters.last_error = ""
        _log.info("connected to %s as %s", self._settings.broker, self._client_id)
        self._up.set()

    def _went_down(self, problem: str) -> None:
        self.counters.failures += 1
        if problem != self.counters.last_error:
            _log.warning("%s is away, messages wait in the outbox: %s", self._settings.broker, problem)
        self.counters.last_error = problem

    def _status(self, state: PubSubState) -> MqttMessage:
        return MqttMessage(self._topics.status, status_message(self._topics.publisher, state), 1, retain=True)
