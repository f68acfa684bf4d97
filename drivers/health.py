"""How well a device does, in the words of NAMUR NE 107, as OPC UA for Devices numbers them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


class DeviceHealth(enum.IntEnum):
    """DeviceHealthEnumeration of OPC 10000-100 v1.04 4.5.4."""

    NORMAL = 0
    FAILURE = 1
    CHECK_FUNCTION = 2
    OFF_SPEC = 3
    MAINTENANCE_REQUIRED = 4


@dataclass(frozen=True, slots=True)
class HealthChange:
    """A device's health became another. ``moment``: DateTime ticks; ``reason``: words for people."""

    device: str
    before: DeviceHealth
    after: DeviceHealth
    reason: str
    moment: int


HealthListener = Callable[[HealthChange], None]
