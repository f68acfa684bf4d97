"""The edge node on its links: births, deaths, numbers, rebirths, commands, the primary host (Sparkplug 3.0.0, 5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from core.time import Clock, SystemClock
from server.pubsub.commands.rate import Rate
from server.pubsub.contract import Link, MqttMessage, Subscription
from server.pubsub.frames import FieldValues
from server.pubsub.sparkplug.commands import CommandReader, SparkplugCommand
from server.pubsub.sparkplug.node import EdgeNode
from server.pubsub.sparkplug.primary_host import PrimaryHost
from server.pubsub.sparkplug.rows import historical
from server.pubsub.sparkplug.state import NodeState
from server.pubsub.sparkplug.voice import Voice
from server.pubsub.sparkplug.wire import PayloadError

_log = logging.getLogger("plantspace.pubsub")
_RATE: Final = 100.0
"""Messages of hosts that are taken apart in a second, commands and requests for a rebirth alike."""


@dataclass(slots=True)
class SparkplugCounters:
    """Since the start. ``rebirths``: those that hosts asked for; ``refused``: messages of hosts that say nothing."""

    births: int = 0
    rebirths: int = 0
    device_deaths: int = 0
    commands: int = 0
    refused: int = 0


class SparkplugSession:
    """Speaks as one edge node. Used on the event loop's thread."""

    in_sequence = True
    priority = 1

    def __init__(
        self,
        node: EdgeNode,
        state: NodeState,
        snapshot: Callable[[str], Sequence[FieldValues]],
        *,
        on_command: Callable[[SparkplugCommand], None] | None = None,
        has_backlog: Callable[[], bool] = lambda: True,
        clock: Clock | None = None,
    ) -> None:
        """Prepare. ``snapshot``: all present values of a DataSet, for births.

        ``on_command`` takes what hosts want written, and what they wanted amiss; without it nothing is subscribed but
        requests for a rebirth. It returns at once. ``has_backlog``: whether data of an earlier configuration may wait,
        so that metrics that are no more are in births, too.
        """
        self.counters = SparkplugCounters()
        self._state = state
        self._on_command = on_command
        self._clock: Clock = clock or SystemClock()
        self._voice = Voice(node, snapshot, has_backlog, self._clock)
        self._lives = self._voice.lives
        self._host = PrimaryHost(node.settings.primary_host)
        self._link: Link | None = None
        self._greeted = False
        self._is_born = False
        self._born_at = 0.0
        self._rate = Rate(_RATE, 2.0 * _RATE, self._clock.monotonic)
        self._rebirth: asyncio.TimerHandle | None = None
        self._death: asyncio.TimerHandle | None = None
        self._take(node)

    def adopt(self, node: EdgeNode) -> None:
        """Go on with the metrics of a changed model; hosts are told by a rebirth. Writers encode by it from now on."""
        self._voice.adopt(node)
        self._take(node)
        if self._is_born:
            self._send_births()

    # The contract's.

    def opened(self, link: Link) -> None:
        """Learn the link."""
        self._link = link
        self._voice.largest = link.largest

    def will(self) -> MqttMessage:
        """Give the NDEATH of a new link."""
        self._is_born = self._greeted = False
        self._host.forget()
        self._voice.bd_seq = self._state.next_bd_seq()
        return self._voice.node_death()

    def subscriptions(self) -> Sequence[Subscription]:
        """Name NCMD, DCMD and the primary host's STATE."""
        topics = self._node.topics
        made = [Subscription(topics.of("NCMD"))]
        if self._on_command is not None:
            made.append(Subscription(topics.of("DCMD", "+")))
        if self._host.topic:
            made.append(Subscription(self._host.topic))
        return made

    def greeting(self) -> Sequence[MqttMessage]:
        """Give all births; none while the primary host is away, which get out when it comes."""
        self._greeted = True
        return self._births() if self._host.here.is_set() else ()

    async def admitted(self) -> None:
        """Wait for the primary host."""
        await self._host.here.wait()

    def before(self, message: MqttMessage) -> Sequence[MqttMessage]:
        """Give the DBIRTH of a device that was declared dead, or is no more, and has something to say nevertheless."""
        name, lives = self._device_of(message.topic), self._lives
        if not name or not self._is_born or lives.is_born(name) or lives.repeats_death(name, message):
            return ()
        return self._voice.device_birth(name)

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:
        """Add time and ``seq``, and mark what is replayed as historical.

        What only says again that a device is away which hosts take for dead becomes an empty NDATA: no DDATA may follow
        a DDEATH (Sparkplug 3.0.0, 5.7), and the outbox wants its message delivered.
        """
        name = self._device_of(message.topic)
        if name is None:
            return message
        if self._lives.is_dead(name):
            return self._voice.numbered(self._node.topics.of("NDATA"), b"", message.qos)
        device = self._devices.get(message.topic)
        if device is not None and (device.is_lost or self._lives.any_lost) and self._lives.is_born(name):
            self._lives.note(device)
            self._watch_deaths()
        payload = message.payload
        if replayed:
            try:
                payload = historical(payload)
            except PayloadError as error:
                _log.error("data of %s cannot be marked as historical: %s", message.topic, error)
        return self._voice.numbered(message.topic, payload, message.qos)

    def received(self, message: MqttMessage) -> None:
        """Take a host's message."""
        if message.topic == self._host.topic:
            self._follow_host(message)
            return
        topics = self._node.topics
        device = "" if message.topic == topics.of("NCMD") else message.topic.rpartition("/")[2]
        if message.topic not in (topics.of("NCMD"), topics.of("DCMD", device)):
            self.counters.refused += 1
            return
        if message.retain:
            # Sparkplug 3.0.0, 6.4.23: never retained. One that is comes again with each link, long after it was meant.
            refusal = SparkplugCommand(device, refusals=(("", "a command must not be retained"),))
            self._hand_on(refusal)
            return
        if not self._rate.take():  # before it is taken apart, which is what costs
            self._hand_on(SparkplugCommand(device, refusals=(("", "too many commands come"),)))
            return
        command, rebirth = self._reader.read(message, device)
        if command.writes or command.refusals:
            self._hand_on(command)
        if rebirth:
            self._ask_rebirth()

    def lost(self) -> None:
        """Learn that the link has ended."""
        self._link = None
        self._is_born = self._greeted = False
        self._lives.begin()
        for timer in (self._rebirth, self._death):
            if timer is not None:
                timer.cancel()
        self._rebirth = self._death = None

    def farewell(self) -> Sequence[MqttMessage]:
        """Give the NDEATH that the broker will not say after a clean end."""
        if not self._is_born:
            return ()
        self._is_born = False
        return (self._voice.node_death(),)

    # Births and deaths.

    def _take(self, node: EdgeNode) -> None:
        self._node = node
        self._reader = CommandReader(node.devices)
        self._devices = {node.topics.data(device.name): device for device in node.devices.values() if device.name}
        self._names = {topic: device.name for topic, device in self._devices.items()} | {node.topics.data(""): ""}

    def _device_of(self, topic: str) -> str | None:
        """Give the device whose data go to a topic, empty for the node; None where it is none of this node's."""
        name = self._names.get(topic)
        if name is not None:
            return name
        front, _, name = topic.rpartition("/")
        return name if name and front == self._node.topics.of("DDATA") else None

    def _births(self) -> list[MqttMessage]:
        made = self._voice.births()
        self._is_born = True
        self._born_at = self._clock.monotonic()
        self.counters.births += 1
        self._watch_deaths()
        return made

    def _watch_deaths(self) -> None:
        """Look when the next device could be declared dead."""
        if self._death is None and self._lives.any_lost and self._is_born:
            pause = self._node.settings.death_after
            self._death = asyncio.get_running_loop().call_later(pause, self._declare_deaths)

    def _declare_deaths(self) -> None:
        self._death = None
        made = self._voice.device_deaths()
        self.counters.device_deaths += len(made)
        self._fly(*made)
        self._watch_deaths()

    def _ask_rebirth(self) -> None:
        """Give a rebirth, but not more often than the interval says; requests within it get one together."""
        if not self._is_born or self._rebirth is not None:
            return
        wait = self._born_at + self._node.settings.rebirth_interval - self._clock.monotonic()
        if wait <= 0:
            self._bear_again()
        else:
            self._rebirth = asyncio.get_running_loop().call_later(wait, self._bear_again)

    def _bear_again(self) -> None:
        self._rebirth = None
        if self._is_born:
            self.counters.rebirths += 1
            self._send_births()

    def _send_births(self) -> None:
        self._fly(*self._births())

    # The host.

    def _follow_host(self, message: MqttMessage) -> None:
        refused = self._host.refused
        changed = self._host.follow(message)
        self.counters.refused += self._host.refused - refused
        if not changed:
            return
        if self._host.here.is_set():
            if self._greeted and not self._is_born:
                self._send_births()
        elif self._is_born and self._link is not None:
            # Cut off, so that the broker says NDEATH; the next link waits for the host (Sparkplug 3.0.0, 5.4).
            self._link.abort("the primary host is offline")

    def _hand_on(self, command: SparkplugCommand) -> None:
        if command.refusals:
            self.counters.refused += 1
        else:
            self.counters.commands += 1
        if self._on_command is not None:
            self._on_command(command)

    def _fly(self, *messages: MqttMessage) -> None:
        if self._link is None or not messages:
            return
        try:
            self._link.fly(messages, self.priority)
        except ValueError as error:
            _log.error("a birth or death cannot be said: %s", error)
