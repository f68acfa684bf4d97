"""Which events an event DataSet has, and which of their fields: names looked up in the address space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from core.datatypes import DataType
from core.errors import SettingError
from core.settings import nearest
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, nodeid_of, numeric_key
from server.audit.events import AUDIT_EVENT_TYPE
from server.event_history.paths import path_to_text
from server.events.event import BASE_EVENT_TYPE, Event, Path
from server.events.event_types import EventTypes
from server.events.notifiers import may_notify
from server.events.request import SimpleAttribute
from server.events.select_clauses import ClauseRefused, read_clause
from server.events.where_clause import compile_where
from server.pubsub.delivery.streams import DataClass
from server.pubsub.events.settings import EventSettings
from server.pubsub.events.where import where_elements
from server.pubsub.fields import DataSetField
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError

CONDITION_ID: Final = "ConditionId"
"""The NodeId of the Condition, which is no field of its type (Part 9 v1.05 5.5.2)."""
_CONDITION: Final = numeric_key(0, ObjectIds.ConditionType)
_OF_ONE_SUBSCRIPTION: Final = tuple(
    numeric_key(0, number)
    for number in (
        ObjectIds.EventQueueOverflowEventType,
        ObjectIds.RefreshStartEventType,
        ObjectIds.RefreshEndEventType,
        ObjectIds.RefreshRequiredEventType,
    )
)
"""Types of events that tell of one client's subscription."""
_SOURCE, _TYPES, _FIELDS = "source", "types", "fields"
"""Keys of the settings."""
_ANY: Final = "i=24"
_NODE_ID: Final = "i=17"

Find = Callable[[str], NodeKey | None]


class EventSelectionError(SettingError):
    """A name in the settings of an event DataSet means nothing; ``key`` is where it stands."""

    def __init__(self, key: str, problem: str, mend: str) -> None:
        """Tell what is wrong under which key, and what would be right."""
        self.key = key
        super().__init__(problem, mend)


@dataclass(frozen=True, slots=True)
class EventSelection:
    """A DataSet's events: ``passes`` tells which, each of ``looks`` gives a field as an encoded Variant."""

    notifier: NodeKey
    category: DataClass
    fields: tuple[DataSetField, ...]
    passes: Callable[[Event], bool] = field(compare=False)
    looks: tuple[Callable[[Event], bytes], ...] = field(compare=False)


def select_events(
    name: str, settings: EventSettings, types: EventTypes, nodeids: NodeIds, find: Find
) -> EventSelection:
    """Look everything up. ``find`` gives the node of a NodeId's text or a browse path, None where there is none.

    Raises :class:`EventSelectionError`.
    """
    notifier = find(settings.source)
    if notifier is None or not may_notify(types.space, notifier):
        problem = f"{settings.source} is no node that events are heard at"
        raise EventSelectionError(_SOURCE, problem, "name an object with EventNotifier, or leave it out for all")
    kinds = [_type_of(text, types, find) for text in settings.types] or _kinds_of_class(settings.kind)
    excepted = list(_OF_ONE_SUBSCRIPTION)
    if not settings.types:
        excepted += [AUDIT_EVENT_TYPE] if settings.kind == "alarms" else [AUDIT_EVENT_TYPE, _CONDITION]
    passes, told = compile_where(types, where_elements(kinds, excepted, settings.severity))
    if any(one.status for one in told):
        raise EventSelectionError(_TYPES, "the types cannot be told apart from others", "name event types")
    shown = [_look_up(name, text, kinds, types, nodeids) for text in settings.fields_]
    names = [one.name for one, _ in shown]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise EventSelectionError(_FIELDS, f"{twice} is there twice", "name each field once")
    looks = tuple(look for _, look in shown)
    return EventSelection(notifier, settings.kind, tuple(one for one, _ in shown), passes, looks)


def _kinds_of_class(kind: DataClass) -> list[NodeKey]:
    return [_CONDITION] if kind == "alarms" else [BASE_EVENT_TYPE]


def _type_of(text: str, types: EventTypes, find: Find) -> NodeKey:
    """Find an event type by its BrowseName, NodeId or path."""
    space = types.space
    known = {space[key].browse_name.name: key for key in space.subtypes(BASE_EVENT_TYPE)}
    found = known.get(text)
    if found is None:
        found = find(text)
    if found is None or not types.is_event_type(found):
        close = nearest(text, known)
        raise EventSelectionError(_TYPES, f"{text} is no event type", f"did you mean {close}?" if close else "name one")
    return found


def _look_up(
    dataset: str, text: str, kinds: Sequence[NodeKey], types: EventTypes, nodeids: NodeIds
) -> tuple[DataSetField, Callable[[Event], bytes]]:
    """Give a field, and what takes it from an event."""
    node = f"event:{dataset}/{text}"
    if text == CONDITION_ID:
        clause = read_clause(types, SimpleAttribute(_CONDITION, (), AttributeIds.NodeId, None))
        return DataSetField(text, -1, DataType.VARIANT, node, data_type=_NODE_ID), clause.field
    kind, path = _declared(text, kinds, types, nodeids)
    asked = SimpleAttribute(
        BASE_EVENT_TYPE if len(kinds) > 1 or kind == BASE_EVENT_TYPE else kind,
        tuple((part.namespace, part.name) for part in path),
        AttributeIds.Value,
        None,
    )
    try:
        clause = read_clause(types, asked)
    except ClauseRefused as refused:
        raise EventSelectionError(_FIELDS, f"{text} cannot be selected: {refused}", "name a Variable") from None
    data_type, rank = _described(asked.type, path, types, nodeids)
    shown = "/".join(part.name for part in path)
    return DataSetField(shown, -1, DataType.VARIANT, node, data_type=data_type, value_rank=rank), clause.field


def _declared(text: str, kinds: Sequence[NodeKey], types: EventTypes, nodeids: NodeIds) -> tuple[NodeKey, Path]:
    """Find a field of one of the types, or of a subtype: by its names alone where they say which is meant."""
    for kind in kinds:
        for one in (kind, *types.space.subtypes(kind)):
            found = [path for path in types.fields(one) if text in _texts(path, nodeids)]
            if len(found) > 1:
                written = " or ".join(path_to_text(path, nodeids.uris) for path in found)
                raise EventSelectionError(_FIELDS, f"{text} is the name of several fields", f"write {written}")
            if found:
                return one if kind != BASE_EVENT_TYPE else kind, found[0]
    problem = f"no event of these types has a field {text}"
    raise EventSelectionError(_FIELDS, problem, "write BrowseNames with / between them, such as ActiveState/Id")


def _texts(path: Path, nodeids: NodeIds) -> tuple[str, str]:
    return "/".join(part.name for part in path), path_to_text(path, nodeids.uris)


def _described(kind: NodeKey, path: Path, types: EventTypes, nodeids: NodeIds) -> tuple[str, int]:
    """Give DataType and ValueRank of a field; BaseDataType where types differ."""
    declared = [node for node in types.declarations(kind, path) if node.node_class is NodeClass.VARIABLE]
    found = {(node.variable.data_type, node.variable.value_rank) for node in declared if node.variable is not None}
    if len(found) != 1:
        return _ANY, -2
    data_type, rank = found.pop()
    try:
        return nodeids.to_text(nodeid_of(data_type)), rank
    except UnknownNamespaceError:
        return _ANY, -2
