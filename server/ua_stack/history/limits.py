"""How much one answer of HistoryRead holds; more comes with continuation points (Part 4 v1.05 5.11.3.2)."""

from __future__ import annotations

from dataclasses import dataclass

ANSWER_VALUES = 12_000
"""Values in one answer, of all its nodes together."""
ANSWER_BYTES = 640 * 1024
"""Bytes of values in one answer, but for the page that goes over it; nodes after it get a continuation point alone."""
SEALED_BYTES = 512 * 1024
"""The same on a channel that signs or encrypts, which holds the event loop for what is sent at once."""
LEAST_BYTES = 8 * 1024
"""What an answer holds, however little its client says that it takes."""
OBJECT_VALUES = 500
"""Strings, arrays and structures of one node in one answer: each takes as long as fifty numbers."""
LEAST_SIZE = 512
"""Bytes that a continuation point takes, whatever is kept with it."""
VALUE_BYTES = 32
"""Of a number with both its times and a StatusCode, at most."""


@dataclass(slots=True)
class Room:
    """What one answer may still hold, shared evenly by the nodes that are still to come."""

    nodes: int
    bytes: int = ANSWER_BYTES
    values: int = ANSWER_VALUES

    @classmethod
    def of(cls, nodes: int, most: int) -> Room:
        """Make the room of an answer of ``most`` bytes."""
        return cls(nodes, most, min(ANSWER_VALUES, max(most // VALUE_BYTES, 1)))

    def share(self) -> int:
        """Give how many values the next node may have; what one leaves is there for those after it."""
        share = self.values // max(self.nodes, 1)
        self.nodes -= 1
        return max(share, 1) if self.bytes > 0 else 0

    def take(self, values: int, size: int) -> None:
        """Count what a node got."""
        self.values -= values
        self.bytes -= size
