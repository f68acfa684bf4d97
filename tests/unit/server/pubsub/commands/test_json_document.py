"""JSON of others, within limits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.pubsub.commands.json_document import MOST_LEVELS, read_document
from server.pubsub.commands.refusal import CommandRefused
from tests.thorough import examples

LIMIT = 100_000


@pytest.mark.parametrize(
    "payload",
    [
        *(
            b"",
            b"{",
            b"\xff",
            b"NaN",
            b"[Infinity]",
            b'{"a": 1, "a": 2}',
            b"1 2",
            b"\x00",
            b'"\xed\xa0\x80"',
            b'"\\ud800"',
            b'{"\\udfff": 1}',
        ),
        *(b"9" * 5000, b"[" * 50_000, b"[" * (MOST_LEVELS + 1) + b"]" * (MOST_LEVELS + 1)),
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'"' + b"a" * LIMIT + b'"',
    ],
)
def test_what_is_refused(payload: bytes) -> None:
    with pytest.raises(CommandRefused) as refused:
        read_document(payload, LIMIT)
    assert refused.value.mend
    assert len(str(refused.value)) < 400


def test_brackets_inside_of_texts_are_no_levels() -> None:
    text = "[" * 200 + '\\"{' * 50 + "\\"
    assert read_document(json.dumps([text, {"a": text}]).encode(), LIMIT) == [text, {"a": text}]
    assert read_document(b"\xef\xbb\xbf[1]", LIMIT) == [1]
    assert read_document(b'"\\ud83d\\ude00"', LIMIT) == "\U0001f600"


@settings(max_examples=examples(50, 2000), deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\ab1', max_size=200).map(str.encode))
def test_whatever_comes_is_read_or_refused(payload: bytes) -> None:
    try:
        read_document(payload, LIMIT)
    except CommandRefused:
        return
    json.loads(payload)
