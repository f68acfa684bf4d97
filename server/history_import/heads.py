"""What the header of a table says: which column is what, a row a sample or a column a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Findings, Place
from core.settings import nearest
from server.history_import.form import IGNORED_NAMES, LONG_NAMES, NODE_ID, TIME_NAMES

_LISTED = 8
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Head:
    """Places of the columns, from 0 on. ``nodes``: of a wide table the columns of values by their node names."""

    time: int
    node: int = -1
    value: int = -1
    status: int = -1
    nodes: tuple[tuple[int, str], ...] = ()

    @property
    def is_wide(self) -> bool:
        """Tell whether the table has a column a node."""
        return bool(self.nodes)


def read_head(names: Sequence[str], places: Sequence[Place], findings: Findings) -> Head | None:
    """Understand a header; None, and told, where it cannot be."""
    seen: dict[str, int] = {}
    for column, name in enumerate(names):
        if name in seen:
            findings.add(places[column], f"the column '{name}' stands here a second time", "keep one of them")
            return None
        seen[name] = column
    time = next((seen[name] for name in TIME_NAMES if name in seen), None)
    if time is None:
        near = next((name for name in names if nearest(name, TIME_NAMES)), None)
        mend = f"name it 'time' (is it '{near}'?)" if near else "name it 'time'; the first line is the header"
        found = ", ".join(f"'{name[:_SHOWN]}'" for name in names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
        findings.add(places[0], f"there is no column of times; there is {found or 'nothing'}", mend)
        return None
    if "value" in seen or "node" in seen:
        return _long(names, seen, time, places, findings)
    others = [(column, name) for column, name in enumerate(names) if column != time and name not in IGNORED_NAMES]
    unnamed = next((column for column, name in others if not name), None)
    if unnamed is not None or not others:
        problem = "a column has no name" if others else "there is no column of values"
        findings.add(places[unnamed or 0], problem, "name each column of values by its node: /Objects/… or nsu=…")
        return None
    return Head(time, nodes=tuple(others))


def _long(
    names: Sequence[str], seen: dict[str, int], time: int, places: Sequence[Place], findings: Findings
) -> Head | None:
    node = seen.get(NODE_ID, seen.get("node"))  # the NodeId names one node only, whatever stands beside it
    missing = [name for name, column in (("node", node), ("value", seen.get("value"))) if column is None]
    for name in missing:
        findings.add(places[0], f"the column '{name}' is missing", "add it, or name each column of values by its node")
    known = {*LONG_NAMES, *TIME_NAMES, *IGNORED_NAMES}
    unknown = [name for name in names if name not in known]
    for name in unknown:
        near = nearest(name, known)
        mend = f"did you mean '{near}'?" if near else "columns are time, node, value, status"
        findings.add(places[seen[name]], f"unknown column '{name}'", mend)
    if node is None or missing or unknown:
        return None
    return Head(time, node, seen["value"], seen.get("status", -1))
