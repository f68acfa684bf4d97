"""HistoryUpdate and what can be read after it, with asyncua's client (Part 11 v1.05 6.5, 6.9)."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from server.address_space.keys import key_of
from server.address_space.node import AccessAttributes, RolePermission
from server.users.permissions import Restriction
from server.users.well_known import ALL_PERMISSIONS, ANONYMOUS, WELL_KNOWN
from tests.system.plant import Plant, connected, lay_down, running
from tests.waiting import until

T0 = datetime(2026, 3, 1, tzinfo=UTC)
INSERT, REPLACE, UPDATE, REMOVE = (ua.PerformUpdateType(number) for number in (1, 2, 3, 4))
_codes = ua.StatusCodes


class Historian:
    """A client that reads and changes the history of the tank."""

    def __init__(self, plant: Plant, client: Client) -> None:
        self.plant = plant
        self.client = client

    def become(self, *roles: str) -> None:
        internal = self.plant.gateway.plan.stack.internal
        (session,) = internal.session_service.registry
        session.become(session.user, frozenset(WELL_KNOWN[name] for name in (ANONYMOUS, *roles)), (), 1)

    async def change(self, details: Any) -> ua.HistoryUpdateResult:
        params = ua.HistoryUpdateParameters(HistoryUpdateDetails=[details])
        (result,) = await self.client.uaclient.history_update(params)
        return result

    async def update(self, kind: ua.PerformUpdateType, *values: ua.DataValue, name: str = "Level") -> list[str]:
        details = ua.UpdateDataDetails(NodeId=self.plant.node(name), PerformInsertReplace=kind)
        details.UpdateValues = list(values)
        result = await self.change(details)
        return [one.name for one in result.OperationResults] or [result.StatusCode.name]

    async def read(self, details: Any, node: ua.NodeId | None = None, index_range: str = "") -> ua.HistoryReadResult:
        params = ua.HistoryReadParameters(HistoryReadDetails=details, TimestampsToReturn=ua.TimestampsToReturn.Both)
        params.ReleaseContinuationPoints = False
        item = ua.HistoryReadValueId(NodeId=node or self.plant.node("Level"), IndexRange=index_range)
        params.NodesToRead = [item]
        (result,) = await self.client.uaclient.history_read(params)
        return result

    async def raw(self, *, modified: bool = False, node: ua.NodeId | None = None, index_range: str = "") -> Any:
        details = ua.ReadRawModifiedDetails(
            IsReadModified=modified, StartTime=at(0), EndTime=at(100), ReturnBounds=False
        )
        result = await self.read(details, node, index_range)
        return body(result, ua.HistoryModifiedData if modified else ua.HistoryData)

    async def values(self) -> list[tuple[int, Any]]:
        held = (await self.raw()).DataValues
        return [(second(one.SourceTimestamp), one.Value.Value if one.Value else None) for one in held]


def body(result: ua.HistoryReadResult, kind: type[Any]) -> Any:
    """Decode an answer's body, where asyncua has not done so itself."""
    held: Any = result.HistoryData
    return held if isinstance(held, kind) else struct_from_binary(kind, Buffer(bytes(held.Body)))


def at(seconds: float) -> Any:
    """Give a time; asyncua calls it ua.DateTime."""
    return T0 + timedelta(seconds=seconds)


def second(moment: Any) -> int:
    return round((moment.replace(tzinfo=UTC) - T0).total_seconds())


def value(seconds: int, number: Any, kind: ua.VariantType = ua.VariantType.Double) -> ua.DataValue:
    return ua.DataValue(ua.Variant(number, kind), SourceTimestamp=at(seconds))


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    config = lay_down(tmp_path, port=free_port())
    with config.open("a", encoding="utf-8") as file:
        file.write("historian: {nodes: [/Objects/Tank/Name, /Objects/Tank/Limits], retention: {raw: 1000d}}\n")
    async with running(config) as held:
        yield held


@pytest.fixture
async def historian(plant: Plant) -> AsyncIterator[Historian]:
    plant.put("Level", 1.0)  # the store is open once it has taken what is recorded
    await until(lambda: plant.gateway.counters()["stored"] > 0, seconds=30)
    async with connected(plant) as client:
        made = Historian(plant, client)
        made.become("Supervisor", "ConfigureAdmin")
        yield made


async def test_values_are_inserted_replaced_and_told_of(historian: Historian) -> None:
    assert await historian.update(INSERT, value(2, 2.0), value(1, 1.0)) == ["GoodEntryInserted"] * 2
    assert await historian.update(INSERT, value(2, 9.0), value(3, 3.0)) == ["BadEntryExists", "GoodEntryInserted"]
    assert await historian.update(REPLACE, value(2, 2.5), value(4, 4.0)) == ["GoodEntryReplaced", "BadNoEntryExists"]
    assert await historian.update(UPDATE, value(3, 3.5), value(5, 5.0)) == ["GoodEntryReplaced", "GoodEntryInserted"]
    assert await historian.values() == [(1, 1.0), (2, 2.5), (3, 3.5), (5, 5.0)]
    modified = await historian.raw(modified=True)
    assert len(modified.DataValues) == len(modified.ModificationInfos)
    replaced = [
        (second(held.SourceTimestamp), held.Value.Value)
        for held, info in zip(modified.DataValues, modified.ModificationInfos, strict=True)
        if info.UpdateType is ua.HistoryUpdateType.Replace
    ]
    assert replaced == [(2, 2.0), (3, 3.0)]
    assert {info.UserName for info in modified.ModificationInfos} == {"Anonymous"}


async def test_values_that_do_not_suit_are_refused_one_by_one(historian: Historian) -> None:
    # Part 4 v1.05 5.11.5.4
    wrong = ua.VariantType.Int32
    timeless = ua.DataValue(ua.Variant(1.0, ua.VariantType.Double))
    array = ua.DataValue(ua.Variant([1.0], ua.VariantType.Double), SourceTimestamp=at(2))
    told = await historian.update(INSERT, value(1, 5, wrong), timeless, array, value(3, 1.0))
    assert told == ["BadTypeMismatch", "BadInvalidTimestamp", "BadTypeMismatch", "GoodEntryInserted"]
    assert await historian.update(REMOVE, value(3, 1.0)) == ["BadHistoryOperationInvalid"]
    assert await historian.update(INSERT, value(1, 1, wrong), name="Count") == ["BadHistoryOperationUnsupported"]
    assert await historian.update(INSERT, value(1, 1, wrong), name="Nothing") == ["BadNodeIdUnknown"]
    bad = ua.DataValue(None, ua.StatusCode(_codes.BadSensorFailure), at(4))
    assert await historian.update(INSERT, bad) == ["GoodEntryInserted"]
    assert await historian.values() == [(3, 1.0), (4, None)]


async def test_history_is_deleted_in_stretches_and_at_times(historian: Historian) -> None:
    await historian.update(INSERT, *(value(number, float(number)) for number in range(1, 8)))
    node = historian.plant.node("Level")
    details = ua.DeleteRawModifiedDetails(NodeId=node, IsDeleteModified=False, StartTime=at(2), EndTime=at(4))
    assert (await historian.change(details)).StatusCode.name == "Good"
    assert (await historian.change(details)).StatusCode.name == "BadNoData"
    times = ua.DeleteAtTimeDetails(NodeId=node, ReqTimes=[at(5), at(6.5), at(7)])
    told = await historian.change(times)
    assert [one.name for one in told.OperationResults] == ["Good", "BadNoEntryExists", "Good"]
    assert await historian.values() == [(1, 1.0), (4, 4.0), (6, 6.0)]
    assert (await historian.raw(modified=True)).DataValues
    forget = ua.DeleteRawModifiedDetails(NodeId=node, IsDeleteModified=True, StartTime=at(0), EndTime=at(100))
    assert (await historian.change(forget)).StatusCode.name == "Good"
    assert not (await historian.raw(modified=True)).DataValues


async def test_each_change_needs_its_permission(historian: Historian) -> None:
    # Part 3 v1.05 8.55: InsertHistory, ModifyHistory, DeleteHistory
    historian.become("Operator")
    denied = ["BadUserAccessDenied"]
    assert await historian.update(INSERT, value(1, 1.0)) == denied
    historian.become("Engineer")
    assert await historian.update(INSERT, value(1, 1.0)) == ["GoodEntryInserted"]
    assert await historian.update(REPLACE, value(1, 2.0)) == ["GoodEntryReplaced"]
    times = ua.DeleteAtTimeDetails(NodeId=historian.plant.node("Level"), ReqTimes=[at(1)])
    assert (await historian.change(times)).StatusCode.name == "BadUserAccessDenied"


async def test_parts_of_arrays_and_texts(historian: Historian) -> None:
    # Part 4 v1.05 7.27
    plant = historian.plant
    arrays = [
        ua.DataValue(ua.Variant([number, 20, 30], ua.VariantType.Int32), SourceTimestamp=at(number))
        for number in (1, 2)
    ]
    assert await historian.update(INSERT, *arrays, name="Limits") == ["GoodEntryInserted"] * 2
    held = await historian.raw(node=plant.node("Limits"))
    assert [one.Value.Value for one in held.DataValues] == [[1, 20, 30], [2, 20, 30]]
    assert {one.Value.VariantType for one in held.DataValues} == {ua.VariantType.Int32}
    parts = await historian.raw(node=plant.node("Limits"), index_range="0:1")
    assert [one.Value.Value for one in parts.DataValues] == [[1, 20], [2, 20]]
    outside = await historian.raw(node=plant.node("Limits"), index_range="7")
    assert {one.StatusCode.name for one in outside.DataValues} == {"BadIndexRangeNoData"}
    await historian.update(INSERT, value(1, "Drehbank", ua.VariantType.String), name="Name")
    (text,) = (await historian.raw(node=plant.node("Name"), index_range="1:3")).DataValues
    assert text.Value.Value == "reh"
    refused = await historian.read(
        ua.ReadRawModifiedDetails(IsReadModified=False, StartTime=at(0), EndTime=at(9)), None, "3:1"
    )
    assert refused.StatusCode.name == "BadIndexRangeInvalid"


def note(seconds: int, message: str, user: str = "ann", written: int = 50) -> ua.DataValue:
    annotation = ua.Annotation(Message=message, UserName=user, AnnotationTime=at(written))
    return ua.DataValue(ua.Variant(annotation), SourceTimestamp=at(seconds))


async def test_annotations_are_the_history_of_a_property(historian: Historian) -> None:
    # Part 11 v1.05 5.1.2, 6.5.6, 6.9.3
    level = historian.client.get_node(historian.plant.node("Level"))
    notes = (await level.get_child("0:Annotations")).nodeid

    async def change(kind: ua.PerformUpdateType, *values: ua.DataValue) -> list[str]:
        details = ua.UpdateStructureDataDetails(NodeId=notes, PerformInsertReplace=kind, UpdateValues=list(values))
        result = await historian.change(details)
        return [one.name for one in result.OperationResults] or [result.StatusCode.name]

    assert await change(INSERT, note(1, "leak"), note(1, "pump", "sam"), note(3, "dry")) == ["GoodEntryInserted"] * 3
    assert await change(INSERT, note(1, "again")) == ["BadEntryExists"]
    assert await change(REPLACE, note(1, "leak mended"), note(1, "x", "olga")) == [
        "GoodEntryReplaced",
        "BadNoEntryExists",
    ]
    assert await change(INSERT, value(1, 1.0)) == ["BadTypeMismatch"]

    async def told() -> list[tuple[int, str]]:
        held = (await historian.raw(node=notes)).DataValues
        return [(second(one.SourceTimestamp), one.Value.Value.Message) for one in held]

    assert await told() == [(1, "leak mended"), (1, "pump"), (3, "dry")]
    assert await change(REMOVE, note(1, "", "sam"), note(9, "")) == ["Good", "BadNoEntryExists"]
    assert await change(REMOVE, note(3, "")) == ["Good"]
    assert await told() == [(1, "leak mended")]
    asked = ua.ReadAnnotationDataDetails(ReqTimes=[at(1), at(2)])
    there, not_there = body(await historian.read(asked), ua.HistoryData).DataValues
    assert there.Value.Value.UserName == "ann"
    assert not_there.StatusCode.name == "GoodNoData"


async def test_annotations_need_the_rights_of_the_variable_and_of_the_property(historian: Historian) -> None:
    # they are the variable's history: neither of the two is a way around the other
    internal = historian.plant.gateway.plan.stack.internal
    space, client = internal.space, historian.client
    level = historian.plant.node("Level")
    notes = (await client.get_node(level).get_child("0:Annotations")).nodeid
    variable, own = space[key_of(level)], space[key_of(notes)].access or AccessAttributes()
    nobody = (RolePermission(WELL_KNOWN["SecurityAdmin"], int(ALL_PERMISSIONS)),)
    insert = ua.UpdateStructureDataDetails(NodeId=notes, PerformInsertReplace=INSERT, UpdateValues=[note(1, "leak")])
    delete = ua.DeleteRawModifiedDetails(NodeId=notes, IsDeleteModified=False, StartTime=at(0), EndTime=at(9))
    raw = ua.ReadRawModifiedDetails(IsReadModified=False, StartTime=at(0), EndTime=at(9), ReturnBounds=False)
    at_moments = ua.ReadAnnotationDataDetails(ReqTimes=[at(1)])
    counted = ua.ReadProcessedDetails(StartTime=at(0), EndTime=at(9), ProcessingInterval=0.0)
    counted.AggregateType = [ua.NodeId(ua.ObjectIds.AggregateFunction_AnnotationCount)]

    async def told() -> list[str]:
        return [
            *[(await historian.change(one)).StatusCode.name for one in (delete, insert)],
            *[(await historian.read(one, notes)).StatusCode.name for one in (raw, at_moments)],
            *[(await historian.read(one, level)).StatusCode.name for one in (raw, at_moments, counted)],
        ]

    await historian.change(insert)
    assert (await told())[2:] == ["Good", "Good", "GoodNoData", "Good", "Good"]
    variable.access = AccessAttributes(0, None, nobody)  # it is hidden, and so is what was made for it
    assert await told() == ["BadNodeIdUnknown"] * 7
    with pytest.raises(ua.uaerrors.BadNodeIdUnknown):
        await client.get_node(notes).read_browse_name()
    assert not await client.get_node(notes).get_references()
    variable.access = AccessAttributes(0, int(Restriction.SIGNING_REQUIRED), None)
    assert await told() == ["BadSecurityModeInsufficient"] * 7
    variable.access = None
    space[key_of(notes)].access = own._replace(role_permissions=nobody)
    assert await told() == ["BadNodeIdUnknown"] * 4 + ["GoodNoData"] + ["BadUserAccessDenied"] * 2


async def test_another_user_goes_on_with_nothing_of_the_one_before(historian: Historian) -> None:
    await historian.update(INSERT, value(1, 1.0), value(2, 2.0))
    internal = historian.plant.gateway.plan.stack.internal
    (session,) = internal.session_service.registry
    points = cast("Any", internal.history_manager)._points
    raw = ua.ReadRawModifiedDetails(IsReadModified=False, StartTime=at(0), EndTime=at(9), ReturnBounds=False)
    raw.NumValuesPerNode = 1
    assert (await historian.read(raw)).ContinuationPoint
    await historian.client.activate_session()
    assert len(points) == 1
    session.user = replace(session.user, name="sam")
    await historian.client.activate_session()
    assert len(points) == 0


async def test_the_address_space_says_what_can_be_done(historian: Historian) -> None:
    # Part 11 v1.05 5.2.3, 5.4.2, 5.3.2
    client, ids = historian.client, ua.ObjectIds
    for name in ("AccessHistoryData", "InsertData", "ReplaceData", "UpdateData", "DeleteRaw", "DeleteAtTime"):
        node = client.get_node(getattr(ids, f"HistoryServerCapabilities_{name}Capability"))
        assert await node.read_value() is True, name
    folder = client.get_node(ids.HistoryServerCapabilities_AggregateFunctions)
    assert len(await folder.get_children()) == 37
    limits = client.get_node(ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryUpdateData)
    assert await limits.read_value() > 0
    level, name = (client.get_node(historian.plant.node(one)) for one in ("Level", "Name"))
    assert {ua.AccessLevel.HistoryRead, ua.AccessLevel.HistoryWrite} <= await level.get_access_level()
    for node, stepped in ((level, False), (name, True)):
        (configuration,) = await node.get_referenced_nodes(ids.HasHistoricalConfiguration)
        assert (await configuration.read_browse_name()).Name == "HA Configuration"
        assert await (await configuration.get_child("0:Stepped")).read_value() is stepped
        percent = await configuration.get_child(["0:AggregateConfiguration", "0:PercentDataGood"])
        assert await percent.read_value() == 100
        assert await (await configuration.get_child("0:StartOfArchive")).read_value() < datetime.now(UTC)
    historian.become("Observer")
    assert ua.AccessLevel.HistoryWrite not in await level.get_user_access_level()


def processed(start: float, end: float, seconds: float, *aggregates: int) -> ua.ReadProcessedDetails:
    details = ua.ReadProcessedDetails(StartTime=at(start), EndTime=at(end), ProcessingInterval=seconds * 1000.0)
    details.AggregateType = [ua.NodeId(one) for one in aggregates]
    details.AggregateConfiguration = ua.AggregateConfiguration(UseServerCapabilitiesDefaults=True)
    return details


async def test_aggregates_are_calculated_or_refused_with_a_reason(historian: Historian) -> None:
    # Part 11 v1.05 6.5.4.2, Part 13 v1.05 4.2.1.2, 5.4.3
    ids = ua.ObjectIds
    await historian.update(INSERT, *(value(number, float(number)) for number in range(10)))

    async def told(details: ua.ReadProcessedDetails, name: str = "Level") -> Any:
        result = await historian.read(details, historian.plant.node(name))
        if not result.StatusCode.is_good():
            return result.StatusCode.name
        return [one.Value.Value if one.Value else None for one in body(result, ua.HistoryData).DataValues]

    average, count = ids.AggregateFunction_Average, ids.AggregateFunction_Count
    assert await told(processed(0, 10, 5, average)) == [2.0, 7.0]
    assert await told(processed(0, 10, 0, count)) == [10], "no interval means one over all"
    assert await told(processed(0, 10, 5, average, count)) == "BadAggregateListMismatch"
    assert await told(processed(0, 10, 5, ids.Server)) == "BadAggregateNotSupported"
    assert await told(processed(5, 5, 5, average)) == "BadInvalidArgument"
    assert await told(processed(0, 10, -1, average)) == "BadAggregateInvalidInputs"
    assert await told(processed(0, 10, 5, average), "Name") == "BadAggregateNotSupported"
    gap = processed(0, 10, 5, average)
    gap.AggregateConfiguration = ua.AggregateConfiguration(
        UseServerCapabilitiesDefaults=False, TreatUncertainAsBad=True
    )
    gap.AggregateConfiguration.PercentDataGood = gap.AggregateConfiguration.PercentDataBad = ua.Byte(40)
    assert await told(gap) == "BadAggregateInvalidInputs"
    notes = (await historian.client.get_node(historian.plant.node("Level")).get_child("0:Annotations")).nodeid
    details = ua.UpdateStructureDataDetails(NodeId=notes, PerformInsertReplace=INSERT)
    details.UpdateValues = [note(1, "leak"), note(7, "dry"), note(7, "wet", "sam")]
    assert (await historian.change(details)).StatusCode.name == "Good"
    assert await told(processed(0, 10, 5, ids.AggregateFunction_AnnotationCount)) == [1, 2]
    assert await told(processed(0, 10, 0, ids.AggregateFunction_AnnotationCount)) == [3]
    held = body(await historian.read(ua.ReadAtTimeDetails(ReqTimes=[at(2.5), at(4)])), ua.HistoryData).DataValues
    assert [one.Value.Value for one in held] == [2.5, 4.0]


async def test_events_are_read_from_their_history(historian: Historian) -> None:
    # Part 11 v1.05 6.5.2
    client = historian.client
    capability = client.get_node(ua.ObjectIds.HistoryServerCapabilities_AccessHistoryEventsCapability)
    assert await capability.read_value() is True
    where = ua.EventFilter(SelectClauses=[], WhereClause=ua.ContentFilter())
    for name in ("EventId", "SourceName"):
        clause = ua.SimpleAttributeOperand(TypeDefinitionId=ua.NodeId(ua.ObjectIds.BaseEventType))
        clause.BrowsePath, clause.AttributeId = [ua.QualifiedName(name)], ua.AttributeIds.Value
        where.SelectClauses.append(clause)
    details = ua.ReadEventDetails(
        NumValuesPerNode=10, StartTime=ua.DateTime(2020, 1, 1), EndTime=ua.DateTime(2100, 1, 1)
    )
    details.Filter = where
    seen: list[Any] = []

    async def told() -> bool:
        result = await historian.read(details, ua.NodeId(ua.ObjectIds.Server))
        assert result.StatusCode.is_good(), result.StatusCode.name
        seen[:] = body(result, ua.HistoryEvent).Events
        return any(one.EventFields[1].Value for one in seen)

    await until(told, seconds=30)
    refused = await historian.read(details, historian.plant.node("Level"))
    assert refused.StatusCode.name == "BadHistoryOperationUnsupported"
