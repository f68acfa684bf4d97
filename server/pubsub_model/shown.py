"""What PublishSubscribe shows: connections with their groups and writers, datasets and folders, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.durations import parse_duration
from core.errors import SettingError
from server.pubsub.events.settings import EventSettings, LogSettings
from server.pubsub.fields import DataSetField
from server.pubsub.settings import ConnectionSettings, DataSetSettings
from server.pubsub_model.merging import configured_datasets, connections_of
from server.pubsub_model.planner import Planned
from server.pubsub_model.profiles import AnyDataSet


@dataclass(frozen=True, slots=True)
class ShownWriter:
    """A DataSetWriter. ``dataset``: its PublishedDataSet's name; ``is_own``: a method has made it."""

    dataset: str
    settings: AnyDataSet
    enabled: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A WriterGroup. ``interval``: seconds."""

    interval: float
    enabled: bool
    is_own: bool
    writers: dict[str, ShownWriter] = field(default_factory=dict[str, ShownWriter])


@dataclass(frozen=True, slots=True)
class ShownConnection:
    """A PubSubConnection."""

    settings: ConnectionSettings
    enabled: bool
    is_own: bool
    groups: dict[str, ShownGroup] = field(default_factory=dict[str, ShownGroup])


@dataclass(frozen=True, slots=True)
class ShownDataSet:
    """A PublishedDataSet. ``writers``: the connection and name of each writer; ``events``: what it has of events."""

    fields: tuple[DataSetField, ...]
    description: str
    folder: str
    is_own: bool
    writers: tuple[tuple[str, str], ...] = ()
    events: EventSettings | LogSettings | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """All of it. ``folders``: paths, each after the one above it."""

    connections: Mapping[str, ShownConnection] = field(default_factory=dict[str, ShownConnection])
    datasets: Mapping[str, ShownDataSet] = field(default_factory=dict[str, ShownDataSet])
    folders: tuple[str, ...] = ()


def shown(planned: Planned) -> Shown:
    """Give what is to be shown of what is planned."""
    overlay = planned.configured.overlay
    document = planned.configured.document
    sections = connections_of(document.section(("pubsub",))) if "pubsub" in document else {}
    names = {(one.connection, one.name): name for name, one in configured_datasets(sections).items()}
    connections: dict[str, ShownConnection] = {}
    for name, settings in planned.connections.items():
        added = overlay.connections.get(name)
        groups: dict[str, ShownGroup] = {}
        if added is not None:
            for group, held in added.groups.items():
                groups[group] = ShownGroup(_interval(held.words.get("publish")), held.enabled, is_own=True)
        for writer, dataset in settings.published.items():
            own = added.writers.get(writer) if added is not None else None
            group = groups.setdefault(dataset.group, ShownGroup(dataset.publish, enabled=True, is_own=False))
            group.writers[writer] = ShownWriter(
                names[name, writer] if own is None else own.dataset,
                dataset,
                own is None or own.enabled,
                own is not None,
            )
        is_own = added is not None and bool(added.words)
        connections[name] = ShownConnection(settings, added is None or added.enabled, is_own, groups)
    return Shown(connections, _datasets(planned, connections), tuple(overlay.folders))


def _datasets(planned: Planned, connections: Mapping[str, ShownConnection]) -> dict[str, ShownDataSet]:
    writers: dict[str, list[tuple[str, str]]] = {}
    for connection, one in connections.items():
        for group in one.groups.values():
            for name, writer in group.writers.items():
                writers.setdefault(writer.dataset, []).append((connection, name))
    found: dict[str, ShownDataSet] = {}
    overlay = planned.configured.overlay
    for name, held in overlay.datasets.items():
        description = str(held.words.get("description", ""))
        at = tuple(writers.get(name, ()))
        events = planned.events.get(name)
        fields = planned.datasets.get(name, ())
        found[name] = ShownDataSet(fields, description, held.folder, is_own=True, writers=at, events=events)
    for name, at in writers.items():
        if name not in found:
            connection, writer = next((one for one in at if not _is_own(connections, *one)), at[0])
            dataset = connections[connection].settings.published[writer]
            fields = planned.fields.get((connection, writer), ())
            events = None if isinstance(dataset, DataSetSettings) else dataset
            found[name] = ShownDataSet(fields, dataset.description, "", is_own=False, writers=tuple(at), events=events)
    return found


def _is_own(connections: Mapping[str, ShownConnection], connection: str, writer: str) -> bool:
    return any(
        group.writers[writer].is_own for group in connections[connection].groups.values() if writer in group.writers
    )


def _interval(text: object) -> float:
    try:
        return parse_duration(str(text))
    except SettingError:
        return 1.0
