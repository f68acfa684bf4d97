"""Aliases, NodeIds, names and numbers (Part 6 v1.05 F.3, F.7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.names import NodeName
from nodesets.nodes import Reference, VariableNode
from nodesets.parsing.texts import TextError, Texts, dimensions, number, shown, truth, whole
from tests.unit.nodesets.written import own, read, told

standard = NodeName.standard


def aliases(table: str, references: str, attributes: str = "") -> str:
    return (
        f"<Aliases>{table}</Aliases>\n"
        f'<UAVariable NodeId="ns=1;i=1" BrowseName="1:A" {attributes}><References>\n{references}</References>'
        "</UAVariable>"
    )


def test_an_alias_goes_before_the_standard_node_of_that_name(tmp_path: Path) -> None:
    nodeset = read(
        tmp_path,
        aliases(
            '<Alias Alias="Double">ns=1;i=9</Alias><Alias Alias="Feeds"> ns=1;i=7 </Alias>',
            '<Reference ReferenceType="Feeds"> Double </Reference>',
            'DataType="Double"',
        ),
    )
    (node,) = nodeset.nodes
    assert isinstance(node, VariableNode)
    assert node.data_type == own(9)
    assert node.references == (Reference(own(7), own(9)),)
    assert nodeset.aliases == {"Double": "ns=1;i=9", "Feeds": "ns=1;i=7"}
    assert told(nodeset) == []


def test_a_standard_name_needs_no_alias(tmp_path: Path) -> None:
    nodeset = read(tmp_path, aliases("", '<Reference ReferenceType="HasComponent">Server</Reference>'))
    assert nodeset.nodes[0].references == (Reference(standard(47), standard(2253)),)
    assert told(nodeset) == []


def test_a_wrong_alias_is_told_once_and_not_where_it_is_named(tmp_path: Path) -> None:
    reference = '<Reference ReferenceType="Feeds">i=85</Reference>'
    nodeset = read(tmp_path, aliases('<Alias Alias="Feeds">ns=9;i=1</Alias>', reference * 3, 'DataType="Feeds"'))
    assert told(nodeset) == [
        "4:10: Alias 'Feeds' 'ns=9;i=1': the namespace index 9 is beyond NamespaceUris, which ends at 2"
    ]
    assert nodeset.nodes[0].references == ()


def test_an_unknown_alias_is_told_wherever_it_is_named_with_what_was_meant(tmp_path: Path) -> None:
    reference = '<Reference ReferenceType="Fedes">i=85</Reference>\n'
    nodeset = read(tmp_path, aliases('<Alias Alias="Feeds">ns=1;i=7</Alias>', reference * 2))
    problem = "ReferenceType names the alias 'Fedes', which Aliases does not have"
    assert told(nodeset) == [f"6:1: {problem}", f"7:1: {problem}"]
    assert {problem.mend for problem in nodeset.problems} == {"did you mean 'Feeds'?"}


def test_the_table_of_aliases_is_told_what_it_should_not_hold(tmp_path: Path) -> None:
    nodeset = read(
        tmp_path, '<Aliases>\n<Alias>i=1</Alias>\n<Alias Alias=" ">i=1</Alias>\n<Other Alias="A"/></Aliases>'
    )
    assert told(nodeset) == [
        "5:1: Alias has no name",
        "6:1: Alias has no name",
        "7:1: the element 'Other' is not known in Aliases and was passed over",
    ]
    assert nodeset.aliases == {}


def test_a_file_of_unknown_aliases_is_read_in_no_time() -> None:
    texts = Texts(("http://opcfoundation.org/UA/", "urn:test"))
    for each in range(500):
        texts.define(f"SomeAlias{each}", "i=1")
    for _ in range(5_000):
        with pytest.raises(TextError) as caught:
            texts.named("SomeAliass1")
        assert caught.value.mend == "did you mean 'SomeAlias1'?"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), (" False ", False), ("0", False)])
def test_truths(text: str, value: bool) -> None:  # noqa: FBT001 - the value is what is tested
    assert truth(text) is value


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("+7", 7), (" 12 ", 12), ("-3", -3), ("007", 7)])
def test_whole_numbers(text: str, value: int) -> None:
    assert whole(text, -3, 12) == value


@pytest.mark.parametrize("text", ["", "1_0", "٣", "1.0", "13", "-4", "0x1", "1 2", "9" * 5000])
def test_what_is_no_whole_number_in_its_bounds(text: str) -> None:
    with pytest.raises(TextError, match="is no whole number from -3 to 12"):
        whole(text, -3, 12)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("-1", -1.0), (" 1.5E3 ", 1500.0), (".5", 0.5), ("INF", float("inf"))]
)
def test_numbers(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "fast", "1_0", "1,5", "infinity", "0x1p3", "٣"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(TextError, match="is not a number"):
        number(text)


def test_dimensions() -> None:
    assert (dimensions(""), dimensions(" "), dimensions("3"), dimensions("3, 0")) == ((), (), (3,), (3, 0))


def test_long_texts_are_shown_in_short() -> None:
    assert shown("a") == "'a'"
    assert len(shown("a" * 10_000)) < 100
