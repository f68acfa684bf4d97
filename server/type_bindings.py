"""Bindings on types: one table binds the members of a type, another lists its instances with their parameters.

What comes of both are the rows that a device's table would have, a row for each member of each instance. Each knows
both of its places, so that what is wrong with it is told where it can be mended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from core.errors import Findings, Place
from core.settings import Row, Section, nearest, read_table
from core.settings.csv_cells import Cell, Cutter
from core.settings.files import bytes_of
from server.address_templates import Template, TemplateError
from server.bindings import COLUMNS

MEMBER_COLUMNS = ("member", *(name for name in COLUMNS if name != "node"))
KEY = "type_bindings"
_KEYS = ("members", "instances")
_LARGEST_MIB = 32
_MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True, order=False, eq=False)
class ExpandedPlace(Place):
    """The place of a template's cell, and that of the instance for which it was filled in."""

    instance: Place = Place("")  # noqa: RUF009 - a Place is frozen

    def __str__(self) -> str:
        """Give both places."""
        return f"{Place(self.file, self.line, self.column)} for the instance at {self.instance}"

    def _key(self) -> tuple[object, ...]:
        return self.file, self.line, self.column, self.instance.file, self.instance.line, self.instance.column

    def __hash__(self) -> int:
        """Hash by both places."""
        return hash(self._key())

    def __eq__(self, other: object) -> bool:
        """Compare both places."""
        return isinstance(other, ExpandedPlace) and self._key() == other._key()

    def __lt__(self, other: Place) -> bool:
        """Sort by the template's place, then by the instance's; among places of other kinds too."""
        return _sorting(self) < _sorting(other)

    def __gt__(self, other: Place) -> bool:
        """Sort as ``<`` does."""
        return _sorting(self) > _sorting(other)


def _sorting(place: Place) -> tuple[object, ...]:
    own = (place.file, place.line, place.column)
    return (*own, *place._key()[3:]) if isinstance(place, ExpandedPlace) else (*own, "", 0, 0)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this module


@dataclass(frozen=True, slots=True)
class ExpandedRow(Row):
    """A row of bindings that a template and an instance make. ``filled``: columns that depend on the instance."""

    instance: Place
    filled: frozenset[str] = frozenset()

    def place(self, name: str = "") -> Place:
        """Give the template's place; for what depends on the instance both places."""
        cell = self.cells.get(name, self.end) if name else Cell("", self.line, 1)
        if name in self.filled:
            return ExpandedPlace(self.file, cell.line, cell.column, self.instance)
        return Place(self.file, cell.line, cell.column)


@dataclass(frozen=True, slots=True)
class ExpandedRows:
    """The rows of a device's type bindings. ``complete``: none was lost to something wrong."""

    rows: list[Row]
    complete: bool = True


def expand_type_bindings(section: Section, instances: Mapping[str, str], findings: Findings) -> ExpandedRows:
    """Read the ``type_bindings`` of a device's section and make their rows; what is wrong becomes findings.

    ``instances``: the browse paths of the instances that the configuration makes, by name. Blocks on the files.
    """
    if KEY not in section:
        return ExpandedRows([])
    before = len(findings.items)
    held = section.section((KEY,))
    paths: list[tuple[str | int, ...]] = (
        [(index,) for index in range(len(held.data))] if isinstance(held.data, list) else [()]
    )
    rows: list[Row] = []
    for path in paths:
        rows += _one(held.section(path), instances, findings)
    return ExpandedRows(rows, len(findings.items) == before)


def _one(section: Section, instances: Mapping[str, str], findings: Findings) -> list[Row]:
    """Make the rows of one pair of tables."""
    files = _files(section, findings)
    if files is None:
        return []
    members = read_table(files[0], MEMBER_COLUMNS, ("member", "address"), findings)
    table = _read_instances(files[1], findings)
    if table is None:
        return []
    parameters, rows = table
    templates = [template for row in members if (template := _template(row, parameters, findings)) is not None]
    if len(templates) * len(rows) > _MOST_ROWS:
        problem = f"{len(templates)} members of {len(rows)} instances are more than {_MOST_ROWS} bindings"
        findings.add(section.place(), problem, "split them over several devices")
        return []
    made: list[Row] = []
    for row in rows:
        node = _node(row, instances, findings)
        if node is not None:
            made += [filled for template in templates if (filled := template.fill(row, node, findings)) is not None]
    return made


def _files(section: Section, findings: Findings) -> tuple[Path, Path] | None:
    """Give the files of members and of instances; None, and told, where they are not named."""
    example = "write type_bindings: {members: pump-type.csv, instances: pumps.csv}"
    if not isinstance(section.data, dict):
        findings.add(section.place(), f"'{section.label()}' must be a mapping", example)
        return None
    given = cast("dict[str, object]", section.data)
    for key in given:
        if key not in _KEYS:
            near = nearest(key, [name for name in _KEYS if name not in given])
            mend = f"did you mean '{near}'?" if near else f"valid keys: {', '.join(_KEYS)}"
            findings.add(section.place((key,), key=True), f"unknown key '{key}' in '{section.label()}'", mend)
    files: list[Path] = []
    for key in _KEYS:
        name = given.get(key)
        if isinstance(name, str) and name:
            files.append(section.base / name)
        else:
            findings.add(section.place((key,)), f"'{section.label((key,))}' must name a CSV file", example)
    return (files[0], files[1]) if len(files) == len(_KEYS) else None


def _read_instances(file: Path, findings: Findings) -> tuple[tuple[str, ...], list[Row]] | None:
    """Read a table of instances: ``node`` and whatever parameters its header names. None where it has no header."""
    told = len(findings.items)
    header = header_of(file, findings)
    if header is None:
        if len(findings.items) == told:
            findings.add(Place.of(file, 1, 1), "the table is empty", "begin it with the header node,…")
        return None
    rows = read_table(file, tuple(dict.fromkeys(["node", *header])), ("node",), findings)
    return tuple(name for name in header if name), rows


def header_of(file: Path, findings: Findings) -> list[str] | None:
    """Give the names in a table's header, whichever delimiter it has; None where it has none. Blocks on the file."""
    raw = bytes_of(file, _LARGEST_MIB, "split it", findings)
    if raw is None:
        return None
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    found: list[str] = []
    for delimiter in ",;\t":
        cutter = Cutter(str(file), text, Findings())  # what is wrong is told when the table is read as a whole
        cutter.delimiter = delimiter
        first = next(cutter.records(), None)
        names = [cell.text for cell in first or ()]
        found = names if len(names) > len(found) else found
    return found or None


@dataclass(frozen=True, slots=True)
class _MemberTemplate:
    """A row of a table of members: a template for each of its cells."""

    row: Row
    cells: Mapping[str, Template]

    def fill(self, instance: Row, node: str, findings: Findings) -> Row | None:
        """Make the row of one instance; None, and told, where it cannot be."""
        row = self.row
        place = instance.place()
        values = {name: instance.get(name) for name in instance.cells}
        member = row.cells["member"]
        cells = {"node": replace(member, text=f"{node}/{member.text.strip('/')}")}
        filled = {"node"}
        for name, template in self.cells.items():
            cell = row.cells[name]
            if template.is_constant:
                cells[name] = replace(cell, text=template.fill({}))
                continue
            try:
                cells[name] = replace(cell, text=template.fill(values))
            except TemplateError as error:
                where = _inside(cell, error)
                findings.add(ExpandedPlace(row.file, where.line, where.column, place), error.problem, error.mend)
                return None
            filled.add(name)
        return ExpandedRow(row.file, row.line, cells, row.end, place, frozenset(filled))


def _template(row: Row, parameters: tuple[str, ...], findings: Findings) -> _MemberTemplate | None:
    """Understand a row of a table of members; None, and told, where something is wrong with it."""
    templates: dict[str, Template] = {}
    sound = True
    for name, cell in row.cells.items():
        if name == "member":
            continue
        try:
            templates[name] = Template.parse(cell.text)
            templates[name].check(parameters)
        except TemplateError as error:
            where = _inside(cell, error)
            findings.add(Place(row.file, where.line, where.column), error.problem, error.mend)
            sound = False
    return _MemberTemplate(row, templates) if sound else None


def _inside(cell: Cell, error: TemplateError) -> Cell:
    """Give the cell's place moved to the character that is wrong."""
    return replace(cell, column=cell.column + cell.quoted + error.column - 1)


def _node(row: Row, instances: Mapping[str, str], findings: Findings) -> str | None:
    """Give the browse path of an instance that a row names."""
    text = row.get("node").strip()
    if text.startswith("/"):
        return text.rstrip("/")
    if text in instances:
        return instances[text]
    near = nearest(text, instances)
    mend = f"did you mean {near}?" if near else "write a browse path /Objects/…, or the name of one of model: instances"
    findings.add(row.place("node"), f"there is no instance {text!r}", mend)
    return None
