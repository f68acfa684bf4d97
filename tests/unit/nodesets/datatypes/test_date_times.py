from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.time import from_datetime
from nodesets.datatypes.date_times import LATEST, format_date_time, parse_date_time

_FIRST = datetime(1601, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 58, tzinfo=UTC)


@given(st.timedeltas(min_value=timedelta(0), max_value=_LAST - _FIRST).map(lambda one: _FIRST + one))
def test_what_datetime_writes_is_read_as_it_says(moment: datetime) -> None:
    assert parse_date_time(moment.isoformat()) == from_datetime(moment)
    assert parse_date_time(moment.replace(tzinfo=None).isoformat() + "Z") == from_datetime(moment)


@given(st.integers(0, 2_650_467_743_989_999_999))
def test_ticks_are_written_with_all_their_digits(ticks: int) -> None:
    assert parse_date_time(format_date_time(ticks)) == ticks


@pytest.mark.parametrize(
    ("ticks", "text"),
    [
        (0, "0001-01-01T00:00:00Z"),
        (-5, "0001-01-01T00:00:00Z"),
        (1, "1601-01-01T00:00:00.0000001Z"),
        (LATEST, "9999-12-31T23:59:59Z"),
        (2_650_467_743_990_000_000, "9999-12-31T23:59:59Z"),
    ],
)
def test_the_ends(ticks: int, text: str) -> None:
    assert format_date_time(ticks) == text


@pytest.mark.parametrize(
    "text",
    ["", "2024-01-01", "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z", "2024-02-30T00:00:00Z", "24-01-01T00:00:00Z"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_date_time(text)
