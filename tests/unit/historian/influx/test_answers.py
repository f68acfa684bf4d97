from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from historian.influx.answers import expired, told, unavailable
from historian.influx.connection import Answer


def advised(text: str) -> float | None:
    return unavailable(Answer(503, {"retry-after": text}, b""), "http://influx", "samples").retry_after


def test_advice_is_seconds_or_a_date() -> None:
    assert advised("7") == 7.0
    found = advised(formatdate(time.time() + 100, usegmt=True))
    assert found is not None
    assert 95 < found <= 100
    assert advised(formatdate(time.time() - 100, usegmt=True)) == 0.0
    assert advised("9" * 30) == 3600.0


@pytest.mark.parametrize("text", ["", "soon", "-1", "1e9", "nan", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_what_is_no_advice_is_none(text: str) -> None:
    assert advised(text) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":"database  not\\nfound"}', "database not found"),
        (b'{"code":"unauthorized","message":"no"}', "no"),
        (b"<html>\n Bad Gateway", "<html> Bad Gateway"),
        (b"\xff\x00", "\ufffd\x00"),
        (b"[1]", "[1]"),
        (b"x" * 1000, "x" * 300 + "…"),
    ],
)
def test_the_servers_words_are_one_line(body: bytes, said: str) -> None:
    assert told(Answer(400, {}, body)) == said


def test_what_the_database_keeps_no_more_is_counted() -> None:
    body = b'{"error":"partial write: points beyond retention policy dropped=12"}'
    assert expired(Answer(400, {}, body)) == 12
    assert expired(Answer(400, {}, b'{"error":"field type conflict"}')) is None
