"""Writes the bindings of all devices into one table."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from core.settings import write_table
from server.cli.tags_table import TABLE_COLUMNS, read_bindings_of
from server.cli.terminal import counted


def export(config: Path, target: str) -> None:
    """Write the table to the file ``target``, or to standard output for ``-``.

    Raises :class:`~core.errors.InputError`, :class:`OSError`; then nothing is written.
    """
    devices = read_bindings_of(config)
    rows = [
        {"device": name, **row}
        for name, device in devices.items()
        for row in (*device.rows, *(one.texts for one in device.typed))
    ]
    if target == "-":
        writer = csv.DictWriter(sys.stdout, TABLE_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    write_table(Path(target), TABLE_COLUMNS, rows)
    named = sum(1 for device in devices.values() if device.rows or device.typed)
    print(f"{counted(len(rows), 'binding')} of {counted(named, 'device')} written to {target}", file=sys.stderr)
