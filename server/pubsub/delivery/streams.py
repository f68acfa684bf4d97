"""The classes of what is published: their streams in the outbox, and who goes first on a link."""

from __future__ import annotations

from typing import Final, Literal

DataClass = Literal["alarms", "events", "telemetry", "logs"]
CLASSES: Final[tuple[DataClass, ...]] = ("alarms", "events", "telemetry", "logs")
"""What matters most comes first (historian/outbox_priorities.py has the same order for the disk)."""

DEFAULT: Final = "default"
"""The connection of a configuration that names none."""
STREAM: Final = "pubsub"
SINK: Final = "mqtt"
"""Stream and sink of the default connection's telemetry, as older files have them."""

BACKLOG: Final[dict[DataClass, int]] = {"alarms": 7, "events": 6, "telemetry": 1, "logs": 0}
LIVE: Final[dict[DataClass, int]] = {"alarms": 7, "events": 6, "telemetry": 5, "logs": 4}
"""Priorities on the link. Alarms and events have one order, whatever waits: what ends must not come before it began."""


def stream_of(connection: str, kind: DataClass) -> str:
    """Name the outbox stream of a connection's class."""
    return STREAM if connection == DEFAULT and kind == "telemetry" else f"{STREAM}/{connection}/{kind}"


def sink_of(connection: str, kind: DataClass) -> str:
    """Name the sink that the outbox knows it by."""
    return SINK if connection == DEFAULT and kind == "telemetry" else f"{SINK}/{connection}/{kind}"


def is_pubsub(stream: str) -> bool:
    """Tell whether an outbox stream is one of these."""
    return stream == STREAM or stream.startswith(f"{STREAM}/")


def is_pubsub_sink(sink: str) -> bool:
    """Tell whether the outbox knows one of these by this name."""
    return sink == SINK or sink.startswith(f"{SINK}/")


def is_in_order(kind: DataClass) -> bool:
    """Tell whether a class has one order however its connection replays."""
    return kind in ("alarms", "events")
