"""Says in plain words why a text is not YAML."""

from __future__ import annotations

from typing import Any, cast

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from core.errors import Findings, Place
from core.settings.nodes import Mark

_LIST = "the list in brackets lacks a ',' or its ']'"
_MAPPING = "the mapping in braces lacks a ',' or its '}'"
_BRACKETS = {_LIST, _MAPPING}  # noticed lines below, they are told where they begin

# What the parser says -> what is wrong, what mends it, and whether the place where the construct began tells more.
_WORDS: tuple[tuple[str, str, str, bool], ...] = (
    ("unexpected end of stream", "a quoted text is not closed", "close the quotes", True),
    ("document separator", "a quoted text is not closed", "close the quotes", True),
    ("mapping values are not allowed", "a ':' stands where no key can be",
     "check the indentation, and quote text that holds ': '", False),
    ("could not find expected ':'", "a ':' is missing after a key", "write key: value", True),
    ("expected ',' or ']'", _LIST, "write [a, b]", False),
    ("expected ',' or '}'", _MAPPING, "write {key: value, key: value}", False),
    ("'<stream end>'", "the file ends inside a list in brackets or a mapping in braces", "close it", False),
    ("expected <block end>", "this line does not continue what stands above it",
     "indent the keys of one mapping alike", False),
    ("did not find expected", "this line does not continue what stands above it",
     "indent the keys of one mapping alike", False),
    ("block sequence entries", "a '-' stands where no list can be", "begin the list on a line of its own", False),
    ("unknown escape", "the text in double quotes holds an unknown '\\' escape",
     "write \\\\ for a backslash, or use single quotes", False),
    ("cannot start any token", "this character cannot begin a value", "put the text in quotes", False),
)  # fmt: skip


def tell_syntax_error(error: YAMLError, text: str, file: str, findings: Findings) -> None:
    """Record the finding for what the parser could not read in ``text``."""
    if isinstance(error, ReaderError):
        position = min(int(cast("Any", error).position), len(text))  # ruamel.yaml types it loosely
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
        findings.add(Place(file, line, column), "a control character stands here", "take it out")
        return
    if not isinstance(error, MarkedYAMLError):
        findings.add(Place(file), "the file is not YAML", "see https://yaml.org/spec/1.2.2/")
        return
    seam = cast("Any", error)  # ruamel.yaml's errors are untyped
    problem = str(seam.problem or seam.context or "")
    begun = _mark(seam.context_mark)
    here = _mark(seam.problem_mark) or begun or Mark(1, 1)
    if tab := _indenting_tab(text, here.line):
        findings.add(Place(file, tab.line, tab.column), "a tab indents this line", "indent with spaces")
        return
    for said, plain, mend, at_start in _WORDS:
        if said in problem:
            place = begun if begun and (at_start or (plain in _BRACKETS and begun.line < here.line)) else here
            findings.add(Place(file, place.line, place.column), plain, mend)
            return
    findings.add(Place(file, here.line, here.column), "this is not YAML", "check quotes, colons and indentation")


def _mark(mark: object) -> Mark | None:
    if mark is None:
        return None
    seam = cast("Any", mark)  # ruamel.yaml's marks are untyped
    return Mark(int(seam.line) + 1, int(seam.column) + 1)


def _indenting_tab(text: str, line: int) -> Mark | None:
    """Find a tab in the indentation of ``line`` or of the line above, where the parser noticed."""
    lines = text.split("\n")
    for number in (line - 1, line):
        if 1 <= number <= len(lines):
            content = lines[number - 1]
            blank = content[: len(content) - len(content.lstrip())]
            if "\t" in blank:
                return Mark(number, blank.index("\t") + 1)
    return None
