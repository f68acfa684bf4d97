"""The ``pubsub:`` section: its settings, and the fields that its datasets' nodes and patterns mean."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal

from asyncua import ua

from core.errors import Findings, SettingError
from core.settings import Document, Section, build
from core.settings.partial import sound_part
from nodesets.ua_units import unit_of
from server.configuration import GatewaySettings
from server.plan.dataset_selection import Selection, select
from server.plan.event_datasets import plan_events
from server.plan.one_broker import check_one_broker
from server.plan.point_names import NamedPoint, PointNames
from server.plan.points import PointList
from server.plan.security_groups import check_security_groups
from server.plan.way_back import check_way_back
from server.pubsub.cloud.twin.properties import property_names
from server.pubsub.events.selection import EventSelection
from server.pubsub.fields import DataSetField, field_names
from server.pubsub.settings import CONNECTIONS, FILES, ConnectionSettings, check_connection
from server.pubsub_model.merging import PUBLISHED
from server.ua_stack.browse import Directory

DEFAULT_CONNECTION: Final = "default"
"""The name of the one connection of a section without ``connections:``."""
_OR: Final = (CONNECTIONS,)
"""What else may stand in the section of one connection: it is told to who misspells it."""


@dataclass(frozen=True, slots=True)
class PlannedConnection:
    """A connection to a broker with the fields of each dataset.

    ``named``: slots of each dataset that the configuration names one by one; the others come and go with the model.
    ``events``: what each dataset of events hears.
    """

    settings: ConnectionSettings
    fields: dict[str, tuple[DataSetField, ...]]
    named: dict[str, frozenset[int]]
    events: dict[str, EventSelection] = field(default_factory=dict[str, EventSelection])
    twin: tuple[DataSetField, ...] = ()
    """What a cloud's twin shows."""

    def without(self, names: Collection[str]) -> PlannedConnection:
        """Give the same with fewer datasets."""
        datasets = {name: dataset for name, dataset in self.settings.datasets.items() if name not in names}
        events = {name: dataset for name, dataset in self.settings.events.items() if name not in names}
        return PlannedConnection(
            self.settings.model_copy(update={"datasets": datasets, "events": events}),
            {name: fields for name, fields in self.fields.items() if name in datasets},
            {name: slots for name, slots in self.named.items() if name in datasets},
            self.events,
            self.twin,
        )


@dataclass(frozen=True, slots=True)
class PlannedPubSub:
    """The connections by their names."""

    connections: dict[str, PlannedConnection]


def plan_pubsub(
    document: Document, names: PointNames, directory: Directory, points: PointList, findings: Findings
) -> PlannedPubSub | None:
    """Read the ``pubsub:`` section; nodes are looked up even where its other keys are wrong."""
    if "pubsub" not in document:
        return None
    section = document.section(("pubsub",))
    sections = {DEFAULT_CONNECTION: section}
    if CONNECTIONS in section:
        _check_alone(section, findings)
        sections = section.members(CONNECTIONS, findings)
        for name, one in sections.items():
            _check_name(name, one, findings)
    settings = {name: build(ConnectionSettings, one, findings, elsewhere=_OR) for name, one in sections.items()}
    built = {name: one for name, one in settings.items() if one is not None and name != PUBLISHED}
    check_one_broker(built, sections, gateway_name(document), findings)
    check_security_groups(built, sections, findings)
    planned = {
        name: _connection(one, settings[name], names, directory, points, findings) for name, one in sections.items()
    }
    if findings:
        return None
    return PlannedPubSub({name: one for name, one in planned.items() if one is not None})


def gateway_name(document: Document) -> str:
    """Give the gateway's name, as written even where that is no good one."""
    name = document.data.get("name") if isinstance(document.data, dict) else None
    return name if isinstance(name, str) else GatewaySettings().name


def _check_alone(section: Section, findings: Findings) -> None:
    """Tell what stands beside ``connections:``, which stands for itself."""
    known = {one.alias or key for key, one in ConnectionSettings.model_fields.items()}
    for key in section.data if isinstance(section.data, dict) else ():
        if key in known:
            problem = f"'{key}' is a connection's own, and 'connections' says that there are several"
            findings.add(section.place((key,), key=True), problem, "move it below the name of a connection")
        elif key != CONNECTIONS:
            mend = f"connections have names: {CONNECTIONS}: {{{key}: …}}" if _is_mapping(section, key) else ""
            findings.add(
                section.place((key,), key=True), f"unknown key '{key}' in 'pubsub'", mend or "valid keys: connections"
            )


def _is_mapping(section: Section, key: str) -> bool:
    return isinstance(section.section((key,)).data, dict)


def _check_name(name: str, section: Section, findings: Findings) -> None:
    try:
        check_connection(name)
    except SettingError as error:
        findings.add(section.place(key=True), error.problem, error.mend)


def _connection(
    section: Section,
    settings: ConnectionSettings | None,
    names: PointNames,
    directory: Directory,
    points: PointList,
    findings: Findings,
) -> PlannedConnection | None:
    chosen = {
        name: select(dataset, names, directory, findings)
        for name, dataset in section.members("datasets", Findings()).items()
    }
    _check_files(settings or sound_part(ConnectionSettings, section), section, findings)
    check_way_back(section, names, directory, findings)
    events = plan_events(section, directory, findings)
    twin = select(section.section(("twin",)), names, directory, findings) if "twin" in section else None
    if settings is None or findings:
        return None
    fields = {
        name: _fields(dataset.names, chosen[name], names, directory, points)
        for name, dataset in settings.datasets.items()
    }
    named = {name: selection.named for name, selection in chosen.items()}
    shown: tuple[DataSetField, ...] = ()
    if twin is not None:
        shown = _fields("name", twin, names, directory, points)
        try:
            property_names(shown)
        except SettingError as error:
            findings.add(section.place(("twin",)), error.problem, error.mend)
        if findings:
            return None
    return PlannedConnection(settings, fields, named, events, shown)


def _check_files(settings: ConnectionSettings | None, section: Section, findings: Findings) -> None:
    for key in FILES:
        name: str = getattr(settings, key, "")
        path = section.base / name
        if name and not path.is_file():
            findings.add(section.place((key,)), f"there is no file {path}", "write its path from this file's folder")


def _fields(
    rule: Literal["name", "path", "node"], chosen: Selection, names: PointNames, directory: Directory, points: PointList
) -> tuple[DataSetField, ...]:
    texts = [points.points[point.slot].node for point in chosen.points]
    paths = [_path(point, directory) for point in chosen.points]
    called = chosen.called(field_names(paths, texts, rule), texts)
    return tuple(
        _of_field(name, point, names, points, tuple(path))
        if point.field
        else _of_node(name, point, directory, points, tuple(path))
        for name, point, path in zip(called, chosen.points, paths, strict=True)
    )


def _path(point: NamedPoint, directory: Directory) -> list[str]:
    """Give the names below Objects; a field is called by its variable, too."""
    path = directory.path_of(point.node).split("/")[2:]
    return [*path[:-1], f"{path[-1] if path else ''}.{point.field}"] if point.field else path


def _of_field(
    name: str, point: NamedPoint, names: PointNames, points: PointList, path: tuple[str, ...]
) -> DataSetField:
    held = points.points[point.slot]
    return DataSetField(name, point.slot, held.datatype, held.node, data_type=names.data_type(point), path=path)


def _of_node(
    name: str, point: NamedPoint, directory: Directory, points: PointList, path: tuple[str, ...]
) -> DataSetField:
    nodeid, slot, _ = point
    unit = directory.property_value(nodeid, "EngineeringUnits")
    span = directory.property_value(nodeid, "EURange")
    data_type, built_in, rank = directory.data_type(nodeid)
    column = points.points[slot].datatype
    return DataSetField(
        name,
        slot,
        column,
        points.points[slot].node,
        _unit(unit) if isinstance(unit, ua.EUInformation) else "",
        directory.describe(nodeid),
        (float(span.Low), float(span.High)) if isinstance(span, ua.Range) else None,
        data_type,
        None if built_in is column else built_in,
        rank,
        path,
    )


def _unit(information: ua.EUInformation) -> str:
    """Give a unit's UNECE code, or the text it is shown by where it has none."""
    known = unit_of(information)
    return known.code if known is not None else str(information.DisplayName.Text or "")
