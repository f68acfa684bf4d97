"""The ``pubsub:`` section: its settings, and the fields that its datasets' nodes and patterns mean."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

from dataclasses import dataclass

from asyncua import ua
from pydantic import TypeAdapter, ValidationError

from core.errors import Findings
from core.settings import Document, Section, build
from nodesets.ua_units import unit_of
from server.plan.partial import sound_part, texts_of
from server.plan.point_names import NamedPoint, PointNames
from server.plan.points import PointList
from server.pubsub.fields import DataSetField, field_names
from server.pubsub.settings import FILES, DataSetSettings, NodeText, PubSubSettings
from server.ua_stack.browse import Directory

_NODE_TEXT: TypeAdapter[str] = TypeAdapter(NodeText)


@dataclass(frozen=True, slots=True)
class PlannedPubSub:
    """A broker connection with the fields of each dataset."""

    settings: PubSubSettings
    fields: dict[str, tuple[DataSetField, ...]]


def plan_pubsub(
    document: Document, names: PointNames, directory: Directory, points: PointList, findings: Findings
) -> PlannedPubSub | None:
    """Read the ``pubsub:`` section; nodes are looked up even where its other keys are wrong."""
    if "pubsub" not in document:
        return None
    section = document.section(("pubsub",))
    settings = build(PubSubSettings, section, findings)
    chosen = {
        name: _chosen(dataset, names, findings) for name, dataset in section.members("datasets", Findings()).items()
    }
    _check_files(settings or sound_part(PubSubSettings, section), section, findings)
    if settings is None or findings:
        return None
    fields = {
        name: _fields(dataset, chosen[name], names, directory, points) for name, dataset in settings.datasets.items()
    }
    return PlannedPubSub(settings, fields)


def _check_files(settings: PubSubSettings | None, section: Section, findings: Findings) -> None:
    for key in FILES:
        name: str = getattr(settings, key, "")
        path = section.base / name
        if name and not path.is_file():
            findings.add(section.place((key,)), f"there is no file {path}", "write its path from this file's folder")


def _chosen(section: Section, names: PointNames, findings: Findings) -> list[NamedPoint]:
    """Find the points that a dataset's names and patterns mean."""
    chosen: dict[int, NamedPoint] = {}
    for text, place in texts_of(section, "nodes"):
        if not _is_name(text):
            continue
        found = names.match(text, place)
        if found is not None and not found:
            findings.add(place, f"{text} means no variable whose value changes", "name points")
        for point in found or ():
            chosen.setdefault(point.slot, point)
    return list(chosen.values())


def _is_name(text: str) -> bool:
    """Tell whether a text has the form of a node's name; where it has not, the settings have told it."""
    try:
        _NODE_TEXT.validate_python(text)
    except ValidationError:
        return False
    return True


def _fields(
    dataset: DataSetSettings, chosen: list[NamedPoint], names: PointNames, directory: Directory, points: PointList
) -> tuple[DataSetField, ...]:
    texts = [points.points[point.slot].node for point in chosen]
    paths = [_path(point, directory) for point in chosen]
    called = field_names(paths, texts, dataset.names)
    return tuple(
        _of_field(name, point, names, points) if point.field else _of_node(name, point, directory, points)
        for name, point in zip(called, chosen, strict=True)
    )


def _path(point: NamedPoint, directory: Directory) -> list[str]:
    """Give the names below Objects; a field is called by its variable, too."""
    path = directory.path_of(point.node).split("/")[2:]
    return [*path[:-1], f"{path[-1] if path else ''}.{point.field}"] if point.field else path


def _of_field(name: str, point: NamedPoint, names: PointNames, points: PointList) -> DataSetField:
    held = points.points[point.slot]
    return DataSetField(name, point.slot, held.datatype, held.node, data_type=names.data_type(point))


def _of_node(name: str, point: NamedPoint, directory: Directory, points: PointList) -> DataSetField:
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
    )


def _unit(information: ua.EUInformation) -> str:
    """Give a unit's UNECE code, or the text it is shown by where it has none."""
    known = unit_of(information)
    return known.code if known is not None else str(information.DisplayName.Text or "")
