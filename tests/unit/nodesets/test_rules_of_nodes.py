from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.model import read_model
from nodesets.resolver import resolve
from nodesets.rules_of_nodes import RulesOfNodes
from tests.unit.nodesets.written import document, write

pytestmark = pytest.mark.usefixtures("core")

TYPED = '<References><Reference ReferenceType="i=40">i=63</Reference></References>'

MORE = '<Reference ReferenceType="i=40">i=61</Reference></References>'


def told(folder: Path, nodes: str) -> list[str]:
    """Give what is told of the one file that is not the standard namespace's."""
    model = read_model(resolve([write(folder, document(nodes, required=""))]))
    assert model.findings == ()
    rules = RulesOfNodes(model.nodes)
    _, own = model.nodesets
    return [f"{one.place.line}: {one.problem}" for one in own.findings(list(rules.remarks(own)))]


def test_nodes_that_keep_the_rules(tmp_path: Path) -> None:
    assert (
        told(
            tmp_path,
            f'<UAVariable NodeId="ns=1;i=1" BrowseName="1:A" ValueRank="2" ArrayDimensions="1,2">{TYPED}</UAVariable>'
            '<UAObject NodeId="ns=1;i=2" BrowseName="1:B"/>'
            '<UAObjectType NodeId="ns=1;i=3" BrowseName="1:C"><References>'
            '<Reference ReferenceType="i=45" IsForward="false">i=58</Reference>'
            '<Reference ReferenceType="i=40" IsForward="false">ns=1;i=2</Reference></References></UAObjectType>'
            '<UAMethod NodeId="ns=1;i=4" BrowseName="1:D"/>',
        )
        == []
    )


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        ('<UAObject NodeId="ns=1;i=1" BrowseName="1:A"/>', "the node nsu=urn:test;i=1 has no HasTypeDefinition"),
        (
            f'<UAObject NodeId="ns=1;i=1" BrowseName="1:A">{TYPED.replace("</References>", MORE)}</UAObject>',
            "the node nsu=urn:test;i=1 has 2 HasTypeDefinitions",
        ),
        (
            '<UAObjectType NodeId="ns=1;i=1" BrowseName="1:A"/>',
            "the type nsu=urn:test;i=1 has no supertype",
        ),
        (
            f'<UAVariable NodeId="ns=1;i=1" BrowseName="1:A" ArrayDimensions="1">{TYPED}</UAVariable>',
            "ArrayDimensions has 1 lengths, and ValueRank is -1",
        ),
        (
            f'<UAVariable NodeId="nsu=urn:x;i=1" BrowseName="1:A">{TYPED}</UAVariable>',
            "the node nsu=urn:x;i=1 is of a namespace that no Model of the file has",
        ),
    ],
)
def test_nodes_that_break_them(tmp_path: Path, node: str, problem: str) -> None:
    assert told(tmp_path, node) == [f"4: {problem}"]
