from __future__ import annotations

import numpy as np
import pytest
from asyncua import ua

from core.quality import Status, bad_mask, is_bad, is_good, is_uncertain, symbol, worst


@pytest.mark.parametrize("status", list(Status), ids=lambda status: status.name)
def test_codes_and_names_are_those_of_part_6(status: Status) -> None:
    assert ua.StatusCode(ua.UInt32(int(status))).name == symbol(status)


@pytest.mark.parametrize(
    ("status", "severity"),
    [(0, 0), (0x00300000, 0), (0x40900000, 1), (0x40000480, 1), (0x80310000, 2), (0xC0000000, 2)],
)
def test_exactly_one_severity(status: int, severity: int) -> None:
    assert [is_good(status), is_uncertain(status), is_bad(status)].index(True) == severity
    assert is_good(status) + is_uncertain(status) + is_bad(status) == 1
    assert bad_mask(np.array([status], np.uint32)).tolist() == [is_bad(status)]


def test_the_worst_severity_wins_and_the_first_among_equals() -> None:
    assert worst() == Status.GOOD
    assert worst(Status.GOOD_CLAMPED, Status.GOOD) == Status.GOOD_CLAMPED
    assert worst(Status.GOOD, Status.UNCERTAIN, Status.BAD_TIMEOUT, Status.BAD) == Status.BAD_TIMEOUT


def test_names_are_by_the_code_alone() -> None:
    assert symbol(0x80310480) == "BadNoCommunication"
    assert symbol(0x8FFF0000) == "0x8FFF0000"
