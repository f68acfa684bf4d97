"""What was accepted a moment ago, as it was before it was packed.

Reading it from the disk and taking it apart again costs as much as making it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import Final, NamedTuple

from historian.contract import Record
from historian.outbox import Accepted
from server.pubsub.record import Burst

LARGEST: Final = 4 << 20
"""Bytes of payloads kept; past it the oldest go, and are read from the outbox like all else."""


class _Kept(NamedTuple):
    accepted: Accepted
    payload: bytes
    burst: Burst
    size: int


class Fresh:
    """Bursts of one stream by the sequence that the outbox gave them. The outbox stays what counts."""

    def __init__(self, largest: int = LARGEST) -> None:
        """Keep up to ``largest`` bytes of messages."""
        self._largest = largest
        self._bytes = 0
        self._kept: dict[int, _Kept] = {}
        self._order: list[int] = []
        """The sequences of what is kept, ascending."""

    def __len__(self) -> int:
        """Count the bursts that are kept."""
        return len(self._kept)

    def keep(self, accepted: Accepted, payload: bytes, burst: Burst) -> None:
        """Keep what was accepted with ``payload``."""
        size = len(payload) + sum(map(len, burst.messages.payloads))
        self._kept[accepted.sequence] = _Kept(accepted, payload, burst, size)
        insort(self._order, accepted.sequence)
        self._bytes += size
        while self._bytes > self._largest:
            self._drop(self._order[0])

    def following(self, after: int, limit_bytes: int) -> list[Record]:
        """Give the records that come next after a sequence, as the outbox would, as far as they are here."""
        records: list[Record] = []
        taken = 0
        for place in range(bisect_right(self._order, after), len(self._order)):
            one = self._kept[self._order[place]]
            sequence, previous, time = one.accepted
            if previous > after or taken >= limit_bytes:
                break
            records.append(Record(sequence, time, sum(one.burst.values), one.payload))
            taken += len(one.payload)
            after = sequence
        return records

    def take(self, record: Record) -> Burst | None:
        """Give what a record holds, once; None where it has to be taken apart: it is not known, or is not the same."""
        known = self._kept.get(record.sequence)
        if known is None:
            return None
        self._drop(record.sequence)
        return known.burst if known.payload == record.payload and not record.damaged else None

    def forget(self, through: int) -> None:
        """Keep nothing up to a sequence: it is delivered, or was dropped from the outbox."""
        for sequence in self._order[: bisect_right(self._order, through)]:
            self._drop(sequence)

    def _drop(self, sequence: int) -> None:
        self._bytes -= self._kept.pop(sequence).size
        del self._order[bisect_left(self._order, sequence)]
