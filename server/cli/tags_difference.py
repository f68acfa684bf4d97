"""What an import changes, and how it is told."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.cli.terminal import paint

Texts = Mapping[str, str]
_TOLD = 20
"""Changes of one device that are told one by one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One device's rows before and after. ``changed``: pairs of a node's rows."""

    device: str
    after: tuple[Texts, ...]
    added: tuple[Texts, ...]
    removed: tuple[Texts, ...]
    changed: tuple[tuple[Texts, Texts], ...]
    same: int
    moved: bool
    """Whether the rows are the same and their order is not."""
    typed: int = 0
    """How many rows more are those of its type bindings."""

    @property
    def changes(self) -> bool:
        """Whether anything is to be written."""
        return bool(self.added or self.removed or self.changed or self.moved)


def difference(device: str, before: Sequence[Texts], after: Sequence[Texts], typed: int = 0) -> Difference:
    """Compare rows by their nodes. ``typed``: how many rows more are those of its type bindings."""
    old = {row["node"]: row for row in before}
    new = {row["node"]: row for row in after}
    changed = tuple((old[node], row) for node, row in new.items() if node in old and old[node] != row)
    added = tuple(row for node, row in new.items() if node not in old)
    removed = tuple(row for node, row in old.items() if node not in new)
    same = len(new) - len(changed) - len(added)
    moved = not (changed or added or removed) and list(before) != list(after)
    return Difference(device, tuple(after), added, removed, changed, same, moved, typed)


def tell(one: Difference, file: Path | None, backup: Path | None) -> None:
    """Say what changed on standard output."""
    counts = [
        f"{len(rows)} {word}"
        for rows, word in ((one.added, "added"), (one.removed, "removed"), (one.changed, "changed"))
        if rows
    ]
    if one.moved:
        counts.append("in another order")
    if one.same:
        counts.append(f"{one.same} as before")
    if one.typed:
        counts.append(f"{one.typed} of its type_bindings")
    where = f" -> {file}" if one.changes else ""
    kept = f" (before: {backup.name})" if backup else ""
    print(f"{paint(one.device, 'bold', sys.stdout)}: {', '.join(counts)}{where}{kept}")
    lines = [paint(f"  + {row['node']}  {row['address']}", "green", sys.stdout) for row in one.added]
    lines += [paint(f"  - {row['node']}  {row['address']}", "red", sys.stdout) for row in one.removed]
    lines += [paint(f"  ~ {after['node']}  {_cells(before, after)}", "yellow", sys.stdout)
              for before, after in one.changed]  # fmt: skip
    for line in lines[:_TOLD]:
        print(line)
    if len(lines) > _TOLD:
        print(f"  … and {len(lines) - _TOLD} more")


def _cells(before: Texts, after: Texts) -> str:
    return ", ".join(
        f"{column}: {before[column] or '(empty)'} -> {text or '(empty)'}"
        for column, text in after.items()
        if before[column] != text
    )
