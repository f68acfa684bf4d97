"""Imports a table in two passes: the first reads all of it and finds what is wrong, the second stores."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import Finding, Findings, InputError, Place
from historian.contract import Delivery, HistoryStore
from server.history_import.csv_parts import read_csv
from server.history_import.form import CELLS_AT_ONCE, Part, TableForm
from server.history_import.parquet_parts import read_parquet
from server.history_import.samples import Converter, Outcome
from server.history_import.targets import Targets

_VERSION: Final = 2
_PARQUET: Final = (".parquet", ".pq")

Report = Callable[[int, float], None]
"""Takes the samples done so far, and how much of the file that is (0 to 1)."""


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A table that was read to its end. ``origin``: names its batches to the store, whenever it is imported again."""

    file: Path
    form: TableForm
    targets: Targets
    outcome: Outcome
    origin: str
    changed: tuple[int, int]
    """Modification time and size when it was read."""


async def check_table(
    file: Path, form: TableForm, targets: Targets, *, received: int, keeps_from: int, report: Report
) -> CheckedTable:
    """Read a table to its end; nothing is stored, and all that is wrong is in the outcome.

    Raises :class:`OSError`, :class:`~core.errors.InputError` where it cannot be read at all, and
    :class:`~server.extras.ExtraMissingError`.
    """
    changed = await asyncio.to_thread(_stamp, file)
    digest = await asyncio.to_thread(_digest, file)
    findings, form = Findings(), form.afresh()
    converter = Converter(targets, form, received=received, keeps_from=keeps_from)
    parts = _read(file, findings)
    while (part := await asyncio.to_thread(_next, parts)) is not None:
        await asyncio.to_thread(converter.convert, part)
        report(converter.outcome.rows, part.progress)
    outcome = converter.outcome
    outcome.wrong += len(findings.items)
    outcome.findings.extend(findings.items)
    return CheckedTable(file, form, targets, outcome, _origin(digest, form, targets), changed)


async def store_table(
    table: CheckedTable, store: HistoryStore, *, received: int, keeps_from: int, report: Report
) -> int:
    """Store a table's sound samples batch by batch; gives how many had been stored by an import before.

    Each batch is durable once the next begins. Raises :class:`~core.errors.StoreError`, and
    :class:`~core.errors.InputError` where the file has changed since it was checked.
    """
    if await asyncio.to_thread(_stamp, table.file) != table.changed:
        raise InputError([_changed(table.file)])
    before = await store.applied(table.origin)
    converter = Converter(table.targets, table.form, received=received, keeps_from=keeps_from)
    parts = _read(table.file, Findings())
    there = 0
    while (part := await asyncio.to_thread(_next, parts)) is not None:
        blocks = await asyncio.to_thread(converter.convert, part)
        if part.number <= before:
            there += sum(map(len, blocks))
        elif blocks:
            await store.append([Delivery(part.number, blocks)], table.origin)
        report(converter.outcome.rows, part.progress)
    return there


def _read(file: Path, findings: Findings) -> Iterator[Part]:
    return read_parquet(file, findings) if file.suffix.casefold() in _PARQUET else read_csv(file, findings)


def _next(parts: Iterator[Part]) -> Part | None:
    return next(parts, None)


def _stamp(file: Path) -> tuple[int, int]:
    known = file.stat()
    return known.st_mtime_ns, known.st_size


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _origin(digest: str, form: TableForm, targets: Targets) -> str:
    """Name an import by the file's bytes, by how they are read as far as it matters, and by what its names mean."""
    mapping = sorted((name, target.node, int(target.datatype)) for name, target in targets.found().items())
    words = json.dumps([_VERSION, CELLS_AT_ONCE, digest, form.words(), mapping])
    return f"import:{hashlib.sha256(words.encode()).hexdigest()}"


def _changed(file: Path) -> Finding:
    return Finding(Place.of(file), "the file has changed since it was checked", "import it once nobody writes to it")
