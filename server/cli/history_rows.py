"""Writes rows of history as they come: aligned for people, or CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import StatusArray, absent_mask, backfilled_mask, symbol
from core.time import TICKS_PER_SECOND, to_datetime, to_iso
from server.cli.terminal import paint

Value: TypeAlias = Any  # whatever the point's type is in Python: number, bool, text, bytes, object
_LATE = "backfilled"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Some rows of one node; arrays of equal length [n]. ``status``: with the gateway's own marks.

    ``more``: further columns by their names (a stored summary's), which then stand for ``values`` and ``status``.
    """

    datatype: DataType
    times: TimeArray
    values: ValueArray
    status: StatusArray
    more: dict[str, ValueArray] = field(default_factory=dict[str, ValueArray])

    def columns(self) -> list[list[Value]]:
        """Give the columns behind the times as Python values, None for no value."""
        if self.more:
            return [_plain(column) for column in self.more.values()]
        late = [_LATE if one else "" for one in backfilled_mask(self.status).tolist()]
        write = written_as(self.datatype)
        values = [
            None if absent else value if write is None else write(value)
            for value, absent in zip(self.values.tolist(), absent_mask(self.status).tolist(), strict=True)
        ]
        return [values, [symbol(code) for code in self.status.tolist()], late]


@dataclass(frozen=True, slots=True)
class Heading:
    """What the columns are called; ``time``: what the times are."""

    time: str
    columns: tuple[str, ...] = ("value", "status", _LATE)


class RowWriter(Protocol):
    """Takes one node after the other."""

    def begin(self, node: str) -> None:
        """Begin with a node's rows."""
        ...

    def add(self, rows: Rows) -> None:
        """Write rows."""
        ...

    def end(self, *, known: bool) -> None:
        """End a node's rows; ``known`` tells whether it has history at all."""
        ...

    def close(self) -> None:
        """Write what was kept back, once all nodes are through."""
        ...


def written_as(datatype: DataType) -> Callable[[int], str] | None:
    """Give what writes values that are kept as numbers and are none; None for all other types."""
    return {DataType.DATETIME: to_iso, DataType.STATUSCODE: symbol}.get(datatype)


def time_width(zone: ZoneInfo | None) -> int:
    """Tell how wide the times are that :func:`shown` writes."""
    return len("2026-11-21T08:00:00.1234567Z") if zone is None else len("2026-11-21T08:00:00.1234567+01:00")


def shown(ticks: int, zone: ZoneInfo | None) -> str:
    """Write a time in a zone, with the 100 ns digits kept where there are any; without a zone in UTC."""
    if zone is None:
        return to_iso(ticks)
    local = to_datetime(ticks - ticks % TICKS_PER_SECOND).astimezone(zone)
    fraction = f".{ticks % TICKS_PER_SECOND:07d}".rstrip("0") if ticks % TICKS_PER_SECOND else ""
    offset = local.strftime("%z")
    return f"{local.strftime('%Y-%m-%dT%H:%M:%S')}{fraction}{offset[:3]}:{offset[3:]}"


def say_empty(node: str, *, known: bool) -> None:
    """Say on standard error that a node has no rows; ``known``: it has some at another time."""
    why = "has no values in this time" if known else "has no history"
    print(f"plantspace: {node} {why}", file=sys.stderr)


class CsvWriter:
    """RFC 4180 with a header; one table for all nodes."""

    def __init__(self, heading: Heading, stream: TextIO, zone: ZoneInfo | None) -> None:
        """Write the header."""
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(("node", heading.time, *heading.columns))
        self._zone = zone
        self._node = ""

    def begin(self, node: str) -> None:
        """Begin with a node's rows."""
        self._node = node

    def add(self, rows: Rows) -> None:
        """Write rows."""
        for time, *cells in zip(rows.times.tolist(), *rows.columns(), strict=True):
            self._writer.writerow((self._node, shown(time, self._zone), *map(_exact, cells)))

    def end(self, *, known: bool) -> None:
        """Say so where there is no history."""
        if not known:
            print(f"plantspace: {self._node} has no history", file=sys.stderr)

    def close(self) -> None:
        """Everything is written."""


class TableWriter:
    """Columns for the eye; a table a node."""

    def __init__(self, heading: Heading, stream: TextIO, zone: ZoneInfo | None, *, several: bool) -> None:
        """``several``: the nodes' names stand above their tables."""
        self._heading = heading
        self._stream = stream
        self._zone = zone
        self._width = time_width(zone)
        self._several = several
        self._node = ""
        self._rows = 0

    def begin(self, node: str) -> None:
        """Begin with a node's rows."""
        if self._node:
            print(file=self._stream)
        self._node = node
        self._rows = 0

    def add(self, rows: Rows) -> None:
        """Write rows."""
        stream = self._stream
        if not self._rows:
            if self._several:
                print(paint(self._node, "bold", stream), file=stream)
            names = [name for name in self._heading.columns if name not in {"status", _LATE}]
            line = "  ".join((f"{self._heading.time.replace('_', ' '):<{self._width}}", *(f"{n:>14}" for n in names)))
            last = "" if rows.more else "  status"
            print(paint(line + last, "dim", stream), file=stream)
        self._rows += len(rows.times)
        columns = rows.columns()
        for place, time in enumerate(rows.times.tolist()):
            cells = [column[place] for column in columns]
            line = f"{shown(time, self._zone):<{self._width}}"
            if rows.more:
                print("  ".join((line, *(f"{_readable(cell):>14}" for cell in cells))), file=stream)
                continue
            value, status, late = cells
            status = status if status == "Good" else paint(status, "yellow", stream)
            print(f"{line}  {_readable(value):>14}  {status}{f' {late}' if late else ''}", file=stream)

    def end(self, *, known: bool) -> None:
        """Say so where there was nothing."""
        if not self._rows:
            say_empty(self._node, known=known)

    def close(self) -> None:
        """Everything is written."""


def _plain(column: ValueArray) -> list[Value]:
    """Give a column's values, None for NaN."""
    if column.dtype.kind == "f":
        return [None if empty else value for value, empty in zip(column.tolist(), np.isnan(column), strict=True)]
    return column.tolist()


def _exact(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.hex() if isinstance(value, bytes) else str(value)


def _readable(value: Value) -> str:
    """Give seven digits of a number, as many as a Float holds."""
    return f"{value:.7g}" if isinstance(value, float) else _exact(value)


def joined(pages: Sequence[Rows]) -> list[Rows]:
    """Put pages of one DataType that follow each other together."""
    found: list[list[Rows]] = []
    for page in pages:
        if found and found[-1][0].datatype is page.datatype:
            found[-1].append(page)
        else:
            found.append([page])
    return [
        Rows(
            group[0].datatype,
            np.concatenate([one.times for one in group]),
            np.concatenate([one.values for one in group]),
            np.concatenate([one.status for one in group]),
            {name: np.concatenate([one.more[name] for one in group]) for name in group[0].more},
        )
        for group in found
    ]
