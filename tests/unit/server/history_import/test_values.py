from __future__ import annotations

import math

import pytest

from core.datatypes import DataType
from core.time import from_iso
from server.history_import.form import TableForm
from server.history_import.values import values_of


@pytest.mark.parametrize("cell", [1e30, -1e30, math.inf, math.nan, 2.0**63])
def test_floats_that_are_too_large_are_no_whole_numbers(cell: float) -> None:
    _, _, wrong = values_of([1.0, cell], DataType.INT64, TableForm())
    assert list(wrong) == [1]


def test_large_whole_numbers_beside_floats_keep_each_digit() -> None:
    values, _, wrong = values_of([2**53 + 1, 2.0], DataType.INT64, TableForm())
    assert (values.tolist(), wrong) == ([2**53 + 1, 2], {})
    assert list(values_of([2**63, 1], DataType.INT64, TableForm())[2]) == [0]


def test_datetime_values_may_lie_ahead_of_us() -> None:
    cells = ["2090-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1601-01-01T00:00:00Z", "1600-01-01T00:00:00Z"]
    values, _, wrong = values_of(cells, DataType.DATETIME, TableForm())
    assert values.tolist()[:3] == [from_iso(cell) for cell in cells[:3]]
    assert list(wrong) == [3]


def test_two_signs_are_told_in_the_words_of_all_other_errors() -> None:
    _, _, wrong = values_of(["+-5"], DataType.INT32, TableForm())
    assert "write a number such as" in wrong[0][1]
