"""Remarks that differ in names alone, told once: a published file may break one rule six hundred times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from core.errors import Finding

_NODE_ID = re.compile(r"((?:nsu=[^;\s]+;)?\b[isgb]=)[^\s:,)]+")
_QUOTED = re.compile(r"'[^']*'")


class Alike(NamedTuple):
    """Remarks of one kind: how many there are, what they say without the names, and the first of them."""

    many: int
    problem: str
    first: Finding

    def line(self, mend: str) -> str:
        """Give the line that tells them, ``mend`` being how their mend is written."""
        if self.many == 1:
            return f"{self.first.place}: {self.first.problem}{mend}"
        return f"{self.many} times: {self.problem}{mend}; the first at {self.first.place}"

    def __str__(self) -> str:
        """Give that line in plain text."""
        return self.line(f" ({self.first.mend})" if self.first.mend else "")


def alike(remarks: Iterable[Finding]) -> Iterator[Alike]:
    """Give remarks by their kinds, in the order of the first ones."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for remark in remarks:
        problem = _QUOTED.sub("'…'", _NODE_ID.sub(r"\1…", remark.problem))
        groups.setdefault((problem, remark.mend), []).append(remark)
    for (problem, _), found in groups.items():
        yield Alike(len(found), problem, found[0])
