"""Part 14's publisher on the links of a connection: its state, with a will, and the mark of what comes late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.frames import PubSubState

BACKFILL: Final = ("Backfill", "true")
"""MQTT 5 user property of data that were accepted before the link was up; Part 14 has no field for it."""
_DATA: Final = "ua-data"


class UaSession:
    """Says whether the publisher is operational, and describes the connection (Part 14 v1.05 7.3.5.7)."""

    def __init__(
        self, status: Callable[[PubSubState], MqttMessage], describe: Callable[[], Sequence[MqttMessage]]
    ) -> None:
        """``status``: the publisher's as a message; ``describe``: what else is told of it, retained."""
        self._status = status
        self._describe = describe

    def will(self) -> MqttMessage | None:
        """Give the state that the broker tells when it loses the gateway."""
        return self._status(PubSubState.ERROR)

    def subscriptions(self) -> Sequence[Subscription]:
        """Want nothing."""
        return ()

    def greeting(self) -> Sequence[MqttMessage]:
        """Tell that the publisher is operational, and what it has."""
        return (self._status(PubSubState.OPERATIONAL), *self._describe())

    async def admitted(self) -> None:
        """Wait for nothing."""

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:
        """Mark data that come late."""
        if not replayed or message.kind != _DATA:
            return message
        return replace(message, properties=(*message.properties, BACKFILL))

    def received(self, message: MqttMessage) -> None:
        """Take nothing."""

    def lost(self) -> None:
        """Learn that the link has ended, which changes nothing."""

    def farewell(self) -> Sequence[MqttMessage]:
        """Tell that the publisher was stopped."""
        return (self._status(PubSubState.DISABLED),)
