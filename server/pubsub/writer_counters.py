"""What a DataSetWriter counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class WriterCounters:
    """Since the start. ``acquired``: samples or events taken in; ``values``, ``dropped``: of these.

    ``missed``: intervals that found the last one still busy. ``failures``: records that the outbox did not accept.
    """

    messages: int = 0
    acquired: int = 0
    values: int = 0
    dropped: int = 0
    missed: int = 0
    failures: int = 0
