from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Findings, Place
from core.settings import Document


def told(findings: Findings, folder: Path) -> list[str]:
    return [str(finding).replace(f"{folder}/", "") for finding in findings.items]


def put(folder: Path, content: bytes | str) -> Path:
    file = folder / "c.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read(folder: Path, content: bytes | str) -> Document:
    findings = Findings()
    document = Document.read(put(folder, content), findings)
    assert told(findings, folder) == []
    assert document is not None
    return document


def test_scalars_mean_what_yaml_1_2_says(tmp_path: Path) -> None:
    text = """
    yes: yes
    octal: 010
    really_octal: 0o10
    hex: 0xFF
    date: 2030-01-02
    base60: 1:30
    exponent: 1e3
    point: .5
    minus: -3
    infinite: -.inf
    nothing: ~
    absent:
    "quoted": "1"
    tagged: !!str 1
    truth: True
    version: 1.2.3
    under_score: 1_000
    number_like: 12e
    1: one
    """
    document = read(tmp_path, text)
    assert document.data == {
        "yes": "yes",
        "octal": 10,
        "really_octal": 8,
        "hex": 255,
        "date": "2030-01-02",
        "base60": "1:30",
        "exponent": 1000.0,
        "point": 0.5,
        "minus": -3,
        "infinite": float("-inf"),
        "nothing": None,
        "absent": None,
        "quoted": "1",
        "tagged": "1",
        "truth": True,
        "version": "1.2.3",
        "under_score": "1_000",
        "number_like": "12e",
        "1": "one",
    }


PLANT = """\
name: line-1
devices:
  meter-1:   # the grid meter
    driver: modbus
    urls: [a, "ü", {x: 1}]
  absent:
  list:
    - one
    - two: 2
"""


def test_every_key_and_value_has_its_place(tmp_path: Path) -> None:
    document = read(tmp_path, PLANT)
    file = str(document.file)
    assert document.place(()) == Place(file, 1, 1)
    assert document.place(("name",)) == Place(file, 1, 7)
    assert document.place(("name",), key=True) == Place(file, 1, 1)
    assert document.place(("devices", "meter-1", "driver")) == Place(file, 4, 13)
    assert document.place(("devices", "meter-1"), key=True) == Place(file, 3, 3)
    assert document.place(("devices", "meter-1", "urls", 1)) == Place(file, 5, 15)
    assert document.place(("devices", "meter-1", "urls", 2, "x")) == Place(file, 5, 24)
    assert document.place(("devices", "absent")) == Place(file, 6, 3)
    assert document.place(("devices", "list", 1, "two"), key=True) == Place(file, 9, 7)


def test_the_place_of_what_is_absent_is_the_key_of_what_encloses_it(tmp_path: Path) -> None:
    document = read(tmp_path, PLANT)
    file = str(document.file)
    assert document.place(("devices", "meter-1", "unit")) == Place(file, 3, 3)
    assert document.place(("devices", "list", 7)) == Place(file, 7, 3)
    assert document.place(("nowhere", "deep")) == Place(file, 1, 1)


def test_a_section_keeps_places_and_names(tmp_path: Path) -> None:
    document = read(tmp_path, PLANT)
    section = document.section(("devices", "meter-1"))
    assert section.data == {"driver": "modbus", "urls": ["a", "ü", {"x": 1}]}
    assert section.place(("driver",)) == document.place(("devices", "meter-1", "driver"))
    assert section.place(("unit",)) == document.place(("devices", "meter-1"), key=True)
    assert section.label(("urls", 2, "x")) == "devices.meter-1.urls[2].x"
    assert section.base == tmp_path
    assert "driver" in section
    assert "unit" not in section
    with pytest.raises(KeyError, match=r"devices\.meter-1\.unit"):
        section.section(("unit",))


def test_members_of_a_mapping_are_sections(tmp_path: Path) -> None:
    document = read(tmp_path, PLANT)
    findings = Findings()
    assert list(document.members("devices", findings)) == ["meter-1", "absent", "list"]
    assert document.members("pubsub", findings) == {}
    assert not findings
    assert document.members("name", findings) == {}
    assert told(findings, tmp_path) == [
        (
            "c.yaml:1:7: 'name' must be a mapping of names to settings "
            "(write name: on a line of its own, its settings indented below it)"
        )
    ]


def test_aliases_stand_for_their_value_at_their_own_place(tmp_path: Path) -> None:
    document = read(tmp_path, "a: &a {x: 1}\nb: *a\n")
    assert document.data == {"a": {"x": 1}, "b": {"x": 1}}
    assert document.place(("b",)).line == 2
    assert document.place(("b", "x")).line == 1


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n", "---\n"])
def test_an_empty_file_is_an_empty_document(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).data is None


def test_byte_order_mark_and_crlf_do_not_move_places(tmp_path: Path) -> None:
    document = read(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: x\r\n")
    assert document.data == {"a": 1, "b": "x"}
    assert document.place(("a",)) == Place(str(document.file), 1, 4)
    assert document.place(("b",)) == Place(str(document.file), 2, 4)


BOMB = (
    "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
    "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
    "f: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
)

GOLDEN: list[tuple[str, str | bytes, list[str]]] = [
    (
        "tab_before_a_key",
        "a:\n\tb: 1\n",
        [
            "c.yaml:2:1: a tab indents this line (indent with spaces)",
        ],
    ),
    (
        "tab_after_spaces",
        "a:\n  b: 1\n  \tc: 1\n",
        [
            "c.yaml:3:3: a tab indents this line (indent with spaces)",
        ],
    ),
    (
        "tab_taken_for_continued_text",
        "a: one\n\ttwo\n",
        [
            "c.yaml:2:1: a tab indents this line (indent with spaces)",
        ],
    ),
    (
        "duplicate_keys",
        "a: 1\nb:\n  x: 1\n  x: 2\na: 3\n",
        [
            "c.yaml:4:3: the key 'x' stands here a second time, first on line 3 (keep one of them)",
            "c.yaml:5:1: the key 'a' stands here a second time, first on line 1 (keep one of them)",
        ],
    ),
    (
        "open_list",
        "a: [1,\n  2\n",
        [
            "c.yaml:1:4: the list in brackets lacks a ',' or its ']' (write [a, b])",
        ],
    ),
    (
        "list_without_comma",
        "a: [1, 2\nb: 3\n",
        [
            "c.yaml:1:4: the list in brackets lacks a ',' or its ']' (write [a, b])",
        ],
    ),
    (
        "open_mapping",
        "a: {b: 1\nc: 2\n",
        [
            "c.yaml:1:4: the mapping in braces lacks a ',' or its '}' (write {key: value, key: value})",
        ],
    ),
    (
        "open_quotes",
        "a: 1\nb: 'x\nc: 2\n",
        [
            "c.yaml:2:4: a quoted text is not closed (close the quotes)",
        ],
    ),
    (
        "colon_in_text",
        "a: b: c\n",
        [
            "c.yaml:1:5: a ':' stands where no key can be (check the indentation, and quote text that holds ': ')",
        ],
    ),
    (
        "key_without_colon",
        "a: 1\nb\nc: 2\n",
        [
            "c.yaml:2:1: a ':' is missing after a key (write key: value)",
        ],
    ),
    (
        "wrong_indent",
        "a:\n  b: 1\n c: 2\n",
        [
            "c.yaml:3:2: this line does not continue what stands above it (indent the keys of one mapping alike)",
        ],
    ),
    (
        "reserved_character",
        "a: @x\n",
        [
            "c.yaml:1:4: this character cannot begin a value (put the text in quotes)",
        ],
    ),
    (
        "unknown_escape",
        'a: "\\q"\n',
        [
            (
                "c.yaml:1:6: the text in double quotes holds an unknown '\\' escape"
                " (write \\\\ for a backslash, or use single quotes)"
            ),
        ],
    ),
    (
        "control_character",
        "a: 1\nb: \x01\n",
        [
            "c.yaml:2:4: a control character stands here (take it out)",
        ],
    ),
    (
        "second_document",
        "a: 1\n---\nb: 1\n",
        [
            "c.yaml:2:1: a second document begins here (keep one document in a file: take '---' out)",
        ],
    ),
    (
        "yaml_1_1",
        "%YAML 1.1\n---\na: yes\n",
        [
            "c.yaml:2:1: the file asks for another YAML than 1.2 (take the %YAML line out)",
        ],
    ),
    (
        "unknown_alias",
        "a: *hunter2\n",
        [
            (
                "c.yaml:1:4: the alias that begins here with '*' names no anchor above it"
                " (quote text that begins with '*')"
            ),
        ],
    ),
    (
        "alias_inside_itself",
        "a: &a [*a]\n",
        [
            (
                "c.yaml:1:8: the alias that begins here with '*' stands for a value that it is itself inside of"
                " (write the value out)"
            ),
        ],
    ),
    (
        "alias_bomb",
        BOMB,
        [
            "c.yaml:5:29: aliases stand for more than 100000 values (write fewer, or without aliases)",
        ],
    ),
    (
        "nested_too_deep",
        "[" * 5000,
        [
            "c.yaml:1:65: values are nested more than 64 deep (make it flatter)",
        ],
    ),
    (
        "tag",
        "a: !!python/object/apply:os.system [x]\n",
        [
            "c.yaml:1:4: a tag (a word that begins with '!') has no meaning here (quote the text, or take it out)",
        ],
    ),
    (
        "merge_key",
        "a: &a {x: 1}\nb:\n  <<: *a\n",
        [
            "c.yaml:3:3: merge keys ('<<') are not YAML 1.2 (write the keys out)",
        ],
    ),
    (
        "list_as_key",
        "? [1]\n: 2\n",
        [
            "c.yaml:1:3: a key is one word or text; this is none (write key: value)",
        ],
    ),
    (
        "half_character",
        'a: "\\ud800"\n',
        [
            "c.yaml:1:4: the text holds half of a character (write the whole character in place of its escapes)",
        ],
    ),
    (
        "not_utf_8",
        "a: 1\nb: ü\xff\n".encode("latin-1"),
        [
            "c.yaml:2:4: this is not UTF-8 text (save the file as UTF-8)",
        ],
    ),
    (
        "too_large",
        b"a: 1\n" + b"#" * (4 * 1024 * 1024),
        [
            "c.yaml: the file is larger than 4 MiB (move bindings to CSV files)",
        ],
    ),
]


@pytest.mark.parametrize(("content", "expected"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_bad_yaml_is_told_exactly(tmp_path: Path, content: str | bytes, expected: list[str]) -> None:
    findings = Findings()
    Document.read(put(tmp_path, content), findings)
    assert told(findings, tmp_path) == expected


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    findings = Findings()
    assert Document.read(tmp_path / "none.yaml", findings) is None
    assert Document.read(tmp_path, findings) is None
    mend = "(check its path and permissions)"
    assert [str(finding) for finding in findings.items] == [
        f"{tmp_path}/none.yaml: the file cannot be read: no such file or directory {mend}",
        f"{tmp_path}: the file cannot be read: is a directory {mend}",
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=60) | st.text("ab:-[]{},#&*!|>'\"%@`\n\t ?<~.0", max_size=60))
def test_any_text_is_read_or_told(tmp_path: Path, text: str) -> None:
    findings = Findings()
    document = Document.read(put(tmp_path, text.encode("utf-8", "surrogatepass")), findings)
    assert document is not None or findings
