"""What the methods of PublishSubscribe have configured, in the words of the configuration's ``pubsub:`` section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from core.errors import Findings
from core.settings import Plain, Section

Words = dict[str, Plain]
"""Keys of the configuration and their values."""

OVERLAY_FILE: Final = "pubsub.yaml"
EVENTS: Final = "events"
"""The key of a dataset that has events: what an entry of the configuration's section of that name says."""
SELECTION: Final = ("nodes", "type", "except", "aliases", "names", "description", EVENTS)
"""The keys of a dataset that say what is published; the others say how, and are its DataSetWriter's."""
_KEYS: Final = frozenset(("connections", "datasets", "folders"))


@dataclass(slots=True)
class OverlayGroup:
    """A WriterGroup. ``words``: what its DataSetWriters have in common, such as ``publish``."""

    words: Words = field(default_factory=Words)
    enabled: bool = True

    def plain(self) -> Plain:
        """Give it as it is written."""
        return {**_enabled(is_enabled=self.enabled), **self.words}


@dataclass(slots=True)
class OverlayWriter:
    """A DataSetWriter: the ``dataset`` that it publishes, its WriterGroup, and keys of its own."""

    dataset: str
    group: str
    words: Words = field(default_factory=Words)
    enabled: bool = True

    def plain(self) -> Plain:
        """Give it as it is written."""
        return {**_enabled(is_enabled=self.enabled), "dataset": self.dataset, "group": self.group, **self.words}


@dataclass(slots=True)
class OverlayConnection:
    """A PubSubConnection. Without ``words`` it is one of the configuration, which has more groups and writers here."""

    words: Words = field(default_factory=Words)
    enabled: bool = True
    groups: dict[str, OverlayGroup] = field(default_factory=dict[str, OverlayGroup])
    writers: dict[str, OverlayWriter] = field(default_factory=dict[str, OverlayWriter])

    def disabled(self) -> Iterator[str]:
        """Give the names of the writers that are disabled, or whose group is."""
        off = {name for name, group in self.groups.items() if not group.enabled}
        yield from (name for name, writer in self.writers.items() if not writer.enabled or writer.group in off)

    def plain(self) -> Plain:
        """Give it as it is written."""
        groups: Words = {name: group.plain() for name, group in self.groups.items()}
        writers: Words = {name: writer.plain() for name, writer in self.writers.items()}
        return {
            **_enabled(is_enabled=self.enabled),
            **self.words,
            **({"groups": groups} if groups else {}),
            "datasets": writers,
        }


@dataclass(slots=True)
class OverlayDataSet:
    """A PublishedDataSet: what it publishes, in keys of :data:`SELECTION`, and the folder that shows it."""

    words: Words = field(default_factory=Words)
    folder: str = ""

    def plain(self) -> Plain:
        """Give it as it is written."""
        return {**({"folder": self.folder} if self.folder else {}), **self.words}


@dataclass(slots=True)
class Overlay:
    """All of it. ``folders``: DataSetFolders by their paths, such as ``Line1/Filler``, each after the one above it."""

    connections: dict[str, OverlayConnection] = field(default_factory=dict[str, OverlayConnection])
    datasets: dict[str, OverlayDataSet] = field(default_factory=dict[str, OverlayDataSet])
    folders: list[str] = field(default_factory=list[str])

    @property
    def is_empty(self) -> bool:
        """Whether nothing is configured here."""
        return not (self.connections or self.datasets or self.folders)

    def writers_of(self, dataset: str) -> Iterator[tuple[str, str]]:
        """Give the connection and the name of each writer of a dataset."""
        for name, connection in self.connections.items():
            for writer, held in connection.writers.items():
                if held.dataset == dataset:
                    yield name, writer

    def tidy(self) -> None:
        """Forget connections of the configuration that have nothing more here."""
        for name, one in list(self.connections.items()):
            if not (one.words or one.groups or one.writers):
                del self.connections[name]

    def plain(self) -> Words:
        """Give it as it is written."""
        connections: Words = {name: one.plain() for name, one in self.connections.items()}
        datasets: Words = {name: one.plain() for name, one in self.datasets.items()}
        folders: list[Plain] = [*self.folders]
        parts: Words = {"folders": folders, "datasets": datasets, "connections": connections}
        return {key: part for key, part in parts.items() if part}


def overlay_of(section: Section, findings: Findings) -> Overlay:
    """Read what :meth:`Overlay.plain` has written; what is wrong, being changed by hand, becomes findings."""
    data = section.data
    if data is None:
        return Overlay()
    if not isinstance(data, dict):
        findings.add(section.place(), "the file must be a mapping of keys to values", "delete it to begin anew")
        return Overlay()
    for key in data.keys() - _KEYS:
        findings.add(section.place((key,), key=True), f"unknown key {key!r}", f"valid keys: {', '.join(sorted(_KEYS))}")
    connections = {
        name: _connection(one, findings)
        for name, one in section.members("connections", findings).items()
        if _is_mapping(one, findings)
    }
    datasets = {
        name: _dataset(one) for name, one in section.members("datasets", findings).items() if _is_mapping(one, findings)
    }
    folders = data.get("folders")
    return Overlay(
        connections,
        datasets,
        [one for one in folders or () if isinstance(one, str)] if isinstance(folders, list) else [],
    )


def _connection(section: Section, findings: Findings) -> OverlayConnection:
    words = _words(section)
    enabled = words.pop("enabled", True) is not False
    words.pop("groups", None)
    words.pop("datasets", None)
    groups: dict[str, OverlayGroup] = {}
    for name, group in section.members("groups", findings).items():
        if _is_mapping(group, findings):
            held = _words(group)
            groups[name] = OverlayGroup(held, held.pop("enabled", True) is not False)
    writers: dict[str, OverlayWriter] = {}
    for name, writer in section.members("datasets", findings).items():
        if not _is_mapping(writer, findings):
            continue
        held = _words(writer)
        dataset, group = held.pop("dataset", None), held.pop("group", "default")
        if not isinstance(dataset, str) or not isinstance(group, str):
            findings.add(writer.place(key=True), f"{name} names no dataset", "write dataset: and a name of datasets:")
            continue
        writers[name] = OverlayWriter(dataset, group, held, held.pop("enabled", True) is not False)
    return OverlayConnection(words, enabled, groups, writers)


def _dataset(section: Section) -> OverlayDataSet:
    words = _words(section)
    folder = words.pop("folder", "")
    return OverlayDataSet(words, folder if isinstance(folder, str) else "")


def _words(section: Section) -> Words:
    return dict(cast("Mapping[str, Plain]", section.data))


def _is_mapping(section: Section, findings: Findings) -> bool:
    if isinstance(section.data, dict):
        return True
    findings.add(section.place(), f"'{section.label()}' must be a mapping of keys to values", "write key: value")
    return False


def _enabled(*, is_enabled: bool) -> Words:
    return {} if is_enabled else {"enabled": False}
