"""A NodeSet2 file as a whole: its header, its nodes, and what was wrong with single ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from core.errors import Finding
from nodesets.header import Header
from nodesets.nodes import Node
from nodesets.parsing.places import Spot, locate


class Problem(NamedTuple):
    """Something wrong, or noteworthy, at a spot of a file."""

    spot: Spot
    problem: str
    mend: str = ""


@dataclass(slots=True)
class NodeSet:
    """One file. ``complete`` is False where its XML broke off, so that nodes may be missing.

    ``problems`` are errors: the file cannot be loaded. ``remarks`` are told and survived.
    """

    header: Header
    nodes: list[Node] = field(default_factory=list[Node])
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    """Each alias and the NodeId that the file writes for it, in the file's order."""
    extensions: tuple[str, ...] = ()
    """The XML of each ``Extension`` of the file, canonical (C14N)."""
    last_modified: str | None = None
    server_uris: tuple[str, ...] = ()
    unread_references: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    """By a node's position: the numbers, from 0, of its Reference elements that its ``references`` lack."""
    problems: list[Problem] = field(default_factory=list[Problem])
    remarks: list[Problem] = field(default_factory=list[Problem])
    breaks: tuple[Finding, ...] = ()
    """Where the XML itself ends to be readable."""
    complete: bool = True

    @property
    def file(self) -> Path:
        """The file's path."""
        return self.header.file

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The URI of each namespace index of the file."""
        return self.header.namespaces

    def findings(self, problems: Sequence[Problem]) -> list[Finding]:
        """Give problems their places; reads the file once more if there are any."""
        if not problems:
            return []
        places = locate(self.file, {problem.spot for problem in problems})
        return [Finding(places[problem.spot], problem.problem, problem.mend) for problem in problems]


Report = Callable[[Spot, str, str], None]
"""Takes a problem: where, what, and the mend."""


def nodes_of(nodesets: Iterable[NodeSet]) -> list[Node]:
    """Give the nodes of files in the files' order."""
    return [node for nodeset in nodesets for node in nodeset.nodes]
