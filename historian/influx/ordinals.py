"""Which of the samples at its source time each sample is: found without asking the server, as a rule.

Of each point the newest source time that was written is known, and how many samples stand there. What is newer has
its time to itself and needs no look. Only a point that is new to this process and late samples are looked up, those
through the time that they lie in, a page after the other. What a lookup finds of the same or a later record was left
by a delivery that never ended, and counts as not there: so a second delivery puts every sample where the first did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from core.batch import TimeArray
from historian.influx.positions import OrdinalArray
from historian.samples import SampleBlock

_NEVER: Final = -(1 << 63)
_NOTHING: Final[Mapping[tuple[str, int], int]] = {}


@dataclass(frozen=True, slots=True)
class _Newest:
    """The newest source time of a point, and the next ordinal there; None when that has to be looked up."""

    tick: int
    following: int | None


class Lookup(Protocol):
    """What the database says about a lane."""

    def newest(self, nodes: Sequence[str]) -> Mapping[str, int]:
        """Give the newest source time of each of the points; one without samples is missing."""
        ...

    def following(self, times: Mapping[str, Sequence[int]], record: int) -> Mapping[tuple[str, int], int]:
        """Give the next ordinal of (point, source time), times rising, where samples of earlier records stand."""
        ...


@dataclass(frozen=True, slots=True)
class _Part:
    """Where samples of a point stand in a record: which block, from which row to which."""

    block: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A record whose points are known. ``parts``: the points that are not simply newer; ``times``: what to look up."""

    blocks: Sequence[SampleBlock]
    parts: Mapping[str, Sequence[_Part]]
    times: Mapping[str, Sequence[int]]


class Ordinals:
    """Gives samples their ordinals, record by record in the order of delivery."""

    def __init__(self, lookup: Lookup) -> None:
        """Ask ``lookup`` about what is not known here."""
        self._lookup = lookup
        self._newest: dict[str, _Newest] = {}

    def plan(self, blocks: Sequence[SampleBlock]) -> Plan:
        """Look at a record; asks the database about points that are new to this process, about nothing else."""
        unknown = {node for block in blocks for node in block.nodes if node not in self._newest}
        if unknown:
            found = self._lookup.newest(sorted(unknown))
            for node in unknown:
                self._newest[node] = _Newest(found[node], None) if node in found else _Newest(_NEVER, 0)
        parts = self._parts(blocks)
        times: dict[str, list[int]] = {}
        for node, where in parts.items():
            newest = self._newest[node]
            limit = newest.tick - (newest.following is not None)
            late = np.unique(_ticks(blocks, where))
            late = late[late <= limit]
            if len(late):
                times[node] = late.tolist()
        return Plan(blocks, parts, times)

    def give(self, plan: Plan, record: int) -> list[OrdinalArray | None]:
        """Give a record's blocks their ordinals, int64[n] a block; None: each sample is the first at its time.

        Where the plan has times to look up, what was given before must be in the database.
        """
        found = self._lookup.following(plan.times, record) if plan.times else _NOTHING
        given: list[OrdinalArray | None] = [None] * len(plan.blocks)
        for node, where in plan.parts.items():
            ordinals = self._of(node, _ticks(plan.blocks, where), found)
            start = 0
            for part in where:
                target = given[part.block]
                if target is None:
                    target = given[part.block] = np.zeros(len(plan.blocks[part.block]), np.int64)
                end = start + part.end - part.start
                target[part.start : part.end] = ordinals[start:end]
                start = end
        for block in plan.blocks:
            lasts = block.source_time[np.cumsum(block.counts) - 1].tolist()
            for node, tick in zip(block.nodes, lasts, strict=True):
                if node not in plan.parts:
                    self._newest[node] = _Newest(tick, 1)
        return given

    def _parts(self, blocks: Sequence[SampleBlock]) -> dict[str, list[_Part]]:
        """Find the points whose samples are not all newer than what is stored and each at a time of its own."""
        seen: Counter[str] = Counter()
        for block in blocks:
            seen.update(block.nodes)
        parts: dict[str, list[_Part]] = {}
        for number, block in enumerate(blocks):
            ends = np.cumsum(block.counts)
            starts = ends - block.counts
            rising = np.ones(len(block), np.bool_)
            rising[1:] = block.source_time[1:] > block.source_time[:-1]
            rising[starts] = True
            newest = np.array([self._newest[node].tick for node in block.nodes], np.int64)
            plain = np.logical_and.reduceat(rising, starts) & (block.source_time[starts] > newest)
            for place, node in enumerate(block.nodes):
                if not plain[place] or seen[node] > 1:
                    parts.setdefault(node, []).append(_Part(number, int(starts[place]), int(ends[place])))
        return parts

    def _of(self, node: str, ticks: TimeArray, found: Mapping[tuple[str, int], int]) -> OrdinalArray:
        newest = self._newest[node]
        unique, places, counts = np.unique(ticks, return_inverse=True, return_counts=True)
        first = np.zeros(len(unique), np.int64)
        for place, tick in enumerate(unique.tolist()):
            if tick == newest.tick and newest.following is not None:
                first[place] = newest.following
            elif tick <= newest.tick:
                first[place] = found.get((node, tick), 0)
        order = np.argsort(places, kind="stable")
        turns = np.arange(len(ticks)) - np.repeat(np.cumsum(counts) - counts, counts)
        ordinals = np.empty(len(ticks), np.int64)
        ordinals[order] = turns
        if int(unique[-1]) >= newest.tick:
            self._newest[node] = _Newest(int(unique[-1]), int(first[-1] + counts[-1]))
        return ordinals + first[places]


def _ticks(blocks: Sequence[SampleBlock], parts: Sequence[_Part]) -> TimeArray:
    return np.concatenate([blocks[part.block].source_time[part.start : part.end] for part in parts])
