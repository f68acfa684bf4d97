from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.blocks import Block, Span, halves, plan_blocks, single_blocks
from drivers.modbus.encoding import Area
from drivers.modbus.settings import BlockLimits

LIMITS = st.builds(BlockLimits, st.integers(4, 40), st.integers(0, 12))


def of_length(start: int, length: int) -> Span:
    return Span(start, start + length)


SPANS = st.lists(st.builds(of_length, st.integers(0, 160), st.integers(1, 4)), max_size=40).map(
    lambda spans: sorted(set(spans))
)


def is_allowed(spans: list[Span], limits: BlockLimits) -> bool:
    """The obvious model: mark every register, then count."""
    used = {register for span in spans for register in range(span.start, span.end)}
    whole = range(min(used), max(used) + 1)
    gap = longest = 0
    for register in whole:
        gap = 0 if register in used else gap + 1
        longest = max(longest, gap)
    return len(whole) <= limits.max_block and longest <= limits.max_gap


def fewest(spans: list[Span], limits: BlockLimits) -> int:
    """Try every way of cutting the row of spans."""
    best = [0] + [len(spans)] * len(spans)
    for end in range(1, len(spans) + 1):
        for begin in range(end):
            if is_allowed(spans[begin:end], limits):
                best[end] = min(best[end], best[begin] + 1)
    return best[-1]


def check(spans: list[Span], blocks: list[Block]) -> None:
    assert [index for block in blocks for index in range(block.first, block.last)] == list(range(len(spans)))
    for block in blocks:
        members = spans[block.first : block.last]
        assert block.address == min(span.start for span in members)
        assert block.address + block.count == max(span.end for span in members)


@given(SPANS, LIMITS)
def test_every_value_is_in_one_block_within_the_limits(spans: list[Span], limits: BlockLimits) -> None:
    blocks = plan_blocks(Area.HOLDING, spans, limits)
    check(spans, blocks)
    assert all(is_allowed(spans[block.first : block.last], limits) for block in blocks)


@given(SPANS, LIMITS)
def test_no_other_cut_needs_fewer_requests(spans: list[Span], limits: BlockLimits) -> None:
    apart: list[Span] = []
    for span in spans:
        if not apart or span.start >= apart[-1].end:
            apart.append(span)
    assert len(plan_blocks(Area.HOLDING, apart, limits)) == fewest(apart, limits)


@given(SPANS.filter(bool), LIMITS)
def test_halves_cover_the_block_and_nothing_else(spans: list[Span], limits: BlockLimits) -> None:
    for block in plan_blocks(Area.COIL, spans, limits):
        if block.last - block.first > 1:
            one, other = halves(spans, block)
            assert (one.first, one.last, other.last) == (block.first, other.first, block.last)
            check(spans[one.first : one.last], [Block(one.area, one.address, one.count, 0, one.last - one.first)])
            assert one.area is block.area


@given(SPANS)
def test_single_gives_each_value_its_own_request(spans: list[Span]) -> None:
    blocks = single_blocks(Area.INPUT, spans)
    check(spans, blocks)
    assert len(blocks) == len(spans)


def test_a_thousand_adjacent_floats_are_seventeen_blocks() -> None:
    spans = [Span(2 * index, 2 * index + 2) for index in range(1000)]
    blocks = plan_blocks(Area.HOLDING, spans, BlockLimits(125, 8))
    assert len(blocks) == 17
    assert {block.count for block in blocks[:-1]} == {124}
