"""Files as a whole: encodings, packed ones, those that break off, and those that mean harm."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET  # the count of a second parser, of files known to be harmless

import pytest

from core.errors import InputError
from nodesets.header import read_header
from nodesets.nodes import NodeClass
from nodesets.nodeset import NodeSet
from nodesets.parsing.reader import read_nodeset
from tests.unit.nodesets.written import DECLARATION, ROOT, document, own, read, told, write

NODE = '<UAObject NodeId="ns=1;i={0}" BrowseName="1:Größe{0}"/>\n'
THREE = "".join(NODE.format(number) for number in range(3))


def nodes_of(file: Path) -> NodeSet:
    return read_nodeset(read_header(file)).nodeset


def refused(file: Path) -> str:
    """Give what is told of a file that is no model at all."""
    with pytest.raises(InputError) as caught:
        read_header(file)
    (finding,) = caught.value.findings
    return f"{finding.place.line}:{finding.place.column}: {finding.problem}"


@pytest.mark.parametrize(
    ("name", "codec", "mark"),
    [
        ("utf-8", "utf-8", b""),
        ("utf-8", "utf-8", b"\xef\xbb\xbf"),
        ("utf-16", "utf-16-le", b"\xff\xfe"),
        ("utf-16", "utf-16-be", b"\xfe\xff"),
        ("iso-8859-1", "iso-8859-1", b""),
        ("windows-1252", "windows-1252", b""),
    ],
)
def test_encodings(tmp_path: Path, name: str, codec: str, mark: bytes) -> None:
    text = document(THREE + "<Odd/>").replace("utf-8", name)
    nodeset = nodes_of(write(tmp_path, mark + text.encode(codec)))
    assert [node.browse_name.name for node in nodeset.nodes] == ["Größe0", "Größe1", "Größe2"]
    assert told(nodeset) == ["7:1: the element 'Odd' is not known in UANodeSet and was passed over"]


@pytest.mark.parametrize("encoding", ["shift_jis", "no-such", "rot13", "idna"])
def test_an_encoding_that_cannot_be_read_is_told(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path, document(THREE).replace("utf-8", encoding))
    assert refused(file).startswith("1:1: the encoding cannot be read: ")


def test_a_packed_file_is_read_as_the_unpacked_one(tmp_path: Path) -> None:
    plain = nodes_of(write(tmp_path, document(THREE)))
    packed = nodes_of(write(tmp_path, gzip.compress(document(THREE).encode()), "test.NodeSet2.xml.gz"))
    assert packed.nodes == plain.nodes
    assert packed.complete


def test_a_packed_file_that_breaks_off_is_told(tmp_path: Path) -> None:
    many = document("".join(NODE.format(number) for number in range(20_000)))
    whole = gzip.compress(many.encode())
    nodeset = nodes_of(write(tmp_path, whole[: len(whole) // 2], "test.NodeSet2.xml.gz"))
    assert not nodeset.complete
    (finding,) = nodeset.breaks
    assert finding.problem.startswith("cannot be read: Compressed file ended")
    assert 0 < len(nodeset.nodes) < 20_000


def test_a_packed_file_that_is_damaged_is_told(tmp_path: Path) -> None:
    many = document("".join(NODE.format(number) for number in range(20_000)))
    whole = bytearray(gzip.compress(many.encode()))
    whole[len(whole) // 2 : len(whole) // 2 + 64] = b"\xff" * 64
    nodeset = nodes_of(write(tmp_path, bytes(whole), "test.NodeSet2.xml.gz"))
    assert not nodeset.complete
    assert len(nodeset.breaks) == 1


@pytest.mark.parametrize("content", [b"", b"not packed", gzip.compress(b"", mtime=0)])
def test_what_is_not_packed_or_packs_nothing_is_told(tmp_path: Path, content: bytes) -> None:
    assert refused(write(tmp_path, content, "test.NodeSet2.xml.gz"))


BROKEN = [
    (b'<UAObject NodeId="ns=1;i=9" BrowseName="1:X">\n <DisplayName>', "9:3: not well-formed XML: mismatched tag"),
    (b"<UAObject NodeId=", "8:1: not well-formed XML: not well-formed (invalid token)"),
    (b"\t\x00<UAObject/>", "7:2: not well-formed XML: not well-formed (invalid token)"),
    (b"<UAObject>\x0b</UAObject>", "7:11: not well-formed XML: not well-formed (invalid token)"),
    (b"<UAObject>&#0;</UAObject>", "7:11: not well-formed XML: reference to invalid character number"),
    (b"<UAObject>&lol;</UAObject>", "7:11: not well-formed XML: undefined entity"),
    (b"<UAObject>\xff</UAObject>", "7:11: not well-formed XML: not well-formed (invalid token)"),
    (b"<UAObject>\xed\xa0\x80</UAObject>", "7:11: not well-formed XML: not well-formed (invalid token)"),
    (b'<UAObject A="1" A="2"/>', "7:17: not well-formed XML: duplicate attribute"),
    (b"<x:UAObject/>", "7:1: not well-formed XML: unbound prefix"),
    (b"<UAObject></UAView>", "7:13: not well-formed XML: mismatched tag"),
    (b"<!-- -- -->", "7:8: not well-formed XML: not well-formed (invalid token)"),
    (b"<!DOCTYPE a>", "7:3: not well-formed XML: not well-formed (invalid token)"),
]


@pytest.mark.parametrize(("broken", "expected"), BROKEN)
def test_what_stands_before_a_break_is_there(tmp_path: Path, broken: bytes, expected: str) -> None:
    text = document(THREE + "@@").encode().replace(b"@@", broken)
    nodeset = nodes_of(write(tmp_path, text))
    assert [node.name for node in nodeset.nodes] == [own(0), own(1), own(2)]
    assert not nodeset.complete
    assert told(nodeset) == [expected]


def test_a_file_that_ends_in_the_middle(tmp_path: Path) -> None:
    text = document(THREE)
    nodeset = nodes_of(write(tmp_path, text[: text.index("1:Größe2")]))
    assert [node.name for node in nodeset.nodes] == [own(0), own(1)]
    assert not nodeset.complete
    assert told(nodeset) == ["6:1: not well-formed XML: unclosed token"]


def test_what_was_wrong_before_the_break_is_told_too(tmp_path: Path) -> None:
    text = document('<UAObject BrowseName="1:A"/>\n<UAObject')
    nodeset = nodes_of(write(tmp_path, text))
    assert [line.partition(": ")[0] for line in told(nodeset)] == ["6:1", "4:1"]


BOMB = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12))


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE UANodeSet>",
        '<!DOCTYPE UANodeSet SYSTEM "http://127.0.0.1:1/no.dtd">',
        f'<!DOCTYPE UANodeSet [<!ENTITY e0 "lol">{BOMB}]>',
        '<!DOCTYPE UANodeSet [<!ENTITY e12 SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_type_is_refused_where_it_stands(tmp_path: Path, doctype: str) -> None:
    text = document(THREE.replace("1:Größe1", "&e12;")).replace(ROOT, doctype + ROOT)
    told_at, _, problem = refused(write(tmp_path, text)).partition(": ")
    assert told_at.startswith("2:")
    assert problem.startswith("a document type declaration (DOCTYPE) is refused")


def test_a_document_type_is_refused_even_where_nobody_read_the_header(tmp_path: Path) -> None:
    header = read_header(write(tmp_path, document(THREE)))
    write(tmp_path, document(THREE).replace(ROOT, f'<!DOCTYPE UANodeSet [<!ENTITY e0 "lol">{BOMB}]>{ROOT}'))
    nodeset = read_nodeset(header).nodeset
    assert (nodeset.nodes, nodeset.complete) == ([], False)
    assert told(nodeset)[0].startswith("2:21: a document type declaration (DOCTYPE) is refused")


def test_a_file_that_went_away_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, document(THREE))
    header = read_header(file)
    file.unlink()
    nodeset = read_nodeset(header).nodeset
    assert [str(finding) for finding in nodeset.breaks] == [
        f"{file}: cannot be read: No such file or directory (name a readable NodeSet2 file)"
    ]


@pytest.mark.parametrize("where", ["UAVariable", "Odd"])
def test_elements_nested_too_deep_are_told(tmp_path: Path, where: str) -> None:
    deep = f"{NODE.format(0)}<{where}><Value>{'<a>' * 60_000}{'</a>' * 60_000}</Value></{where}>"
    nodeset = nodes_of(write(tmp_path, document(deep)))
    assert not nodeset.complete
    assert told(nodeset)[0] == f"5:{len(where) + 10 + 253 * 3}: the elements are nested deeper than 256"
    assert nodeset.nodes[0].name == own(0)


def test_a_header_nested_too_deep_takes_no_memory(tmp_path: Path) -> None:
    # The path of every open element is kept: without a bound this file fills 30 GB.
    file = write(tmp_path, f"{DECLARATION}\n{ROOT}<Models>{'<a>' * 100_000}")
    tracemalloc.start()
    try:
        assert refused(file).endswith("the elements are nested deeper than 256")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_huge_text_is_told(tmp_path: Path) -> None:
    text = "x" * 10_100_000
    node = f'<UAObject NodeId="ns=1;i=9" BrowseName="1:A"><DisplayName>{text}</DisplayName></UAObject>'
    nodeset = nodes_of(write(tmp_path, document(THREE + node)))
    assert len(nodeset.nodes) == 3
    assert not nodeset.complete
    (finding,) = nodeset.breaks
    assert finding.place.line == 7
    assert "\n" not in finding.problem
    assert len(str(finding)) < 400


def test_a_huge_text_in_the_header_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, f"{DECLARATION}\n{ROOT}<NamespaceUris><Uri>\n{'x' * 10_100_000}</Uri></NamespaceUris>")
    assert "a text is longer than 10000000 characters" in refused(file)


def test_the_files_own_tables_are_kept(tmp_path: Path) -> None:
    text = document(
        "<ServerUris><Uri>urn:here</Uri><Uri>urn:there</Uri></ServerUris>"
        '<Extensions><Extension><t:Tool xmlns:t="urn:tool" b="1" a="2"/></Extension><Extension/></Extensions>'
    ).replace("<UANodeSet ", '<UANodeSet LastModified="2024-05-01T00:00:00Z" ')
    nodeset = nodes_of(write(tmp_path, text))
    assert nodeset.server_uris == ("urn:here", "urn:there")
    assert nodeset.last_modified == "2024-05-01T00:00:00Z"
    assert len(nodeset.extensions) == 2
    assert 'a="2" b="1"' in nodeset.extensions[0]


def test_many_problems_within_one_element_take_no_time(tmp_path: Path) -> None:
    # Counting the elements, or comparing all spots, anew for each problem took minutes here.
    references = '<Reference ReferenceType="i=47">x=</Reference>\n' * 20_000
    nodeset = read(
        tmp_path, f'<UAObject NodeId="ns=1;i=1" BrowseName="1:A">\n<References>\n{references}</References></UAObject>'
    )
    findings = nodeset.findings(nodeset.problems)
    assert [finding.place.line for finding in findings] == list(range(6, 20_006))


@pytest.mark.parametrize("tag", ["u:Int32", "Int32"])
def test_threat_25_many_elements_whose_namespace_the_root_declares_take_no_time(tmp_path: Path, tag: str) -> None:
    # Taken out of the root, each of them cost as much as all before it: 8 s for these, an hour for 50 MB.
    array = f"<u:ListOfInt32>{f'<{tag}>1</{tag}>' * 200_000}</u:ListOfInt32>"
    started = time.process_time()
    nodeset = read(tmp_path, f'<UAVariable NodeId="ns=1;i=1" BrowseName="1:A"><Value>{array}</Value></UAVariable>')
    assert time.process_time() - started < 4
    assert len(nodeset.nodes) == 1


def test_what_the_schema_does_not_know_is_told_between_values_too(tmp_path: Path) -> None:
    variable = '<UAVariable NodeId="ns=1;i={0}" BrowseName="1:A"><Value><Int32>1</Int32></Value></UAVariable>'
    nodeset = read(tmp_path, f"<A/>\n{variable.format(1)}\n<B/><C/>\n{variable.format(2)}\n{NODE.format(3)}\n<D/>")
    assert [node.position for node in nodeset.nodes] == [3, 6, 7]  # behind NamespaceUris and Models, from 0
    assert told(nodeset) == [
        f"{line}:{column}: the element {name!r} is not known in UANodeSet and was passed over"
        for line, column, name in ((4, 1, "A"), (6, 1, "B"), (6, 5, "C"), (10, 1, "D"))
    ]


@pytest.mark.parametrize("table", ["Models", "NamespaceUris"])
def test_tables_behind_the_nodes_are_told(tmp_path: Path, table: str) -> None:
    nodeset = read(tmp_path, f"{NODE.format(1)}<{table}/>")
    assert told(nodeset) == [f"5:1: {table} stands behind a node and was not read"]


def test_sees_every_node_of_every_published_file(corpus: Path) -> None:
    tags = {
        "UAObject": NodeClass.OBJECT,
        "UAVariable": NodeClass.VARIABLE,
        "UAMethod": NodeClass.METHOD,
        "UAView": NodeClass.VIEW,
        "UAObjectType": NodeClass.OBJECT_TYPE,
        "UAVariableType": NodeClass.VARIABLE_TYPE,
        "UADataType": NodeClass.DATA_TYPE,
        "UAReferenceType": NodeClass.REFERENCE_TYPE,
    }
    for file in sorted((corpus / "nodesets").rglob("*.NodeSet2.xml")):
        nodeset = nodes_of(file)
        assert (file.name, told(nodeset), nodeset.complete) == (file.name, [], True)
        counted = Counter(child.tag.partition("}")[2] for child in ET.parse(file).getroot())  # noqa: S314 - published files
        assert Counter(node.node_class for node in nodeset.nodes) == {
            tags[tag]: count for tag, count in counted.items() if tag in tags
        }
