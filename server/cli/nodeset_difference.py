"""How the difference of two NodeSets is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO, TypeVar

from nodesets.differences.difference import Change, FoundNode, NodeChange, NodeMove, NodeSetDifference
from nodesets.model import Model
from nodesets.names import NodeName
from server.cli.nodeset_words import NODE_CLASSES, Words
from server.cli.terminal import Look, counted, paint

_Placed = TypeVar("_Placed", FoundNode, NodeMove)


class DifferenceLines:
    """Tells one difference on one stream."""

    def __init__(
        self, difference: NodeSetDifference, old: Model, new: Model, stream: TextIO, *, verbose: bool = False
    ) -> None:
        """``verbose``: also each node beneath an added or removed one."""
        self._difference = difference
        self._words = Words(old.nodes | new.nodes)
        self._stream = stream
        self._verbose = verbose

    def lines(self, uses: Mapping[NodeName, Sequence[str]]) -> Iterator[str]:
        """Give the lines: how much, what came and went, what changed, what is orphaned and who named it in ``uses``."""
        one, stream = self._difference, self._stream
        yield self._summary()
        sides: tuple[tuple[str, Look, Sequence[FoundNode]], ...]
        sides = (("-", "red", one.removed), ("+", "green", one.added))
        for sign, look, nodes in sides:
            for found, below in _topmost(nodes, all_of_them=self._verbose):
                kind = NODE_CLASSES[found.node.node_class]
                yield paint(f"{sign} {kind} {found.path}  {found.node.name}{_with(below)}", look, stream)
        for move, below in _topmost(one.moved, all_of_them=self._verbose):
            ids = f"moved from {move.old.name} to {move.new.name}"
            yield paint(f"> {move.path}  {ids}{_with(below)}", "cyan", stream)
        for change in one.changed:
            yield paint(f"~ {change.path}  {change.new.name}", "yellow", stream)
            yield from self._changes(change)
        for name, variables in one.affected:
            if variables:
                count = counted(len(variables), "variable")
                yield f"{self._words.name(name)} is the type, or within the type, of {count}:"
                yield from (f"    {self._words.name(variable)}" for variable in variables)
        for orphan in one.orphans:
            who = " and ".join(uses.get(orphan.name, ()))
            now = f", {orphan.moved_to}" if orphan.moved_to is not None else ""
            yield paint(f"! {orphan.name}, named by {who}: {orphan.problem}{now}", "red", stream)

    def _summary(self) -> str:
        one = self._difference
        parts = ((one.added, "added"), (one.removed, "removed"), (one.moved, "moved"), (one.changed, "changed"))
        text = ", ".join(f"{len(nodes)} {word}" for nodes, word in parts if nodes)
        if not text:
            return "the files say the same"
        breaking = sum(1 for _ in one.breaking())
        if breaking:
            text += f"; {counted(breaking, 'change')} {'breaks' if breaking == 1 else 'break'} what was right before"
        return paint(text, "bold", self._stream)

    def _changes(self, change: NodeChange) -> Iterator[str]:
        for one in change.changes:
            yield f"    {self._change(one)}"
            if one.breaks:
                yield paint(f"        breaks {one.breaks}", "red", self._stream)

    def _change(self, one: Change) -> str:
        old, new = self._words.said(one.old), self._words.said(one.new)
        if one.old is None or one.new is None:
            return f"{one.what}: {f'no more {old}' if one.new is None else f'new {new}'}"
        if old == new:  # another node, or namespace, of the same name; or a difference beyond what is shown
            old, new = str(one.old), str(one.new)
        return f"{one.what}: {old} -> {new}"


def _with(below: int) -> str:
    return f", and {counted(below, 'node')} beneath it" if below else ""


def _topmost(nodes: Sequence[_Placed], *, all_of_them: bool) -> Iterator[tuple[_Placed, int]]:
    """Give the nodes that are beneath no other one of them, each with the number of those beneath it."""
    if all_of_them:
        yield from ((one, 0) for one in nodes)
        return
    paths = {one.path for one in nodes}
    below: dict[str, int] = dict.fromkeys(paths, 0)
    top: list[_Placed] = []
    for one in nodes:
        parts = one.path.split("/")
        above = next((path for end in range(1, len(parts)) if (path := "/".join(parts[:end])) in paths), None)
        if above is None:
            top.append(one)
        else:
            below[above] += 1
    yield from ((one, below[one.path]) for one in top)
