"""A lane: the rows of one queue, or of one cohort's queues, of which only what is new or gone is written.

What is queued is a sequence of *members* that never change: a log's parts, or single values. Members that came together
are one *chunk*, which is one row. Keys give the order of a lane's chunks; a chunk that lost some of its members is
written anew, just before the one that follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import is_

_STEP = 16
"""Between the keys of chunks, so that what is left of one finds a place before the next."""


@dataclass(slots=True, eq=False)
class Chunk:
    """One row. ``size``: bytes, as estimated until it is encoded."""

    key: int
    members: Sequence[object]
    size: int


@dataclass(slots=True)
class Budget:
    """Bytes that may still be written. ``refused`` counts chunks that did not fit."""

    left: int
    refused: int = 0


class Lane:
    """What the disk has of a lane."""

    def __init__(self, weigh: Callable[[object], int], largest: int) -> None:
        """``weigh`` estimates a member's bytes; members are put together up to ``largest`` bytes."""
        self._weigh = weigh
        self._largest = largest
        self._chunks: list[Chunk] = []
        self._top = 0

    @property
    def bytes(self) -> int:
        """Count the bytes of all rows."""
        return sum([chunk.size for chunk in self._chunks])

    def look(self, members: Sequence[object], budget: Budget) -> tuple[list[int], list[Chunk]]:
        """Compare with what is queued now; give the keys that are gone, and chunks to be written.

        The newest that do not fit into ``budget`` are left out, and a later look tries again. So what the disk has is
        never without something in its middle.
        """
        if not members and not self._chunks:
            return [], []
        found = list(self._matched(members))
        old = {id(chunk): chunk.key for chunk in self._chunks}
        fitting = found[: len(found) - self._trailing(found, old)]
        budget.left -= sum(chunk.size for chunk in fitting if id(chunk) not in old)
        for chunk in found[len(fitting) :]:
            if chunk.size > budget.left:
                budget.refused += 1
                break
            budget.left -= chunk.size
            fitting.append(chunk)
        fresh = self._order(fitting, old)
        kept = {chunk.key for chunk in fitting}
        gone = [key for key in old.values() if key not in kept]
        self._chunks = fitting
        return gone, fresh

    def _matched(self, members: Sequence[object]) -> Iterator[Chunk]:
        """Cut the members into the chunks that are known, and new ones."""
        begins = {id(chunk.members[0]): chunk for chunk in self._chunks}
        fresh: list[object] = []
        weight = position = 0
        while position < len(members):
            member = members[position]
            known = begins.pop(id(member), None)
            if known is not None and self._stands(known, members, position):
                if fresh:
                    yield Chunk(0, fresh, weight)
                    fresh, weight = [], 0
                yield known
                position += len(known.members)
                continue
            fresh.append(member)
            weight += self._weigh(member)
            position += 1
            if weight >= self._largest:
                yield Chunk(0, fresh, weight)
                fresh, weight = [], 0
        if fresh:
            yield Chunk(0, fresh, weight)

    @staticmethod
    def _stands(chunk: Chunk, members: Sequence[object], position: int) -> bool:
        present = members[position : position + len(chunk.members)]
        return len(present) == len(chunk.members) and all(map(is_, present, chunk.members))

    @staticmethod
    def _trailing(chunks: list[Chunk], old: dict[int, int]) -> int:
        """Count the new chunks behind the last known one."""
        count = 0
        while count < len(chunks) and id(chunks[-1 - count]) not in old:
            count += 1
        return count

    def _order(self, chunks: list[Chunk], old: dict[int, int]) -> list[Chunk]:
        """Give keys to new chunks, from the last one back; one that is in the way is written again before it."""
        fresh: list[Chunk] = []
        trailing = self._trailing(chunks, old)
        following = self._top + (trailing + 1) * _STEP
        for position, chunk in enumerate(reversed(chunks)):
            if id(chunk) not in old or chunk.key >= following:
                chunk.key = following - (_STEP if position < trailing else 1)
                fresh.append(chunk)
            following = chunk.key
        self._top = max([self._top, *(chunk.key for chunk in chunks)])
        fresh.reverse()
        return fresh
