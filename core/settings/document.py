"""YAML documents whose every key and value knows its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ruamel.yaml.error import YAMLError

from core.errors import Findings, Place
from core.settings.composing import Composer, Unreadable
from core.settings.files import bytes_of
from core.settings.nodes import Mark, Node
from core.settings.plain import Plain, Step, dotted
from core.settings.syntax import tell_syntax_error

_LARGEST_MIB = 4
"""The largest file that is read, in MiB."""


@dataclass(frozen=True, slots=True)
class Section:
    """A value inside a document with the places of everything in it. The data is shared: do not change it.

    ``path`` leads from the document's root to it.
    """

    file: Path
    path: tuple[Step, ...]
    _node: Node
    _key: Mark

    @property
    def data(self) -> Plain:
        """Give the nested plain data as written; references are not filled in."""
        return self._node.data

    @property
    def node(self) -> Node:
        """Give the tree of it, with all places."""
        return self._node

    @property
    def base(self) -> Path:
        """Give the folder that relative paths in the document start from."""
        return self.file.parent

    def label(self, path: tuple[Step, ...] = ()) -> str:
        """Name a value by its path from the document's root, as people read it."""
        return dotted((*self.path, *path))

    def place(self, path: tuple[Step, ...] = (), *, key: bool = False) -> Place:
        """Give the place of a value, or of its key, by its path from here.

        Where nothing stands at ``path``, it is the place of what encloses it: its key where it has one.
        """
        node, own = self._node, self._key
        for step in path:
            inner = node.child(step)
            if inner is None:
                return self._at(own)
            own = node.keys.get(str(step), inner.mark)
            node = inner
        return self._at(own if key else node.mark)

    def section(self, path: tuple[Step, ...]) -> Section:
        """Give the section at ``path``.

        Raises:
            KeyError: Nothing stands there.
        """
        node, own = self._node, self._key
        for step in path:
            inner = node.child(step)
            if inner is None:
                raise KeyError(dotted((*self.path, *path)))
            own = node.keys.get(str(step), inner.mark)
            node = inner
        return Section(self.file, (*self.path, *path), node, own)

    def __contains__(self, step: Step) -> bool:
        return self._node.child(step) is not None

    def members(self, key: str, findings: Findings) -> dict[str, Section]:
        """Give the sections of the mapping ``key`` by their names; none where it is absent.

        Something else than a mapping there becomes a finding.
        """
        node = self._node.child(key)
        if node is None or node.data is None:
            return {}
        if not isinstance(node.data, dict):
            problem = f"'{self.label((key,))}' must be a mapping of names to settings"
            findings.add(
                self.place((key,)), problem, "write name: on a line of its own, its settings indented below it"
            )
            return {}
        return {name: self.section((key, name)) for name in node.members}

    def _at(self, mark: Mark) -> Place:
        return Place(mark.file or str(self.file), mark.line, mark.column)


@dataclass(frozen=True, slots=True)
class Document(Section):
    """A whole file."""

    @classmethod
    def read(cls, path: Path | str, findings: Findings) -> Self | None:
        """Read a YAML 1.2 file. What is wrong becomes findings; None where nothing can be made of it.

        Blocks on the file: up to 4 MiB are read and parsed.
        """
        file = Path(path)
        text = _text(file, findings)
        return None if text is None else cls.parse(file, text, findings)

    @classmethod
    def parse(cls, file: Path, text: str, findings: Findings) -> Self | None:
        """Take a text as the content of ``file``, which need not be there. Findings and None as above."""
        try:
            root = Composer(str(file), text.split("\n"), findings).compose(text)
        except Unreadable:
            return None
        except YAMLError as error:
            tell_syntax_error(error, text, str(file), findings)
            return None
        node = root or Node(None, Mark(1, 1))
        return cls(file, (), node, node.mark)


def _text(file: Path, findings: Findings) -> str | None:
    raw = bytes_of(file, _LARGEST_MIB, "move bindings to CSV files", findings)
    if raw is None:
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].removeprefix(b"\xef\xbb\xbf")
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        findings.add(Place.of(file, line, column), "this is not UTF-8 text", "save the file as UTF-8")
        return None
    return text.replace("\r\n", "\n")
