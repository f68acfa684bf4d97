"""Stream a NodeSet2 file through expat with the line and column of every element.

Expat is used rather than a tree: a file is never held whole, and each element's column is known, which trees do not
keep. A document type declaration is refused where it stands, so no entity is ever declared, expanded or fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from xml.parsers import expat

from core.errors import Finding, InputError, Place

NODESET_XML_NAMESPACE = "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
_CHUNK = 1 << 16


class StopReading(Exception):  # noqa: N818 - it says that enough was read, not that anything failed
    """Raised by a handler that has what it wants."""


class Handler(Protocol):
    """What is told of each element below the root. ``path`` has the tags from below the root to the element itself."""

    def start(self, path: tuple[str, ...], attributes: Mapping[str, str], place: Place) -> None:
        """Take an element's beginning; raise :class:`StopReading` to end the reading."""
        ...

    def end(self, path: tuple[str, ...], text: str) -> None:
        """Take an element's end with its own text, stripped."""
        ...


def read(path: Path, handler: Handler) -> None:
    """Tell ``handler`` every element of a NodeSet file; raise :class:`InputError` if it is not well-formed XML."""
    _Stream(path, handler).run()


class _Stream:
    """One reading of one file."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        self._texts: list[list[str]] = []
        self._paths: list[tuple[str, ...]] = []
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser

    def run(self) -> None:
        try:
            with self._path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    self._parser.Parse(chunk, False)  # noqa: FBT003 - expat takes "is final" by position only
                self._parser.Parse(b"", True)  # noqa: FBT003 - expat takes "is final" by position only
        except StopReading:
            return
        except expat.ExpatError as error:
            place = Place.of(self._path, error.lineno, error.offset + 1)
            problem = f"not well-formed XML: {expat.ErrorString(error.code)}"
            raise InputError([Finding(place, problem, "correct the XML at this place")]) from error
        except OSError as error:
            problem = f"cannot be read: {error.strerror or error}"
            raise InputError([Finding(Place.of(self._path), problem, "name a readable NodeSet2 file")]) from error

    def _place(self) -> Place:
        return Place.of(self._path, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition("}")
        self._texts.append([])
        if self._paths:
            path = (*self._paths[-1], tag)
            self._paths.append(path)
            self._handler.start(path, attributes, self._place())
            return
        self._paths.append(())
        if (namespace, tag) != (NODESET_XML_NAMESPACE, "UANodeSet"):
            problem = f"not a NodeSet2 file: its root element is {tag!r} of namespace {namespace!r}"
            mend = f"the root is UANodeSet of {NODESET_XML_NAMESPACE}"
            raise InputError([Finding(self._place(), problem, mend)])

    def _end(self, _name: str) -> None:
        path = self._paths.pop()
        text = "".join(self._texts.pop()).strip()
        if path:
            self._handler.end(path, text)

    def _text(self, text: str) -> None:
        self._texts[-1].append(text)

    def _doctype(self, *_declaration: object) -> None:
        problem = "a document type declaration (DOCTYPE) is refused: it can declare entities"
        raise InputError([Finding(self._place(), problem, "remove the DOCTYPE; a NodeSet2 file has none")])
