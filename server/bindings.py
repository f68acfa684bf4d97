"""Binding rows: which address of a device a node shows, read from a CSV file or from a list in the configuration."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from core.datatypes import DataType
from core.durations import parse_duration
from core.errors import Finding, Findings, Place
from core.point import OnBad
from core.settings import Row, Section, SettingError, nearest, read_table

_NODE_ID = re.compile(r"(ns|nsu|svr|[isgb])=")
"""How a NodeId begins; one with an index is refused where it is read, and is nobody's tag."""
COLUMNS = (
    "node",
    "address",
    "type",
    "unit",
    "scan",
    "scale",
    "offset",
    "min",
    "max",
    "deadband",
    "access",
    "verify",
    "on_bad",
    "history",
    "description",
)
REQUIRED = ("node", "address")
T = TypeVar("T")
_TYPES = [member.symbol for member in DataType if member is not DataType.VARIANT]


@cache
def _nearest_type(text: str) -> str | None:
    """Find the type most likely meant; whole tables may be wrong in the same way."""
    return nearest(text, _TYPES)


@dataclass(frozen=True, slots=True)
class Binding:
    """One row with its texts understood; what depends on the model or the driver is looked at later."""

    device: str
    node: str
    address: str
    datatype: DataType | None
    unit: str
    scan: float | None
    scale: float
    offset: float
    minimum: float
    maximum: float
    deadband: float
    writable: bool | None
    verify: bool | None
    on_bad: OnBad
    history: bool | None
    description: str
    place: Callable[[str], Place]
    """Gives the place of a column's cell."""
    sound: bool = True
    """Whether all cells are understood; those that are not have their defaults, and are told."""

    @property
    def names_node(self) -> bool:
        """Tell whether ``node`` names a node of the model, and not a tag to be generated."""
        return self.node.startswith("/") or _NODE_ID.match(self.node) is not None


@dataclass(frozen=True, slots=True)
class DeviceRows:
    """A device's bindings, wrong ones too. ``complete``: none was lost, so that all of its tags are known."""

    bindings: list[Binding]
    complete: bool = True


def read_bindings(device: str, section: Section, findings: Findings) -> DeviceRows:
    """Read the ``bindings`` of a device's section: a file's name or a list of rows; what is wrong becomes findings."""
    if "bindings" not in section:
        return DeviceRows([])
    held = section.section(("bindings",))
    file = bindings_file(section)
    if file is not None:
        wrong = Findings()
        rows = read_table(file, COLUMNS, REQUIRED, wrong, lenient=True)
        findings.extend(wrong.items)
        return bindings_of_rows(device, rows, findings, sound=not wrong)
    if not isinstance(held.data, list):
        return DeviceRows([], complete=held.data is None)
    bindings: list[Binding] = []
    for position, data in enumerate(held.data):
        before = len(findings.items)
        cells = _inline(held, position, data, findings)

        def place(column: str, at: int = position) -> Place:
            return held.place((at, column)) if column else held.place((at,))

        bindings.append(_Reader(device, cells, place, findings).binding(sound=len(findings.items) == before))
    return DeviceRows(bindings, all(binding.node for binding in bindings))


def bindings_of_rows(device: str, rows: Iterable[Row], findings: Findings, *, sound: bool = True) -> DeviceRows:
    """Understand the rows of a table; columns that are none of :data:`COLUMNS` are passed over.

    ``sound`` tells whether nothing is wrong with the table so far.
    """
    bindings = [_Reader(device, row.values(), row.place, findings).binding(sound=sound) for row in rows]
    return DeviceRows(bindings, sound)


def _inline(held: Section, position: int, data: object, findings: Findings) -> dict[str, str]:
    if not isinstance(data, dict):
        findings.add(held.place((position,)), "a binding must be a mapping", "write - {node: …, address: …}")
        return {}
    cells: dict[str, str] = {}
    given = cast("dict[str, Any]", data)  # a YAML mapping's keys are texts
    for key, value in given.items():
        if key not in COLUMNS:
            near = nearest(str(key), [name for name in COLUMNS if name not in given])
            mend = f"did you mean {near}?" if near else f"keys are {', '.join(COLUMNS)}"
            findings.add(held.place((position, str(key)), key=True), f"unknown key '{key}' in a binding", mend)
        elif isinstance(value, bool):
            cells[str(key)] = "true" if value else "false"
        elif value is not None and not isinstance(value, (dict, list)):
            cells[str(key)] = str(value)
        elif value is not None:
            findings.add(held.place((position, str(key))), f"'{key}' must be one value", "write it on one line")
    for key in REQUIRED:
        if given.get(key) in (None, ""):
            findings.add(held.place((position,)), f"a binding needs '{key}'", f"add {key}: …")
    return cells


class _Reader:
    """Understands one row's cells, telling all that is wrong with it."""

    def __init__(self, device: str, cells: dict[str, str], place: Callable[[str], Place], findings: Findings) -> None:
        self._device = device
        self._cells = cells
        self._place = place
        self._findings = findings
        self._good = True

    def binding(self, *, sound: bool) -> Binding:
        """Give the row; ``sound`` tells whether nothing is wrong with it so far."""
        minimum, maximum = self._number("min", -math.inf), self._number("max", math.inf)
        if minimum > maximum:
            self._wrong("min", f"min {minimum:g} is above max {maximum:g}", "exchange them")
        scale = self._number("scale", 1.0)
        if scale == 0.0:
            self._wrong("scale", "a scale of 0 makes every value 0", "write the factor from raw to engineering units")
            scale = 1.0
        deadband = self._number("deadband", 0.0)
        if deadband < 0.0:
            self._wrong("deadband", "a deadband cannot be negative", "write 0 for none")
        scan, datatype = self._scan(), self._type()
        writable = self._choice("access", {"r": False, "ro": False, "read": False, "rw": True, "write": True})
        verify = self._choice("verify", {"read-back": True, "none": False})
        on_bad = self._choice("on_bad", {"hold": OnBad.HOLD, "null": OnBad.NULL}) or OnBad.HOLD
        history = self._choice("history", {"true": True, "yes": True, "false": False, "no": False})
        offset = self._number("offset", 0.0)
        return Binding(
            self._device,
            self._text("node"),
            self._text("address"),
            datatype,
            self._text("unit"),
            scan,
            scale,
            offset,
            minimum,
            maximum,
            deadband,
            writable,
            verify,
            on_bad,
            history,
            self._text("description"),
            self._place,
            sound and self._good,
        )

    def _text(self, column: str) -> str:
        return self._cells.get(column, "").strip()

    def _number(self, column: str, absent: float) -> float:
        text = self._text(column)
        if not text:
            return absent
        try:
            number = float(text)
        except ValueError:
            self._wrong(column, f"'{column}' must be a number, not {text!r}", "write it like 0.1")
            return absent
        if not math.isfinite(number):
            self._wrong(column, f"'{column}' must be finite", "leave the cell empty for none")
            return absent
        return number

    def _type(self) -> DataType | None:
        text = self._text("type")
        if not text:
            return None
        try:
            datatype = DataType.named(text)
        except KeyError:
            datatype = DataType.VARIANT
        if datatype is DataType.VARIANT:
            near = _nearest_type(text)
            self._wrong(
                "type",
                f"there is no data type {text!r}",
                f"did you mean {near}?" if near else f"types are {', '.join(_TYPES)}",
            )
            return None
        return datatype

    def _scan(self) -> float | None:
        text = self._text("scan")
        if not text:
            return None
        try:
            seconds = parse_duration(text)
        except SettingError as error:
            self._wrong("scan", f"'scan' {error.problem}", error.mend)
            return None
        if seconds <= 0.0:
            self._wrong("scan", "'scan' must be above zero", "write it like 100ms")
            return None
        return seconds

    def _choice(self, column: str, choices: dict[str, T]) -> T | None:
        text = self._text(column)
        if not text:
            return None
        try:
            return choices[text.casefold()]
        except KeyError:
            near = nearest(text, choices)
            mend = f"did you mean {near}?" if near else f"choose one of {', '.join(choices)}"
            self._wrong(column, f"'{column}' is unknown: {text!r}", mend)
            return None

    def _wrong(self, column: str, problem: str, mend: str) -> None:
        self._good = False
        self._findings.extend([Finding(self._place(column), problem, mend)])


def bindings_file(section: Section) -> Path | None:
    """Give the CSV file that a device's bindings are in, or None for a list in the configuration."""
    if "bindings" not in section:
        return None
    data = section.section(("bindings",)).data
    return section.base / data if isinstance(data, str) else None
