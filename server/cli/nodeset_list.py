"""Lists the models that files hold."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from core.errors import Finding, Findings, InputError, Place
from nodesets.header import Header, read_header
from nodesets.library import published
from nodesets.parsing.attributes import OF_NODE
from nodesets.parsing.elements import PREFIX
from nodesets.resolver import PACKAGED_MODELS, resolve
from nodesets.xml_reading import Passer, open_nodeset, read
from server.cli.findings import tell
from server.cli.terminal import Progress, paint

_HEADINGS = ("model", "version", "published", "nodes", "file")
_NODES = 3
"""The column of numbers."""


class _Row(NamedTuple):
    cells: tuple[str, ...]
    missing: tuple[str, ...]


def list_files(files: Sequence[Path], search: Sequence[Path]) -> int:
    """Print what files hold and what they lack; give the exit code."""
    findings = Findings()
    with Progress("reading"):
        headers = [header for file in files if (header := _read(file, findings)) is not None]
        missing = resolve([header.file for header in headers], search).missing
        rows = _rows(headers, missing, findings)
    _print(rows)
    if findings:
        tell(findings.items, sys.stderr)
    return 1 if findings or any(row.missing for row in rows) else 0


def list_library() -> int:
    """Print the models that come with Plantspace; give the exit code. Raises :class:`LibraryError`."""
    findings = Findings()
    files = [*sorted(PACKAGED_MODELS.rglob("*.xml")), *(one.file for found in published().values() for one in found)]
    with Progress("reading the library"):
        headers = [header for file in files if (header := _read(file, findings)) is not None]
        known = {model.uri for header in headers for model in header.models}
        needed = {need.uri for header in headers for model in header.models for need in model.required}
        rows = _rows(headers, frozenset(needed - known), findings)
    _print(sorted(rows, key=lambda row: row.cells))
    if findings:
        tell(findings.items, sys.stderr)
    return 1 if findings else 0


def _read(file: Path, findings: Findings) -> Header | None:
    try:
        return read_header(file)
    except InputError as error:
        findings.extend(error.findings)
        return None


def _rows(headers: Iterable[Header], missing: frozenset[str], findings: Findings) -> list[_Row]:
    rows: list[_Row] = []
    for header in headers:
        nodes = _count_nodes(header, findings)
        for model in header.models:
            date = f"{model.published:%Y-%m-%d}" if model.published else ""
            lacks = tuple(f"{need.uri} {need.version}".rstrip() for need in model.required if need.uri in missing)
            rows.append(_Row((model.uri, model.version, date, str(nodes), str(header.file)), lacks))
    return rows


def _count_nodes(header: Header, findings: Findings) -> int:
    """Count without reading what the nodes say."""
    count = 0
    try:
        with open_nodeset(header.file) as file:
            for _, element in etree.iterparse(
                file, events=("end",), tag=[PREFIX + tag for tag in OF_NODE], resolve_entities=False, no_network=True
            ):
                count += 1
                element.clear()
    except (etree.XMLSyntaxError, OSError, EOFError, zlib.error) as error:
        findings.extend(_breaks(header, error))
    return count


def _breaks(header: Header, error: Exception) -> tuple[Finding, ...]:
    """Say where a file breaks off. expat knows the column; where it finds nothing, a limit of libxml2 was met."""
    try:
        read(header.file, Passer())
    except InputError as told:
        return told.findings
    return (Finding(Place.of(header.file), f"the file cannot be read to its end: {error}", "make its texts shorter"),)


def _print(rows: Sequence[_Row]) -> None:
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *(row.cells for row in rows), strict=True)]
    print(paint(_line(_HEADINGS, widths), "bold", sys.stdout))
    for row in rows:
        print(_line(row.cells, widths))
        for lack in row.missing:
            print(paint(f"  requires {lack}, which no file has", "red", sys.stdout))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if place == _NODES else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(padded).rstrip()
