"""Times as tables write them, as DateTime ticks: a whole column at once where it can be, else one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np

from core.batch import TimeArray
from core.time import TICKS_PER_SECOND, UNIX_EPOCH_TICKS, from_datetime, now
from server.history_import.form import TableForm

_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?\s*(Z|z|UTC|[+-]\d\d:?\d\d)?")
_PLAIN: Final = len("2026-11-21T08:00:00Z")
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FIRST, _LAST = "1678", "2261"
"""Years that fit into 64 bits of nanoseconds: numpy says nothing of those that do not, and turns them round."""
_LEAST_YEAR, _GREATEST_YEAR = 2, 9998
_YEAR: Final = 366 * 86_400 * TICKS_PER_SECOND


def ticks_of(cells: Sequence[object], form: TableForm) -> tuple[TimeArray, dict[int, tuple[str, str]]]:
    """Read a column of times; gives int64[n] ticks, and of the rows that are wrong the problem and the mend."""
    wrong: dict[int, tuple[str, str]] = {}
    ticks = _column(cells, form.unit)
    if ticks is None:
        ticks = np.zeros(len(cells), np.int64)
        for row, cell in enumerate(cells):
            try:
                ticks[row] = _one(cell, form)
            except _WrongTimeError as error:
                wrong[row] = (error.problem, error.mend)
    bad = (ticks <= 0) | (ticks > now() + _YEAR)
    for row in np.flatnonzero(bad).tolist():
        if row not in wrong:
            mend = "is --time right? It says what numbers count"
            wrong[row] = (f"the time {_shown(cells[row])} lies over a year ahead, or before 1601", mend)
    return ticks, wrong


def value_of(cell: object, form: TableForm) -> int:
    """Read a value that is a DateTime (ISO 8601), which may lie far ahead. Raises :class:`ValueError`."""
    try:
        ticks = _one(cell, replace(form, unit="iso"))
    except _WrongTimeError as error:
        message = f"{error.problem} - {error.mend}"
        raise ValueError(message) from None
    if ticks < 0:
        message = "a DateTime begins with 1601"
        raise ValueError(message)
    return ticks


class _WrongTimeError(Exception):
    def __init__(self, problem: str, mend: str) -> None:
        self.problem = problem
        self.mend = mend
        super().__init__(problem)


def _shown(cell: object) -> str:
    return repr(cell) if isinstance(cell, str) else str(cell)


def _column(cells: Sequence[object], unit: str) -> TimeArray | None:
    """Read a whole column of one kind; None where it has to be looked at cell by cell."""
    try:
        return _texts(cells) if unit == "iso" else _numbers(cells, _PER_SECOND[unit])
    except (ValueError, OverflowError):
        return None


def _texts(cells: Sequence[object]) -> TimeArray | None:
    """Read texts that all end in ``Z``. Raises :class:`ValueError`."""
    if not all(isinstance(cell, str) and len(cell) >= _PLAIN and cell[-1] == "Z" for cell in cells):
        return None
    texts = [str(cell)[:-1] for cell in cells]
    if not all(text[4] == "-" and text[10] in "T " and _FIRST <= text[:4] <= _LAST for text in texts):
        return None
    nanoseconds = np.array(texts, "datetime64[ns]").astype(np.int64)
    ticks: TimeArray = nanoseconds // 100 + UNIX_EPOCH_TICKS
    return ticks


def _numbers(cells: Sequence[object], per_second: int) -> TimeArray | None:
    """Read whole numbers. Raises :class:`ValueError`, :class:`OverflowError`."""
    if not all(_is_whole(cell) for cell in cells):
        return None
    numbers = np.array(cells).astype(np.int64)
    whole, rest = numbers // per_second, numbers % per_second
    if np.any(np.abs(whole) > np.iinfo(np.int64).max // TICKS_PER_SECOND // 2):
        return None
    ticks: TimeArray = whole * TICKS_PER_SECOND + rest * TICKS_PER_SECOND // per_second + UNIX_EPOCH_TICKS
    return ticks


def _is_whole(cell: object) -> bool:
    return isinstance(cell, int) or (isinstance(cell, str) and cell.removeprefix("-").isdigit())


def _one(cell: object, form: TableForm) -> int:
    """Read one time. Raises :class:`_WrongTimeError`."""
    if isinstance(cell, datetime):
        return from_datetime(cell) if cell.tzinfo else _in_zone(cell, form)
    if cell is None or cell == "":
        problem = "the row has no time"
        raise _WrongTimeError(problem, "fill it in, or take the row out")
    if form.unit != "iso":
        return _epoch(cell, form.unit)
    text = str(cell).strip()
    match = _ISO.fullmatch(text)
    if match is None:
        number = _is_whole(text) or isinstance(cell, float)
        mend = "write --time s, ms, us or ns: what it counts" if number else "write it as 2026-11-21T08:00:00Z"
        problem = f"{_shown(cell)} is no time of ISO 8601"
        raise _WrongTimeError(problem, mend)
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}")
    except ValueError as error:
        problem = f"{_shown(cell)} is no time: {error}"
        raise _WrongTimeError(problem, "write it as 2026-11-21T08:00:00Z") from None
    below = int(f"{fraction or '':0<7.7}")
    if zone is None:
        return _in_zone(moment, form) + below
    return from_datetime(moment.replace(tzinfo=UTC)) - _offset(zone) * TICKS_PER_SECOND + below


def _offset(zone: str) -> int:
    """Give the seconds before UTC."""
    if zone in {"Z", "z", "UTC"}:
        return 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3_600 + int(digits[2:]) * 60
    return -seconds if zone[0] == "-" else seconds


def _in_zone(moment: datetime, form: TableForm) -> int:
    """Give the ticks of a time without a zone; of an hour that comes twice the first."""
    zone = form.zone
    form.used.add("zone")
    if zone is None:
        problem = f"the time {moment.isoformat()} has no time zone"
        raise _WrongTimeError(problem, "say which: --zone UTC, --zone Europe/Berlin")
    if not _LEAST_YEAR <= moment.year <= _GREATEST_YEAR:  # astimezone has nothing before year 1 and after 9999
        return from_datetime(moment.replace(tzinfo=UTC))
    local = moment.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        problem = f"there is no {moment.isoformat()} in {zone}: the clocks skip that hour"
        raise _WrongTimeError(problem, "is --zone right? Loggers often keep UTC, or winter time")
    return from_datetime(local)


def _epoch(cell: object, unit: str) -> int:
    try:
        number = Decimal(str(cell).strip())
        ticks = int((number * TICKS_PER_SECOND / _PER_SECOND[unit]).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        problem = f"{_shown(cell)} is no number of {unit} since 1970"
        raise _WrongTimeError(problem, "is --time right? iso stands for 2026-11-21T08:00:00Z") from None
    if abs(ticks) > np.iinfo(np.int64).max - UNIX_EPOCH_TICKS:
        return -1
    return ticks + UNIX_EPOCH_TICKS
