from __future__ import annotations

from dataclasses import dataclass

import pytest

from server.ua_stack.diagnostics.sparing_reader import MOST, SHARE, SparingReader


@dataclass
class Work:
    """Takes as long as ``cost`` says, on clocks moved by hand."""

    cost: float
    moment: float = 0.0
    spent: float = 0.0
    done: int = 0

    def __call__(self) -> bytes:
        self.moment += self.cost
        self.spent += self.cost
        self.done += 1
        return self.done.to_bytes(4, "little")

    def reader(self) -> SparingReader:
        return SparingReader(self, lambda: self.moment, lambda: self.spent)


@pytest.mark.parametrize("cost", [0.00003, 0.008])
def test_no_more_than_its_share_of_the_time_goes_into_it(cost: float) -> None:
    work = Work(cost)
    reader = work.reader()
    while work.moment < 5000 * cost + 10.0:
        reader()
        work.moment += cost / 10
    assert work.spent <= SHARE * work.moment + MOST + 2 * cost
    assert work.spent >= SHARE * work.moment - MOST


def test_the_value_is_the_present_one_unless_much_was_asked_for_lately() -> None:
    work = Work(0.0005)
    reader = work.reader()
    for number in range(1, 50):
        assert reader().variant == number.to_bytes(4, "little")


def test_to_wait_for_the_processor_is_no_effort() -> None:
    work = Work(0.0)

    def interrupted() -> bytes:
        work.moment += 10.0
        return work()

    reader = SparingReader(interrupted, lambda: work.moment, lambda: work.spent)
    for number in range(1, 5):
        assert reader().variant == number.to_bytes(4, "little")


def test_what_fails_is_tried_again() -> None:
    work = Work(1.0)

    def fails_first() -> bytes:
        if work() == b"\x01\x00\x00\x00":
            raise ZeroDivisionError
        return b"told"

    reader = SparingReader(fails_first, lambda: work.moment)
    with pytest.raises(ZeroDivisionError):
        reader()
    assert reader().variant == b"told"
