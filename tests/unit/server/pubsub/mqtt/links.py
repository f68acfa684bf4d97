"""Links and connections with everything quick, closed when the test is over."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.mqtt.connection import BrokerConnection
from server.pubsub.mqtt.credentials import CredentialProvider
from server.pubsub.mqtt.link import MqttLink
from server.pubsub.mqtt.settings import BrokerSettings


def settings_of(url: str, **other: Any) -> BrokerSettings:
    quick = {"retry_first": "20ms", "retry_longest": "100ms", "connect_timeout": "30s"}
    return BrokerSettings.model_validate({"broker": url, **quick, **other})


@asynccontextmanager
async def linked(
    url: str,
    *,
    client_id: str = "",
    will: MqttMessage | None = None,
    received: Callable[[MqttMessage], None] | None = None,
    **other: Any,
) -> AsyncGenerator[MqttLink]:
    link = MqttLink(settings_of(url, **other), client_id=client_id, will=will, received=received)
    try:
        await link.connect()
        yield link
    finally:
        await link.close()


class Session:
    """A session that says who it is and keeps what comes."""

    def __init__(self, topic: str, subscriptions: Sequence[str] = ()) -> None:
        self.topic = topic
        self.wanted = [Subscription(name) for name in subscriptions]
        self.messages: list[MqttMessage] = []
        self.greetings: list[MqttMessage] = [self._status(b"2")]
        self.ends = 0

    def _status(self, state: bytes) -> MqttMessage:
        return MqttMessage(self.topic, state, 1, retain=True)

    def will(self) -> MqttMessage | None:
        return self._status(b"3")

    def subscriptions(self) -> Sequence[Subscription]:
        return self.wanted

    def greeting(self) -> Sequence[MqttMessage]:
        return self.greetings

    async def admitted(self) -> None:
        """At once."""

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:  # noqa: ARG002 - of the contract
        return message

    def received(self, message: MqttMessage) -> None:
        self.messages.append(message)

    def lost(self) -> None:
        self.ends += 1

    def farewell(self) -> Sequence[MqttMessage]:
        return [self._status(b"0")]


@asynccontextmanager
async def connecting(
    settings: BrokerSettings,
    session: Session,
    *,
    client_id: str = "",
    credentials: CredentialProvider | None = None,
    renewed: Callable[[], Sequence[MqttMessage]] | None = None,
) -> AsyncGenerator[BrokerConnection]:
    connection = BrokerConnection(settings, session, client_id=client_id, credentials=credentials, renewed=renewed)
    await connection.start()
    try:
        yield connection
    finally:
        await connection.stop()
