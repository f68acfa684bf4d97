"""Reads CSV tables of any size part by part (RFC 4180; ``,`` ``;`` or tab between cells)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from core.errors import Finding, Findings, InputError, Place
from server.history_import.form import CELLS_AT_ONCE, Series
from server.history_import.heads import Head, read_head

_DELIMITERS = ",;\t"
_LONGEST_CELL = 1 << 20
_END: list[str] = []
"""Stands for the end of the table; known by what it is, as an empty line is an empty record too."""


@dataclass(slots=True, eq=False)
class CsvPart:
    """Some rows; ``lines``: where each begins, ``texts``: as they stand in the file."""

    number: int
    times: Sequence[object]
    series: Sequence[Series]
    progress: float
    time_column: int
    node_column: int
    status_column: int
    file: str
    delimiter: str
    lines: list[int]
    texts: list[str]
    skipped: int

    def place(self, row: int, column: int) -> Place:
        """Tell where a cell stands, in characters."""
        return Place(self.file, self.lines[row], _column(self.texts[row], self.delimiter, column))


def read_csv(file: Path, findings: Findings) -> Iterator[CsvPart]:
    """Give the parts of a table one by one; rows that are malformed are told in ``findings`` and left out.

    Raises :class:`OSError`, and :class:`~core.errors.InputError` where the file is no text of UTF-8: nobody can tell
    then where its rows end.
    """
    size = max(file.stat().st_size, 1)
    with file.open("r", encoding="utf-8-sig", newline="") as stream:
        try:
            yield from _Reading(file, stream, size, findings).parts()
        except UnicodeDecodeError:
            raise InputError([*findings.items, _undecodable(file)]) from None


def _undecodable(file: Path) -> Finding:
    """Tell where a file that could not be decoded stops being UTF-8."""
    place = Place.of(file)
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                place = Place.of(file, number, len(line[: error.start].decode("utf-8")) + 1)
                break
    return Finding(place, "this is not UTF-8 text", "save the file as CSV UTF-8")


@dataclass(slots=True, eq=False)
class _Lines:
    """Gives lines and keeps those of the record that is being read."""

    stream: TextIO
    number: int = 0
    kept: list[str] = field(default_factory=list[str])
    read: int = 0

    def __iter__(self) -> Iterator[str]:
        for line in self.stream:
            self.number += 1
            self.read += len(line)
            self.kept.append(line)
            yield line


class _Reading:
    def __init__(self, file: Path, stream: TextIO, size: int, findings: Findings) -> None:
        self._file = file
        self._size = size
        self._findings = findings
        head = stream.readline()
        stream.seek(0)
        self._delimiter = max(_DELIMITERS, key=head.count)
        self._lines = _Lines(stream)
        csv.field_size_limit(_LONGEST_CELL)
        self._records = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        self._ended = False

    def parts(self) -> Iterator[CsvPart]:
        names = self._next()
        if names is None:  # an unreadable header is told
            return
        if names is _END:
            self._findings.add(Place.of(self._file, 1, 1), "the table is empty", "begin it with a header")
            return
        names = [name.strip() for name in names]
        text = "".join(self._lines.kept)
        places = [Place(str(self._file), 1, _column(text, self._delimiter, column + 1)) for column in range(len(names))]
        head = read_head(names, places, self._findings)
        if head is None:
            return
        rows = max(1, CELLS_AT_ONCE // len(head.nodes)) if head.is_wide else CELLS_AT_ONCE
        number = 0
        while not self._ended:
            records, lines, texts, skipped = self._some(rows, len(names))
            if not records and not skipped:
                return
            number += 1
            yield CsvPart(
                number,
                [record[head.time] for record in records],
                wide_series(head, records) if head.is_wide else long_series(head, records),
                min(self._lines.read / self._size, 1.0),
                head.time + 1,
                head.node + 1,
                head.status + 1,
                str(self._file),
                self._delimiter,
                lines,
                texts,
                skipped * max(1, len(head.nodes)),
            )

    def _next(self) -> list[str] | None:
        """Give the next record; :data:`_END` at the end, and None, told, for one that cannot be read."""
        self._lines.kept = []
        first = self._lines.number + 1
        try:
            return next(self._records, _END)
        except csv.Error as error:
            mend = 'write " inside a quoted cell as "", and close each quoted cell'
            over = f", and goes on to line {self._lines.number}" if self._lines.number > first else ""
            self._findings.add(Place.of(self._file, first, 1), f"the row cannot be read{over}: {error}", mend)
            return None

    def _some(self, most: int, width: int) -> tuple[list[list[str]], list[int], list[str], int]:
        """Give rows, where each begins and how it is written, and how many lines beside them are left out."""
        records: list[list[str]] = []
        lines: list[int] = []
        texts: list[str] = []
        skipped = 0
        while len(records) + skipped < most:
            first = self._lines.number + 1
            record = self._next()
            if record is _END:
                self._ended = True
                break
            if record is None:
                skipped += len(self._lines.kept)
                continue
            if not record:  # an empty line
                continue
            if len(record) != width:
                problem = f"the row has {len(record)} cells and the header {width}"
                self._findings.add(Place.of(self._file, first, 1), problem, "quote cells that hold a delimiter")
                skipped += 1  # which cell belongs to which column is anybody's guess
                continue
            records.append(record)
            lines.append(first)
            texts.append("".join(self._lines.kept))
        return records, lines, texts, skipped


def long_series(head: Head, records: Sequence[Sequence[object]]) -> list[Series]:
    """Bring the rows of each node together."""
    by_node: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        by_node.setdefault(str(record[head.node] or "").strip(), []).append(row)
    return [
        Series(
            node,
            np.array(rows, np.intp),
            [records[row][head.value] for row in rows],
            [records[row][head.status] for row in rows] if head.status >= 0 else None,
            head.value + 1,
        )
        for node, rows in by_node.items()
    ]


def wide_series(head: Head, records: Sequence[Sequence[object]]) -> list[Series]:
    """Give the columns; an empty cell is no sample."""
    found: list[Series] = []
    for column, node in head.nodes:
        rows = [row for row, record in enumerate(records) if record[column] not in {None, ""}]
        values = [records[row][column] for row in rows]
        found.append(Series(node, np.array(rows, np.intp), values, None, column + 1))
    return found


def _column(text: str, delimiter: str, wanted: int) -> int:
    """Find where the ``wanted``-th cell of a record begins, counted from 1; of cells after a line break its line's."""
    at, cell, start, quoted = 0, 1, 0, False
    while at < len(text) and cell < wanted:
        sign = text[at]
        if sign == '"':
            quoted = not quoted
        elif sign == "\n":
            start = at + 1
        elif sign == delimiter and not quoted:
            cell += 1
        at += 1
    return at - start + 1
