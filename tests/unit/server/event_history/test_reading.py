# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from core.errors import StoreUnavailable
from server.address_space.keys import numeric_key
from server.address_space.session_context import GATEWAY
from server.event_history import reading
from server.events.event import SERVER
from server.ua_stack.history.pages import HistoryRefused
from tests.loop_monitor import held_each_time
from tests.unit.server.address_space.plant import key
from tests.unit.server.event_history.kept import HALL, PUMP, VAULT, Kept, asked, context, fields_of
from tests.unit.server.events.plant import OWN, SOURCE, SUB, clause, element, encoded, literal, own

OBSERVER = context("Observer")
GREATER, OF_TYPE, AND = 2, 14, 10


def names(many: range) -> list[str]:
    return [f"e{number}" for number in many]


async def test_reads_in_time_both_ways_and_by_count(kept: Kept) -> None:
    await kept.put(*(kept.event(f"e{number}", number) for number in range(20)))
    assert await kept.messages(5, 9) == names(range(5, 9))
    assert await kept.messages(9, 5) == names(range(9, 5, -1))
    assert await kept.messages(17, None, wanted=9) == names(range(17, 20))
    assert await kept.messages(None, 2, wanted=9) == names(range(2, -1, -1))
    assert await kept.messages(0, 20, most=3) == names(range(20))
    assert await kept.messages(30, 40) == []


async def test_fields_and_the_where_clause_are_those_of_subscriptions(kept: Kept) -> None:
    await kept.put(
        *(kept.event(f"e{number}", number, fields={"Score": encoded(float(number))}) for number in range(6)),
        kept.event("special", 7, kind=SUB, fields={"Score": encoded(9.0), "Extra": encoded(3, ua.VariantType.Int32)}),
    )
    high = element(GREATER, own("Score"), literal(4.0))
    assert await kept.messages(where=[high]) == ["e5", "special"]
    sub = element(OF_TYPE, literal(ua.NodeId("SpecialAnomalyEventType", 2)))
    select = [own("Extra"), own("Score", kind=OWN), clause("SourceName"), clause("Nowhere", kind=OWN)]
    assert await kept.read(select=select, where=[sub]) == [[3, 9.0, "Tank", None]]


async def test_the_condition_id_is_there(kept: Kept) -> None:
    condition = numeric_key(0, 2782)
    alarm = kept.event("high", kind=numeric_key(0, 10637), condition=key("LevelAlarm"))
    await kept.put(alarm)
    select = [clause(kind=condition, attribute=ua.AttributeIds.NodeId)]
    assert await kept.read(select=select) == [[ua.NodeId("LevelAlarm", 2)]]


async def test_a_notifier_has_the_events_of_sources_below_it(kept: Kept) -> None:
    await kept.put(kept.event("tank", 1), kept.event("pump", 2, source=PUMP), kept.event("hall", 3, source=HALL))
    assert await kept.messages(notifier=SERVER) == ["tank", "pump", "hall"]
    assert await kept.messages(notifier=HALL) == ["pump", "hall"]
    assert await kept.messages(notifier=HALL, by=OBSERVER) == ["pump", "hall"]


async def test_who_may_not_hear_of_a_source_reads_nothing_of_it(kept: Kept) -> None:
    await kept.put(kept.event("vault", 1, source=VAULT), kept.event("pump", 2, source=PUMP))
    assert await kept.messages(by=OBSERVER) == ["pump"]
    assert await kept.messages(by=context("Engineer")) == ["vault", "pump"]


@pytest.mark.parametrize(
    ("notifier", "roles", "status"),
    [
        (SERVER, (), "BadUserAccessDenied"),
        (SERVER, ("Observer",), ""),
        (SERVER, ("SecurityAdmin",), "BadUserAccessDenied"),
        (HALL, ("Observer",), ""),
        (HALL, (), "BadNodeIdUnknown"),
        (SOURCE, ("Observer",), "BadHistoryOperationUnsupported"),
        (key("Nowhere"), ("Observer",), "BadNodeIdUnknown"),
    ],
)
async def test_who_may_read(kept: Kept, notifier: object, roles: tuple[str, ...], status: str) -> None:
    assert await refusal(kept, notifier=notifier, by=context(*roles)) == status


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"start": None, "end": None, "wanted": 5}, "BadInvalidTimestampArgument"),
        ({"start": 3, "end": None}, "BadInvalidTimestampArgument"),
        ({"select": []}, "BadEventFilterInvalid"),
        ({"select": [clause("Nowhere")]}, "BadEventFilterInvalid"),
        ({"where": [element(99, literal(1))]}, "BadEventFilterInvalid"),
    ],
)
async def test_what_makes_no_sense_is_refused(kept: Kept, wrong: dict[str, object], status: str) -> None:
    assert await refusal(kept, **wrong) == status


async def refusal(kept: Kept, **request: object) -> str:
    try:
        await kept.read(**request)  # type: ignore[arg-type]  # as the test says
    except HistoryRefused as refused:
        return ua.StatusCode(ua.UInt32(refused.status)).name
    return ""


async def test_an_answer_looks_at_so_many_events_and_goes_on(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "EXAMINED", 7)
    await kept.put(*(kept.event(f"e{number}", number, severity=number + 1) for number in range(100)))
    rare = element(GREATER, clause("Severity"), literal(ua.Variant(97, ua.VariantType.UInt16)))
    assert await kept.messages(where=[rare]) == names(range(97, 100))
    assert await kept.messages(99, -1, where=[rare]) == names(range(99, 96, -1))


async def test_an_answer_has_so_many_bytes(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ANSWER_BYTES", 100)
    await kept.put(*(kept.event(f"e{number}", number) for number in range(30)))
    assert await kept.messages() == names(range(30))


async def test_large_work_never_holds_the_loop(kept: Kept) -> None:
    for part in range(4):
        await kept.put(*(kept.event(f"e{number}", number) for number in range(part * 500, part * 500 + 500)))
    rare = element(GREATER, clause("Severity"), literal(ua.Variant(900, ua.VariantType.UInt16)))
    select = [clause(name) for name in ("EventId", "EventType", "SourceNode", "SourceName", "Time", "Message")]
    answers: list[Any] = []

    async def read() -> None:
        assert await kept.messages(0, 3000, select=select, where=[rare]) == []
        details = asked(0, 3000, select)
        answers.append(await kept.access.read(SERVER, details, None, 2000, GATEWAY))

    assert await held_each_time(read) == []
    body, cursor = answers[-1]
    assert (len(fields_of(body)), cursor) == (2000, None)


async def test_a_store_that_is_away_is_told(kept: Kept, tmp_path: Path) -> None:
    await kept.store.close()
    (tmp_path / "events.sqlite").unlink()
    with pytest.raises(StoreUnavailable):
        await kept.read()
