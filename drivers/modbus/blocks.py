"""The block planner: which values are read by one request. No I/O, no state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.modbus.encoding import Area
from drivers.modbus.settings import BlockLimits


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The registers (or bits) of one value: ``start`` to ``end``, ``end`` not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One request: ``count`` registers or bits from ``address``, for the values ``first`` to before ``last``."""

    area: Area
    address: int
    count: int
    first: int
    last: int


def cover(area: Area, spans: Sequence[Span], first: int, last: int) -> Block:
    """Give the block that reads ``spans[first:last]`` (ascending), nothing before and nothing after them."""
    start = spans[first].start
    end = max(span.end for span in spans[first:last])
    return Block(area, start, end - start, first, last)


def plan_blocks(area: Area, spans: Sequence[Span], limits: BlockLimits) -> list[Block]:
    """Merge ascending ``spans``, none longer than ``max_block``, into blocks within ``limits``.

    A value is never split, and a block begins and ends with a value. Taking each span into the block before it whenever
    that is allowed gives the fewest blocks where values do not overlap: to begin a block earlier than needed never lets
    a later one begin further on.
    """
    blocks: list[Block] = []
    first, end = 0, 0
    for index, span in enumerate(spans):
        if index > first:
            fits = max(end, span.end) - spans[first].start <= limits.max_block
            if fits and span.start - end <= limits.max_gap:
                end = max(end, span.end)
                continue
            blocks.append(cover(area, spans, first, index))
        first, end = index, span.end
    if spans:
        blocks.append(cover(area, spans, first, len(spans)))
    return blocks


def single_blocks(area: Area, spans: Sequence[Span]) -> list[Block]:
    """Give each span a request of its own (strategy ``single``)."""
    return [cover(area, spans, index, index + 1) for index in range(len(spans))]


def halves(spans: Sequence[Span], block: Block) -> tuple[Block, Block]:
    """Split a block of two or more values between two of them."""
    middle = (block.first + block.last) // 2
    return cover(block.area, spans, block.first, middle), cover(block.area, spans, middle, block.last)
