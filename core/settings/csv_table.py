"""Tables in CSV files, such as bindings: read with the place of every cell, written atomically."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import Findings, Place
from core.settings.csv_cells import Cell, Cutter
from core.settings.files import bytes_of, replace_file
from core.settings.nearest import advise

_LARGEST_MIB = 32
"""The largest file that is read, in MiB."""

_DELIMITERS = ",;\t"
_BYTE_ORDER_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a table by its columns' names."""

    file: str
    line: int
    cells: Mapping[str, Cell]
    end: Cell

    def get(self, name: str) -> str:
        """Give the text of a cell, empty where the table lacks the column or the row the cell."""
        cell = self.cells.get(name)
        return cell.text if cell else ""

    def place(self, name: str = "") -> Place:
        """Give where a cell begins; where it is absent, where the row's last cell begins; of no name, the row."""
        if not name:
            return Place(self.file, self.line, 1)
        cell = self.cells.get(name, self.end)
        return Place(self.file, cell.line, cell.column)

    def values(self) -> dict[str, str]:
        """Give the texts of all cells by their columns."""
        return {name: cell.text for name, cell in self.cells.items()}


def read_table(
    path: Path | str,
    columns: Sequence[str],
    required: Sequence[str],
    findings: Findings,
    *,
    lenient: bool = False,
) -> list[Row]:
    """Read a CSV file whose header names some of ``columns``.

    The ``required`` ones must stand in the header and hold text in every row. Rows with something wrong are left out
    and told in ``findings``; without a usable header there are no rows. With ``lenient`` rows that lack a required
    cell, and rows under a header with wrong columns, are given too, so that their other cells can be looked at; what
    is wrong is told all the same. Blocks on the file (at most 32 MiB).
    """
    file = Path(path)
    text = _text(file, findings)
    if text is None:
        return []
    cutter = Cutter(str(file), text, findings)
    cutter.delimiter = _sniff(cutter.header(), columns)
    records = cutter.records()
    head = next(records, None)
    if head is None:
        findings.add(Place.of(file, 1, 1), "the table is empty", f"begin it with the header {','.join(columns)}")
        return []
    if not _check_header(str(file), head, columns, required, findings) and not lenient:
        return []
    names = [cell.text for cell in head]
    table = _Table(str(file), names, [name for name in required if name in names], findings, lenient)
    rows = [row for record in records if (row := table.row(record))]
    table.tell_bad_bytes()
    return rows


def write_table(path: Path | str, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a CSV file (UTF-8, commas) that :func:`read_table` reads back; missing cells are empty.

    The file is replaced whole or not at all. Blocks until the disk has it.

    Raises:
        ValueError: A cell holds a NUL or half of a character; nothing is written.
        OSError: The file, which it names, cannot be written; the one before is untouched.
    """
    lines = [",".join(_quote(name) for name in columns)]
    for row in rows:
        cells = [_quote(row.get(name, "")) for name in columns]
        lines.append(",".join(cells) if any(cells) else ",".join(['""', *cells[1:]]))
    content = "".join(f"{line}\n" for line in lines).encode()
    if b"\0" in content:
        message = "a cell of a table holds a NUL character"
        raise ValueError(message)
    replace_file(path, content)


@dataclass(slots=True)
class _Table:
    """Turns records into rows under one header."""

    file: str
    names: list[str]
    required: Sequence[str]
    findings: Findings
    lenient: bool = False
    bad_bytes: int = 0
    first_bad: Place | None = None

    def row(self, record: list[Cell]) -> Row | None:
        """Give the record as a row, None where something is wrong with it."""
        extra = next((cell for cell in record[len(self.names) :] if cell.text or cell.quoted), None)
        if extra is not None:
            problem = f"the row has more cells than the header has columns ({len(self.names)})"
            self.findings.add(Place(self.file, extra.line, extra.column), problem, "quote cells that hold a delimiter")
            return None
        spoiled = next((cell for cell in record if _has_bad_bytes(cell.text)), None)
        if spoiled is not None:
            at = next(index for index, character in enumerate(spoiled.text) if "\udc80" <= character <= "\udcff")
            self.bad_bytes += 1
            self.first_bad = self.first_bad or Place(self.file, spoiled.line, spoiled.column + at + spoiled.quoted)
            return None
        row = Row(self.file, record[0].line, dict(zip(self.names, record, strict=False)), record[-1])
        empty = [name for name in self.required if not row.get(name)]
        for name in empty:
            self.findings.add(row.place(name), f"the cell of column '{name}' is empty", "fill it in")
        return row if self.lenient or not empty else None

    def tell_bad_bytes(self) -> None:
        """Record where the first row with bytes that are not UTF-8 stands, and how many there are."""
        if self.first_bad:
            many = f" (first of {self.bad_bytes} such rows)" if self.bad_bytes > 1 else ""
            self.findings.add(self.first_bad, f"this is not UTF-8 text{many}", "save the file as CSV UTF-8")


def _text(file: Path, findings: Findings) -> str | None:
    raw = bytes_of(file, _LARGEST_MIB, "split it", findings)
    if raw is None:
        return None
    if raw.startswith(_BYTE_ORDER_16) or b"\0" in raw:
        findings.add(Place.of(file, raw.count(b"\n", 0, max(raw.find(b"\0"), 0)) + 1), "this is not UTF-8 text",
                     "save the file as CSV UTF-8")  # fmt: skip
        return None
    return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _has_bad_bytes(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _sniff(header: str, columns: Sequence[str]) -> str:
    """Choose the delimiter that cuts the header into the most known columns, the most cells among equals."""

    def score(delimiter: str) -> tuple[int, int]:
        cells = [cell.strip(' "') for cell in header.split(delimiter)]
        return len(set(cells) & set(columns)), len(cells)

    return max(_DELIMITERS, key=score)


def _check_header(
    file: str, head: list[Cell], columns: Sequence[str], required: Sequence[str], findings: Findings
) -> bool:
    """Record what is wrong with the header; tell whether rows can be read under it."""
    seen: set[str] = set()
    sound = True
    unused = [name for name in columns if name not in {cell.text for cell in head}]
    for cell in head:
        place = Place(file, cell.line, cell.column)
        if cell.text in seen:
            findings.add(place, f"the column '{cell.text}' stands here a second time", "keep one of them")
            sound = False
        elif _has_bad_bytes(cell.text):
            findings.add(place, "this is not UTF-8 text", "save the file as CSV UTF-8")
            sound = False
        elif cell.text not in columns:
            problem = f"unknown column '{cell.text}'" if cell.text else "a column has no name"
            findings.add(place, problem, advise(cell.text, unused or columns, noun="columns"))
            sound = False
        seen.add(cell.text)
    for name in required:
        if name not in seen:
            findings.add(
                Place(file, head[0].line, head[0].column), f"the column '{name}' is missing", "add it to the header"
            )
            sound = False
    return sound


def _quote(text: str) -> str:
    plain = text == text.strip() and not text.startswith("#") and not set(text) & set(',;\t"\r\n')
    return text if plain else '"' + text.replace('"', '""') + '"'
