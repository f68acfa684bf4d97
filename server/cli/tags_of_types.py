"""The rows of a table that type bindings make: an import leaves them as they are, or says where to change them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import Findings, Place
from core.settings import Row
from server.cli.tags_table import DeviceBindings, texts


def without_typed(device: DeviceBindings, rows: Sequence[Row], table: Path, findings: Findings) -> list[Row]:
    """Give the rows of one device that are its own.

    Those of its type bindings may stand there as they were exported, all of them or none: what differs becomes
    findings, for a template stands for the rows of all instances.
    """
    typed = {one.texts["node"]: one for one in device.typed}
    own: list[Row] = []
    seen: set[str] = set()
    for row in rows:
        node = row.get("node").strip()
        made = typed.get(node)
        if made is None:
            own.append(row)
            continue
        seen.add(node)
        given = texts(row.values())
        for column, text in made.texts.items():
            if given[column] != text:
                problem = f"{node} comes of type_bindings, where its {column} is {text or '(empty)'!r}"
                findings.add(row.place(column), problem, f"change it at {made.place(column)}")
    missing = [node for node in typed if node not in seen] if seen else []
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        problem = f"the table lacks {missing[0]}{more} of the device '{device.device}', which come of type_bindings"
        mend = f"leave all rows of type_bindings in, or none; this one begins at {typed[missing[0]].place('node')}"
        findings.add(Place.of(table), problem, mend)
    return own
