"""Check NodeSets as a whole before anything is loaded: every finding of every file in one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from core.errors import Finding, Findings, Place
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.outline import NodeClass, Outline, OutlineNode
from nodesets.outline_reading import read_outline
from nodesets.resolver import Resolution
from nodesets.standard import HAS_SUBTYPE, standard_numbers


def validate(resolution: Resolution) -> list[Finding]:
    """Read all files of a resolution and give everything that is wrong with them, in the order of the places."""
    return examine(resolution, read_outlines(resolution))


def read_outlines(resolution: Resolution) -> tuple[Outline, ...]:
    """Read the outlines of a resolution's files in its order."""
    return tuple(read_outline(header) for header in resolution.files)


def examine(resolution: Resolution, outlines: Sequence[Outline]) -> list[Finding]:
    """Give everything that is wrong with outlines that were read from a resolution's files."""
    findings = Findings(list(resolution.findings))
    for outline in outlines:
        findings.extend(outline.findings)
    known = _Known(resolution, outlines)
    findings.extend(known.duplicates())
    for outline in outlines:
        for node in outline.nodes:
            findings.extend(known.strangers(node))
    findings.extend(_subtype_cycles(outlines))
    return sorted(set(findings.items))


class _Known:
    """All nodes that files and the standard namespace define."""

    def __init__(self, resolution: Resolution, outlines: Sequence[Outline]) -> None:
        self._outlines = outlines
        self._nodes = {node.name: node for outline in reversed(outlines) for node in reversed(outline.nodes)}
        self._defined = {model.uri for header in resolution.files for model in header.models}
        # What is missing or breaks off is told once, not again by every reference into it.
        broken = {outline.file for outline in outlines if not outline.complete}
        self._untold = {model.uri for header in resolution.files if header.file in broken for model in header.models}
        self._untold |= resolution.missing

    def duplicates(self) -> Iterator[Finding]:
        for outline in self._outlines:
            for node in outline.nodes:
                first = self._nodes[node.name]
                if first is not node:
                    problem = f"the NodeId {node.name} is already that of the node at {first.place}"
                    yield Finding(node.place, problem, "give one of the two another NodeId")

    def strangers(self, node: OutlineNode) -> Iterator[Finding]:
        """Give what a node names that does not exist, or is of a class that cannot stand there."""
        for reference in node.references:
            yield from self._check(reference.type, reference.place, "ReferenceType", NodeClass.REFERENCE_TYPE)
            yield from self._check(reference.target, reference.place, "Reference")
        for field in node.fields:
            yield from self._check(field.data_type, field.place, f"field {field.name!r}: DataType", NodeClass.DATA_TYPE)
        if node.data_type is not None:
            yield from self._check(node.data_type, node.place, "DataType", NodeClass.DATA_TYPE)
        if node.parent is not None:
            yield from self._check(node.parent, node.place, "ParentNodeId")

    def _check(self, name: NodeName, place: Place, what: str, node_class: NodeClass | None = None) -> Iterator[Finding]:
        node = self._nodes.get(name)
        if node is None:
            if not self._is_standard(name) and name.namespace not in self._untold:
                yield Finding(place, f"{what} {name}: no such node", self._mend(name))
        elif node_class is not None and node.node_class != node_class:
            problem = f"{what} {name} is a {node.node_class} ({node.browse_name[1]!r}), not a {node_class}"
            yield Finding(place, problem, f"name a {node_class}")

    def _is_standard(self, name: NodeName) -> bool:
        return name.namespace == STANDARD_NAMESPACE and name.identifier in standard_numbers()

    def _mend(self, name: NodeName) -> str:
        if name.namespace == STANDARD_NAMESPACE:
            return "the standard namespace has no such node; correct the NodeId"
        if name.namespace not in self._defined:
            return f"no file listed defines {name.namespace}; add a RequiredModel and its file, or correct the NodeId"
        return "add the node, or correct the NodeId"


def _subtype_cycles(outlines: Iterable[Outline]) -> Iterator[Finding]:
    """Part 3 v1.05 7.10: HasSubtype spans a hierarchy; a type that is its own subtype would never end."""
    nodes = {node.name: node for outline in outlines for node in outline.nodes}
    supertypes: dict[NodeName, list[NodeName]] = {}
    for node in nodes.values():
        supertypes.setdefault(node.name, []).extend(node.targets(HAS_SUBTYPE, forward=False))
        for subtype in node.targets(HAS_SUBTYPE):
            supertypes.setdefault(subtype, []).append(node.name)
    done: set[NodeName] = set()
    for start in nodes:
        path: list[NodeName] = []
        pending: list[tuple[NodeName, int]] = [(start, 0)]
        while pending:
            name, depth = pending.pop()
            del path[depth:]
            if name in path:
                circle = path[path.index(name) :]
                place = min(nodes[member].place for member in circle if member in nodes)
                names = " -> ".join(str(member) for member in (*circle, name))
                yield Finding(place, f"the types are subtypes of each other: {names}", "remove one HasSubtype")
            elif name not in done:
                path.append(name)
                done.add(name)
                pending.extend((supertype, depth + 1) for supertype in supertypes.get(name, ()))
