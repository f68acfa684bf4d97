"""What a supervisor knows of its device, for people and for the address space."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.Enum):
    """Where a device's supervisor stands."""

    STOPPED = "Stopped"
    CONNECTING = "Connecting"
    RUNNING = "Running"
    BACKOFF = "Backoff"
    DEMOTED = "Demoted"
    """Failed so often in a row that it is tried at the longest interval only."""


@dataclass(slots=True)
class Diagnostics:
    """Counters since the gateway's start; durations in milliseconds."""

    state: State = State.STOPPED
    scans: int = 0
    missed_scans: int = 0
    """Scans that were due and skipped because the one before took too long."""
    reads: int = 0
    """Requests that the driver sent."""
    read_errors: int = 0
    """Scans that failed because the link was lost."""
    request_errors: int = 0
    """What the device answered with an error, or not at all."""
    late_replies: int = 0
    """Replies that belong to no open request; they were thrown away."""
    writes: int = 0
    write_errors: int = 0
    write_refusals: int = 0
    """Writes turned away because too many were waiting."""
    reconnects: int = 0
    bus_errors: int = 0
    overruns: int = 0
    """What came faster than it could be taken, and was lost: frames, mostly."""
    samples_acquired: int = 0
    publish_errors: int = 0
    """Batches that the process image did not take; their samples are lost."""
    last_scan_duration: float = 0.0
    last_error: str = ""
