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
from server.plan.lookup import Lookup
from server.plan.partial import sound_part, texts_of
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


def plan_pubsub(document: Document, lookup: Lookup, points: PointList, findings: Findings) -> PlannedPubSub | None:
    """Read the ``pubsub:`` section; nodes are looked up even where its other keys are wrong."""
    if "pubsub" not in document:
        return None
    section = document.section(("pubsub",))
    settings = build(PubSubSettings, section, findings)
    nodes = {
        name: _nodes(dataset, lookup, points, findings)
        for name, dataset in section.members("datasets", Findings()).items()
    }
    _check_files(settings or sound_part(PubSubSettings, section), section, findings)
    if settings is None or findings:
        return None
    fields = {
        name: _fields(dataset, nodes[name], lookup.directory, points) for name, dataset in settings.datasets.items()
    }
    return PlannedPubSub(settings, fields)


def _check_files(settings: PubSubSettings | None, section: Section, findings: Findings) -> None:
    for key in FILES:
        name: str = getattr(settings, key, "")
        path = section.base / name
        if name and not path.is_file():
            findings.add(section.place((key,)), f"there is no file {path}", "write its path from this file's folder")


def _nodes(section: Section, lookup: Lookup, points: PointList, findings: Findings) -> list[ua.NodeId]:
    """Find the points that a dataset's names and patterns mean."""
    chosen: dict[ua.NodeId, None] = {}
    for text, place in texts_of(section, "nodes"):
        if not _is_name(text):
            continue
        found = lookup.match(text, place)
        held = [nodeid for nodeid in found if nodeid in points.slots]
        if found and not held:
            findings.add(place, f"{text} means no variable whose value changes", "name points")
        chosen.update(dict.fromkeys(held))
    return list(chosen)


def _is_name(text: str) -> bool:
    """Tell whether a text has the form of a node's name; where it has not, the settings have told it."""
    try:
        _NODE_TEXT.validate_python(text)
    except ValidationError:
        return False
    return True


def _fields(
    dataset: DataSetSettings, nodes: list[ua.NodeId], directory: Directory, points: PointList
) -> tuple[DataSetField, ...]:
    slots = [points.slots[nodeid] for nodeid in nodes]
    texts = [points.points[slot].node for slot in slots]
    paths = [directory.path_of(nodeid).split("/")[2:] for nodeid in nodes]
    names = field_names(paths, texts, dataset.names)
    fields: list[DataSetField] = []
    for nodeid, slot, name in zip(nodes, slots, names, strict=True):
        unit = directory.property_value(nodeid, "EngineeringUnits")
        span = directory.property_value(nodeid, "EURange")
        data_type, built_in, rank = directory.data_type(nodeid)
        column = points.points[slot].datatype
        fields.append(
            DataSetField(
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
        )
    return tuple(fields)


def _unit(information: ua.EUInformation) -> str:
    """Give a unit's UNECE code, or the text it is shown by where it has none."""
    known = unit_of(information)
    return known.code if known is not None else str(information.DisplayName.Text or "")
