"""Some hundred nodes a line, by columns: what most nodes have for all of them, the rest for those that differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, fields
from functools import partial
from typing import cast

from nodesets.built_in_types import QualifiedName, Value, Variant
from nodesets.compiled.columns import COLUMNS, Known, Tables
from nodesets.compiled.problems import CompiledError, all_of, same_length, the, within
from nodesets.compiled.tables import Raw
from nodesets.names import NodeName
from nodesets.nodes import (
    DataTypeNode,
    MethodNode,
    Node,
    ObjectNode,
    ObjectTypeNode,
    Reference,
    ReferenceTypeNode,
    VariableNode,
    VariableTypeNode,
    ViewNode,
)

MOST_NODES = 128
MOST_PARTS = 4096
"""References, or elements of an array, a line: what a line holds is what is read without a pause."""
_CLASSES: dict[int, type[Node]] = {
    int(kind.node_class): kind
    for kind in (
        ObjectNode,
        VariableNode,
        MethodNode,
        ObjectTypeNode,
        VariableTypeNode,
        ReferenceTypeNode,
        DataTypeNode,
        ViewNode,
    )
}
_DEFAULTS: dict[type[Node], list[tuple[str, object]]] = {
    kind: [(one.name, one.default) for one in fields(kind) if one.default is not MISSING and one.name in COLUMNS]
    for kind in _CLASSES.values()
}
_make_reference = cast("Callable[[tuple[NodeName, NodeName, bool]], Reference]", partial(tuple.__new__, Reference))  # pyright: ignore[reportUnknownMemberType] - the stubs know no partial of __new__


def blocks_of(nodes: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """Cut a file's nodes into blocks; a node with very many references begins a block, and ends it."""
    begin = parts = 0
    for number, node in enumerate(nodes):
        many = len(node.references)
        if number > begin and (number - begin >= MOST_NODES or parts + many > MOST_PARTS):
            yield nodes[begin:number]
            begin, parts = number, 0
        parts += many
    if nodes:
        yield nodes[begin:]


def block(tables: Tables, nodes: Sequence[Node]) -> Iterator[Raw]:
    """Give the lines of a block: its nodes, then what of the last one did not go in with it."""
    sparse: dict[str, tuple[list[int], list[object]]] = {}
    long: list[tuple[int, Variant]] = []
    for number, node in enumerate(nodes):
        for name, default in _DEFAULTS[type(node)]:
            value = getattr(node, name)
            if value is default or (value == default and not _signed(value)):
                continue
            if name == "value" and _is_long(value):
                long.append((number, value))
                value = value._replace(value=None)
            numbers, values = sparse.setdefault(name, ([], []))
            numbers.append(number)
            values.append(value)
    references = [one for node in nodes for one in node.references]
    yield [
        "nodes",
        [int(node.node_class) for node in nodes],
        [tables.entries.node(node.name) for node in nodes],
        [tables.entries.name(node.browse_name) for node in nodes],
        [min(len(node.references), MOST_PARTS) for node in nodes],
        _references(tables, references[:MOST_PARTS]),
        {name: [numbers, COLUMNS[name].write(tables, values)] for name, (numbers, values) in sparse.items()},
    ]
    for begin in range(MOST_PARTS, len(references), MOST_PARTS):
        yield ["references", _references(tables, references[begin : begin + MOST_PARTS])]
    for number, value in long:
        elements = cast("tuple[Value, ...]", value.value)
        for begin in range(0, len(elements), MOST_PARTS):
            part = [tables.values.write(one) for one in elements[begin : begin + MOST_PARTS]]
            yield ["elements", number, part]


def _signed(value: object) -> bool:
    """Tell -0.0, which is equal to 0.0 and not the same."""
    return isinstance(value, float) and math.copysign(1.0, value) < 0


def _is_long(value: Variant) -> bool:
    return type(value.value) is tuple and len(value.value) > MOST_PARTS


def _references(tables: Tables, references: Sequence[Reference]) -> Raw:
    number = tables.entries.node
    types = [number(one.type) for one in references]
    return [types, [number(one.target) for one in references], [int(one.forward) for one in references]]


class BlockReader:
    """Makes nodes of lines. What of the last block may go on is kept until :meth:`settle`."""

    def __init__(self, known: Known) -> None:
        """Use what is known from the lines before."""
        self._known = known
        self._block: list[Node] = []
        self._more: list[Reference] = []
        self._elements: dict[int, list[Value]] = {}
        self.references = 0
        """How many were read."""

    def nodes(self, line: Raw) -> list[Node]:
        """Read a block. Raises :class:`CompiledError`, and what Python raises for parts that are not there."""
        self.settle()
        _, classes, names, browse_names, counts, references, sparse = line
        known = self._known.entries
        kinds = all_of(int, classes)
        own, called = known.nodes(names), known.names(browse_names)
        many = within(all_of(int, counts), 0, MOST_PARTS)
        same_length(kinds, own, called, many)
        found = self._read_references(references)
        if sum(many) != len(found):
            message = "references are left over or lacking"
            raise CompiledError(message)
        nodes: list[Node] = []
        end = 0
        for kind, name, browse_name, count in zip(kinds, own, called, many, strict=True):
            begin, end = end, end + count
            nodes.append(_new(_CLASSES[kind], name, browse_name, tuple(found[begin:end])))
        for name, column in cast("dict[str, object]", the(dict, sparse)).items():
            self._column(nodes, name, column)
        self._block = nodes
        return nodes

    def more_references(self, line: Raw) -> None:
        """Read further references of the last node."""
        self._more += self._read_references(line[1])

    def more_elements(self, line: Raw) -> None:
        """Read elements of a value of the last block."""
        _, number, elements = line
        read = self._known.values.read
        self._node(number)
        self._elements.setdefault(the(int, number), []).extend(map(read, cast("Raw", the(list, elements))))

    def settle(self) -> None:
        """Give the nodes of the last block what came after it."""
        if self._more:
            self._block[-1].references += tuple(self._more)
            self._more = []
        for number, elements in self._elements.items():
            node = self._node(number)
            value = node.value
            if value is None:
                message = "elements without a value"
                raise CompiledError(message)
            node.value = self._known.values.checked(value._replace(value=tuple(elements)))
        self._elements.clear()

    def _node(self, number: object) -> VariableNode | VariableTypeNode:
        node = self._block[within([the(int, number)], 0, len(self._block) - 1)[0]]
        if not isinstance(node, (VariableNode, VariableTypeNode)):
            message = "elements of what has no value"
            raise CompiledError(message)
        return node

    def _read_references(self, raw: object) -> list[Reference]:
        types, targets, forward = cast("Raw", the(list, raw))
        known = self._known.entries
        directions = list(map(bool, within(all_of(int, forward), 0, 1)))
        kinds, ends = known.nodes(types), known.nodes(targets)
        same_length(kinds, ends, directions)
        self.references += len(kinds)
        return list(map(_make_reference, zip(kinds, ends, directions, strict=True)))

    def _column(self, nodes: list[Node], name: str, column: object) -> None:
        numbers, raw = cast("Raw", the(list, column))
        values = COLUMNS[name].read(self._known, raw)
        rows = within(all_of(int, numbers), 0, len(nodes) - 1)
        same_length(rows, values)
        for row, value in zip(rows, values, strict=True):
            setattr(nodes[row], name, value)


def _new(kind: type[Node], name: NodeName, browse_name: QualifiedName, references: tuple[Reference, ...]) -> Node:
    return kind(name=name, browse_name=browse_name, references=references)
