"""DateTimes as JSON writes them (Part 6 v1.05 5.4.2.6), many at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.batch import TimeArray
from core.time import DATETIME_MAX_TICKS, TICKS_PER_SECOND, to_iso

DATETIME_MIN: Final = "0001-01-01T00:00:00Z"
DATETIME_MAX: Final = "9999-12-31T23:59:59Z"
_SECONDS_KEPT: Final = 256

_seconds: dict[int, str] = {}
"""Texts of the seconds asked for lately: the calendar is asked once for each. A loss of one costs a microsecond."""


def datetime_text(ticks: int) -> str:
    """Give a DateTime as the JSON string's inside."""
    if not 0 < ticks < DATETIME_MAX_TICKS:
        return DATETIME_MIN if ticks <= 0 else DATETIME_MAX
    second, fraction = divmod(ticks, TICKS_PER_SECOND)
    whole = _seconds.get(second) or _second(second)
    return f"{whole}.{fraction:07d}".rstrip("0") + "Z" if fraction else f"{whole}Z"


def datetime_texts(ticks: Iterable[int]) -> list[str]:
    """Give many DateTimes as :func:`datetime_text` does."""
    return list(map(datetime_text, ticks))


def labelled_times(label: str, times: TimeArray) -> str | list[str]:
    """Give ``,"label":"time"`` once where all times are the same, else for each."""
    if not len(times):
        return ""
    head = f',"{label}":"'
    first = times.item(0)
    if len(times) == 1 or (first == times.item(-1) and bool((times == first).all())):
        return f'{head}{datetime_text(first)}"'
    moments: list[int] = times.tolist()
    known: dict[int, str] = {}
    texts: list[str] = []
    for moment in moments:
        shown = known.get(moment)
        if shown is None:
            shown = known[moment] = f'{head}{datetime_text(moment)}"'
        texts.append(shown)
    return texts


def _second(second: int) -> str:
    if len(_seconds) >= _SECONDS_KEPT:
        _seconds.clear()
    whole = _seconds[second] = to_iso(second * TICKS_PER_SECOND)[:-1]
    return whole
