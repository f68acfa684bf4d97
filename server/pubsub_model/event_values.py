"""What a PublishedEvents object shows (Part 14 v1.05 9.1.4.4)."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from server.address_space.asyncua_values import encode_variant
from server.address_space.encoding import node_id_variant
from server.address_space.keys import NodeKey, key_of, numeric_key
from server.event_history.paths import path_from_text
from server.plan import Plan
from server.pubsub.events.settings import EventSettings
from server.pubsub_model.shown import ShownDataSet

_SERVER = numeric_key(0, ObjectIds.Server)
_BASE_EVENT_TYPE = ua.NodeId(ua.Int32(ObjectIds.BaseEventType))
_VALUE = 13
_STRUCTURE = ua.VariantType.ExtensionObject


def event_values(dataset: Callable[[], ShownDataSet], plan: Plan) -> dict[str, Callable[[], bytes]]:
    """Give the values by their paths."""
    return {
        "EventNotifier": lambda: node_id_variant(_notifier(dataset(), plan)),
        "SelectedFields": lambda: encode_variant(ua.Variant(_fields(dataset(), plan), _STRUCTURE, is_array=True)),
        "Filter": lambda: encode_variant(ua.Variant(_filter(dataset(), plan), _STRUCTURE)),
    }


def _notifier(dataset: ShownDataSet, plan: Plan) -> NodeKey:
    if not isinstance(dataset.events, EventSettings):  # the gateway's log, which is heard nowhere else
        return _SERVER
    nodeid = plan.directory.known(dataset.events.source)
    return _SERVER if nodeid is None else key_of(nodeid)


def _fields(dataset: ShownDataSet, plan: Plan) -> list[ua.SimpleAttributeOperand]:
    uris = list(plan.nodeids.uris)
    texts = (
        dataset.events.fields_ if isinstance(dataset.events, EventSettings) else [one.name for one in dataset.fields]
    )
    found: list[ua.SimpleAttributeOperand] = []
    for text in texts:
        path = path_from_text(text, lambda uri: uris.index(uri) if uri in uris else None) or ()
        names = [ua.QualifiedName(part.name, ua.UInt16(part.namespace)) for part in path]
        found.append(ua.SimpleAttributeOperand(_BASE_EVENT_TYPE, names, ua.UInt32(_VALUE)))
    return found


def _filter(dataset: ShownDataSet, plan: Plan) -> ua.ContentFilter:
    """Give what lets the types through, each alone or all joined by Or; the rest is told by the configuration."""
    kinds = dataset.events.types if isinstance(dataset.events, EventSettings) else []
    nodeids = [nodeid for nodeid in map(plan.directory.known, kinds) if nodeid is not None]
    elements: list[ua.ContentFilterElement] = []
    for place in range(len(nodeids) - 1):
        either, other = len(nodeids) - 1 + place, place + 1 if place + 2 < len(nodeids) else 2 * len(nodeids) - 2
        operands = [ua.ElementOperand(ua.UInt32(either)), ua.ElementOperand(ua.UInt32(other))]
        elements.append(ua.ContentFilterElement(ua.FilterOperator.Or, operands))
    for nodeid in nodeids:
        literal = ua.LiteralOperand(ua.Variant(nodeid, ua.VariantType.NodeId))
        elements.append(ua.ContentFilterElement(ua.FilterOperator.OfType, [literal]))
    return ua.ContentFilter(elements)
