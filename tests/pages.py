"""The documentation's pages as tests see them: fenced blocks, tables beneath headings, links and anchors.

What a block is for stands after its language:

=========================  ==========================================================================================
```yaml first.yaml         the reader's file of that name; a YAML file is a whole configuration, which must be sound
```yaml wrong.yaml broken  as above, and must not be sound
```bash test               is run; ``expect=TEXT`` to the line's end: its output holds TEXT (tried again for a while)
```bash test fails         as above, and its exit code is 1
```bash test background    is run until the page's end; it is ready once it has said a line
```text same               what the test block before it prints
=========================  ==========================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

_FENCE = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. ``words`` and ``expect`` come from the line that opens it."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    expect: str
    text: str

    @property
    def file(self) -> str | None:
        """The reader's file that it is."""
        first = self.words[0] if self.words else ""
        return first if "." in first else None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Give every page that readers are led to."""
    found = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]
    return [*found, *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("drivers/*/README.md"))]


def name_of(page: Path) -> str:
    """Name a page for a test's id."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """Give the fenced blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    for match in _FENCE.finditer(text):
        info, _, expect = match["info"].partition(" expect=")
        language, *words = info.split() or [""]
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, language, tuple(words), expect, match["text"]))
    return found


def prose(page: Path) -> str:
    """Give a page's text without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[str]:
    """Give the targets of a page's links and pictures."""
    for match in _LINK.finditer(re.sub(r"`[^`\n]*`", "", prose(page))):
        yield match[1]


def anchors(page: Path) -> set[str]:
    """Give what may stand behind ``#`` in a link to a page: its headings, as GitHub writes them."""
    headings = _HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.casefold()).replace(" ", "-") for heading in headings}


def table(page: Path, heading: str) -> list[list[str]]:
    """Give the cells of the first table beneath a heading, without its head."""
    _, found, rest = prose(page).partition(f"\n## {heading}\n")
    assert found, f"{name_of(page)} has no heading '## {heading}'"
    section = rest.partition("\n## ")[0]
    lines = re.search(r"(?:^\|.*\|$\n?)+", section, re.MULTILINE)
    assert lines, f"{name_of(page)} has no table beneath '## {heading}'"
    cells = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines[0].splitlines()]
    return cells[2:]


def code(text: str) -> list[str]:
    """Give what stands between backticks."""
    return _CODE.findall(text)
