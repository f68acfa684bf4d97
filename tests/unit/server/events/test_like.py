from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.events.like import MAX_PATTERN, MAX_TEXT, Like, PatternError


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("main%", ["main", "main.c"], ["amain", "Main"]),
        ("%en%", ["entail", "green", "content", "en"], ["e n"]),
        ("_ould", ["would", "could"], ["ould", "should"]),
        ("5[%]", ["5%"], ["5x", "5"]),
        ("5[_]", ["5_"], ["5x"]),
        ("%50\\%", ["at 50%"], ["at 50"]),
        ("a\\\\b", ["a\\b"], ["a\\\\b", "ab"]),
        ("\\[x\\]", ["[x]"], ["x"]),
        ("abc[13-68]", ["abc1", "abc3", "abc5", "abc6", "abc8"], ["abc2", "abc7", "abc", "abc13"]),
        ("xyz[c-f]", ["xyzc", "xyze", "xyzf"], ["xyzb", "xyzg"]),
        ("ABC[^13-5]", ["ABC2", "ABC6"], ["ABC1", "ABC3", "ABC4", "ABC5", "ABC"]),
        ("xyz[^dgh]", ["xyza"], ["xyzd", "xyzg", "xyzh"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[\\]-_]", ["]", "^", "_"], ["\\", "a"]),
        ("[^]", ["a", "]"], [""]),
        ("[]", [], ["", "a"]),
        ("", [""], ["a"]),
        ("%", ["", "a", "\n"], []),
        ("%%_", ["a", "ab"], [""]),
        ("^-]", ["^-]"], []),
        ("Gr%ün", ["Grün", "Gr ün"], ["Grun"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    like = Like(pattern)
    assert [text for text in matching + others if like.matches(text)] == matching


@pytest.mark.parametrize("pattern", ["a[", "a[b", "a[b-", "a[\\", "a\\", "a[^", "_" * (MAX_PATTERN + 1)])
def test_threat_14_patterns_that_do_not_end_or_are_too_long_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Like(pattern)


LETTERS = "ab%_\\[]^-"


@given(st.text("ab%_", max_size=12), st.lists(st.text("ab", max_size=20), max_size=20))
def test_as_a_regular_expression_says(pattern: str, texts: list[str]) -> None:
    written = "".join({"%": ".*", "_": "."}.get(one, one) for one in pattern)
    like = Like(pattern)
    assert [like.matches(text) for text in texts] == [re.fullmatch(written, text) is not None for text in texts]


@given(st.text(LETTERS, max_size=20), st.text(LETTERS, max_size=20))
def test_threat_14_no_pattern_does_more_than_be_refused(pattern: str, text: str) -> None:
    try:
        like = Like(pattern)
    except PatternError:
        return
    like.matches(text)


def test_threat_14_a_pattern_that_others_go_back_in_takes_no_longer() -> None:
    like = Like("%a" * (MAX_PATTERN // 2 - 1) + "%b")
    text = "a" * MAX_TEXT
    begun = time.process_time()
    assert not like.matches(text)
    assert time.process_time() - begun < 0.5
    assert not Like("%").matches(text + "a")
