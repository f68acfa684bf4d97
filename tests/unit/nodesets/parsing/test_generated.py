from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from nodesets.nodes import Node
from tests.unit.nodesets.parsing.generated import nodes, written
from tests.unit.nodesets.written import read, told

FIRST = '<UAObject NodeId="ns=1;s=first of all" BrowseName="1:First"/>'


@settings(max_examples=40, deadline=None)
@given(nodes())
def test_any_nodes_are_read_back_as_they_were_written(chosen: list[Node]) -> None:
    with TemporaryDirectory() as folder:
        nodeset = read(Path(folder), written(chosen))
        assert told(nodeset) == []
    for position, node in enumerate(chosen):
        node.position = position + 2
    assert nodeset.nodes == chosen


@settings(max_examples=40, deadline=None)
@given(nodes(), st.data())
def test_a_file_that_ends_anywhere_has_what_stood_before(chosen: list[Node], data: st.DataObject) -> None:
    text = FIRST + written(chosen)
    end = data.draw(st.integers(len(FIRST), len(text)))
    with TemporaryDirectory() as folder:
        nodeset = read(Path(folder), text[:end] + "<")
        assert not nodeset.complete
        assert len(told(nodeset)) == 1
    for position, node in enumerate(chosen):
        node.position = position + 3
    assert nodeset.nodes[1:] == chosen[: len(nodeset.nodes) - 1]
