"""Recorded logs, read line by line: candump (``-L`` and plain), canboat's samples, and python-can's ASC, BLF and TRC.

Text logs are read here and not by python-can because one broken line must not end the replay: it is told and passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import can

from core.errors import Finding, Place
from drivers.can.frame import Frame, key_of

_ERROR_FLAG = 0x2000_0000
_IDENTIFIER = 0x1FFF_FFFF
_EXTENDED_DIGITS = 8
_LOOKED_AT = 1000

_COMPACT = re.compile(
    r"\((?P<at>\d+(?:\.\d+)?)\)\s+\S+\s+(?P<id>[0-9A-Fa-f]{3}|[0-9A-Fa-f]{8})#(?:#[0-9A-Fa-f])?(?P<data>[0-9A-Fa-f.]*|[Rr]\d*)(?:\s+[RTrt])?"
)
_PLAIN = re.compile(
    r"(?:\((?P<at>[^)]+)\)\s+)?[A-Za-z]\S*\s+(?:[RT]X\s+\S+\s+\S+\s+)?(?P<id>[0-9A-Fa-f]{3}|[0-9A-Fa-f]{8})\s+"
    r"\[\s*\d+\]\s*(?P<data>(?:[0-9A-Fa-f]{2}\b\s*)*|remote request)(?:\s+'.*')?(?:\s+ERRORFRAME)?"
)
_CANBOAT = re.compile(r"<0x(?P<id>[0-9A-Fa-f]{1,8})>\s*\[\d+\]\s*(?P<data>(?:[0-9A-Fa-f]{2}\s*)*)")
_PASSED_OVER = re.compile(r"#|interface\s*=|$|\s")


class Entry(NamedTuple):
    """A frame of a log. ``seconds``: when it was recorded on the log's own scale, None when the log does not say."""

    seconds: float | None
    frame: Frame


def read_log(path: Path, bad: Callable[[int, str], None]) -> Iterator[Entry]:
    """Give the data and error frames of a log. ``bad`` is told the number and text of each line that is no frame.

    The frames' ``time`` is 0. Raises :class:`OSError` when the file cannot be read, and :class:`ValueError` for a
    broken ASC, BLF or TRC file.
    """
    suffix = path.suffix.lower()
    if suffix == ".blf":
        with path.open("rb") as stream:
            yield from _library(suffix, lambda: can.BLFReader(stream))
        return
    if suffix in (".asc", ".trc"):
        reader = can.ASCReader if suffix == ".asc" else can.TRCReader
        with path.open(encoding="cp1252", errors="replace") as text:
            yield from _library(suffix, lambda: reader(text))
        return
    with path.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            entry = parse_line(line)
            if entry is not None:
                yield entry
            elif not _is_silent(line):
                bad(number, line.strip())


def parse_line(line: str) -> Entry | None:
    """Read one line of a text log; None where there is no data or error frame in it."""
    text = line.strip()
    if match := _COMPACT.fullmatch(text):
        data = match["data"].replace(".", "")
    elif match := _CANBOAT.fullmatch(text):
        return Entry(
            None, Frame(0, key_of(int(match["id"], 16) & _IDENTIFIER, extended=True), bytes.fromhex(match["data"]))
        )
    elif match := _PLAIN.fullmatch(text):
        data = match["data"]
    else:
        return None
    if data[:1] in ("R", "r") or len(data.replace(" ", "")) % 2:
        return None
    digits = match["id"]
    number = int(digits, 16)
    seconds = _seconds(match["at"])
    if len(digits) == _EXTENDED_DIGITS and number & _ERROR_FLAG:
        return Entry(seconds, Frame(0, number & _IDENTIFIER, bytes.fromhex(data), is_error=True))
    key = key_of(number & _IDENTIFIER, extended=len(digits) == _EXTENDED_DIGITS)
    return Entry(seconds, Frame(0, key, bytes.fromhex(data)))


def look_at(path: Path) -> Finding | None:
    """Say what is wrong with a log, going by its beginning; None when frames are found."""
    first_bad: list[tuple[int, str]] = []

    def bad(number: int, line: str) -> None:
        first_bad.append((number, line))
        if len(first_bad) > _LOOKED_AT:
            raise ValueError(line)

    try:
        found = next(read_log(path, bad), None)
    except OSError as error:
        return Finding(
            Place.of(path), f"cannot be read: {error.strerror or error}", "give the path of a recorded CAN log"
        )
    except ValueError as error:
        found = None
        first_bad = first_bad or [(0, str(error))]
    if found is not None:
        return None
    line, text = first_bad[0] if first_bad else (0, "")
    problem = f"no CAN frame is found; {text[:60]!r} is none" if text else "no CAN frame is found"
    return Finding(
        Place.of(path, line, 1 if line else 0), problem, "record it with 'candump -L', or as ASC, BLF or TRC"
    )


def message_frame(message: can.Message, time: int) -> Frame | None:
    """Take over python-can's message; None for a remote frame, which carries no data."""
    if message.is_error_frame:
        return Frame(time, message.arbitration_id, bytes(message.data), is_error=True)
    if message.is_remote_frame:
        return None
    return Frame(time, key_of(message.arbitration_id, extended=message.is_extended_id), bytes(message.data))


def _library(suffix: str, begin: Callable[[], Iterable[can.Message]]) -> Iterator[Entry]:
    """Read by python-can from a file that stays the caller's: a reader that stumbles on the header leaves it open."""
    try:
        for message in begin():
            frame = message_frame(message, 0)
            if frame is not None:
                yield Entry(message.timestamp, frame)
    except OSError:
        raise
    except Exception as error:  # python-can's readers raise whatever their parsing stumbles on
        message = f"{suffix[1:].upper()} log is broken: {type(error).__name__}: {error}"
        raise ValueError(message) from error


def _is_silent(line: str) -> bool:
    """Tell whether a line is no frame and no fault: empty, a comment, canboat's header, a remote frame."""
    return bool(_PASSED_OVER.match(line.strip()) or _COMPACT.fullmatch(line.strip()) or "remote request" in line)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()  # candump -ta: only differences matter
    except ValueError:
        return None
