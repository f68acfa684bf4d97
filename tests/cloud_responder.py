"""Carries a stand-in of a cloud's service to a broker: a client of another maker, with a certificate of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.broker import Broker
from tests.cloud_services import RateWatch, Sent, ShadowService, TwinService


class Responder:
    """Answers for ``service`` what comes on ``topics``. ``others``: the messages that are not the service's."""

    def __init__(
        self,
        broker: Broker,
        files: tuple[Path, Path, Path],
        service: ShadowService | TwinService,
        topics: Sequence[str],
        watch: RateWatch,
    ) -> None:
        self.service, self.watch = service, watch
        self.others: list[paho.MQTTMessage] = []
        self._topics = topics
        self._broker = broker
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="cloud", protocol=paho.MQTTv5)
        authority, certificate, key = map(str, files)
        self._client.tls_set(authority, certificate, key)  # pyright: ignore[reportUnknownMemberType] - paho is partly typed
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._came

    def desire(self, wanted: dict[str, Any]) -> None:
        """Somebody in the cloud wants something."""
        with self._lock:
            self._say(self.service.desire(wanted))

    def again(self, sent: Sequence[Sent]) -> None:
        """Send messages that were sent before."""
        self._say(sent)

    def __enter__(self) -> Self:
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        assert self._ready.wait(60), "the broker does not take the responder's subscriptions"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, *_: object) -> None:
        self._client.subscribe([(topic, SubscribeOptions(qos=1, noLocal=True)) for topic in self._topics])

    def _subscribed(self, *_: object) -> None:
        self._ready.set()

    def _came(self, client: object, data: object, message: paho.MQTTMessage) -> None:
        del client, data
        self.watch.came(time.monotonic(), len(message.payload))
        with self._lock:
            said = self.service.handle(message.topic, bytes(message.payload))
            if said:
                self._say(said)
            else:
                self.others.append(message)

    def _say(self, sent: Sequence[Sent]) -> None:
        for topic, payload in sent:
            self._client.publish(topic, payload, 1)
