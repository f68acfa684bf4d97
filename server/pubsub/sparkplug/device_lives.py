"""Which devices hosts take for alive, which are lost, and which of these hosts were told of (Sparkplug 3.0.0, 5.7)."""

from __future__ import annotations

from collections.abc import Collection

from core.time import Clock
from server.pubsub.contract import MqttMessage
from server.pubsub.sparkplug.device import Device
from server.pubsub.sparkplug.payload import decode_payload
from server.pubsub.sparkplug.types import BAD
from server.pubsub.sparkplug.wire import PayloadError


class DeviceLives:
    """By the devices' names. A device is lost while all of its metrics are Bad."""

    def __init__(self, clock: Clock) -> None:
        """Nobody was born yet."""
        self._clock = clock
        self._born: set[str] = set()
        self._lost: dict[str, float] = {}
        """And when data of them went out last, in monotonic seconds."""
        self._dead: set[str] = set()

    @property
    def any_lost(self) -> bool:
        """Tell whether a device is lost and not yet declared dead."""
        return bool(self._lost)

    def is_born(self, name: str) -> bool:
        """Tell whether hosts take a device for alive."""
        return name in self._born

    def is_dead(self, name: str) -> bool:
        """Tell whether hosts were told that a device is dead."""
        return name in self._dead

    def begin(self) -> None:
        """Forget the births of the link before."""
        self._born.clear()

    def bear(self, name: str) -> None:
        """Take a device for born."""
        self._born.add(name)
        self._dead.discard(name)

    def keep(self, names: Collection[str]) -> None:
        """Forget all devices but these."""
        self._lost.clear()
        self._dead.intersection_update(names)

    def note(self, device: Device) -> None:
        """Learn that data of a device go out now."""
        if device.is_lost:
            self._lost[device.name] = self._clock.monotonic()
        else:
            self._lost.pop(device.name, None)

    def die(self, silent_for: float) -> list[str]:
        """Declare dead whoever is lost and was silent for so many seconds; gives their names."""
        due = self._clock.monotonic() - silent_for
        gone = [name for name, since in self._lost.items() if since <= due and name in self._born]
        for name in gone:
            del self._lost[name]
        self._born.difference_update(gone)
        self._dead.update(gone)
        return gone

    def repeats_death(self, name: str, message: MqttMessage) -> bool:
        """Tell whether a message of a dead device says nothing but that its metrics are Bad."""
        if name not in self._dead:
            return False
        try:
            metrics = decode_payload(message.payload).metrics
        except PayloadError:
            return False
        return all(one.properties is not None and one.properties.values[0].int_value == BAD for one in metrics)
