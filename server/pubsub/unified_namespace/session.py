"""The gateway on the links of a Unified Namespace: a plain status, and the mark of what comes late."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from core.time import Clock, SystemClock, to_iso
from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.unified_namespace.encoding import CONTENT_TYPE
from server.pubsub.unified_namespace.topics import status_topic

_LATE: Final = b',"backfill":true}'


class NamespaceSession:
    """Says whether the gateway is there, in a retained message, and marks replayed values."""

    def __init__(self, prefix: str, publisher: str, clock: Clock | None = None) -> None:
        """Speak below ``prefix``."""
        self._topic = status_topic(prefix, publisher)
        self._publisher = publisher
        self._clock: Clock = clock or SystemClock()

    def will(self) -> MqttMessage:
        """Give the status that the broker tells when it loses the gateway."""
        return self._status("lost")

    def subscriptions(self) -> Sequence[Subscription]:
        """Want nothing."""
        return ()

    def greeting(self) -> Sequence[MqttMessage]:
        """Tell that the gateway is there."""
        return (self._status("online"),)

    async def admitted(self) -> None:
        """Wait for nothing."""

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:
        """Mark a value that is replayed: ``"backfill": true`` as its last member."""
        if not replayed or message.kind or not message.payload.endswith(b"}"):
            return message
        payload = message.payload[:-1] + _LATE
        return MqttMessage(message.topic, payload, message.qos, message.retain, "", message.content_type)

    def received(self, message: MqttMessage) -> None:
        """Take nothing."""

    def lost(self) -> None:
        """Learn that the link has ended, which changes nothing."""

    def farewell(self) -> Sequence[MqttMessage]:
        """Tell that the gateway was stopped."""
        return (self._status("offline"),)

    def _status(self, status: str) -> MqttMessage:
        made = {"gateway": self._publisher, "status": status, "online": status == "online"}
        if status != "lost":
            made["time"] = to_iso(self._clock.now())
        payload = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return MqttMessage(self._topic, payload, 1, retain=True, content_type=CONTENT_TYPE)
