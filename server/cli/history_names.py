"""Finds the node that a text names: by the model of a configuration, or by the names of what has history."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from core.errors import PlantspaceError
from core.settings import nearest
from server.plan.plan import Plan

_LISTED = 10


class HistoryQueryError(PlantspaceError):
    """The query cannot be answered; the message says why and what mends it."""


def by_model(plan: Plan, texts: Sequence[str]) -> tuple[str, ...]:
    """Find the nodes' NodeId texts in the model. Raises :class:`HistoryQueryError`."""
    nodes: list[str] = []
    for text in texts:
        node = plan.node_id(text)
        if node is None:
            message = f"the model has no node {text} (write a browse path such as /Objects/… or a NodeId nsu=…)"
            raise HistoryQueryError(message)
        nodes.append(node)
    return tuple(nodes)


def by_name(text: str, known: Sequence[str], file: Path, has: str = "has history") -> str:
    """Find the one node with history (or what ``has`` says) that ``text`` names: its NodeId, or its identifier's end.

    Raises :class:`HistoryQueryError`.
    """
    if text in known:
        return text
    wanted = re.sub(r"[/.]+", ".", text.removeprefix("/Objects/")).strip(".")
    found = [node for node in known if f".{_identifier(node)}".endswith(f".{wanted}")]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{text} names {len(found)} nodes (write more of it: {', '.join(found[:_LISTED])})"
        raise HistoryQueryError(message)
    ends = {tail: identifier for node in known for identifier in [_identifier(node)] for tail in _tails(identifier)}
    near = nearest(wanted, ends)
    there = ", ".join(map(_identifier, known[:_LISTED])) or "nothing"
    mend = f"did you mean {ends[near]}?" if near else f"there is: {there}"
    message = f"nothing named {text} {has} in {file} ({mend})"
    raise HistoryQueryError(message)


def _tails(identifier: str) -> list[str]:
    parts = identifier.split(".")
    return [".".join(parts[place:]) for place in range(len(parts))]


def _identifier(node: str) -> str:
    return node.partition(";")[2].partition("=")[2] if node.startswith("nsu=") else node.partition("=")[2]
