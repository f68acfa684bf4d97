"""What the audit trail is told of changes of history, whatever becomes of them (Part 11 v1.05 5.6)."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.ua.ua_binary import struct_from_binary

from core.time import DATETIME_MAX_TICKS, from_datetime
from server.address_space.decoding import GivenValue
from server.address_space.encoding import double_variant
from server.address_space.keys import key_of
from server.address_space.node import AccessAttributes, RolePermission
from server.ua_stack.history.requests import DeleteAtTime, DeleteRaw, EventDetails, UpdateData, UpdateEvents
from server.ua_stack.operation_limits import MAX_NODES_PER_HISTORY_UPDATE
from server.ua_stack.sessions import GatewaySession
from server.users.well_known import WELL_KNOWN, Permission
from tests.loop_monitor import Blocked, LoopMonitor
from tests.system.plant import connected, lay_down, running
from tests.system.test_history_update import INSERT, Historian, at, note
from tests.waiting import until

T0 = from_datetime(at(0))


class Told(Historian):
    """``records``: what the trail was told."""

    records: list[Any]

    @property
    def internal(self) -> Any:
        return self.plant.gateway.plan.stack.internal

    @property
    def session(self) -> GatewaySession:
        (session,) = self.internal.session_service.registry
        return session

    @property
    def level(self) -> Any:
        return key_of(self.plant.node("Level"))

    def inserts(self, *seconds: int) -> UpdateData:
        values = tuple(GivenValue(double_variant(one), 0, T0 + one * 10_000_000, None) for one in seconds)
        return UpdateData(self.level, structures=False, perform=int(INSERT), values=values)


@pytest.fixture
async def told(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Told]:
    config = lay_down(tmp_path, port=free_port())
    with config.open("a", encoding="utf-8") as file:
        file.write("historian: {nodes: [/Objects/Tank/Level], retention: {raw: 1000d}}\n")
    async with running(config) as plant:
        plant.put("Level", 1.0)  # the store is open once it has taken what is recorded
        await until(lambda: plant.gateway.counters()["stored"] > 0, seconds=30)
        async with connected(plant) as client:
            made = Told(plant, client)
            made.become("Supervisor", "ConfigureAdmin")
            made.records = []
            made.internal.use_audit.record = made.records.append
            yield made


def old_values(encoded: Sequence[bytes] | None) -> list[float]:
    held = [struct_from_binary(ua.DataValue, Buffer(one)).Value for one in encoded or ()]
    return [one.Value for one in held if one is not None]


async def test_a_change_whose_client_hangs_up_is_done_and_told(told: Told) -> None:
    task = asyncio.create_task(told.session.history_update([told.inserts(1), told.inserts(2), told.inserts(3)]))
    await asyncio.sleep(0)  # the first change is under way now
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await told.internal.history_changes.stop()
    assert await told.values() == [(1, 1.0)]
    assert [(one.status, len(one.new_values)) for one in told.records] == [(True, 1)]


async def test_a_change_that_is_cut_off_is_told_as_such(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ua_stack.history_changes._ENDING", 0.0)

    async def never(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(told.internal.history, "update", never)
    task = asyncio.create_task(told.session.history_update([told.inserts(1)]))
    await asyncio.sleep(0)
    await told.internal.history_changes.stop()
    with pytest.raises(asyncio.CancelledError):
        await task
    (record,) = told.records
    assert (record.status, record.message) == (False, "cut off: part of it may have been done")


async def test_what_is_taken_away_is_told(told: Told) -> None:
    await told.session.history_update([told.inserts(1, 2, 3)])
    replaced = told.inserts(1)._replace(perform=2)
    two = T0 + 2 * 10_000_000
    await told.session.history_update(
        [replaced, DeleteAtTime(told.level, (two,)), DeleteRaw(told.level, modified=False, start=T0, end=T0 + 10**9)]
    )
    _, *changes = told.records
    assert [old_values(one.old_values) for one in changes] == [[1.0], [2.0], [1.0, 3.0]]
    assert changes[2].message == "2 values deleted"


async def test_a_request_that_is_refused_as_a_whole_is_told_once(told: Told) -> None:
    with pytest.raises(ServiceError):
        await told.session.history_update([told.inserts(1)] * (MAX_NODES_PER_HISTORY_UPDATE + 1))
    params = ua.HistoryUpdateParameters(HistoryUpdateDetails=[ua.UpdateDataDetails()])
    params.HistoryUpdateDetails *= MAX_NODES_PER_HISTORY_UPDATE + 1
    with pytest.raises(ua.UaStatusCodeError):
        await told.client.uaclient.history_update(params)
    assert [(one.status, one.message) for one in told.records] == [(False, "BadTooManyOperations")] * 2


async def test_events_that_are_brought_are_told(told: Told) -> None:
    given = UpdateEvents(told.level, 1, bytes(8), (bytes(4), bytes(4)))
    await told.session.history_update([EventDetails(told.level, given)])
    (record,) = told.records
    assert (record.status, len(record.new_values)) == (False, 2)
    assert record.filter.endswith(bytes(8))


async def test_times_that_calculations_would_overflow_at_are_refused(told: Told) -> None:
    variant = double_variant(1.0)
    times = (2**63 - 2, DATETIME_MAX_TICKS + 1, -1, 0, T0)
    values = (*(GivenValue(variant, 0, time, None) for time in times), GivenValue(variant, 0, T0 + 1, 2**63 - 1))
    (result,) = await told.session.history_update([told.inserts(1)._replace(values=values)])
    names = [ua.StatusCode(ua.UInt32(one)).name for one in result.results]
    assert names == [*["BadOutOfRange"] * 3, "BadInvalidTimestamp", "GoodEntryInserted", "BadOutOfRange"]


async def test_nobody_writes_annotations_in_the_name_of_others_without_modify_history(told: Told) -> None:
    notes = (await told.client.get_node(told.plant.node("Level")).get_child("0:Annotations")).nodeid
    rights = Permission.BROWSE | Permission.READ | Permission.READ_HISTORY | Permission.INSERT_HISTORY
    role = RolePermission(WELL_KNOWN["Supervisor"], int(rights))
    told.internal.space[key_of(notes)].access = AccessAttributes(role_permissions=(role,))
    notes_of = [note(1, "a", "olga"), note(2, "b", "Anonymous"), note(3, "c", "")]
    details = ua.UpdateStructureDataDetails(NodeId=notes, PerformInsertReplace=INSERT, UpdateValues=notes_of)
    result = await told.change(details)
    names = [one.name for one in result.OperationResults] or [result.StatusCode.name]
    assert names == ["BadUserAccessDenied", "GoodEntryInserted", "GoodEntryInserted"]


async def test_long_changes_hold_nobody_up(told: Told) -> None:
    held: list[Blocked] = []
    for _ in range(3):  # what holds the loop up does so each time; a busy machine does not
        long, longest = told.inserts(*range(1000)), told.inserts(*range(20_000))
        with LoopMonitor(asyncio.get_running_loop()) as monitor:
            results = await told.session.history_update([*[long] * 10, longest])
        assert [len(result.results) for result in results] == [*[1000] * 10, 20_000]
        held = [one for one in monitor.blocked if one.cpu_seconds > monitor.threshold]
        if not held:
            break
    assert not held, f"{held}"
