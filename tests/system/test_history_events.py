"""The history of events and alarms, end to end: happened, recorded, kept, read and changed by asyncua's client."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from core.time import now, to_datetime
from historian.outbox import Outbox
from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import key_of, numeric_key
from server.event_history.history import SINKS, EventHistory
from server.event_history.settings import EventHistorySettings
from server.events.emitter import Emitter
from server.events.event import Path as FieldPath
from tests.system.plant import URI, Plant, connected, lay_down, running
from tests.waiting import until

OFF_NORMAL = numeric_key(0, ua.ObjectIds.OffNormalAlarmType)
SYSTEM = numeric_key(0, ua.ObjectIds.SystemEventType)
EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class Kept:
    """A plant whose events are kept."""

    plant: Plant
    history: EventHistory
    client: Client

    def happen(
        self, message: str, kind: int = SYSTEM, source: str = "Tank", fields: dict[str | FieldPath, bytes] | None = None
    ) -> None:
        internal = self.plant.gateway.plan.stack.internal
        emitter = Emitter(internal.events, abstract=True)
        condition = key_of(self.plant.node("Level")) if kind == OFF_NORMAL else None
        made = emitter.make(kind, key_of(self.plant.node(source)), message, 500, fields, condition=condition)
        internal.subscriptions.happened(made)

    async def settled(self, count: int) -> None:
        """Wait until so many events of the tank are in the store; the plant has events of its own, too."""

        async def there() -> bool:
            return await of_the_tank(self.history) >= count

        await until(there, seconds=30)

    async def read(
        self, clauses: Sequence[Any], *, count: int = 0, where: Sequence[Any] = (), start: datetime | None = EARLY
    ) -> list[list[Any]]:
        """Read through all continuation points."""
        details = ua.ReadEventDetails(NumValuesPerNode=count)
        details.StartTime, details.EndTime = start or ua.get_win_epoch(), LATE
        details.Filter.SelectClauses, details.Filter.WhereClause.Elements = list(clauses), list(where)
        parameters = ua.HistoryReadParameters(HistoryReadDetails=details, ReleaseContinuationPoints=False)
        rows: list[list[Any]] = []
        point: bytes | None = None
        while True:
            item = ua.HistoryReadValueId(NodeId=ua.NodeId(ua.ObjectIds.Server), ContinuationPoint=point)
            parameters.NodesToRead = [item]
            (result,) = await self.client.uaclient.history_read(parameters)
            result.StatusCode.check()
            rows += [[field.Value for field in one.EventFields] for one in result.HistoryData.Events]
            point = result.ContinuationPoint
            if not point:
                return rows

    async def messages(self, **asked: Any) -> list[str]:
        is_of_tank = ua.ContentFilterElement(ua.FilterOperator.Equals)
        is_of_tank.FilterOperands = [clause("SourceName"), ua.LiteralOperand(ua.Variant("Tank"))]
        return [row[0].Text for row in await self.read([clause("Message")], where=[is_of_tank], **asked)]


async def of_the_tank(history: EventHistory) -> int:
    """Count the events that are kept of the tank."""
    return len((await history.store.read(0, now(), 0, sources={f"nsu={URI};s=Tank"})).events)


def clause(*names: str, kind: int = ua.ObjectIds.BaseEventType) -> ua.SimpleAttributeOperand:
    path = [ua.QualifiedName(name) for name in names]
    attribute = ua.AttributeIds.Value if names else ua.AttributeIds.NodeId
    return ua.SimpleAttributeOperand(ua.NodeId(kind), path, ua.IntegerId(attribute), None)


@asynccontextmanager
async def keeping(plant: Plant, folder: Path) -> AsyncGenerator[EventHistory]:
    outbox = Outbox(folder / "outbox.sqlite")
    await outbox.open()
    await outbox.keep_only(SINKS)
    plan = plant.gateway.plan
    history = EventHistory(EventHistorySettings(), outbox, plan.stack.internal, plan.nodeids, folder)
    try:
        await history.start()
        yield history
    finally:
        await history.stop()
        await history.stop()
        await outbox.close()


@pytest.fixture
async def kept(tmp_path: Path, free_port: Callable[[], int]) -> AsyncGenerator[Kept]:
    async with (
        running(lay_down(tmp_path, port=free_port())) as plant,
        keeping(plant, tmp_path) as history,
        connected(plant) as client,
    ):
        yield Kept(plant, history, client)


async def test_events_are_read_as_they_happened_also_after_a_restart(kept: Kept, tmp_path: Path) -> None:
    states: dict[str | FieldPath, bytes] = {
        "ActiveState/Id": encode_variant(ua.Variant(True)),  # noqa: FBT003 - what is told
        "AckedState/Id": encode_variant(ua.Variant(False)),  # noqa: FBT003 - as above
    }
    kept.happen("leak")
    kept.happen("door open", OFF_NORMAL, fields=states)
    await kept.settled(2)
    server = kept.client.nodes.server
    read = [one for one in await server.read_event_history(EARLY, LATE) if one.SourceName == "Tank"]
    assert sorted((one.Message.Text, one.Severity, one.SourceName) for one in read) == [
        ("door open", 500, "Tank"),
        ("leak", 500, "Tank"),
    ]
    assert {one.SourceNode for one in read} == {kept.plant.node("Tank")}
    assert len({one.EventId for one in read}) == 2
    alarms = [
        clause("Message"),
        clause("ActiveState", "Id", kind=ua.ObjectIds.AlarmConditionType),
        clause("AckedState", "Id", kind=ua.ObjectIds.AcknowledgeableConditionType),
        clause(kind=ua.ObjectIds.ConditionType),
    ]
    is_alarm = ua.ContentFilterElement(ua.FilterOperator.OfType)
    is_alarm.FilterOperands = [ua.LiteralOperand(ua.Variant(ua.NodeId(ua.ObjectIds.AlarmConditionType)))]
    ((message, active, acknowledged, condition),) = await kept.read(alarms, where=[is_alarm])
    assert (message.Text, active, acknowledged) == ("door open", True, False)
    assert condition == kept.plant.node("Level")
    await kept.history.stop()
    async with keeping(kept.plant, tmp_path) as again:
        assert await of_the_tank(again) == 2
        assert sorted(await kept.messages()) == ["door open", "leak"]


async def test_a_reading_goes_on_with_continuation_points(kept: Kept) -> None:
    for number in range(700):
        kept.happen(f"e{number}")
    await kept.settled(700)
    assert await kept.messages() == [f"e{number}" for number in range(700)]
    assert await kept.messages(start=None, count=1000) == [f"e{number}" for number in range(699, -1, -1)]
    counters = kept.history.recorder.counters
    await until(lambda: counters.acquired == counters.stored)
    assert counters.stored >= 700
    assert counters.dropped == 0


async def test_events_are_inserted_and_deleted_by_who_may(kept: Kept) -> None:
    (session,) = kept.plant.gateway.plan.stack.internal.session_service.registry
    update = ua.UpdateEventDetails(NodeId=ua.NodeId(ua.ObjectIds.Server))
    update.PerformInsertReplace = ua.PerformUpdateType.Insert
    update.Filter.SelectClauses = [clause(name) for name in ("EventId", "EventType", "Time", "Message")]
    update.Filter.SelectClauses.append(clause("SourceNode"))
    kind, tank = ua.NodeId(ua.ObjectIds.SystemEventType), kept.plant.node("Tank")
    values = (b"past", kind, to_datetime(now()), ua.LocalizedText("x"), tank)
    update.EventData = [ua.HistoryEventFieldList([ua.Variant(value) for value in values])]
    delete = ua.DeleteEventDetails(NodeId=update.NodeId, EventIds=[b"past", b"never"])
    assert await _change(kept.client, update) == ("BadUserAccessDenied", [])
    roles = frozenset(numeric_key(0, role) for role in (15644, 15716))  # Anonymous, ConfigureAdmin
    session.become(session.user, roles, (), 1)
    assert await _change(kept.client, update) == ("Good", ["GoodEntryInserted"])
    assert await _change(kept.client, update) == ("Good", ["BadEntryExists"])
    assert await kept.messages() == ["x"]
    assert await _change(kept.client, delete) == ("Good", ["Good", "BadEventIdUnknown"])
    assert await kept.messages() == []


async def test_the_server_object_says_so(kept: Kept) -> None:
    notifier = await kept.client.nodes.server.read_attribute(ua.AttributeIds.EventNotifier)
    assert notifier.Value is not None
    assert notifier.Value.Value == 0x0D


async def _change(client: Client, details: Any) -> tuple[str, list[str]]:
    parameters = ua.HistoryUpdateParameters(HistoryUpdateDetails=[details])
    (result,) = await client.uaclient.history_update(parameters)
    return result.StatusCode.name, [one.name for one in result.OperationResults or ()]
