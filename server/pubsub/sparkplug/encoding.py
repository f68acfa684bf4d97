"""A DataSetWriter's messages as Sparkplug data: NDATA or DDATA without ``seq`` and time, which are added on sending."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from server.pubsub.contract import Encoded, MqttMessage
from server.pubsub.frames import Frame
from server.pubsub.sparkplug.device import Device

CLOSING: Final = 16
"""Bytes kept free for what is added on sending."""


class SparkplugEncoding:
    """Encodes the values of one device; keep-alives are none of Sparkplug's messages."""

    def __init__(self, device: Device, topic: str, qos: int) -> None:
        """``topic``: of the device's data."""
        self._device = device
        self._topic = topic
        self._qos = qos

    def data(self, frames: Sequence[Frame], largest: int) -> list[Encoded]:
        """Encode frames as one message, or as several where it would be longer than ``largest``."""
        parts = [part for frame in frames for part in frame.parts if len(part)]
        if not parts:
            return []
        content, ends = self._device.data(parts)
        room = max(largest - CLOSING, 1)
        if len(content) <= room:
            return [self._message(content, len(ends))]
        made: list[Encoded] = []
        first = start = 0
        while first < len(ends):
            # A metric longer than all that there is room for goes alone.
            last = max(int(np.searchsorted(ends, start + room, "right")), first + 1)
            end = int(ends[last - 1])
            made.append(self._message(content[start:end], last - first))
            first, start = last, end
        return made

    def metadata(self) -> list[MqttMessage]:
        """Give none: births describe the metrics."""
        return []

    def _message(self, content: bytes, values: int) -> Encoded:
        return Encoded(MqttMessage(self._topic, content, self._qos), values)
