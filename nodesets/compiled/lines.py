"""A whole model as lines, and back: :func:`compiled` and :class:`ModelLines`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, cast

from core.errors import Finding
from nodesets.compiled.blocks import MOST_PARTS, BlockReader, block, blocks_of
from nodesets.compiled.columns import Known, Tables
from nodesets.compiled.headers import (
    finding_rows,
    header_row,
    problem_rows,
    read_findings,
    read_header_row,
    read_problems,
)
from nodesets.compiled.problems import CompiledError, all_of, rows_of, text_or_none, the
from nodesets.compiled.tables import Entries, NewEntries, Raw
from nodesets.compiled.values import ValueReader, ValueWriter
from nodesets.limits import Limits
from nodesets.model import Model, made_of
from nodesets.names import NodeName
from nodesets.nodes import Node
from nodesets.nodeset import NodeSet

_OF_STANDARD = 100_000
"""The standard namespace's nodes and references, up to which a model may have more than its limits say."""
VERSION = 1
"""Of the lines; another version's are not read."""
# What Python and json raise for what is not shaped as it should be.
_MISSHAPEN = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError)
_dumps = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def line_of(raw: Raw) -> bytes:
    """Write one line."""
    return _dumps(raw).encode("utf-8", "surrogatepass")


def raw_of(line: bytes) -> Raw:
    """Read one line, whatever is in it. Raises :class:`CompiledError`."""
    try:
        return cast("Raw", the(list, json.loads(line)))
    except _MISSHAPEN as error:
        message = f"not a line of JSON: {type(error).__name__}"
        raise CompiledError(message) from error


def compiled(model: Model) -> Iterator[bytes]:
    """Give a model's lines; none holds more than some hundred nodes, or one node that is larger than that."""
    entries = NewEntries()
    tables = Tables(entries, ValueWriter(entries))
    yield line_of(["model", VERSION, len(model.nodesets)])
    for nodeset in model.nodesets:
        yield line_of(_nodeset_row(nodeset))
        for kind, rows in _lists(nodeset):
            yield from _cut(kind, rows)
        for nodes in blocks_of(nodeset.nodes):
            for raw in block(tables, nodes):
                yield line_of(["tables", *entries.taken()])
                yield line_of(raw)
    yield from _cut("findings", finding_rows(model.findings))
    yield from _cut("warnings", finding_rows(model.warnings))
    yield line_of(["end"])


def _nodeset_row(nodeset: NodeSet) -> Raw:
    breaks = finding_rows(nodeset.breaks)
    rest: Raw = [nodeset.last_modified, list(nodeset.server_uris), list(nodeset.extensions), nodeset.complete]
    return ["nodeset", header_row(nodeset.header), breaks, *rest]


def _lists(nodeset: NodeSet) -> Iterator[tuple[str, Raw]]:
    yield "aliases", [list(one) for one in nodeset.aliases.items()]
    pairs = [[position, number] for position, numbers in nodeset.unread_references.items() for number in numbers]
    yield "unread", cast("Raw", pairs)
    yield "problems", problem_rows(nodeset.problems)
    yield "remarks", problem_rows(nodeset.remarks)


def _cut(kind: str, rows: Raw) -> Iterator[bytes]:
    for begin in range(0, len(rows), MOST_PARTS):
        yield line_of([kind, rows[begin : begin + MOST_PARTS]])


class ModelLines:
    """Takes lines one after the other and makes the model of them. A line takes a few milliseconds at most."""

    def __init__(self, limits: Limits) -> None:
        """Refuse more nodes and references than ``limits`` has."""
        entries = Entries()
        self._limits = limits
        self._entries = entries
        self._blocks = BlockReader(Known(entries, ValueReader(entries)))
        self._nodesets: list[NodeSet] = []
        self._nodes: dict[NodeName, Node] = {}
        self._findings: list[Finding] = []
        self._warnings: list[Finding] = []
        self._expected: int | None = None
        self._count = 0
        self._ended = False

    def take(self, line: bytes) -> None:
        """Take the next line. Raises :class:`CompiledError`."""
        raw = raw_of(line)
        try:
            if self._expected is None:
                self._begin(raw)
            elif self._ended:
                message = "a line behind the last one"
                raise CompiledError(message)
            else:
                self.taken[the(str, raw[0])](self, raw)
        except _MISSHAPEN as error:
            message = f"a line is not what it should be: {type(error).__name__}"
            raise CompiledError(message) from error

    def model(self) -> Model:
        """Give the model, once the last line was taken. Raises :class:`CompiledError` before."""
        if not self._ended or len(self._nodesets) != self._expected:
            message = "lines are lacking"
            raise CompiledError(message)
        return made_of(tuple(self._nodesets), self._nodes, self._findings, self._warnings)

    @property
    def _nodeset(self) -> NodeSet:
        return self._nodesets[-1]

    def _begin(self, line: Raw) -> None:
        kind, version, count = line
        if (kind, version) != ("model", VERSION):
            message = "lines of another version"
            raise CompiledError(message)
        self._expected = the(int, count)

    def _take_nodeset(self: ModelLines, line: Raw) -> None:
        _, header, breaks, modified, uris, extensions, complete = line
        nodeset = NodeSet(
            read_header_row(header),
            extensions=tuple(all_of(str, extensions)),
            last_modified=text_or_none(modified),
            server_uris=tuple(all_of(str, uris)),
            breaks=read_findings(breaks),
            complete=the(bool, complete),
        )
        self._nodesets.append(nodeset)

    def _take_tables(self: ModelLines, line: Raw) -> None:
        self._entries.add(line[1:])

    def _take_nodes(self: ModelLines, line: Raw) -> None:
        nodes = self._blocks.nodes(line)
        self._count += len(nodes)
        self._bound()
        self._nodeset.nodes += nodes
        first = self._nodes.setdefault
        for node in nodes:
            first(node.name, node)

    def _take_references(self: ModelLines, line: Raw) -> None:
        self._blocks.more_references(line)
        self._bound()

    def _take_elements(self: ModelLines, line: Raw) -> None:
        self._blocks.more_elements(line)

    def _take_aliases(self: ModelLines, line: Raw) -> None:
        self._nodeset.aliases.update(_pairs(line[1]))

    def _take_problems(self: ModelLines, line: Raw) -> None:
        self._nodeset.problems.extend(read_problems(line[1]))

    def _take_remarks(self: ModelLines, line: Raw) -> None:
        self._nodeset.remarks.extend(read_problems(line[1]))

    def _take_findings(self: ModelLines, line: Raw) -> None:
        self._findings.extend(read_findings(line[1]))

    def _take_warnings(self: ModelLines, line: Raw) -> None:
        self._warnings.extend(read_findings(line[1]))

    def _take_unread(self: ModelLines, line: Raw) -> None:
        for pair in rows_of(line[1]):
            position, number = all_of(int, pair)
            self._nodeset.unread_references.setdefault(position, []).append(number)

    def _bound(self) -> None:
        many = self._count > self._limits.nodes + _OF_STANDARD
        if many or self._blocks.references > self._limits.references + _OF_STANDARD:
            message = "more nodes or references than may be"
            raise CompiledError(message)

    def _take_end(self: ModelLines, _line: Raw) -> None:
        self._blocks.settle()
        self._ended = True

    # Of the class: bound methods in a table of the object's own would be a circle, and a model that was let go of would
    # wait for the garbage collector, which no longer looks at it (core.collecting).
    taken: ClassVar[Mapping[str, Callable[[ModelLines, Raw], None]]] = {
        "tables": _take_tables,
        "nodes": _take_nodes,
        "references": _take_references,
        "elements": _take_elements,
        "nodeset": _take_nodeset,
        "aliases": _take_aliases,
        "unread": _take_unread,
        "problems": _take_problems,
        "remarks": _take_remarks,
        "findings": _take_findings,
        "warnings": _take_warnings,
        "end": _take_end,
    }
    """How each kind of line is taken."""


def _pairs(raw: object) -> list[tuple[str, str]]:
    return [(the(str, name), the(str, text)) for name, text in rows_of(raw)]
