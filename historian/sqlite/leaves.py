"""Rows out of the pages of a SQLite file themselves, where the tree that leads to them is damaged.

Pages and records are as https://www.sqlite.org/fileformat2.html has them. Every page that is no free one is part of a
tree, so a leaf that is not free holds rows that are there. Which table a row is of shows in the types of its columns;
whether it is whole, in the checksum of its payload.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

_PAGE: Final = 8192
_LEAF: Final = 0x0D
_LOCAL: Final = _PAGE - 35
"""Bytes of a record that stand in the leaf at most; of a longer one, the rest stands in pages of its own."""
_LEAST: Final = (_PAGE - 12) * 32 // 255 - 23
_NULL, _TEXT, _BLOB = "n", "t", "b"
_TABLES: Final = {"niiiib": "block", "niiiiib": "segment", "niiitiiib": "modified"}
_INTEGERS: Final = (0, 1, 2, 3, 4, 6, 8)
_LARGEST: Final = 1 << 30

Row = tuple[Any, ...]  # of whatever types the columns are


class Leaves:
    """The rows of the tables with samples, by their places in one file."""

    def __init__(self, file: BinaryIO) -> None:
        """Look through all pages of ``file``. Raises :class:`ValueError` where nobody can tell which ones are free."""
        self._file = file
        free = self._free_pages()
        self._places: dict[str, dict[int, tuple[int, int]]] = {table: {} for table in _TABLES.values()}
        for number in range(2, self._pages + 1):
            if number not in free:
                self._look_into(number)

    def rows(self, table: str, known: set[int]) -> Iterator[Row]:
        """Give the rows of a table, as (id, …), that are not ``known``, by rising id."""
        for identifier, (page, offset) in sorted(self._places.get(table, {}).items()):
            if identifier not in known:
                try:
                    yield (identifier, *self._record(self._page(page), offset)[1:])
                except (IndexError, ValueError, struct.error):
                    continue

    def _free_pages(self) -> set[int]:
        header = self._page(1)
        self._pages = self._file.seek(0, 2) // _PAGE
        trunk, count = struct.unpack_from(">II", header, 32)
        free: set[int] = set()
        while trunk:
            page = self._page(trunk)
            following, leaves = struct.unpack_from(">II", page)
            if trunk in free or leaves > _PAGE // 4 - 2:
                message = "the list of free pages is damaged"
                raise ValueError(message)
            free.add(trunk)
            free.update(struct.unpack_from(f">{leaves}I", page, 8))
            trunk = following
        if len(free) != count:
            message = f"the list of free pages has {len(free)} of {count}"
            raise ValueError(message)
        return free

    def _page(self, number: int) -> bytes:
        self._file.seek((number - 1) * _PAGE)
        page = self._file.read(_PAGE)
        if len(page) < _PAGE:
            message = f"there is no page {number}"
            raise ValueError(message)
        return page

    def _look_into(self, number: int) -> None:
        """Note the rows of a leaf."""
        page = self._page(number)
        if page[0] != _LEAF:
            return
        (cells,) = struct.unpack_from(">H", page, 3)
        for place in range(min(cells, (_PAGE - 8) // 2)):
            (offset,) = struct.unpack_from(">H", page, 8 + 2 * place)
            try:
                _, identifier, start = _cell(page, offset)
                kinds = "".join(_kind(serial) for serial in _serials(page[start:])[0])
            except (IndexError, ValueError):
                continue
            if kinds in _TABLES:
                self._places[_TABLES[kinds]].setdefault(identifier, (number, offset))

    def _record(self, page: bytes, offset: int) -> Row:
        """Read the columns of a record."""
        size, _, start = _cell(page, offset)
        data = self._payload(page, start, size)
        serials, at = _serials(data)
        values: list[Any] = []  # as in Row
        for serial in serials:
            length = _length(serial)
            part = data[at : at + length]
            at += length
            values.append(_value(serial, part))
        if at != size:
            message = "a record is cut off"
            raise ValueError(message)
        return tuple(values)

    def _payload(self, page: bytes, start: int, size: int) -> bytes:
        """Put a record together out of its leaf and the pages behind it."""
        if size <= _LOCAL:
            return page[start : start + size]
        local = _LEAST + (size - _LEAST) % (_PAGE - 4)
        local = local if local <= _LOCAL else _LEAST
        parts = [page[start : start + local]]
        (following,) = struct.unpack_from(">I", page, start + local)
        left = size - local
        while left > 0:
            behind = self._page(following)
            parts.append(behind[4 : 4 + left])
            left -= _PAGE - 4
            (following,) = struct.unpack_from(">I", behind)
        return b"".join(parts)


def open_leaves(path: Path) -> tuple[Leaves, BinaryIO] | None:
    """Look through a file without a write-ahead log; None where nobody can tell which pages are free."""
    file = path.open("rb")
    try:
        return Leaves(file), file
    except (ValueError, struct.error):
        file.close()
        return None


def _cell(page: bytes, offset: int) -> tuple[int, int, int]:
    """Read a cell's bytes of record, its row id, and where the record begins."""
    size, offset = _varint(page, offset)
    identifier, offset = _varint(page, offset)
    if not 0 < size < _LARGEST:
        message = f"a record of {size} bytes"
        raise ValueError(message)
    return size, identifier, offset


def _serials(data: bytes) -> tuple[list[int], int]:
    """Read the types of a record's columns, and where the first one begins."""
    header, at = _varint(data, 0)
    found: list[int] = []
    while at < header:
        serial, at = _varint(data, at)
        found.append(serial)
    return found, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of one to nine bytes, the highest first."""
    number = 0
    for place in range(8):
        byte = data[at + place]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more come
            return number, at + place + 1
    return number << 8 | data[at + 8], at + 9


def _kind(serial: int) -> str:
    if serial == 0:
        return _NULL
    if serial >= 12:  # noqa: PLR2004 - bytes from here on, texts where it is odd
        return _TEXT if serial % 2 else _BLOB
    return "i" if serial < len(_INTEGERS) or serial in (8, 9) else "?"


def _length(serial: int) -> int:
    if serial >= 12:  # noqa: PLR2004 - as above
        return (serial - 12) // 2
    return _INTEGERS[serial] if serial < len(_INTEGERS) else 0


def _value(serial: int, part: bytes) -> int | str | bytes | None:
    if serial == 0:
        return None
    if serial in (8, 9):
        return serial - 8
    if serial >= 12:  # noqa: PLR2004 - as above
        return part.decode("utf-8", "surrogateescape") if serial % 2 else part
    return int.from_bytes(part, "big", signed=True)
