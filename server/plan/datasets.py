"""The ``pubsub:`` section: its settings, and the fields that its datasets' nodes and patterns mean."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

from dataclasses import dataclass

from asyncua import ua

from core.errors import Findings
from core.settings import Document, build
from server.plan.points import PointList
from server.pubsub.fields import DataSetField, field_names
from server.pubsub.settings import DataSetSettings, PubSubSettings
from server.ua_stack.browse import Directory, NodeNotFoundError


@dataclass(frozen=True, slots=True)
class PlannedPubSub:
    """A broker connection with the fields of each dataset."""

    settings: PubSubSettings
    fields: dict[str, tuple[DataSetField, ...]]


def plan_pubsub(
    document: Document, directory: Directory | None, points: PointList, findings: Findings
) -> PlannedPubSub | None:
    """Read the ``pubsub:`` section; without a ``directory`` (the model is wrong) nodes are not looked up."""
    if "pubsub" not in document:
        return None
    section = document.section(("pubsub",))
    settings = build(PubSubSettings, section, findings)
    if settings is None or directory is None:
        return None
    fields: dict[str, tuple[DataSetField, ...]] = {}
    for name, dataset in settings.datasets.items():
        chosen: dict[ua.NodeId, None] = {}
        for position, pattern in enumerate(dataset.nodes):
            place = section.place(("datasets", name, "nodes", position))
            try:
                found = directory.match(pattern)
            except NodeNotFoundError as error:
                findings.add(place, error.problem, error.mend)
                continue
            held = [nodeid for nodeid in found if nodeid in points.slots]
            if not held:
                findings.add(place, f"{pattern} means no variable whose value changes", "name points")
            chosen.update(dict.fromkeys(held))
        fields[name] = _fields(dataset, list(chosen), directory, points)
    return PlannedPubSub(settings, fields)


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
        fields.append(
            DataSetField(
                name,
                slot,
                points.points[slot].datatype,
                points.points[slot].node,
                str(unit.DisplayName.Text or "") if isinstance(unit, ua.EUInformation) else "",
                directory.describe(nodeid),
                (float(span.Low), float(span.High)) if isinstance(span, ua.Range) else None,
            )
        )
    return tuple(fields)
