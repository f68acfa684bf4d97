"""Builds the tree of a YAML document from the parser's events.

The parser (ruamel.yaml, YAML 1.2) only cuts the text into events. What they mean is decided here, iteratively and with
limits, so that no document can exhaust the stack (depth) or the memory (aliases of aliases).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from core.errors import Findings, Place
from core.settings.nodes import Mark, Node
from core.settings.scalars import meaning

DEEPEST = 64
"""Levels of nesting that are read."""

MOST_ALIASED = 100_000
"""Values that aliases may stand for altogether."""

_NOWHERE = Mark(0, 0)
_TEXT_TAG = "tag:yaml.org,2002:str"


class Unreadable(Exception):  # noqa: N818 - ends the reading after its finding was recorded; never leaves the package
    """The rest of the document cannot be read; why is recorded already."""


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    node: Node
    key: str | None = None
    key_mark: Mark = _NOWHERE
    expects_value: bool = False


@dataclass(slots=True)
class Composer:
    """Reads one document; findings are recorded at their places in ``file``."""

    file: str
    lines: list[str]
    findings: Findings
    root: Node | None = None
    _open: list[_Open] = field(default_factory=list[_Open])
    _anchors: dict[str, Node] = field(default_factory=dict[str, Node])
    _aliased: int = 0

    def compose(self, text: str) -> Node | None:
        """Give the document's tree, None where it is empty.

        Raises:
            Unreadable: The document is refused; the finding is recorded.
            ruamel.yaml.error.YAMLError: It is not YAML.
        """
        for event in cast("Iterator[Any]", YAML(typ="safe", pure=True).parse(text)):  # pyright: ignore[reportUnknownMemberType] - ruamel types its stream loosely
            mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
            if isinstance(event, DocumentStartEvent):
                self._start_document(cast("Any", event).version, mark)
            elif isinstance(event, ScalarEvent):
                self._scalar(event, mark)
            elif isinstance(event, AliasEvent):
                self._alias(cast("Any", event).anchor, mark)
            elif isinstance(event, MappingStartEvent | SequenceStartEvent):
                self._start(event, mark)
            elif isinstance(event, MappingEndEvent | SequenceEndEvent):
                self._end()
        return self.root

    def _tell(self, mark: Mark, problem: str, mend: str) -> None:
        self.findings.add(Place(self.file, mark.line, mark.column), problem, mend)

    def _start_document(self, version: tuple[int, int] | None, mark: Mark) -> None:
        if version not in {None, (1, 2)}:
            self._tell(mark, "the file asks for another YAML than 1.2", "take the %YAML line out")
            raise Unreadable
        if self.root is not None:
            self._tell(mark, "a second document begins here", "keep one document in a file: take '---' out")
            raise Unreadable

    def _scalar(self, event: Any, mark: Mark) -> None:  # noqa: ANN401 - ruamel.yaml's events are untyped
        text = cast("str", event.value)
        plain = not event.style
        if plain and event.end_mark.line >= mark.line:
            self._refuse_tabs(mark.line, cast("int", event.end_mark.line))
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._tell(mark, "the text holds half of a character", "write the whole character in place of its escapes")
            text = ""
        as_text = self._tagged_text(event.tag, mark)
        node = Node(meaning(text) if plain and not as_text else text, mark, text=text)
        self._anchor(event.anchor, node)
        self._add(node)

    def _refuse_tabs(self, first: int, last: int) -> None:
        """Refuse continuation lines of unquoted text that begin with a tab: they were meant as an indented key."""
        for number, line in enumerate(self.lines[first : last + 1], first + 1):
            blank = line[: len(line) - len(line.lstrip())]
            if "\t" in blank and blank != line:
                self._tell(Mark(number, blank.index("\t") + 1), "a tab indents this line", "indent with spaces")

    def _tagged_text(self, tag: object, mark: Mark) -> bool:
        if tag is not None and str(tag) not in {_TEXT_TAG, "!"}:
            self._tell(
                mark, "a tag (a word that begins with '!') has no meaning here", "quote the text, or take it out"
            )
        return tag is not None

    def _alias(self, name: str, mark: Mark) -> None:
        target = self._anchors.get(name)
        if target is None:
            problem = "the alias that begins here with '*' names no anchor above it"
            self._tell(mark, problem, "quote text that begins with '*'")
            target = Node(None, mark)
        elif not target.closed:
            self._tell(mark, "the alias that begins here with '*' stands for a value that it is itself inside of",
                       "write the value out")  # fmt: skip
            raise Unreadable
        self._aliased += target.size
        if self._aliased > MOST_ALIASED:
            self._tell(mark, f"aliases stand for more than {MOST_ALIASED} values", "write fewer, or without aliases")
            raise Unreadable
        self._add(Node(target.data, mark, target.text, target.members, target.keys, target.items, target.size))

    def _start(self, event: MappingStartEvent | SequenceStartEvent, mark: Mark) -> None:
        if len(self._open) >= DEEPEST:
            self._tell(mark, f"values are nested more than {DEEPEST} deep", "make it flatter")
            raise Unreadable
        seam = cast("Any", event)  # ruamel.yaml's events are untyped
        self._tagged_text(seam.tag, mark)
        node = Node({} if isinstance(event, MappingStartEvent) else [], mark, closed=False)
        self._anchor(seam.anchor, node)
        self._open.append(_Open(node))

    def _end(self) -> None:
        node = self._open.pop().node
        node.closed = True
        self._add(node)

    def _anchor(self, name: object, node: Node) -> None:
        if name is not None:
            self._anchors[str(name)] = node

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.node.data, list):
            parent.node.append(node)
        elif parent.expects_value:
            if node.text == "" and node.data is None:  # the parser marks an absent value where the next thing stands
                node.mark = parent.key_mark
            if parent.key is not None:
                parent.node.put(parent.key, parent.key_mark, node)
            parent.expects_value = False
        else:
            parent.key = self._key(parent.node, node)
            parent.key_mark = node.mark
            parent.expects_value = True

    def _key(self, mapping: Node, node: Node) -> str | None:
        """Give the key's text, or None where the member is refused."""
        if not node.text:
            self._tell(node.mark, "a key is one word or text; this is none", "write key: value")
            return None
        if node.text == "<<":
            self._tell(node.mark, "merge keys ('<<') are not YAML 1.2", "write the keys out")
            return None
        if first := mapping.keys.get(node.text):
            problem = f"the key '{node.text}' stands here a second time, first on line {first.line}"
            self._tell(node.mark, problem, "keep one of them")
            return None
        return node.text
