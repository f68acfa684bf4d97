"""Puts the bindings of one table into the devices' files: all of them, or none."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import Findings
from core.settings import Row, nearest, read_table, write_table
from server.bindings import COLUMNS, REQUIRED
from server.cli.tags_difference import Difference, difference, tell
from server.cli.tags_of_types import without_typed
from server.cli.tags_table import TABLE_COLUMNS, DeviceBindings, read_bindings_of, texts
from server.cli.terminal import Progress


@dataclass(frozen=True, slots=True)
class _Change:
    """What becomes of one file."""

    file: Path
    rows: Sequence[Mapping[str, str]]


async def bring_in(config: Path, table: Path, *, dry_run: bool) -> None:
    """Check the table as part of the configuration, write it, and say what changed.

    Raises :class:`~core.errors.InputError`, :class:`OSError`; then nothing has changed.
    """
    from server.plan import plan_gateway  # noqa: PLC0415 - takes a moment; a table that cannot be read needs none of it

    devices = await asyncio.to_thread(read_bindings_of, config, to_be_replaced=True)
    findings = Findings()
    whole = await asyncio.to_thread(_read, table, devices, findings)
    given = {device: without_typed(devices[device], rows, table, findings) for device, rows in whole.items()}
    differences = [
        difference(device, devices[device].rows, [texts(row.values()) for row in rows], len(whole[device]) - len(rows))
        for device, rows in given.items()
    ]
    _check_targets(devices, given, differences, findings)
    findings.raise_if_any()
    with Progress(f"checking {table}"):
        plan = await plan_gateway(config, bindings=given)
        await plan.discard()
    changes: dict[Path, _Change] = {}
    for one in differences:
        file = devices[one.device].file
        if one.changes and file is not None:
            changes[file.resolve()] = _Change(file, one.after)
    backups = {} if dry_run else await asyncio.to_thread(_write, list(changes.values()))
    for one in differences:
        file = devices[one.device].file
        tell(one, file, backups.get(file) if file is not None else None)
    if dry_run:
        print("nothing was changed (--dry-run)")
    elif not changes:
        print("everything is as it was; nothing was changed")


def _read(table: Path, devices: Mapping[str, DeviceBindings], findings: Findings) -> dict[str, list[Row]]:
    """Give the table's rows by their device."""
    given: dict[str, list[Row]] = {}
    for row in read_table(table, TABLE_COLUMNS, ("device", *REQUIRED), findings):
        name = row.get("device")
        if name not in devices:
            near = nearest(name, devices)
            mend = f"did you mean '{near}'?" if near else f"devices are {', '.join(devices)}"
            findings.add(row.place("device"), f"the configuration has no device '{name}'", mend)
            continue
        given.setdefault(name, []).append(row)
    return given


def _check_targets(
    devices: Mapping[str, DeviceBindings],
    given: Mapping[str, Sequence[Row]],
    differences: Sequence[Difference],
    findings: Findings,
) -> None:
    """Refuse what cannot be written: lists in the configuration, and two devices that want one file to differ."""
    wanted: dict[Path, Difference] = {}
    for one in differences:
        device = devices[one.device]
        if device.file is None:
            if one.changes:
                what = "has its bindings as a list in the configuration" if device.rows else "has no bindings file"
                mend = f"write bindings: bindings/{one.device}.csv for it, and import again"
                problem = f"the device '{one.device}' {what}, which an import does not rewrite"
                findings.add(device.place, problem, mend)
            continue
        other = wanted.setdefault(device.file.resolve(), one)
        if other.after != one.after:
            problem = f"'{one.device}' and '{other.device}' share {device.file}, but their rows differ"
            findings.add(given[one.device][0].place("device"), problem, "give both the same rows, or two files")


def _write(changes: Sequence[_Change]) -> dict[Path, Path]:
    """Write all files and give the backups; where one fails, those before it are put back."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    backups: dict[Path, Path] = {}
    for change in changes:
        change.file.parent.mkdir(parents=True, exist_ok=True)
        if change.file.exists():
            backup = change.file.with_name(f"{change.file.name}.{moment}.bak")
            shutil.copy2(change.file, backup)
            backups[change.file] = backup
    written: list[Path] = []
    try:
        for change in changes:
            write_table(change.file, COLUMNS, change.rows)
            written.append(change.file)
    except OSError:
        for file in written:
            if file in backups:
                shutil.copy2(backups[file], file)
            else:
                file.unlink()
        for backup in backups.values():
            backup.unlink()
        raise
    return backups
