"""The bindings of a configuration's devices, as text: what export writes and import compares with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.errors import Findings, Place
from core.settings import Document, Section, read_table
from server.bindings import COLUMNS, REQUIRED, bindings_file
from server.plan.instances import instance_paths
from server.type_bindings import expand_type_bindings

TABLE_COLUMNS: tuple[str, ...] = ("device", *COLUMNS)


@dataclass(frozen=True, slots=True)
class TypedRow:
    """A row that type bindings make, with the place of each of its cells."""

    texts: dict[str, str]
    place: Callable[[str], Place]


@dataclass(frozen=True, slots=True)
class DeviceBindings:
    """One device's bindings. ``file``: None where they stand in the configuration, or there are none."""

    device: str
    section: Section
    file: Path | None
    rows: tuple[dict[str, str], ...]
    typed: tuple[TypedRow, ...] = ()
    """The rows of its type bindings, whose tables an import leaves alone."""

    @property
    def place(self) -> Place:
        """Where the configuration says what the bindings are, or names the device."""
        return self.section.place(("bindings",), key=True)


def read_bindings_of(config: Path, *, to_be_replaced: bool = False) -> dict[str, DeviceBindings]:
    """Read the bindings of all devices. Raises :class:`~core.errors.InputError` for what cannot be read.

    Tables that are ``to_be_replaced`` may be missing or wrong: then they have no rows.
    """
    findings = Findings()
    document = Document.read(config, findings)
    found: dict[str, DeviceBindings] = {}
    paths = instance_paths(document) if document is not None else {}
    for name, section in document.members("devices", findings).items() if document is not None else ():
        file = bindings_file(section)
        if file is None:
            rows = _inline(section)
        else:
            wrong = Findings()
            rows = [texts(row.values()) for row in read_table(file, COLUMNS, REQUIRED, wrong)]
            if wrong and to_be_replaced:
                rows = []
            else:
                findings.extend(wrong.items)
        made = expand_type_bindings(section, paths, findings).rows
        typed = tuple(TypedRow(texts(row.values()), row.place) for row in made)
        found[name] = DeviceBindings(name, section, file, tuple(rows), typed)
    findings.raise_if_any()
    return found


def texts(cells: Mapping[str, str]) -> dict[str, str]:
    """Give a row's texts under all binding columns, empty where there is no cell."""
    return {column: cells.get(column, "").strip() for column in COLUMNS}


def _inline(section: Section) -> list[dict[str, str]]:
    data = section.section(("bindings",)).data if "bindings" in section else None
    rows: list[dict[str, str]] = []
    for item in data if isinstance(data, list) else ():
        cells = cast("dict[str, object]", item) if isinstance(item, dict) else {}
        rows.append(texts({key: _text(value) for key, value in cells.items()}))
    return rows


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
