"""One ``pubsub:`` section of two: the configuration's, and what the methods of PublishSubscribe have added to it.

What is read after this knows nothing of the second file but by the places of what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from core.errors import Findings
from core.settings import Document, Section
from core.settings.nodes import Mark, Node
from server.pubsub.settings import CONNECTIONS
from server.pubsub_model.overlay import EVENTS, SELECTION, Overlay

CONNECTION: Final = "default"
"""The name of the one connection of a section without ``connections:``."""
PUBLISHED: Final = "PublishedDataSets"
"""The name of the connection that has all datasets of the overlay, and is never made."""
_ENCODINGS: Final = ("json", "uadp")
"""Keys of a writer whose settings a WriterGroup shares with its own."""
_KINDS: Final = ("datasets", EVENTS, "logs")
_OF_POINTS: Final = ("content", "keyframe")
_NOT_WRITERS: Final = ("enabled", "dataset", "folder")


def merged(document: Document, overlay: Overlay, written: Section, findings: Findings) -> Document:
    """Give ``document`` with a ``pubsub:`` section that has all of ``overlay`` too, disabled or not.

    Its datasets alone, published or not, are those of a connection :data:`PUBLISHED`. ``written``: the overlay as it
    stands in its file. What stands in both files becomes findings.
    """
    if overlay.is_empty:
        return document
    own = document.section(("pubsub",)).node if "pubsub" in document else None
    above = document.place(("pubsub",), key=True)
    pubsub = _with_connections(own, Mark(above.line or 1, above.column or 1))
    merge = _Merge(document, overlay, written, findings, str(written.file))
    whole = _like(document.node)
    for key, node in document.node.members.items():
        whole.put(key, document.node.keys[key], node) if key != "pubsub" else None
    held = pubsub.members[CONNECTIONS]
    for name in overlay.connections:
        merge.connection(name, held)
    if overlay.datasets:
        held.put(PUBLISHED, held.mark, merge.published())
    whole.put("pubsub", document.node.keys.get("pubsub", Mark(1, 1)), _whole(pubsub, CONNECTIONS, held))
    return Document(document.file, (), whole, whole.mark)


def connections_of(pubsub: Section) -> dict[str, Section]:
    """Give the connections of a ``pubsub:`` section by their names; one without ``connections:`` is one itself."""
    if CONNECTIONS in pubsub:
        return pubsub.members(CONNECTIONS, Findings())
    return {CONNECTION: pubsub} if "broker" in pubsub else {}


def _with_connections(own: Node | None, mark: Mark) -> Node:
    """Give the section in the form with ``connections:``."""
    made = Node({}, own.mark if own is not None else mark)
    held = Node({}, made.mark)
    if own is not None and isinstance(own.data, dict):
        if CONNECTIONS in own.members or "broker" not in own.members:
            for key, node in own.members.items():
                made.put(key, own.keys[key], node)
            if CONNECTIONS in own.members:
                held = _copied(own.members[CONNECTIONS])
        else:
            held.put(CONNECTION, mark, own)
    return _whole(made, CONNECTIONS, held)


class _Merge:
    def __init__(self, document: Document, overlay: Overlay, written: Section, findings: Findings, file: str) -> None:
        self._overlay = overlay
        self._written = written
        self._findings = findings
        self._file = file
        pubsub = document.section(("pubsub",)) if "pubsub" in document else None
        self._configured = connections_of(pubsub) if pubsub is not None else {}

    def connection(self, name: str, into: Node) -> None:
        """Put a connection among the others, or its writers into the one that is there."""
        wanted = self._overlay.connections[name]
        if not wanted.writers:
            return
        own = self._written.section((CONNECTIONS, name))
        there = into.members.get(name)
        if there is not None and wanted.words:
            problem = f"the connection {name} stands in the configuration too"
            mend = f"rename it there, or delete it here, in {self._file}"
            self._findings.add(own.place(key=True), problem, mend)
            return
        made = Node({}, self._mark(own.node.mark)) if there is None else _copied(there)
        for key in wanted.words:
            made.put(key, self._mark(own.node.keys[key]), self._placed(own.node.members[key]))
        sections = _sections(made)
        for writer in wanted.writers:
            self._writer(name, writer, own, sections)
        for key, held in sections.items():
            made = _whole(made, key, held)
        into.put(name, self._mark(self._key(own)) if there is None else into.keys[name], made)

    def _writer(self, connection: str, name: str, own: Section, into: dict[str, Node]) -> None:
        wanted = self._overlay.connections[connection].writers[name]
        section = own.section(("datasets", name))
        if any(name in held.members for held in into.values()):
            problem = f"the dataset {name} of the connection {connection} stands in the configuration too"
            mend = f"rename it there, or delete it here, in {self._file}"
            self._findings.add(section.place(key=True), problem, mend)
            return
        made = self._selection(wanted.dataset)
        if made is None:
            problem = f"there is no dataset {wanted.dataset}"
            known = ", ".join(self._overlay.datasets) or "none"
            self._findings.add(section.place(("dataset",)), problem, f"datasets here: {known}")
            return
        if wanted.group in self._overlay.connections[connection].groups:
            self._put(made, own.section(("groups", wanted.group)).node)
        self._put(made, section.node)
        _enter(name, self._mark(self._key(section)), made, into)

    def _put(self, made: Node, words: Node) -> None:
        """Put the keys of a group, or of a writer, into its dataset; those of an encoding are put together."""
        for key, node in words.members.items():
            if key in _NOT_WRITERS:
                continue
            part, before = self._placed(node), made.members.get(key)
            if key in _ENCODINGS and before is not None and isinstance(part.data, dict):
                part = _united(part, before)
            made.put(key, self._mark(words.keys[key]), part)

    def published(self) -> Node:
        """Give a connection that stands for none, with every dataset: each is checked as those that are published."""
        mark = self._mark(self._written.section(("datasets",)).node.mark)
        connection = Node({}, mark)
        connection.put("broker", mark, Node("mqtt://localhost", mark, "mqtt://localhost"))
        sections = _sections(connection)
        for name in self._overlay.datasets:
            section = self._written.section(("datasets", name))
            _enter(name, self._mark(self._key(section)), _selected(self._placed(section.node)), sections)
        for key, held in sections.items():
            connection.put(key, mark, held)
        return connection

    def _selection(self, dataset: str) -> Node | None:
        """Find what a dataset chooses: it stands here, or in the configuration."""
        if dataset in self._overlay.datasets:
            return _selected(self._placed(self._written.section(("datasets", dataset)).node))
        found = configured_datasets(self._configured).get(dataset)
        if found is None or found.kind == "logs":
            return None
        if found.kind != EVENTS:
            return _selected(found.section.node)
        made = Node({}, found.section.node.mark)
        made.put(EVENTS, made.mark, found.section.node)
        return made

    def _placed(self, node: Node) -> Node:
        """Copy a tree so that each of its places names this file."""
        made = Node(node.data, self._mark(node.mark), node.text, size=node.size, closed=node.closed)
        made.members = {key: self._placed(inner) for key, inner in node.members.items()}
        made.keys = {key: self._mark(mark) for key, mark in node.keys.items()}
        made.items = [self._placed(inner) for inner in node.items]
        return made

    def _key(self, section: Section) -> Mark:
        place = section.place(key=True)
        return Mark(place.line, place.column)

    def _mark(self, mark: Mark) -> Mark:
        return Mark(mark.line, mark.column, self._file)


class ConfiguredDataSet(NamedTuple):
    """A dataset of the configuration. ``kind``: the key of the connection that it stands under."""

    connection: str
    name: str
    kind: str
    section: Section


def configured_datasets(connections: Mapping[str, Section]) -> dict[str, ConfiguredDataSet]:
    """Give the datasets of the configuration by the names that PublishedDataSets shows them by.

    That is their own, or ``connection.dataset`` where several connections have one of that name.
    """
    named: dict[str, list[ConfiguredDataSet]] = {}
    for connection, section in connections.items():
        for kind in _KINDS:
            for name, dataset in section.members(kind, Findings()).items():
                named.setdefault(name, []).append(ConfiguredDataSet(connection, name, kind, dataset))
    return {
        name if len(found) == 1 else f"{one.connection}.{name}": one for name, found in named.items() for one in found
    }


def _sections(connection: Node) -> dict[str, Node]:
    """Give the datasets of a connection, those of points and those of events, to be added to."""
    return {
        key: _copied(connection.members[key]) if key in connection.members else Node({}, connection.mark)
        for key in ("datasets", EVENTS)
    }


def _enter(name: str, mark: Mark, made: Node, into: dict[str, Node]) -> None:
    """Put a dataset where it belongs. One of events has no content mask and no key frames."""
    events = made.members.get(EVENTS)
    if events is None:
        into["datasets"].put(name, mark, made)
        return
    whole = _copied(events)
    for key, inner in made.members.items():
        if key not in (EVENTS, *_OF_POINTS):
            whole.put(key, made.keys[key], inner)
    into[EVENTS].put(name, mark, whole)


def _selected(node: Node) -> Node:
    """Give of a dataset what says what is published."""
    made = Node({}, node.mark)
    for key, inner in node.members.items():
        if key in SELECTION:
            made.put(key, node.keys[key], inner)
    return made


def _united(node: Node, other: Node) -> Node:
    """Give a mapping with the members of another that it has not itself."""
    made = _copied(node)
    for key, inner in other.members.items():
        if key not in made.members:
            made.put(key, other.keys[key], inner)
    return made


def _like(node: Node) -> Node:
    return Node({}, node.mark, node.text, closed=node.closed)


def _copied(node: Node) -> Node:
    """Copy a mapping, not what is in it."""
    made = _like(node)
    for key, inner in node.members.items():
        made.put(key, node.keys[key], inner)
    return made


def _whole(node: Node, key: str, inner: Node) -> Node:
    """Give a mapping with another member ``key``."""
    made = _like(node)
    for name, held in node.members.items():
        if name != key:
            made.put(name, node.keys[name], held)
    made.put(key, node.keys.get(key, inner.mark), inner)
    return made
