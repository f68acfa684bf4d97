"""What an edge node says on a link: every message with its number, births first (Sparkplug 3.0.0, 5.4 to 5.7)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from core.time import Clock
from server.pubsub.contract import MqttMessage
from server.pubsub.frames import FieldValues
from server.pubsub.sparkplug.device import RetiredMetric
from server.pubsub.sparkplug.device_lives import DeviceLives
from server.pubsub.sparkplug.node import EdgeNode
from server.pubsub.sparkplug.rows import closing
from server.pubsub.sparkplug.values import unix_milliseconds

_log = logging.getLogger("plantspace.pubsub")

_HIGHEST: Final = 255
_AROUND: Final = 64
"""Bytes of a packet beside topic and metrics, at most."""


class Voice:
    """Makes and numbers messages. ``largest``: bytes of the largest packet that the broker of the link takes."""

    def __init__(
        self,
        node: EdgeNode,
        snapshot: Callable[[str], Sequence[FieldValues]],
        has_backlog: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """Speak for ``node``. The others are as :class:`~server.pubsub.sparkplug.session.SparkplugSession` has them."""
        self.node = node
        self.lives = DeviceLives(clock)
        self.bd_seq = 0
        self.largest = 0
        self._snapshot = snapshot
        self._has_backlog = has_backlog
        self._clock = clock
        self._sequence = _HIGHEST
        self._too_long: set[str] = set()
        """Devices whose births the broker does not take."""

    def adopt(self, node: EdgeNode) -> None:
        """Speak for a changed node."""
        self.node = node
        self.lives.keep(node.devices)
        self._too_long.clear()

    def numbered(self, topic: str, content: bytes, qos: int) -> MqttMessage:
        """Give metrics the time and the next ``seq``."""
        self._sequence = self._sequence + 1 & _HIGHEST
        return MqttMessage(topic, content + closing(self._now(), self._sequence), qos)

    def node_death(self) -> MqttMessage:
        """Give the NDEATH."""
        return MqttMessage(self.node.topics.of("NDEATH"), self.node.death(self.bd_seq, self._now()), 1)

    def births(self) -> list[MqttMessage]:
        """Give NBIRTH with ``seq`` 0 and the DBIRTHs of all devices that are not dead."""
        node, now = self.node, self._now()
        retired = self._retired()
        own = {name: self._snapshot(name) for name, device in node.devices.items() if not device.name}
        self._sequence = _HIGHEST
        self.lives.begin()
        made = [self.numbered(node.topics.of("NBIRTH"), node.birth(self.bd_seq, now, own, retired.get("", ())), 0)]
        there = [device.name for device in node.devices.values() if device.name]
        for name in dict.fromkeys((*there, *filter(None, retired))):
            if not self.lives.is_dead(name):
                made += self.device_birth(name)
        return made

    def device_birth(self, name: str) -> Sequence[MqttMessage]:
        """Give a DBIRTH, which cannot be cut; none where the broker would not take it: its number would be missed."""
        if name in self._too_long:
            return ()
        node = self.node
        is_there = name in node.devices
        values = self._snapshot(name) if is_there else ()
        retired = self._retired() if is_there else node.retired
        content = node.device_birth(name, self._now(), values, retired.get(name, ()))
        topic = node.topics.of("DBIRTH", name)
        size = len(content) + len(topic) + _AROUND
        if self.largest and size > self.largest:
            self._too_long.add(name)
            text = "%s cannot be born: that takes about %d bytes, and the broker takes %d; make several DataSets of it"
            _log.error(text, topic, size, self.largest)
            return ()
        self.lives.bear(name)
        if is_there:
            self.lives.note(node.devices[name])
        return (self.numbered(topic, content, 0),)

    def device_deaths(self) -> list[MqttMessage]:
        """Give the DDEATHs that are due."""
        gone = self.lives.die(self.node.settings.death_after)
        return [self.numbered(self.node.topics.of("DDEATH", name), b"", 0) for name in gone]

    def _retired(self) -> dict[str, list[RetiredMetric]]:
        return self.node.retired if self.node.retired and self._has_backlog() else {}

    def _now(self) -> int:
        return unix_milliseconds(self._clock.now())
