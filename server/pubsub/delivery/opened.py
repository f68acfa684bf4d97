"""A record on its way: its messages, and what the broker has said to each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from historian.contract import Record
from server.pubsub.columns import EncodedMessages
from server.pubsub.contract import FAILURE, Encoded, MqttMessage
from server.pubsub.delivery.fresh import Fresh
from server.pubsub.record import Burst, pack, unpack

_INLINE: Final = 16 * 1024
"""Bytes of a record taken apart on the loop."""


@dataclass(slots=True, eq=False)
class Opened:
    """A record taken apart. ``codes``: each message's answer, None while there is none.

    ``problems``: why the messages at these places can never be delivered.
    """

    record: Record
    burst: Burst
    codes: list[int | None]
    problems: dict[int, str] = field(default_factory=dict[int, str])

    @property
    def is_settled(self) -> bool:
        """Tell whether each message is with the broker, or never will be."""
        return None not in self.codes

    @property
    def unanswered(self) -> Sequence[int]:
        """Give the places of the messages that are still to be sent; of all, as a range."""
        codes = self.codes
        if codes.count(None) == len(codes):
            return range(len(codes))
        return [place for place, code in enumerate(codes) if code is None]

    def deliver(self, places: Sequence[int]) -> None:
        """Take the messages at these places as being with the broker."""
        codes = self.codes
        if len(places) == len(codes):
            self.codes = [0] * len(codes)
            return
        for place in places:
            codes[place] = 0

    def refuse(self, place: int, reason: str, code: int = FAILURE) -> None:
        """Take a message as one that can never be delivered."""
        self.codes[place] = code
        self.problems[place] = reason

    @property
    def lost(self) -> int:
        """Count the samples of the messages that can never be delivered."""
        if len(self.problems) == len(self.codes):
            return self.record.samples
        return sum(self.burst.values[place] for place in self.problems)

    def dead(self) -> Record:
        """Give a record of those messages alone, for a person to look at."""
        if len(self.problems) == len(self.codes):
            return self.record
        burst = self.burst
        places = sorted(self.problems)
        refused = EncodedMessages(burst.messages.chosen(places), [burst.values[place] for place in places])
        payload = pack(burst.dataset, burst.encoding, burst.time, refused)
        return Record(self.record.sequence, self.record.time, self.lost, payload)


async def open_record(record: Record, fresh: Fresh) -> Opened:
    """Take a record apart, in a thread where that takes milliseconds; what is fresh is still there as it was.

    Raises :class:`~server.pubsub.record.DamagedRecord`.
    """
    payload = record.payload
    burst = fresh.take(record)
    if burst is None:
        burst = unpack(payload) if len(payload) < _INLINE else await asyncio.to_thread(unpack, payload)
    return Opened(record, burst, [None] * len(burst.messages))


def of_metadata(sequence: int, metadata: Sequence[MqttMessage]) -> Record:
    """Make a record of metadata that did not get here through the outbox."""
    return Record(sequence, 0, 0, pack("", "", 0, [Encoded(message, 0) for message in metadata]))
