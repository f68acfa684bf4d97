"""What continuation points of HistoryRead keep in memory."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.continuation import ALL_BYTES, SESSION_BYTES, ContinuationPoints
from server.ua_stack.history.pages import HISTORY_DATA, NOTHING, Page
from tests.clock import ManualClock

KIND = ("raw", False)
NODE = 1


@dataclass(frozen=True)
class Large:
    """A read that keeps ``size`` bytes."""

    size: int
    kind: int = HISTORY_DATA
    most: int = 1

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        del share, timestamps
        return Page(self.kind, NOTHING, 0, None)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def points(clock: ManualClock) -> ContinuationPoints:
    return ContinuationPoints(100, clock.monotonic)


def test_the_points_of_a_session_keep_only_so_many_bytes(points: ContinuationPoints) -> None:
    third = SESSION_BYTES // 3
    tokens = [points.keep("s", NODE, KIND, Large(third)) for _ in range(5)]
    assert points.bytes == 3 * third
    assert [points.take("s", token, NODE, KIND) is not None for token in tokens] == [False, False, True, True, True]
    assert points.bytes == 0


def test_one_point_may_be_larger_than_all_that_a_session_has(points: ContinuationPoints) -> None:
    # else its client would never get to the end
    small = points.keep("s", NODE, KIND, Large(1))
    large = points.keep("s", NODE, KIND, Large(2 * SESSION_BYTES))
    assert points.take("s", small, NODE, KIND) is None
    assert points.take("s", large, NODE, KIND) is not None


async def test_the_points_of_all_sessions_keep_only_so_many_bytes(
    points: ContinuationPoints, clock: ManualClock
) -> None:
    sessions = range(ALL_BYTES // SESSION_BYTES + 2)
    tokens: list[bytes] = []
    for session in sessions:
        tokens.append(points.keep(session, NODE, KIND, Large(SESSION_BYTES)))
        await clock.advance(1)
        assert points.bytes <= ALL_BYTES
    found = [points.take(session, tokens[session], NODE, KIND) is not None for session in sessions]
    assert found == [False, False] + [True] * (len(sessions) - 2), "the oldest made room"


def test_what_is_released_is_counted_no_more(points: ContinuationPoints) -> None:
    token = points.keep("s", NODE, KIND, Large(1000))
    points.keep("s", NODE, KIND, Large(100))
    assert points.release("s", token)
    assert not points.release("s", token)
    assert points.bytes == 100
    points.release_session("s")
    assert points.bytes == 0
    assert len(points) == 0
