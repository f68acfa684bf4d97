"""Records that wait for the disk: so many at most, and at each place where some had no room, how many those were."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from server.audit.record import AuditRecord

_log = logging.getLogger("plantspace.audit")
ROOM_BYTES: Final = 16 << 20
"""About how many bytes of records may wait."""


@dataclass(slots=True)
class Waiting:
    """A record, when it was recorded (ticks), and about how many bytes it takes."""

    record: AuditRecord
    time: int
    weight: int


@dataclass(slots=True)
class Loss:
    """Records that there was no room for: how many, when the first and the last came (ticks)."""

    lost: int
    first: int
    last: int


class WaitingRecords:
    """A queue that never makes its caller wait. Hold :attr:`changed` around everything that says so."""

    def __init__(self, room: int) -> None:
        """Hold ``room`` records at most."""
        self.changed = threading.Condition()
        self.lost = 0
        """Records that there was no room for, and those that whoever takes them counts as lost."""
        self._room = room
        self._records: deque[Waiting | Loss] = deque()
        self._weight = 0
        self._closed = False

    def __bool__(self) -> bool:
        """Tell whether any wait."""
        return bool(self._records)

    def put(self, record: AuditRecord, time: int) -> None:
        """Queue a record, or count it as lost."""
        weight = record.weight
        with self.changed:
            if self._closed or len(self._records) >= self._room or self._weight + weight > ROOM_BYTES:
                self._lose(time)
                return
            self._weight += weight
            self._records.append(Waiting(record, time, weight))
            self.changed.notify()

    def lose(self, time: int) -> None:
        """Count a record that cannot be queued."""
        with self.changed:
            self._lose(time)
            self.changed.notify()

    def take(self, most: int) -> list[Waiting | Loss]:
        """Take the oldest ones out."""
        with self.changed:
            batch = [self._records.popleft() for _ in range(min(len(self._records), most))]
            self._weight -= sum(one.weight for one in batch if isinstance(one, Waiting))
            return batch

    def open(self) -> None:
        """Take records, which a new queue does too."""
        with self.changed:
            self._closed = False

    def close(self) -> int:
        """Take no more; gives how many were there, which are lost with that."""
        with self.changed:
            self._closed = True
            left = sum(isinstance(one, Waiting) for one in self._records)
            self._records.clear()
            self._weight = 0
            self.lost += left
            return left

    def _lose(self, time: int) -> None:
        self.lost += 1
        end = self._records[-1] if self._records else None
        if isinstance(end, Loss):
            end.lost, end.last = end.lost + 1, time
        elif self._closed:
            _log.error("an audit record came when the trail was closed, and is lost")
        else:
            _log.error("audit records are lost: they come faster than the disk takes them, or it takes none")
            self._records.append(Loss(1, time, time))
