from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from core.durations import LONGEST, Duration, PositiveDuration, format_duration, parse_duration
from core.errors import SettingError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("100ms", 0.1),
        ("30d", 2_592_000.0),
        ("1.5s", 1.5),
        ("2h", 7200.0),
        ("5min", 300.0),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("250\u03bcs", 0.00025),
        ("0s", 0.0),
        (" 10 ms ", 0.01),
        ("36525d", LONGEST),
    ],
)
def test_reads_number_and_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("100", "the duration '100' has no unit (write a unit: 100ms)"),
        ("5m", "'m' is not a unit of time (minutes are written 5min)"),
        ("5M", "'M' is not a unit of time (minutes are written 5min)"),
        ("3 fortnights", "'fortnights' is not a unit of time (units are us, ms, s, min, h, d or y)"),
        ("-1s", "'-1s' is not a duration (write a number and a unit (us, ms, s, min, h, d or y): 100ms)"),
        ("1h30min", "'1h30min' is not a duration (write a number and a unit (us, ms, s, min, h, d or y): 100ms)"),
        ("1e3s", "'1e3s' is not a duration (write a number and a unit (us, ms, s, min, h, d or y): 100ms)"),
        ("", "'' is not a duration (write a number and a unit (us, ms, s, min, h, d or y): 100ms)"),
        ("36526d", "the duration '36526d' is longer than a hundred years (write at most 36525d)"),
    ],
)
def test_refuses_what_is_not_plain(text: str, told: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_duration(text)
    assert str(caught.value) == told


@pytest.mark.parametrize("text", ["٣s", "1" * 5000 + "s", "nans", "infs", "1..5s", "0x10s"])
def test_refuses_strange_numbers(text: str) -> None:
    with pytest.raises(SettingError):
        parse_duration(text)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SettingError):
        assert 0 <= parse_duration(text) <= LONGEST


@given(st.floats(min_value=0, max_value=LONGEST))
def test_round_trip_is_exact(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.1, "100ms"),
        (86400.0, "1d"),
        (90.0, "90s"),
        (120.0, "2min"),
        (0.0, "0s"),
        (0.0000015, "0.0000015s"),
        (1.5, "1500ms"),
    ],
)
def test_writes_the_largest_whole_unit(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), LONGEST * 2])
def test_does_not_write_what_cannot_be_read(seconds: float) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        format_duration(seconds)


class Times(BaseModel):
    keep: Duration = 60.0
    scan: PositiveDuration = 0.1


def test_a_model_holds_seconds_and_writes_text() -> None:
    times = Times.model_validate({"keep": "30d", "scan": "10ms"})
    assert (times.keep, times.scan) == (2_592_000.0, 0.01)
    assert times.model_dump() == {"keep": 2_592_000.0, "scan": 0.01}
    assert Times.model_validate_json(times.model_dump_json()) == times


@pytest.mark.parametrize("value", [100, 0.1, True, None, ["1s"]])
def test_a_model_takes_no_bare_number(value: object) -> None:
    with pytest.raises(ValidationError, match=r"write a (number and a )?unit"):
        Times.model_validate({"keep": value})


def test_a_period_is_longer_than_nothing() -> None:
    assert Times.model_validate({"keep": "0s"}).keep == 0
    with pytest.raises(ValidationError, match="must be longer than 0s"):
        Times.model_validate({"scan": "0s"})
