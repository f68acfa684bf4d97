"""Stream a NodeSet2 file through expat with the line and column of every element.

Expat is used rather than a tree: a file is never held whole, and each element's column is known, which trees do not
keep. A document type declaration is refused where it stands, so no entity is ever declared, expanded or fetched.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import stat
import zlib
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol, cast
from xml.parsers import expat

from core.errors import Finding, InputError, Place
from nodesets.limits import BoundedFile, LimitError, Limits, too_large

NODESET_XML_NAMESPACE = "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
_CHUNK = 1 << 16
# What a file may hold open at once is what it fills memory with. libxml2, which reads the nodes, has the same bounds.
_MAX_DEPTH = 256
_MAX_TEXT = 10_000_000


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


class Passer:
    """Lets all elements pass: what is left is whether the XML is sound."""

    def start(self, path: tuple[str, ...], attributes: Mapping[str, str], place: Place) -> None:
        """Do nothing."""

    def end(self, path: tuple[str, ...], text: str) -> None:
        """Do nothing."""


@contextlib.contextmanager
def open_nodeset(path: Path) -> Generator[BinaryIO]:
    """Open a NodeSet2 file; one whose name ends in ``.gz`` is unpacked as it is read. Raises :class:`OSError`.

    What is no file is refused and not waited for: a pipe in a folder of models would hold the gateway's start for ever.
    """
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        if path.suffix == ".gz":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield file


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


Bound = tuple[int, LimitError]
"""How many bytes of XML are read of a file, and what more than that is told as."""
_BOUND: Bound = (Limits().file_bytes, too_large(Limits().file_bytes))


def read(path: Path, handler: Handler, bound: Bound = _BOUND) -> None:
    """Tell ``handler`` every element of a NodeSet file.

    Raises :class:`InputError` if it is not well-formed XML, or beyond a limit.
    """
    _Stream(path, handler, bound).run()


class _Stream:
    """One reading of one file."""

    def __init__(self, path: Path, handler: Handler, bound: Bound) -> None:
        self._path = path
        self._bound = bound
        self._handler = handler
        self._texts: list[list[str]] = []
        self._held = 0
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
            with open_nodeset(self._path) as file:
                bounded = BoundedFile(file, *self._bound)
                while chunk := bounded.read(_CHUNK):
                    self._parser.Parse(chunk, False)  # noqa: FBT003 - expat takes "is final" by position only
                self._parser.Parse(b"", True)  # noqa: FBT003 - expat takes "is final" by position only
        except StopReading:
            return
        except LimitError as error:
            raise InputError([Finding(self._place(), error.problem, error.mend)]) from error
        except expat.ExpatError as error:
            place = Place.of(self._path, error.lineno, error.offset + 1)
            problem = f"not well-formed XML: {expat.ErrorString(error.code)}"
            raise InputError([Finding(place, problem, "correct the XML at this place")]) from error
        except (LookupError, ValueError) as error:
            # Python asks its own codecs for an encoding that expat does not have; multi-byte ones are beyond both.
            problem = f"the encoding cannot be read: {error}"
            raise InputError([Finding(Place.of(self._path, 1, 1), problem, "write the file as UTF-8")]) from error
        except (OSError, EOFError, zlib.error) as error:
            problem = f"cannot be read: {getattr(error, 'strerror', None) or error}"
            raise InputError([Finding(Place.of(self._path), problem, "name a readable NodeSet2 file")]) from error
        finally:
            # The handlers are methods of what holds the parser: a circle, which would wait for the garbage collector.
            parser = self._parser
            parser.StartElementHandler = parser.EndElementHandler = None
            parser.CharacterDataHandler = parser.StartDoctypeDeclHandler = None

    def _place(self) -> Place:
        return Place.of(self._path, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition("}")
        self._texts.append([])
        if len(self._paths) >= _MAX_DEPTH:
            problem = f"the elements are nested deeper than {_MAX_DEPTH}"
            raise InputError([Finding(self._place(), problem, "a NodeSet2 file is not that deep; write it anew")])
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
        text = "".join(self._texts.pop())
        self._held -= len(text)
        if path:
            self._handler.end(path, text.strip())

    def _text(self, text: str) -> None:
        texts = self._texts[-1]
        if not texts and text.isspace():
            return
        self._held += len(text)
        if self._held > _MAX_TEXT:
            problem = f"a text is longer than {_MAX_TEXT} characters"
            raise InputError([Finding(self._place(), problem, "shorten it")])
        texts.append(text)

    def _doctype(self, *_declaration: object) -> None:
        problem = "a document type declaration (DOCTYPE) is refused: it can declare entities"
        raise InputError([Finding(self._place(), problem, "remove the DOCTYPE; a NodeSet2 file has none")])
