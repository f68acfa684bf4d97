"""Events: select and where clauses, overflow (Part 4 v1.05 5.13.1.5, 7.7, 7.22.3)."""

from __future__ import annotations

from typing import Any

from tests.foreign.steps.described import EVENT_NOTIFIER, VALUE, item
from tests.foreign.steps.message import statuses
from tests.foreign.steps.stage import PLANTSPACE, SERVER, TAGS, Stage, Subscription
from tests.foreign.steps.step import steps

BASE_EVENT, OVERFLOW_EVENT = "i=2041", "i=3035"
GREATER_OR_EQUAL, AND, OF_TYPE = 4, 10, 14
SEVERITY_OF_ANOMALY = 600


def event_fields(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    select = [*_clauses("EventType", "SourceNode", "Severity", "Message"), _score(stage), *_clauses("Nothing")]
    subscription.monitor(_events(select, [_of_type(stage.node("AnomalyEventType", PLANTSPACE))]))
    _raise_anomaly(stage)
    (message,) = subscription.collect(1)
    ((handle, fields),) = message.events
    assert handle == 1
    kind, source, severity, text, score, nothing = fields
    assert kind == stage.node("AnomalyEventType", PLANTSPACE)
    assert source == stage.node("analytics.watch", TAGS)
    assert severity == SEVERITY_OF_ANOMALY
    assert "watch: anomaly" in text
    assert abs(score) > 8.0
    assert nothing is None, "a field that no event has"


def event_of_type(stage: Stage) -> None:
    anomaly, health = (stage.node(one, PLANTSPACE) for one in ("AnomalyEventType", "DeviceHealthEventType"))
    subscription = Subscription(stage.session).begun()
    select = _clauses("EventType")
    wanted = (anomaly, health, BASE_EVENT)
    subscription.monitor(*[_events(select, [_of_type(one)], number) for number, one in enumerate(wanted)])
    _raise_anomaly(stage)
    told: list[tuple[int, list[Any]]] = []
    while len(told) < 2:  # a device that was late for a moment has events of its own
        told += [event for message in subscription.collect(1) for event in message.events if event[1] == [anomaly]]
    assert sorted(told) == [(0, [anomaly]), (2, [anomaly])], "the type itself and its supertype"


def event_and_severity(stage: Stage) -> None:
    anomaly = stage.node("AnomalyEventType", PLANTSPACE)
    subscription = Subscription(stage.session).begun()
    select = _clauses("Severity")
    subscription.monitor(
        *[
            _events(select, [_element(AND, _index(1), _index(2)), _of_type(anomaly), _at_least(least)], least)
            for least in (SEVERITY_OF_ANOMALY - 1, SEVERITY_OF_ANOMALY, SEVERITY_OF_ANOMALY + 1)
        ]
    )
    _raise_anomaly(stage)
    told = [event for message in subscription.collect(2) for event in message.events]
    assert sorted(told) == [(least, [SEVERITY_OF_ANOMALY]) for least in (599, 600)]


def event_queue_overflow(stage: Stage) -> None:
    anomaly = stage.node("AnomalyEventType", PLANTSPACE)
    witness = Subscription(stage.session).begun()
    of_type = [_of_type(anomaly)]
    witness.monitor(_events(_clauses("EventType"), of_type, size=100))
    with stage.other_session() as other:
        narrow = Subscription(other).begun()
        narrow.monitor(
            _events(_clauses("EventType"), of_type, handle=1, size=2),
            _events(_clauses("EventType"), of_type, handle=2, size=2, discard_oldest=False),
        )
        narrow.enable(publishing=False)
        for _ in range(4):
            _raise_anomaly(stage)
            assert len(witness.collect(1)) == 1
        narrow.enable(publishing=True)
        told = [event for message in narrow.collect(2) for event in message.events]
    overflow, plain = [OVERFLOW_EVENT], [anomaly]
    assert [one for handle, one in told if handle == 1] == [overflow, plain, plain], "first, beside what fits"
    assert [one for handle, one in told if handle == 2] == [plain, plain, overflow], "last, beside what fits"


def event_filter_refused(stage: Stage) -> None:
    subscription = Subscription(stage.session).begun()
    answer = subscription.create(
        _events(_clauses("EventType"), [_element(AND, _index(7), _index(8))], 1),
        _events(_clauses("EventType"), [_element(OF_TYPE)], 2),
        _events(_clauses("EventType"), [_element(OF_TYPE, _literal("UInt16", 1))], 3),
        _events(_clauses("EventType"), handle=4),
    )
    assert statuses(answer) == ["BadEventFilterInvalid"] * 3 + ["Good"]
    _raise_anomaly(stage)
    assert {handle for message in subscription.collect(1) for handle, _ in message.events} == {4}


def _raise_anomaly(stage: Stage) -> None:
    """Let the operator see a signal that stands still, and then one value that does not fit."""
    stage.write("Plain", *[5.0] * 12)
    stage.wait(lambda: stage.read(stage.node("analytics.watch.Anomaly", TAGS)) is False)
    stage.write("Plain", 500.0)
    stage.wait(lambda: stage.read(stage.node("analytics.watch.Anomaly", TAGS)) is True)


def _events(
    select: list[dict[str, Any]],
    where: list[dict[str, Any]] | None = None,
    handle: int = 1,
    size: int = 10,
    *,
    discard_oldest: bool = True,
) -> dict[str, Any]:
    filtered = {"is": "EventFilter", "selectClauses": select, "whereClause": {"elements": where or []}}
    return item(SERVER, handle, size=size, discard_oldest=discard_oldest, filtered=filtered, attribute=EVENT_NOTIFIER)


def _clauses(*names: str) -> list[dict[str, Any]]:
    return [_clause(BASE_EVENT, 0, name) for name in names]


def _score(stage: Stage) -> dict[str, Any]:
    kind = stage.node("AnomalyEventType", PLANTSPACE)
    return _clause(kind, stage.namespaces.index(PLANTSPACE), "Score")


def _clause(kind: str, namespace: int, name: str) -> dict[str, Any]:
    path = [{"namespaceIndex": namespace, "name": name}]
    return {"typeDefinitionId": kind, "browsePath": path, "attributeId": VALUE}


def _element(operator: int, *operands: dict[str, Any]) -> dict[str, Any]:
    return {"filterOperator": operator, "filterOperands": list(operands)}


def _of_type(kind: str) -> dict[str, Any]:
    return _element(OF_TYPE, _literal("NodeId", kind))


def _at_least(severity: int) -> dict[str, Any]:
    held = {"is": "SimpleAttributeOperand", **_clause(BASE_EVENT, 0, "Severity")}
    return _element(GREATER_OR_EQUAL, held, _literal("UInt16", severity))


def _index(number: int) -> dict[str, Any]:
    return {"is": "ElementOperand", "index": number}


def _literal(kind: str, value: Any) -> dict[str, Any]:
    return {"is": "LiteralOperand", "value": {"type": kind, "value": value}}


STEPS = steps(event_fields, event_of_type, event_and_severity, event_queue_overflow, event_filter_refused)
