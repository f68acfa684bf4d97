# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false
from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua

from core.time import TICKS_PER_SECOND, to_datetime
from historian.editing import UpdateKind
from server.address_space.keys import NodeKey, nodeid_of, numeric_key
from server.event_history import changing
from server.events.event import EVENT_ID, SERVER, Event
from server.ua_stack.history.pages import HistoryRefused
from server.ua_stack.history.requests import UpdateEvents
from tests.unit.server.address_space.plant import key
from tests.unit.server.event_history.kept import HALL, PUMP, VAULT, Kept, context, filter_of
from tests.unit.server.events.plant import MESSAGE, NOW, OTHER, OWN, SOURCE, clause, element, encoded, literal, own

INSERT, REPLACE, UPDATE, DELETE = UpdateKind
NAMES = ("EventId", "EventType", "Time", "SourceNode", "Severity", "Message")
CLAUSES = [clause(name) for name in NAMES]
ENGINEER, OBSERVER, ADMIN = context("Engineer"), context("Observer"), context("ConfigureAdmin")


def row(
    event_id: bytes | None, message: str, seconds: int = 1, source: NodeKey = SOURCE, kind: NodeKey = OWN, **more: Any
) -> list[Any]:
    given = {
        "EventId": ua.Variant(event_id, ua.VariantType.ByteString),
        "EventType": nodeid_of(kind),
        "Time": to_datetime(NOW + seconds * TICKS_PER_SECOND),
        "SourceNode": nodeid_of(source),
        "Severity": ua.Variant(300, ua.VariantType.UInt16),
        "Message": ua.LocalizedText(message),
    }
    return [{**given, **more}[name] for name in NAMES]


def id_of(event: Event) -> bytes:
    held = event.value(EVENT_ID)
    assert held is not None
    return held.held


async def test_what_is_inserted_is_read_like_what_happened(kept: Kept) -> None:
    assert await kept.update(INSERT, CLAUSES, row(b"a", "past"), row(None, "made", 2), by=ENGINEER) == [
        "GoodEntryInserted",
        "GoodEntryInserted",
    ]
    names = ("EventId", "EventType", "SourceNode", "SourceName", "Severity", "Message")
    past, made = await kept.read(select=[clause(name) for name in names], by=ENGINEER)
    assert past[:5] == [b"a", nodeid_of(OWN), nodeid_of(SOURCE), "Tank", 300]
    assert past[5].Text == "past"
    assert len(made[0]) == 16
    assert await kept.update(INSERT, CLAUSES, row(b"a", "again")) == ["BadEntryExists"]


async def test_a_replacement_leaves_fields_that_are_not_selected(kept: Kept) -> None:
    happened = kept.event("leak", 3, fields={"Score": encoded(2.5)})
    await kept.put(happened)
    select = [clause("EventId"), clause("Message")]
    rows = [[id_of(happened), ua.LocalizedText("no leak")], [b"unknown", ua.LocalizedText("x")]]
    assert await kept.update(REPLACE, select, *rows, by=ENGINEER) == ["GoodEntryReplaced", "BadNoEntryExists"]
    read = await kept.read(select=[MESSAGE, own("Score"), clause("Severity"), clause("Time")])
    assert [(one[0].Text, *one[1:3]) for one in read] == [("no leak", 2.5, 500)]


async def test_an_update_is_one_or_the_other(kept: Kept) -> None:
    happened = kept.event("leak", 3)
    await kept.put(happened)
    rows = (row(id_of(happened), "changed", 5), row(b"new", "new", 4))
    assert await kept.update(UPDATE, CLAUSES, *rows) == ["GoodEntryReplaced", "GoodEntryInserted"]
    assert await kept.messages() == ["new", "changed"]


async def test_events_are_deleted_by_their_id(kept: Kept) -> None:
    events = [kept.event("a", 1), kept.event("b", 2)]
    await kept.put(*events)
    first = id_of(events[0])
    assert await kept.delete(first, b"unknown", first, by=ADMIN) == ["Good", "BadEventIdUnknown", "BadEventIdUnknown"]
    assert await kept.messages() == ["b"]


async def test_fields_that_the_type_has_not_are_ignored_and_that_is_told(kept: Kept) -> None:
    select = [*CLAUSES, clause("ActiveState", "Id")]
    statuses = await kept.update(INSERT, select, [*row(b"a", "past"), True], [*row(b"b", "x", kind=OTHER), True])
    assert statuses == ["GoodDataIgnored", "GoodDataIgnored"]
    assert await kept.update(INSERT, select, [*row(b"a", "past"), True]) == ["BadEntryExists"]
    assert await kept.messages() == ["past", "x"]


async def test_a_condition_s_event_can_be_brought(kept: Kept) -> None:
    condition = clause(kind=numeric_key(0, 2782), attribute=ua.AttributeIds.NodeId)
    alarm = numeric_key(0, 10637)
    given = [*row(b"a", "high", kind=alarm), True, nodeid_of(key("LevelAlarm"))]
    select = [*CLAUSES, clause("ActiveState", "Id"), condition]
    assert await kept.update(INSERT, select, given) == ["GoodEntryInserted"]
    assert await kept.read(select=[clause("ActiveState", "Id"), condition]) == [[True, ua.NodeId("LevelAlarm", 2)]]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"EventType": ua.NodeId(2042)}, "BadTypeDefinitionInvalid"),
        ({"EventType": ua.Variant()}, "BadTypeDefinitionInvalid"),
        ({"SourceNode": ua.NodeId("Nowhere", 2)}, "BadSourceNodeIdInvalid"),
        ({"SourceNode": ua.NodeId()}, "GoodEntryInserted"),
        ({"Time": ua.DateTime(1601, 1, 1)}, "BadOutOfRange"),
        ({"Severity": ua.Variant(0, ua.VariantType.UInt16)}, "BadOutOfRange"),
        ({"Severity": ua.Variant(5, ua.VariantType.Int32)}, "BadTypeMismatch"),
        ({"EventId": "text"}, "BadTypeMismatch"),
    ],
)
async def test_each_event_has_a_status_of_its_own(kept: Kept, changed: dict[str, Any], status: str) -> None:
    rows = (row(b"bad", "bad", **changed), row(b"good", "good"))
    assert await kept.update(INSERT, CLAUSES, *rows) == [status, "GoodEntryInserted"]
    assert await kept.update(INSERT, CLAUSES, row(b"x", "x")[:3]) == ["BadInvalidArgument"]


@pytest.mark.parametrize(
    ("kind", "select", "where", "status"),
    [
        (INSERT, CLAUSES[2:], [], "BadArgumentsMissing"),
        (REPLACE, CLAUSES[1:], [], "BadArgumentsMissing"),
        (INSERT, [*CLAUSES, clause("Message", index_range="1:2")], [], "BadEventFilterInvalid"),
        (INSERT, CLAUSES, [element(0, literal(1), literal(1))], "BadEventFilterInvalid"),
        (DELETE, CLAUSES, [], "BadInvalidArgument"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(
    kept: Kept, kind: UpdateKind, select: list[Any], where: list[Any], status: str
) -> None:
    details = UpdateEvents(SERVER, int(kind), filter_of(select, where), (bytes(4),))
    with pytest.raises(HistoryRefused) as refused:
        await kept.access.update(details, ENGINEER)
    assert ua.StatusCode(ua.UInt32(refused.value.status)).name == status


async def test_who_may_change(kept: Kept) -> None:
    happened = kept.event("a", 1)
    await kept.put(happened)
    for by in (OBSERVER, context()):
        assert await refusal(kept.update(INSERT, CLAUSES, row(b"x", "x"), by=by)) == "BadUserAccessDenied"
        assert await refusal(kept.delete(id_of(happened), by=by)) == "BadUserAccessDenied"
    assert await refusal(kept.delete(id_of(happened), by=ENGINEER)) == "BadUserAccessDenied"
    assert await refusal(kept.delete(id_of(happened), notifier=SOURCE, by=ADMIN)) == "BadHistoryOperationUnsupported"
    assert await kept.messages() == ["a"]


async def test_nobody_changes_what_they_do_not_hear(kept: Kept) -> None:
    vault, tank = kept.event("vault", 1, source=VAULT), kept.event("tank", 2)
    await kept.put(vault, tank)
    assert await kept.delete(id_of(vault), by=ADMIN) == ["BadEventIdUnknown"]
    assert await kept.delete(id_of(tank), notifier=HALL, by=ADMIN) == ["BadEventIdUnknown"]
    rows = (row(id_of(vault), "x", source=PUMP), row(b"new", "x", source=VAULT))
    assert await kept.update(UPDATE, CLAUSES, *rows, by=ADMIN) == ["BadEntryExists", "BadUserAccessDenied"]
    assert await kept.update(REPLACE, CLAUSES, rows[0], by=ADMIN) == ["BadNoEntryExists"]
    given = (row(b"a", "a"), row(b"b", "b", source=PUMP))
    assert await kept.update(INSERT, CLAUSES, *given, notifier=HALL, by=ADMIN) == [
        "BadSourceNodeIdInvalid",
        "GoodEntryInserted",
    ]
    assert sorted(await kept.messages()) == ["b", "tank", "vault"]


async def test_changes_have_a_size(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "MOST_EVENTS", 2)
    rows = [row(b"%d" % number, "x") for number in range(3)]
    assert await refusal(kept.update(INSERT, CLAUSES, *rows)) == "BadTooManyOperations"
    assert await refusal(kept.update(INSERT, CLAUSES)) == "BadNothingToDo"
    assert await refusal(kept.delete()) == "BadNothingToDo"


async def refusal(change: Any) -> str:
    with pytest.raises(HistoryRefused) as refused:
        await change
    return ua.StatusCode(ua.UInt32(refused.value.status)).name
