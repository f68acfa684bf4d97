"""Says what was taken in of NodeSet2 files, and what is wrong with them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from core.errors import Finding
from nodesets.alike import alike
from nodesets.built_in_types import EncodedStructure, Structure
from nodesets.exporting.value_parts import parts_of
from nodesets.model import Model, read_model
from nodesets.nodes import VariableNode, VariableTypeNode
from nodesets.nodeset import NodeSet
from nodesets.resolver import resolve
from nodesets.rules_of_nodes import RulesOfNodes
from server.cli.findings import tell
from server.cli.nodeset_words import NODE_CLASSES
from server.cli.terminal import Progress, counted, paint


def check(files: Sequence[Path], search: Sequence[Path]) -> int:
    """Read files, print what they hold and what is wrong, and give the exit code."""
    with Progress(f"reading {counted(len(files), 'file')}"):
        model = read_model(resolve(files, search))
        rules = RulesOfNodes(model.nodes)
        checked = [nodeset for nodeset in model.nodesets if nodeset.file in files]
        lines = [line for nodeset in checked for line in _report(nodeset, model, rules)]
    for line in lines:
        print(line)
    read = {str(nodeset.file) for nodeset in model.nodesets}
    for line in _told(one for one in model.warnings if one.place.file not in read):
        print(line)
    if model.findings:
        tell(model.findings, sys.stdout)
        return 1
    print(paint("nothing is wrong", "green", sys.stdout))
    return 0


def _report(nodeset: NodeSet, model: Model, rules: RulesOfNodes) -> Iterator[str]:
    models = ", ".join(" ".join(filter(None, (one.uri, one.version))) for one in nodeset.header.models)
    yield f"{paint(str(nodeset.file), 'bold', sys.stdout)}: {models}"
    classes = Counter(node.node_class for node in nodeset.nodes)
    each = ", ".join(counted(classes[kind], noun) for kind, noun in NODE_CLASSES.items() if classes[kind])
    yield f"  {counted(len(nodeset.nodes), 'node')}: {each}" if each else "  no nodes"
    yield f"  {counted(sum(len(node.references) for node in nodeset.nodes), 'reference')}, {_values(nodeset)}"
    told = [one for one in model.warnings if one.place.file == str(nodeset.file)]
    for line in _told([*told, *nodeset.findings(list(rules.remarks(nodeset)))]):
        yield f"  {line}"


def _values(nodeset: NodeSet) -> str:
    values = [
        node.value
        for node in nodeset.nodes
        if isinstance(node, (VariableNode, VariableTypeNode)) and node.value is not None
    ]
    parts = Counter(type(part) for value in values for part in parts_of(value))
    text = counted(len(values), "value")
    if parts[Structure]:
        text += f", {counted(parts[Structure], 'structure')} decoded"
    if parts[EncodedStructure]:
        text += f", {counted(parts[EncodedStructure], 'structure')} kept as they are"
    return text


def _told(remarks: Iterable[Finding]) -> Iterator[str]:
    """Give a line for each kind of remark."""
    for one in alike(remarks):
        mend = paint(f" ({one.first.mend})", "dim", sys.stdout) if one.first.mend else ""
        yield f"{paint('note:', 'yellow', sys.stdout)} {one.line(mend)}"
