from __future__ import annotations

import pytest

from tests.nodeset_reading.identifiers import NULL_NODE_ID, Names

NAMES = Names(
    namespaces=["http://opcfoundation.org/UA/", "urn:a;b%c", "urn:own"],
    servers=["", "urn:server"],
    aliases={"HasProperty": "i=46", "Int32": "ns=2;i=9"},
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("i=85", "nsu=http://opcfoundation.org/UA/;i=85"),
        (" ns=2;i=4294967295\n", "nsu=urn:own;i=4294967295"),
        ("ns=2;s=a;b=c d", "nsu=urn:own;s=a;b=c d"),
        ("ns=2;s=", "nsu=urn:own;s="),
        (
            "g=09087E75-8E5E-499B-954F-F2A9603DB28A",
            "nsu=http://opcfoundation.org/UA/;g=09087e75-8e5e-499b-954f-f2a9603db28a",
        ),
        ("ns=1;b=M/RbKBsRVkePCePcx24oRA==", "nsu=urn:a%3Bb%25c;b=M/RbKBsRVkePCePcx24oRA=="),
        ("nsu=urn:a%3Bb%25c;i=1", "nsu=urn:a%3Bb%25c;i=1"),
        ("", NULL_NODE_ID),
    ],
)
def test_node_ids_have_their_uri_written_out(text: str, canonical: str) -> None:
    assert NAMES.node_id(text) == canonical


@pytest.mark.parametrize("text", ["ns=3;i=1", "i=-1", "i=4294967296", "i=", "x=1", "Organizes", "ns=2;b=?", "g=12"])
def test_what_is_no_node_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        NAMES.node_id(text)


def test_an_alias_of_the_file_comes_before_the_name_of_a_core_type() -> None:
    assert NAMES.resolve("Int32") == "nsu=urn:own;i=9"
    assert NAMES.resolve(" HasProperty ") == "nsu=http://opcfoundation.org/UA/;i=46"


def test_expanded_node_ids_name_their_server() -> None:
    assert NAMES.expanded_node_id("svr=1;nsu=urn:x;i=5") == "svr=urn:server;nsu=urn:x;i=5"
    assert NAMES.expanded_node_id("svr=0;ns=2;i=5") == "nsu=urn:own;i=5"
    with pytest.raises(ValueError, match="server index 2"):
        NAMES.expanded_node_id("svr=2;i=5")


def test_browse_names_keep_colons_after_the_index() -> None:
    assert NAMES.qualified_name("2:a:b") == ("urn:own", "a:b")
    assert NAMES.qualified_name("Plain") == ("http://opcfoundation.org/UA/", "Plain")
    assert NAMES.qualified_name("a:b") == ("http://opcfoundation.org/UA/", "a:b")
