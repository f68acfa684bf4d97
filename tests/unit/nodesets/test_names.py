from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodesets.names import MAX_NUMERIC, STANDARD_NAMESPACE, NodeName, NodeNameError

uris = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1)
names = st.one_of(
    st.builds(NodeName, uris, st.just("i"), st.integers(0, MAX_NUMERIC)),
    st.builds(NodeName, uris, st.just("s"), st.text(st.characters(exclude_categories=("Cs",)), min_size=1)),
    st.builds(NodeName, uris, st.just("g"), st.uuids()),
    st.builds(NodeName, uris, st.just("b"), st.binary(min_size=1)),
)


@given(names)
def test_text_form_reads_back(name: NodeName) -> None:
    assert NodeName.parse(str(name)) == name


@given(st.text())
def test_any_text_is_a_name_or_a_told_error(text: str) -> None:
    with contextlib.suppress(NodeNameError):
        assert NodeName.parse(str(NodeName.parse(text))) == NodeName.parse(text)


def test_a_name_without_namespace_is_of_the_standard_namespace() -> None:
    assert NodeName.parse("i=85") == NodeName(STANDARD_NAMESPACE, "i", 85)
    assert str(NodeName.standard(85)) == "i=85"


def test_a_string_identifier_keeps_semicolons_and_equals_signs() -> None:
    assert NodeName.parse("nsu=urn:a;s=x;y=1") == NodeName("urn:a", "s", "x;y=1")


def test_a_uri_with_a_semicolon_is_escaped() -> None:
    name = NodeName("urn:a;b%3b", "i", 1)
    assert str(name) == "nsu=urn:a%3bb%253b;i=1"
    assert NodeName.parse(str(name)) == name


def test_a_namespace_index_is_refused_where_it_would_be_stored() -> None:
    with pytest.raises(NodeNameError, match="namespace index") as caught:
        NodeName.parse("ns=2;s=Tank")
    assert caught.value.mend == "name the namespace: nsu=<namespace uri>;…"


def test_an_index_is_resolved_by_the_list_of_the_file_or_server() -> None:
    assert NodeName.parse_indexed("ns=1;i=5", (STANDARD_NAMESPACE, "urn:a")) == NodeName("urn:a", "i", 5)
    with pytest.raises(NodeNameError, match="index 2 is beyond NamespaceUris, which ends at 1"):
        NodeName.parse_indexed("ns=2;i=5", (STANDARD_NAMESPACE, "urn:a"))


def test_zeros_in_front_change_no_number() -> None:
    namespaces = (STANDARD_NAMESPACE, "urn:a")
    assert NodeName.parse_indexed("ns=000000000001;i=00000000000000000005", namespaces) == NodeName("urn:a", "i", 5)
    with pytest.raises(NodeNameError, match="index 99 is beyond"):
        NodeName.parse_indexed("ns=0000000099;i=5", namespaces)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "i=",
        "i=-1",
        "i=4294967296",
        "i=00000000000004294967296",
        "i=" + "9" * 5000,
        "i=000000000000" + "9" * 5000,
        "i=1e3",
        "i=٣",
        "g=1",
        "b=*",
        "b=é",
        "s=",
        "s=" + "x" * 4097,
        "x=1",
        "nsu=;i=1",
        "Tank",
    ],
)
def test_what_is_no_node_id_is_refused_in_short(text: str) -> None:
    with pytest.raises(NodeNameError) as caught:
        NodeName.parse(text)
    assert len(caught.value.problem) < 200


@pytest.mark.parametrize("text", ["ns=;i=1", "ns=a;i=1", "ns=-1;i=1", "ns=٣;i=1", "ns=1_0;i=1"])
def test_what_is_no_index_is_refused(text: str) -> None:
    with pytest.raises(NodeNameError, match="is not a number"):
        NodeName.parse_indexed(text, (STANDARD_NAMESPACE, "urn:a"))
