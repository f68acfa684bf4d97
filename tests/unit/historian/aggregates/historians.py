"""The example historians of Part 13 v1.05 Annex A.1, and the tables of results in tests/golden/aggregates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.datatypes import DataType
from core.quality import NO_VALUE
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.aggregates.series import Series

NOON = 130_000_000_000_000_000 // 864_000_000_000 * 864_000_000_000 + 12 * 36_000_000_000
SECOND = 10_000_000
GOOD, UNCERTAIN, BAD = 0, 0x40000000, 0x80000000 | NO_VALUE
GOLDEN = Path(__file__).parents[3] / "golden" / "aggregates"
CODES = {
    "Good": 0,
    "Uncertain": UNCERTAIN,
    "UncertainDataSubNormal": 0x40A40000,
    "Bad": 0x80000000,
    "BadNoData": 0x809B0000,
}
BITS = {"Calculated": 0x401, "Interpolated": 0x402, "Partial": 0x404, "MultipleValues": 0x410}


@dataclass(frozen=True)
class Historian:
    """Samples, and how aggregates are told to treat them."""

    samples: tuple[tuple[int, Any, int], ...]
    configuration: AggregateConfiguration
    stepped: bool
    datatype: DataType = DataType.DOUBLE
    annotations: tuple[int, ...] = ()

    @property
    def series(self) -> Series:
        times = np.array([NOON + second * SECOND for second, _, _ in self.samples], np.int64)
        values = np.array([value for _, value, _ in self.samples], self.datatype.dtype)
        status = np.array([code for _, _, code in self.samples], np.uint32)
        return Series(times, values, status, int(times[0]), int(times[-1]))


_UNEVEN = (
    (2, 10, GOOD),
    (25, 20, GOOD),
    (28, 25, GOOD),
    (39, 30, GOOD),
    (42, 0, BAD),
    (48, 40, GOOD),
    (52, 50, GOOD),
    (72, 60, GOOD),
    (77, 70, UNCERTAIN),
    (83, 70, GOOD),
    (86, 80, GOOD),
    (90, 90, GOOD),
)
_STATES = (True, False, True, True, False, True, False, False, True, True, False, True)
_STRICT = AggregateConfiguration(treat_uncertain_as_bad=True, percent_bad=100, percent_good=100, sloped=False)
HISTORIANS = {
    "H1": Historian(
        (
            (10, 10, GOOD),
            (20, 20, GOOD),
            (30, 30, GOOD),
            (40, 0, BAD),
            (50, 50, GOOD),
            (60, 60, GOOD),
            (70, 70, UNCERTAIN),
            (80, 80, GOOD),
            (90, 90, GOOD),
        ),
        AggregateConfiguration(treat_uncertain_as_bad=False, percent_bad=100, percent_good=100, sloped=False),
        stepped=False,
        annotations=(20, 25, 40, 65),
    ),
    "H2": Historian(_UNEVEN, _STRICT, stepped=False),
    "H3": Historian(
        _UNEVEN,
        AggregateConfiguration(treat_uncertain_as_bad=True, percent_bad=50, percent_good=50, sloped=False),
        stepped=True,
    ),
    "H4": Historian(
        tuple((second, state, code) for (second, _, code), state in zip(_UNEVEN, _STATES, strict=True)),
        _STRICT,
        stepped=True,
        datatype=DataType.BOOLEAN,
    ),
}
"""Where A.1 leaves the times of the four annotations open, these lie in the intervals that A.18 tells of."""


@dataclass(frozen=True)
class Row:
    """One line of a table. ``value``: None where there is none."""

    time: int
    value: float | None
    status: int


@dataclass(frozen=True)
class Table:
    """What an aggregate comes to of one historian; ``interval`` in seconds."""

    kind: AggregateKind
    historian: str
    interval: int
    rows: tuple[Row, ...]


def kind_named(name: str) -> AggregateKind:
    """Find an aggregate by its BrowseName."""
    return next(kind for kind in AggregateKind if kind.name.replace("_", "").casefold() == name.casefold())


def tables() -> Iterator[Table]:
    """Read all tables."""
    for path in sorted(GOLDEN.glob("*.csv")):
        lines = path.read_text().splitlines()
        interval = int(lines[1].split()[2])
        rows: dict[str, list[Row]] = {}
        for line in lines[3:]:
            historian, stamp, value, status = line.split(";")
            rows.setdefault(historian, []).append(Row(_moment(stamp), float(value) if value else None, _code(status)))
        for historian, found in rows.items():
            yield Table(kind_named(path.stem), historian, interval, tuple(found))


def _moment(stamp: str) -> int:
    _, minutes, seconds = stamp.split(":")
    return NOON + int(minutes) * 60 * SECOND + round(float(seconds) * SECOND)


def _code(text: str) -> int:
    first, *bits = text.split(", ")
    code = CODES[first]
    for bit in bits:
        code |= BITS[bit]
    return code
