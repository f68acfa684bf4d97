from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.users.errors import BAD_INVALID_ARGUMENT, UserRefused
from server.users.names import LONGEST_NAME, name_key, proper_name


def test_a_name_is_kept_composed() -> None:
    assert proper_name("Jose\u0301") == "José"


@pytest.mark.parametrize(
    "name", ["", " ann", "ann ", "an\0n", "ann\u200b", "\u202eann", "an\nn", "x" * (LONGEST_NAME + 1), "\ud800"]
)
def test_names_that_show_something_else_are_refused(name: str) -> None:
    with pytest.raises(UserRefused) as refused:
        proper_name(name)
    assert refused.value.status == BAD_INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("one", "other"), [("Ann", "aNN"), ("\ufb01lip", "filip"), ("\uff21nn", "ann"), ("straße", "STRASSE")]
)
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@given(st.text(max_size=LONGEST_NAME))
def test_the_key_of_a_key_is_itself(text: str) -> None:
    key = name_key(text)
    assert len(key) > LONGEST_NAME or name_key(key) == key


@given(st.text(min_size=LONGEST_NAME + 1, max_size=LONGEST_NAME + 20), st.text(min_size=1, max_size=LONGEST_NAME))
def test_no_long_text_is_taken_for_a_name(long: str, short: str) -> None:
    assert "\0" in short or name_key(long) != name_key(short)
