"""DBC files, read by cantools into plain records of what decoding and tags need; errors say file, line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from cantools.database.can import Database as Parser
from cantools.database.can import Message, Signal
from cantools.database.errors import Error

from core.errors import Finding, Findings, InputError, Place
from drivers.can.frame import key_of, pgn_of, source_of
from drivers.can.settings import CanSettings, Match

_NULL_ADDRESS = 0xFE
_AT = re.compile(r"^Invalid syntax at line (\d+), column (\d+): ")
_IN_MESSAGE = re.compile(r"\bin message (\w+)\.")
_UNUSED = re.compile(r"^\s*VAL_ (\d+) (\w+)", re.MULTILINE)
_MENDABLE = ("overlapping", "does not fit", "unused VAL_")
_CANBOAT = re.compile(r"PGN_\d+_")


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """A signal: physical = raw * ``scale`` + ``offset``. ``start`` and ``length`` in bits, numbered as DBC files do.

    A multiplexed signal is there only while ``selector`` (another signal) has one of the raw values ``selected_by``.
    """

    name: str
    start: int
    length: int
    big_endian: bool
    signed: bool
    is_float: bool
    scale: float
    offset: float
    unit: str
    minimum: float | None
    maximum: float | None
    comment: str
    states: tuple[tuple[int, str], ...]
    selector: str | None
    selected_by: frozenset[int]

    @property
    def is_scaled(self) -> bool:
        """Tell whether raw and physical values differ."""
        return self.scale != 1 or self.offset != 0


@dataclass(frozen=True, slots=True)
class MessageSpec:
    """A message of ``length`` bytes. ``by_pgn``: matched by its parameter group, whoever sends it."""

    name: str
    identifier: int
    extended: bool
    length: int
    by_pgn: bool
    signals: Mapping[str, SignalSpec]

    @property
    def key(self) -> int:
        """Give the frame key of the DBC's own identifier."""
        return key_of(self.identifier, extended=self.extended)

    @property
    def pgn(self) -> int:
        """Give the parameter group."""
        return pgn_of(self.identifier)


@dataclass(frozen=True, slots=True)
class Database:
    """All messages by name, and which raw values mean that a sender has no value."""

    messages: Mapping[str, MessageSpec]
    not_available: Literal["nmea2000", "j1939", "none"]


def load(settings: CanSettings, base: Path) -> Database:
    """Read the DBC files of a device. Raises :class:`~core.errors.InputError` with all that is wrong in them."""
    findings = Findings()
    messages: dict[str, MessageSpec] = {}
    origin: dict[str, Path] = {}
    for file in settings.files(base):
        try:
            state = file.stat()
            loaded = _read(file, state.st_mtime_ns, settings.match, strict=settings.strict)
        except OSError as error:
            findings.add(Place.of(file), f"cannot be read: {error.strerror or error}", "give the path of a DBC file")
            continue
        except InputError as error:
            findings.extend(error.findings)
            continue
        for message in loaded:
            if message.name in messages and origin[message.name] != file:
                problem = f"the message {message.name} stands in {origin[message.name]} too"
                findings.add(Place.of(file), problem, "keep one of them")
            messages[message.name] = message
            origin[message.name] = file
    findings.raise_if_any()
    return Database(messages, _rule(settings, messages.values()))


def _rule(settings: CanSettings, messages: Iterable[MessageSpec]) -> Literal["nmea2000", "j1939", "none"]:
    """Settle ``auto``: canboat's DBC is known by its message names; others keep every value."""
    if settings.not_available != "auto":
        return settings.not_available
    names = [message.name for message in messages]
    return "nmea2000" if names and all(_CANBOAT.match(name) for name in names) else "none"


@lru_cache(maxsize=16)
def _read(file: Path, _changed: int, match: Match, *, strict: bool) -> Sequence[MessageSpec]:
    """Parse one file; check, tags and driver ask for the same one in turn. ``_changed`` outdates the cache."""
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")  # what DBC editors on Windows write
    parser = Parser(strict=strict)
    try:
        parser.add_dbc_string(text)
    except Exception as error:  # cantools and the parser under it raise whatever their reading stumbles on
        raise InputError([_finding(file, text, error, strict=strict)]) from error
    return [_message(message, match) for message in parser.messages if not message.is_container]


def _finding(file: Path, text: str, error: Exception, *, strict: bool) -> Finding:
    """Say where a DBC is wrong: cantools tells the place of syntax errors; others are found by the names they tell."""
    told = str(error)
    mend = "write 'strict: false' to take the file as it is" if strict and any(w in told for w in _MENDABLE) else ""
    if syntax := _AT.match(told):
        problem = f"invalid DBC syntax: {told[syntax.end() :].strip()}"
        return Finding(Place.of(file, int(syntax[1]), int(syntax[2])), problem, mend)
    line = 0
    if not isinstance(error, Error):
        told = f"this is no DBC file ({type(error).__name__}: {told})"
    elif message := _IN_MESSAGE.search(told):
        line = _line_of(text, rf"^\s*BO_\s+\d+\s+{message[1]}\s*:")
    elif unused := _UNUSED.search(told):
        line = _line_of(text, rf"^\s*VAL_\s+{unused[1]}\s+{unused[2]}\b")
    return Finding(Place.of(file, line, 1 if line else 0), " ".join(told.split()), mend)


def _line_of(text: str, pattern: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, found.start() + len(found[0]) - len(found[0].lstrip())) + 1 if found else 0


def _message(message: Message, match: Match) -> MessageSpec:
    extended = message.is_extended_frame
    wanted = match == "pgn" or (
        match == "auto" and (message.protocol == "j1939" or source_of(message.frame_id) == _NULL_ADDRESS)
    )
    signals = {signal.name: _signal(signal) for signal in message.signals}
    return MessageSpec(message.name, message.frame_id, extended, message.length, extended and wanted, signals)


def _signal(signal: Signal) -> SignalSpec:
    conversion = signal.conversion
    return SignalSpec(
        name=signal.name,
        start=signal.start,
        length=signal.length,
        big_endian=signal.byte_order == "big_endian",
        signed=signal.is_signed and not conversion.is_float,
        is_float=conversion.is_float,
        scale=conversion.scale,
        offset=conversion.offset,
        unit=signal.unit or "",
        minimum=signal.minimum,
        maximum=signal.maximum,
        comment=signal.comment or "",
        states=tuple(sorted((int(number), str(name)) for number, name in (conversion.choices or {}).items())),
        selector=signal.multiplexer_signal,
        selected_by=frozenset(signal.multiplexer_ids or ()),
    )
