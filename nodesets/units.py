"""Units of measurement by their codes of UNECE Recommendation 20, as EngineeringUnits name them.

Part 8 v1.05 5.6.3: UnitId is the code's ASCII characters as one big-endian number, NamespaceUri is the fixed URI below.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

UNECE_URI = "http://www.opcfoundation.org/UA/units/un/cefact"
_TABLE = Path(__file__).with_name("units.csv")
_IGNORED = str.maketrans("", "", " ^·*_")


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: its UNECE code, what is displayed, what it is, and how register maps and DBC files also write it."""

    code: str
    symbol: str
    description: str
    spellings: tuple[str, ...] = ()

    @property
    def unit_id(self) -> int:
        """The UnitId of EUInformation."""
        return int.from_bytes(self.code.encode("ascii"), "big")


@cache
def all_units() -> tuple[Unit, ...]:
    """Give all units known here."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, quoting=csv.QUOTE_NONE)
        return tuple(
            Unit(row["code"], row["symbol"], row["description"], tuple(filter(None, row["spellings"].split("|"))))
            for row in rows
        )


def by_code(code: str) -> Unit | None:
    """Find a unit by its UNECE code, such as ``CEL``."""
    return _codes().get(code)


def by_unit_id(unit_id: int) -> Unit | None:
    """Find a unit by the UnitId of an EUInformation whose NamespaceUri is :data:`UNECE_URI`."""
    return _unit_ids().get(unit_id)


def by_symbol(text: str) -> Unit | None:
    """Find a unit as people write it: ``°C``, ``degC``, ``m3/h``, ``kWh``, ``rpm``.

    Upper and lower case count (mW is not MW) unless no unit is written so and only one is in other case.
    """
    key = _key(text)
    exact = _symbols().get(key)
    if exact is not None:
        return exact
    candidates = _folded().get(key.casefold(), frozenset())
    return next(iter(candidates)) if len(candidates) == 1 else None


@cache
def _codes() -> dict[str, Unit]:
    return {unit.code: unit for unit in all_units()}


@cache
def _unit_ids() -> dict[int, Unit]:
    return {unit.unit_id: unit for unit in all_units()}


@cache
def _symbols() -> dict[str, Unit]:
    symbols: dict[str, Unit] = {}
    for key, unit in _written():
        symbols.setdefault(key, unit)
    return symbols


@cache
def _folded() -> dict[str, frozenset[Unit]]:
    folded: dict[str, frozenset[Unit]] = {}
    for key, unit in _written():
        folded[key.casefold()] = folded.get(key.casefold(), frozenset()) | {unit}
    return folded


def _written() -> Iterator[tuple[str, Unit]]:
    """Every way that a unit is written; symbols stand before spellings, so that a spelling never takes a symbol."""
    yield from ((_key(unit.symbol), unit) for unit in all_units())
    yield from ((_key(spelling), unit) for unit in all_units() for spelling in unit.spellings)


def _key(text: str) -> str:
    """Make m³/h, m^3/h and m3/h, kW·h and kWh, both micro signs and ℃ one."""
    return unicodedata.normalize("NFKC", text).translate(_IGNORED)
