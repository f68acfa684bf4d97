from __future__ import annotations

import math

import pytest

from tests.nodeset_reading import lexical

DAY = 864_000_000_000


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("1601-01-02T00:00:00Z", DAY),
        ("1970-01-01T00:00:00Z", 116_444_736_000_000_000),
        ("2002-10-10T00:00:00+05:00", lexical.date_time("2002-10-09T19:00:00Z")),
        ("2002-10-09T19:00:00", lexical.date_time("2002-10-09T19:00:00Z")),
        ("1601-01-01T00:00:00.12345678Z", 1_234_567),
        ("1601-01-01T24:00:00Z", DAY),
        ("0001-01-01T00:00:00Z", 0),
        ("1601-01-01T00:00:00+01:00", 0),
        ("-0044-03-15T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", 2**63 - 1),
        ("9999-12-31T23:59:59-01:00", 2**63 - 1),
        ("12000-01-01T00:00:00Z", 2**63 - 1),
        ("9999-12-31T23:59:58Z", 2_650_467_743_980_000_000),
    ],
)
def test_dates_are_ticks_and_clipped_at_both_ends(text: str, ticks: int) -> None:
    assert lexical.date_time(text) == ticks


@pytest.mark.parametrize("text", ["2020-01-01", "2020-13-01T00:00:00Z", "2020-01-01T24:00:01Z", "", "RC 1"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        lexical.date_time(text)


def test_zone_is_told() -> None:
    assert lexical.has_zone("2020-01-01T00:00:00Z")
    assert not lexical.has_zone("2020-01-01T00:00:00")


@pytest.mark.parametrize("built_in", sorted(lexical.INTEGER_RANGES))
def test_integers_keep_to_their_range(built_in: str) -> None:
    low, high = lexical.INTEGER_RANGES[built_in]
    assert (lexical.integer(f" {low} ", built_in), lexical.integer(f"+{high}", built_in)) == (low, high)
    for outside in (low - 1, high + 1):
        with pytest.raises(ValueError, match="outside"):
            lexical.integer(str(outside), built_in)


def test_floating_point_has_its_special_values() -> None:
    assert [lexical.double(text) for text in ("INF", "-INF", "-1.5E3", ".5")] == [math.inf, -math.inf, -1500.0, 0.5]
    assert math.isnan(lexical.double("NaN"))
    assert lexical.single("0.1") == 0.10000000149011612
    assert lexical.single("-1e39") == -math.inf
    for text in ("inf", "nan", "1_0", "0x1", "1,5", ""):
        with pytest.raises(ValueError, match="floating"):
            lexical.double(text)


def test_booleans_guids_base64_and_dimensions() -> None:
    assert [lexical.boolean(text) for text in ("true", " 1 ", "false", "0")] == [True, True, False, False]
    assert lexical.guid("09087E75-8e5e-499b-954f-f2a9603db28a") == "09087e75-8e5e-499b-954f-f2a9603db28a"
    assert lexical.byte_string(" AAEC\n Aw== ") == b"\x00\x01\x02\x03"
    assert (lexical.array_dimensions(""), lexical.array_dimensions("3,0")) == ((), (3, 0))
    for refuse, text in ((lexical.boolean, "True"), (lexical.guid, "1"), (lexical.byte_string, "A")):
        with pytest.raises(ValueError, match=r"."):
            refuse(text)
