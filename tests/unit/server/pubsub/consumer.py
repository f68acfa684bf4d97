"""A consumer that shares no code with ours: ``mosquitto_sub`` in another process."""

from __future__ import annotations

import json
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.broker import Broker
from tests.waiting import until


@dataclass(frozen=True)
class Received:
    """One message as the consumer printed it."""

    topic: str
    retained: bool
    payload: str

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


class Consumer:
    """Follows ``topic`` with QoS 1 from the end of :meth:`start` on."""

    def __init__(self, broker: Broker, folder: Path, topic: str, *options: str) -> None:
        self._broker = broker
        self._name = f"consumer-{uuid.uuid4().hex[:8]}"
        self._file = folder / f"{self._name}.txt"
        self._command = [
            *("mosquitto_sub", "-h", broker.host, "-p", str(broker.port), "-i", self._name, "-q", "1"),
            *("-V", "mqttv5", "-t", topic, "-F", "%t\t%r\t%p", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def messages(self) -> list[Received]:
        lines = self._file.read_text(encoding="utf-8").split("\n")[:-1]
        parts = [line.split("\t", 2) for line in lines]
        return [Received(topic, retained == "1", payload) for topic, retained, payload in parts]

    def of(self, kind: str) -> list[Received]:
        """Messages of one of Part 14's kinds: data, metadata, status."""
        return [message for message in self.messages if f"/json/{kind}/" in message.topic]

    async def __aenter__(self) -> Self:
        with self._file.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it is only started here, which takes no time
                self._command, stdout=output, stderr=subprocess.DEVNULL
            )
        await until(lambda: f"Sending SUBACK to {self._name}" in self._broker.log)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
