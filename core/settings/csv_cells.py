"""Cuts CSV text into cells that know their places (RFC 4180, and ``;`` or tab between cells)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import Findings, Place

_BREAK = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text and where it begins, counted from 1 in characters."""

    text: str
    line: int
    column: int
    quoted: bool = False


@dataclass(slots=True)
class Cutter:
    """Cuts ``text`` into records; what is malformed becomes a finding in ``file``."""

    file: str
    text: str
    findings: Findings
    delimiter: str = ","
    _at: int = 0
    _line: int = 1
    _line_start: int = 0

    def header(self) -> str:
        """Give the text from the first record's line on to that line's end, without reading it."""
        self._skip()
        end = _BREAK.search(self.text, self._at)
        return self.text[self._at : end.start() if end else len(self.text)]

    def records(self) -> Iterator[list[Cell]]:
        """Give the records in order; comment lines (``#``) and empty lines are left out."""
        while True:
            self._skip()
            if self._at >= len(self.text):
                return
            record = self._record()
            if any(cell.text or cell.quoted for cell in record):
                yield record

    def _skip(self) -> None:
        while self._at < len(self.text):
            end = _BREAK.search(self.text, self._at)
            stop = end.start() if end else len(self.text)
            line = self.text[self._at : stop].strip(" ")
            if line and not line.startswith("#"):
                return
            self._at = stop
            self._pass_break()

    def _pass_break(self) -> None:
        if end := _BREAK.match(self.text, self._at):
            self._at = end.end()
            self._line += 1
            self._line_start = self._at

    def _record(self) -> list[Cell]:
        record: list[Cell] = []
        while True:
            record.append(self._cell())
            if self.text[self._at : self._at + 1] != self.delimiter:
                self._pass_break()
                return record
            self._at += 1

    def _cell(self) -> Cell:
        while self.text[self._at : self._at + 1] == " ":
            self._at += 1
        line, column = self._line, self._at - self._line_start + 1
        if self.text[self._at : self._at + 1] != '"':
            return Cell(self._unquoted().rstrip(" "), line, column)
        match = _QUOTED.match(self.text, self._at)
        if match is None:
            place = Place(self.file, line, column)
            self.findings.add(place, "a quoted cell is not closed", 'close it with ", and write " inside it as ""')
            self._at = len(self.text)
            return Cell("", line, column)
        for end in _BREAK.finditer(self.text, self._at, match.end()):
            self._line += 1
            self._line_start = end.end()
        self._at = match.end()
        place = Place(self.file, self._line, self._at - self._line_start + 1)
        if self._unquoted().strip(" "):
            self.findings.add(place, "text stands after a cell's closing quote", 'write " inside a quoted cell as ""')
        return Cell(match[1].replace('""', '"'), line, column, quoted=True)

    def _unquoted(self) -> str:
        """Take the text up to the next delimiter or line end."""
        start = self._at
        while self._at < len(self.text) and self.text[self._at] not in {self.delimiter, "\r", "\n"}:
            self._at += 1
        return self.text[start : self._at]
