from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.time import (
    DATETIME_MAX_TICKS,
    TICKS_PER_SECOND,
    UNIX_EPOCH_TICKS,
    SystemClock,
    from_datetime,
    from_iso,
    from_unix,
    now,
    to_datetime,
    to_iso,
    to_unix,
)


@given(st.datetimes(datetime(1601, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_datetimes_come_back(moment: datetime) -> None:
    assert to_datetime(from_datetime(moment)) == moment


@given(st.integers(0, DATETIME_MAX_TICKS))
def test_iso_texts_come_back(ticks: int) -> None:
    text = to_iso(ticks)
    assert text.endswith("Z")
    assert abs(from_iso(text) - ticks) < 10, "datetime keeps microseconds"
    assert from_iso(text) // 10 == ticks // 10


def test_known_moments() -> None:
    assert from_datetime(datetime(1970, 1, 1, tzinfo=UTC)) == UNIX_EPOCH_TICKS
    assert from_unix(1.5) == UNIX_EPOCH_TICKS + 15_000_000
    assert to_unix(UNIX_EPOCH_TICKS + TICKS_PER_SECOND) == 1.0
    assert to_iso(UNIX_EPOCH_TICKS) == "1970-01-01T00:00:00Z"
    assert to_iso(UNIX_EPOCH_TICKS + 1) == "1970-01-01T00:00:00.0000001Z"
    assert from_datetime(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) == DATETIME_MAX_TICKS


def test_other_zones_are_turned_to_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert from_datetime(datetime(2024, 1, 1, 2, tzinfo=east)) == from_iso("2024-01-01T00:00:00Z")
    assert from_iso("2024-01-01T02:00:00+02:00") == from_iso("2024-01-01T00:00:00")


def test_a_datetime_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        from_datetime(datetime(2024, 1, 1))  # noqa: DTZ001 - the point


@pytest.mark.parametrize("ticks", [-1, -(1 << 62), 1 << 62, DATETIME_MAX_TICKS + 1])
def test_ticks_beyond_datetime_are_held_within(ticks: int) -> None:
    assert to_datetime(ticks).year in (1601, 9999)


def test_the_clocks_run() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    assert abs(clock.now() - now()) < TICKS_PER_SECOND
    assert clock.monotonic() >= before
