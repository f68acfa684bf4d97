"""Small NodeSet2 files, written by tests."""

from __future__ import annotations

from pathlib import Path

from nodesets.header import read_header
from nodesets.names import NodeName
from nodesets.nodes import Node
from nodesets.nodeset import NodeSet
from nodesets.parsing.reader import read_nodeset

URI = "urn:test"
OTHER = "urn:other"
ROOT = (
    '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"'
    ' xmlns:u="http://opcfoundation.org/UA/2008/02/Types.xsd"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
)
DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
LINES = 3
"""How many lines are in front of the nodes of :func:`document`."""


def own(identifier: int | str) -> NodeName:
    """Name a node of the model that :func:`document` makes."""
    return NodeName(URI, "s" if isinstance(identifier, str) else "i", identifier)


def document(nodes: str, *, uri: str = URI, required: str = OTHER, date: str = "2024-01-01") -> str:
    """Give the text of a file: three lines, then ``nodes``. ns=1 is ``uri`` and ns=2 ``required``."""
    needs = f'<RequiredModel ModelUri="{required}"/>' if required else ""
    uris = "".join(f"<Uri>{one}</Uri>" for one in (uri, required) if one)
    return (
        f"{DECLARATION}\n{ROOT}\n<NamespaceUris>{uris}</NamespaceUris>"
        f'<Models><Model ModelUri="{uri}" Version="1.0" PublicationDate="{date}">{needs}</Model></Models>\n'
        f"{nodes}\n</UANodeSet>\n"
    )


def write(folder: Path, content: str | bytes, name: str = "test.NodeSet2.xml") -> Path:
    """Write a file, whole and as it is."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def read(folder: Path, nodes: str) -> NodeSet:
    """Read a file with these nodes."""
    return read_nodeset(read_header(write(folder, document(nodes)))).nodeset


def the_node(folder: Path, node: str) -> Node:
    """Read a file with one node, and nothing wrong with it."""
    nodeset = read(folder, node)
    assert told(nodeset) == []
    (only,) = nodeset.nodes
    return only


def told(nodeset: NodeSet) -> list[str]:
    """Give what was wrong and what was passed over, with ``line:column``."""
    findings = [*nodeset.breaks, *nodeset.findings([*nodeset.problems, *nodeset.remarks])]
    return [f"{one.place.line}:{one.place.column}: {one.problem}" for one in findings]
