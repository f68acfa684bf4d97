"""Writes rows of history as they come: aligned for people, or CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from core.time import to_iso
from server.cli.terminal import paint

Value: TypeAlias = Any  # whatever the point's type is in Python: number, bool, text, bytes, object
_TIME_WIDTH = 28


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows: DateTime ticks, values and StatusCode names, as many of each."""

    times: Sequence[int]
    values: Sequence[Value]
    statuses: Sequence[str]


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


def writer_of(nodes: Sequence[str], *, by_interval: bool, csv: bool) -> RowWriter:
    """Choose how rows are written to standard output."""
    heading = "interval_start" if by_interval else "source_time"
    return _Csv(heading) if csv else _Table(heading.replace("_", " "), several=len(nodes) > 1)


class _Csv:
    """RFC 4180 with a header; one table for all nodes."""

    def __init__(self, heading: str) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._writer.writerow(("node", heading, "value", "status"))
        self._node = ""

    def begin(self, node: str) -> None:
        self._node = node

    def add(self, rows: Rows) -> None:
        for time, value, status in zip(rows.times, rows.values, rows.statuses, strict=True):
            self._writer.writerow((self._node, to_iso(time), _exact(value), status))

    def end(self, *, known: bool) -> None:
        if not known:
            print(f"plantspace: {self._node} has no history", file=sys.stderr)


class _Table:
    """Columns for the eye; a table a node."""

    def __init__(self, heading: str, *, several: bool) -> None:
        self._heading = heading
        self._several = several
        self._node = ""
        self._rows = 0

    def begin(self, node: str) -> None:
        if self._node:
            print()
        self._node = node
        self._rows = 0

    def add(self, rows: Rows) -> None:
        if not self._rows:
            if self._several:
                print(paint(self._node, "bold", sys.stdout))
            print(paint(f"{self._heading:<{_TIME_WIDTH}}  {'value':>14}  status", "dim", sys.stdout))
        self._rows += len(rows.times)
        for time, value, status in zip(rows.times, rows.values, rows.statuses, strict=True):
            shown = status if status == "Good" else paint(status, "yellow", sys.stdout)
            print(f"{to_iso(time):<{_TIME_WIDTH}}  {_readable(value):>14}  {shown}")

    def end(self, *, known: bool) -> None:
        if self._rows:
            return
        why = "has no values in this time" if known else "has no history"
        print(f"plantspace: {self._node} {why}", file=sys.stderr)


def _exact(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.hex() if isinstance(value, bytes) else str(value)


def _readable(value: Value) -> str:
    """Give seven digits of a number, as many as a Float holds."""
    return f"{value:.7g}" if isinstance(value, float) else _exact(value)
