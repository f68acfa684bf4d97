from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest

from nodesets.built_in_types import BuiltInType, LocalizedText, Variant
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import NodeKey, key_of, nodeid_of, numeric_key
from server.address_space.space import AddressSpace
from server.address_space.structured import StructureCodec
from server.events.emitter import Emitter
from server.events.event import MESSAGE, SERVER, SEVERITY, Event, Path
from server.events.event_types import EventTypes
from server.events.notifiers import Notifiers
from server.pubsub.events.contract import EventParts, EventSource
from server.pubsub.events.selection import EventSelectionError, select_events
from server.pubsub.events.settings import EventSettings
from server.pubsub.events.source import AddressSpaceEvents
from server.ua_stack.nodeids import NodeIds
from tests.unit.server.event_history.kept import HALL, PUMP, URIS, served_plant
from tests.unit.server.events.plant import NOW, OTHER, OWN, SOURCE, encoded

ALARM, AUDIT, OVERFLOW = (numeric_key(0, number) for number in (10637, 2052, 3035))
NODEIDS = NodeIds(URIS)
CODEC = StructureCodec(TypeRegistry(), ListedNamespaces(URIS))


@lru_cache(1)
def _types() -> EventTypes:
    return EventTypes(served_plant())


def _find(text: str) -> NodeKey | None:
    named = {"/Objects/Hall": HALL, "/Objects/Pump": PUMP}
    if text in named:
        return named[text]
    return key_of(NODEIDS.from_text(text)) if text.startswith(("i=", "nsu=")) else None


def _select(**settings: Any) -> Any:
    return select_events("plant", EventSettings.model_validate(settings), _types(), NODEIDS, _find)


class _Plant:
    """An address space's events, heard by one source."""

    def __init__(self, capacity: int = 100, kind: str = "events", **settings: Any) -> None:
        space: AddressSpace = served_plant()
        self.listeners: list[Callable[[Event], None]] = []
        self.emitter = Emitter(_types(), lambda: NOW, abstract=True)
        selection = _select(**{"class": kind, **settings})
        self.source = AddressSpaceEvents("plant", selection, self.listeners, Notifiers(space), lambda: CODEC, capacity)
        self.source.start()

    def tell(
        self,
        kind: NodeKey,
        message: str,
        severity: int = 500,
        source: NodeKey = SOURCE,
        fields: dict[str | Path, bytes] | None = None,
    ) -> None:
        event = self.emitter.make(kind, source, message, severity, fields)
        for listen in self.listeners:
            listen(event)

    def taken(self) -> list[dict[str, Variant]]:
        return [_row(self.source, parts) for parts in self.source.take()]

    def messages(self) -> list[object]:
        texts = (row["Message"].value for row in self.taken())
        return [one.text for one in texts if isinstance(one, LocalizedText)]


def _row(source: EventSource, event: EventParts) -> dict[str, Variant]:
    (part,) = event.parts
    return {source.fields[place].name: value for place, value in zip(part.index.tolist(), part.values, strict=True)}


def test_an_event_is_its_selected_fields_with_their_types() -> None:
    plant = _Plant(fields=["Message", "Severity", "Time", "SourceNode", "Score"])
    plant.tell(OWN, "leak", fields={"Score": encoded(1.5)})
    (event,) = plant.source.take()
    assert event.time == NOW
    assert _row(plant.source, event) == {
        "Message": Variant(BuiltInType.LocalizedText, LocalizedText(None, "leak")),
        "Severity": Variant(BuiltInType.UInt16, 500),
        "Time": Variant(BuiltInType.DateTime, NOW),
        "SourceNode": Variant(BuiltInType.NodeId, NodeName(URIS[2], "s", "Tank")),
        "Score": Variant(BuiltInType.Double, 1.5),
    }
    (column,) = event.parts
    assert [encode_variant(value) for value in column.values] == [value.encoded for value in column.values]
    described = {field.name: (field.data_type, field.value_rank, field.slot) for field in plant.source.fields}
    assert described["Message"] == ("i=21", -1, -1)
    # Two types have a Score, of a Double and of a String.
    assert described["Score"] == ("i=24", -2, -1)


def test_alarms_and_events_are_told_apart_by_class_and_audit_events_are_in_neither() -> None:
    alarms, events = _Plant(kind="alarms"), _Plant()
    for plant in (alarms, events):
        plant.tell(ALARM, "hot")
        plant.tell(OWN, "leak")
        plant.tell(AUDIT, "who")
        plant.tell(OVERFLOW, "full", source=SERVER)
    assert (alarms.messages(), alarms.source.category) == (["hot"], "alarms")
    assert (events.messages(), events.source.category) == (["leak"], "events")
    audited = _Plant(types=["AuditEventType"])
    audited.tell(AUDIT, "who")
    assert audited.messages() == ["who"]


def test_types_severity_and_source_choose() -> None:
    plant = _Plant(types=["AlarmConditionType"], severity=600)
    plant.tell(ALARM, "quiet", 500)
    plant.tell(ALARM, "loud", 600)
    plant.tell(OWN, "other type", 900)
    assert plant.messages() == ["loud"]
    hall = _Plant(source="/Objects/Hall")
    hall.tell(OWN, "tank")
    hall.tell(OWN, "pump", source=PUMP)
    assert hall.messages() == ["pump"]


def test_fields_of_conditions_by_their_paths_and_what_an_event_has_not_got_is_null() -> None:
    plant = _Plant(
        types=["AlarmConditionType", "AnomalyEventType"], fields=["ActiveState/Id", "ConditionId", "Message"]
    )
    plant.tell(OWN, "leak")
    (row,) = plant.taken()
    assert row["ActiveState/Id"].type is row["ConditionId"].type is BuiltInType.Null
    plant.tell(ALARM, "hot", fields={"ActiveState/Id": encoded(2.5)})
    assert plant.taken()[0]["ActiveState/Id"] == Variant(BuiltInType.Double, 2.5)


def test_the_queue_is_bounded_and_counts_what_it_drops() -> None:
    plant = _Plant(capacity=3)
    for number in range(5):
        plant.tell(OWN, f"e{number}")
    counters = plant.source.counters
    assert (counters.acquired, counters.dropped, counters.waiting) == (5, 2, 3)
    assert plant.source.arrived.is_set()
    assert len(plant.source.take(2)) == 2
    assert plant.source.arrived.is_set()
    assert plant.messages() == ["e4"]
    assert not plant.source.arrived.is_set()


def test_what_is_no_event_harms_nobody() -> None:
    plant = _Plant(fields=["Message", "Severity"], severity=2)
    for listen in plant.listeners:
        listen(Event(OWN, SOURCE, {SEVERITY: b"\xff"}))
    plant.tell(OWN, "fine")
    assert (plant.source.counters.acquired, plant.source.counters.failed) == (2, 1)
    assert plant.messages() == ["fine"]
    unreadable = _Plant(fields=["Message"])
    for listen in unreadable.listeners:
        listen(Event(OWN, SOURCE, {MESSAGE: b"\x16\xff"}))
    assert [row["Message"].type for row in unreadable.taken()] == [BuiltInType.Null]


def test_what_was_heard_before_the_stop_can_still_be_taken() -> None:
    plant = _Plant()
    plant.source.start()
    plant.tell(OWN, "once")
    plant.source.stop()
    plant.source.stop()
    plant.tell(OWN, "late")
    assert plant.messages() == ["once"]


@pytest.mark.parametrize(
    ("settings", "key", "told"),
    [
        ({"source": "/Objects/Nowhere"}, "source", "no node"),
        ({"source": "/Objects/Pump"}, "source", "no node"),
        ({"types": ["AlarmConditionTyp"]}, "types", "AlarmConditionType"),
        ({"types": ["i=58"]}, "types", "no event type"),
        ({"fields": ["Mesage"]}, "fields", "has a field"),
        ({"fields": ["Message", "Message"]}, "fields", "twice"),
    ],
)
def test_names_that_mean_nothing_are_told(settings: dict[str, Any], key: str, told: str) -> None:
    with pytest.raises(EventSelectionError, match=told) as caught:
        _select(**settings)
    assert caught.value.key == key


def test_a_type_may_be_named_by_its_node() -> None:
    plant = _Plant(types=[NODEIDS.to_text(nodeid_of(OTHER))])
    plant.tell(OTHER, "other")
    assert plant.messages() == ["other"]
