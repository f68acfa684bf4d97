"""Which DataSetMessages are new."""

from __future__ import annotations

from server.pubsub.commands.subscribed.messages import KEY_FRAME, ReceivedMessage
from server.pubsub.commands.subscribed.sequence import Sequence, SequenceCounters


def message(number: int | None, time: int | None = None, wraps: int = 1 << 16) -> ReceivedMessage:
    return ReceivedMessage("p", None, 1, KEY_FRAME, number, wraps, time=time)


def new(sequence: Sequence, *numbers: int, silent: bool = False) -> list[bool]:
    return [sequence.is_new(message(one), was_silent=silent) for one in numbers]


def test_duplicates_and_late_ones_are_left_out_and_gaps_counted() -> None:
    sequence = Sequence(SequenceCounters())
    assert new(sequence, 5, 6, 6, 5, 9, 7) == [True, True, False, False, True, False]
    assert (sequence.counters.missed, sequence.counters.repeated) == (2, 3)


def test_numbers_wrap() -> None:
    sequence = Sequence(SequenceCounters())
    assert new(sequence, 65_534, 65_535, 0, 1) == [True] * 4
    assert sequence.counters.missed == 0


def test_a_publisher_that_begins_again() -> None:
    sequence = Sequence(SequenceCounters())
    assert sequence.is_new(message(100, 1000), was_silent=False)
    assert not sequence.is_new(message(99, 900), was_silent=False)
    assert sequence.is_new(message(1, 2000), was_silent=False)
    assert sequence.is_new(message(2, 2001), was_silent=False)
    other = Sequence(SequenceCounters())
    assert new(other, 100, 1) == [True, False]
    assert new(other, 1, silent=True) == [True]
    assert (other.counters.restarts, sequence.counters.restarts) == (1, 1)


def test_without_numbers_all_are_new() -> None:
    sequence = Sequence(SequenceCounters())
    assert all(sequence.is_new(message(None), was_silent=False) for _ in range(3))
