"""A device's NE107 health and who is told when it changes."""

from __future__ import annotations

from drivers.health import DeviceHealth, HealthChange, HealthListener
from drivers.supervision.clock import Clock
from drivers.supervision.journal import Journal

_MISSED, _MOST, _TOO_MUCH = 4, 10, 5
"""A late scan adds 4 up to 10, one in time takes 1 away: two late ones close together are too much."""
_HAS_VALUES = (DeviceHealth.NORMAL, DeviceHealth.MAINTENANCE_REQUIRED)
"""Values come, so their pace counts. NE 107 puts OFF_SPEC over these two and under the others."""


class Condition:
    """Holds one device's health. CHECK_FUNCTION until something is known, OFF_SPEC while scans come too late."""

    def __init__(self, device: str, clock: Clock, journal: Journal) -> None:
        """Begin with CHECK_FUNCTION."""
        self.health = DeviceHealth.CHECK_FUNCTION
        self._device, self._clock, self._journal = device, clock, journal
        self._listeners: list[HealthListener] = []
        self._answering = (DeviceHealth.CHECK_FUNCTION, "")
        self._strain = 0
        self._slow = False

    def on_change(self, listener: HealthListener) -> None:
        """Call ``listener`` on every change."""
        self._listeners.append(listener)

    def become(self, health: DeviceHealth, reason: str) -> None:
        """Take ``health`` for how the device answers; a change is told to every listener."""
        self._answering = (health, reason)
        if health not in _HAS_VALUES:
            self._strain, self._slow = 0, False
        if not self._slow:
            self._change(health, reason)

    def pace(self, missed: int) -> None:
        """Judge one scan by how many before it were missed."""
        health, reason = self._answering
        if health not in _HAS_VALUES:
            return
        if missed:
            self._strain = min(self._strain + _MISSED, _MOST)
            if self._strain > _TOO_MUCH:
                self._slow = True
                self._change(DeviceHealth.OFF_SPEC, "too slow for its scan interval")
        elif self._strain:
            self._strain -= 1
            if not self._strain:
                self._slow = False
                self._change(health, "keeps its scan interval" if health is DeviceHealth.NORMAL else reason)

    def _change(self, health: DeviceHealth, reason: str) -> None:
        if health is self.health:
            return
        change = HealthChange(self._device, self.health, health, reason, self._clock.now())
        self.health = health
        for listener in self._listeners:
            try:
                listener(change)
            except Exception as error:  # noqa: BLE001 - who listens must not stop the device
                self._journal.fault("a listener to its health failed", error)
