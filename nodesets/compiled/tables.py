"""What comes again and again in a model, once each: namespaces, NodeIds, names and texts, referred to by number.

The side that writes adds what is new and takes it out with each line; the side that reads adds what the line brings.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

from nodesets.built_in_types import LocalizedText, QualifiedName
from nodesets.compiled.problems import CompiledError, all_of, rows_of, same_length, texts_or_none, within
from nodesets.names import MAX_NUMERIC, Identifier, NodeName

_P = TypeVar("_P")
Raw = list[object]
Texts = tuple[LocalizedText, ...]
_NodeTuple = tuple[str, str, Identifier]
_make_node = cast("Callable[[_NodeTuple], NodeName]", partial(tuple.__new__, NodeName))  # pyright: ignore[reportUnknownMemberType] - the stubs know no partial of __new__
_make_qualified = cast("Callable[[tuple[str, str | None]], QualifiedName]", partial(tuple.__new__, QualifiedName))  # pyright: ignore[reportUnknownMemberType] - as above
_make_text = cast("Callable[[tuple[str | None, str | None]], LocalizedText]", partial(tuple.__new__, LocalizedText))  # pyright: ignore[reportUnknownMemberType] - as above


class NewEntries:
    """The tables as they grow on the side that writes."""

    def __init__(self) -> None:
        """Begin empty."""
        self._namespaces: dict[str, int] = {}
        self._nodes: dict[NodeName, int] = {}
        self._names: dict[QualifiedName, int] = {}
        self._texts: dict[Texts, int] = {}
        self._begin()

    def _begin(self) -> None:
        self._new_namespaces: list[str] = []
        self._new_nodes: tuple[list[int], list[str], Raw] = ([], [], [])
        self._new_names: tuple[list[int], list[str | None]] = ([], [])
        self._new_texts: list[list[str | None]] = []

    def taken(self) -> Raw:
        """Take what came in since the last time, as the reading side's :meth:`Entries.add` wants it."""
        kinds = "".join(self._new_nodes[1])
        new: Raw = [self._new_namespaces, self._new_nodes[0], kinds, self._new_nodes[2], *self._new_names]
        new.append(self._new_texts)
        self._begin()
        return new

    def namespace(self, uri: str) -> int:
        """Give a namespace's number."""
        known = self._namespaces.get(uri)
        if known is None:
            known = self._namespaces[uri] = len(self._namespaces)
            self._new_namespaces.append(uri)
        return known

    def node(self, name: NodeName) -> int:
        """Give a NodeId's number."""
        known = self._nodes.get(name)
        if known is None:
            known = self._nodes[name] = len(self._nodes)
            namespaces, kinds, identifiers = self._new_nodes
            namespaces.append(self.namespace(name.namespace))
            kinds.append(name.kind)
            identifiers.append(_plain(name.identifier))
        return known

    def name(self, name: QualifiedName) -> int:
        """Give a QualifiedName's number."""
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = len(self._names)
            self._new_names[0].append(self.namespace(name.namespace))
            self._new_names[1].append(name.name)
        return known

    def texts(self, texts: Texts) -> int:
        """Give the number of a text in all its languages."""
        known = self._texts.get(texts)
        if known is None:
            known = self._texts[texts] = len(self._texts)
            self._new_texts.append([part for text in texts for part in text])
        return known


def _plain(identifier: Identifier) -> object:
    if isinstance(identifier, UUID):
        return identifier.hex
    return base64.b64encode(identifier).decode() if isinstance(identifier, bytes) else identifier


class Entries:
    """The tables on the side that reads. What ``of`` methods take is checked already: lists of whole numbers."""

    def __init__(self) -> None:
        """Begin empty."""
        self._namespaces: list[str] = []
        self._nodes: list[NodeName] = []
        self._names: list[QualifiedName] = []
        self._texts: list[Texts] = []

    def add(self, raw: object) -> None:
        """Add what a line brings. Raises :class:`CompiledError`."""
        try:
            uris, spaces, kinds, identifiers, name_spaces, names, texts = cast("Raw", raw)
        except (TypeError, ValueError) as error:
            message = "no tables"
            raise CompiledError(message) from error
        self._namespaces += all_of(str, uris)
        self._add_nodes(self._uris(spaces), kinds, identifiers)
        uris_of_names = self._uris(name_spaces)
        checked = texts_or_none(names)
        same_length(uris_of_names, checked)
        self._names += map(_make_qualified, zip(uris_of_names, checked, strict=True))
        self._texts += map(_localized, rows_of(texts))

    def nodes(self, numbers: object) -> list[NodeName]:
        """Give NodeIds by their numbers."""
        return _picked(self._nodes, numbers)

    def node(self, number: object) -> NodeName:
        """Give one NodeId."""
        return _one(self._nodes, number)

    def name(self, number: object) -> QualifiedName:
        """Give one QualifiedName."""
        return _one(self._names, number)

    def text(self, number: object) -> Texts:
        """Give one text in all its languages."""
        return _one(self._texts, number)

    def names(self, numbers: object) -> list[QualifiedName]:
        """Give QualifiedNames by their numbers."""
        return _picked(self._names, numbers)

    def texts(self, numbers: object) -> list[Texts]:
        """Give texts in all their languages by their numbers."""
        return _picked(self._texts, numbers)

    def _uris(self, numbers: object) -> list[str]:
        return _picked(self._namespaces, numbers)

    def _add_nodes(self, uris: list[str], kinds: object, identifiers: object) -> None:
        if not (isinstance(kinds, str) and isinstance(identifiers, list)):
            message = "no NodeIds"
            raise CompiledError(message)
        given = cast("Raw", identifiers)
        same_length(uris, kinds, given)
        if set(kinds) <= {"i"}:
            within(all_of(int, given), 0, MAX_NUMERIC)
        else:
            given = [_identifier(kind, one) for kind, one in zip(kinds, given, strict=True)]
        rows = zip(uris, kinds, cast("list[Identifier]", given), strict=True)
        self._nodes += map(_make_node, rows)


def _picked(table: Sequence[_P], numbers: object) -> list[_P]:
    checked = within(all_of(int, numbers), 0, len(table) - 1)
    return list(map(table.__getitem__, checked))


def _one(table: Sequence[_P], number: object) -> _P:
    if type(number) is not int or number < 0:
        message = "not a number of a table"
        raise CompiledError(message)
    return table[number]


def _localized(raw: object) -> Texts:
    parts = texts_or_none(raw)
    if len(parts) % 2:
        message = "a text without its language"
        raise CompiledError(message)
    return tuple(map(_make_text, zip(parts[::2], parts[1::2], strict=True)))


def _identifier(kind: str, raw: object) -> Identifier:
    if kind == "i" and type(raw) is int and 0 <= raw <= MAX_NUMERIC:
        return raw
    if kind in "gsb" and isinstance(raw, str):
        try:
            return UUID(hex=raw) if kind == "g" else base64.b64decode(raw, validate=True) if kind == "b" else raw
        except ValueError:
            pass
    message = "an identifier is not of its kind"
    raise CompiledError(message)
