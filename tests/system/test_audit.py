"""What a running gateway records of its clients, and who hears of it (Part 4 v1.05 6.5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError

from server.cli.main import main
from tests.system.log_in import PASSWORD, add_user, logged_in, trusted_client
from tests.system.plant import Plant, lay_down, running
from tests.waiting import until


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    """Give a plant with ann (Operator), olga (Observer) and sam (SecurityAdmin)."""
    folder = tmp_path / "plant"
    folder.mkdir()
    config = lay_down(folder, port=free_port(), security="[SignAndEncrypt]", anonymous="none")
    for name, role in (("ann", "Operator"), ("olga", "Observer"), ("sam", "SecurityAdmin")):
        await add_user(folder / "var", name, role)
    async with running(config) as held:
        yield held


@pytest.fixture
def identity(plant: Plant, tmp_path: Path) -> tuple[Path, Path]:
    """Give a client that the plant trusts."""
    return trusted_client(plant, tmp_path / "client")


async def _trail(plant: Plant, capsys: pytest.CaptureFixture[str], *types: str) -> list[dict[str, Any]]:
    """Export the trail as an engineer does."""
    await plant.gateway.doors.auditing.trail.flush()
    data = str(plant.gateway.plan.data_dir)
    arguments = [part for one in types for part in ("--type", one)]
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["audit", "export", "--data", data, *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def test_a_day_at_the_plant_is_in_the_trail(
    plant: Plant, identity: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    level = plant.node("Level")
    with pytest.raises(UaStatusCodeError):
        async with logged_in(plant, identity, "ann", "a wrong password"):
            pass
    async with logged_in(plant, identity, "ann") as ann:
        await ann.get_node(level).write_value(ua.DataValue(ua.Variant(42.0, ua.VariantType.Double)))
        with pytest.raises(UaStatusCodeError):
            await ann.get_node(plant.node("Serial")).write_value(ua.Variant(1, ua.VariantType.Int32))
        subscription = await ann.create_subscription(1000, _Heard())
        await ann.nodes.server.call_method(
            "0:GetMonitoredItems", ua.Variant(subscription.subscription_id, ua.VariantType.UInt32)
        )
    records = await _trail(plant, capsys)
    kinds = [one["Type"] for one in records]
    for kind in (
        "AuditOpenSecureChannel",
        "AuditCreateSession",
        "AuditActivateSession",
        "AuditWriteUpdate",
        "AuditUpdateMethod",
        "AuditSession",
    ):
        assert kind in kinds
    refused, done = (one for one in records if one["Type"] == "AuditActivateSession")
    assert (refused["Status"], refused["ClientUserId"]) == (False, "ann")
    assert "wrong password" in str(refused["Message"])
    assert (done["Status"], done["ClientUserId"]) == (True, "ann")
    written, not_written = (one for one in records if one["Type"] == "AuditWriteUpdate")
    assert (written["Status"], written["OldValue"], written["NewValue"]) == (True, 12.5, 42.0)
    assert "Level" in str(written["SourceNode"])
    assert (not_written["Status"], not_written["ClientUserId"]) == (False, "ann")
    assert PASSWORD not in json.dumps(records)
    data = str(plant.gateway.plan.data_dir)
    assert await asyncio.to_thread(main, ["audit", "verify", "--data", data]) == 0


class _Heard:
    """Keeps the events that come."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def event_notification(self, event: Any) -> None:
        self.events.append(event)

    def datachange_notification(self, *_given: object) -> None:
        """Nothing is watched."""


async def _listening(client: Client) -> _Heard:
    heard = _Heard()
    subscription = await client.create_subscription(50, heard)
    await subscription.subscribe_events(
        ua.ObjectIds.Server, [ua.ObjectIds.BaseEventType, ua.ObjectIds.AuditWriteUpdateEventType]
    )
    return heard


def _kinds(events: Sequence[Any]) -> set[object]:
    return {one.EventType.Identifier for one in events}


async def test_audit_events_are_heard_by_those_who_may_alone(plant: Plant, identity: tuple[Path, Path]) -> None:
    async with logged_in(plant, identity, "sam") as sam, logged_in(plant, identity, "olga") as olga:
        told, untold = await _listening(sam), await _listening(olga)
        async with logged_in(plant, identity, "ann") as ann:
            await ann.get_node(plant.node("Level")).write_value(ua.DataValue(ua.Variant(1.0, ua.VariantType.Double)))
        wanted = {
            ua.ObjectIds.AuditCreateSessionEventType,
            ua.ObjectIds.AuditActivateSessionEventType,
            ua.ObjectIds.AuditWriteUpdateEventType,
            ua.ObjectIds.AuditSessionEventType,
        }
        await until(lambda: wanted <= _kinds(told.events), seconds=30)
        assert not wanted & _kinds(untold.events)
        (write,) = (one for one in told.events if one.EventType.Identifier == ua.ObjectIds.AuditWriteUpdateEventType)
        assert write.ClientUserId == "ann"
        assert await sam.get_node(ua.ObjectIds.Server_Auditing).read_value() is True


async def test_a_change_of_history_that_is_refused_is_in_the_trail(
    plant: Plant, identity: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    async with logged_in(plant, identity, "ann") as ann:
        details: Any = ua.DeleteRawModifiedDetails(NodeId=plant.node("Level"))
        params: Any = ua.HistoryUpdateParameters(HistoryUpdateDetails=[details])
        (result,) = await ann.uaclient.history_update(params)
        assert result.StatusCode.value == ua.StatusCodes.BadUserAccessDenied
    (told,) = await _trail(plant, capsys, "AuditHistoryRawModifyDelete")
    assert (told["Status"], told["ClientUserId"]) == (False, "ann")
    assert "Level" in str(told["SourceNode"])


async def test_locks_and_a_changed_model_are_in_the_trail(
    plant: Plant, identity: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        with pytest.raises(UaStatusCodeError):
            async with logged_in(plant, identity, "olga", "guess after guess"):
                pass
    (locked,) = await _trail(plant, capsys, "LoginLockedOut")
    assert (locked["ClientUserId"], locked["Failures"], locked["Status"]) == ("olga", 5, False)
    file = plant.gateway.plan.config.parent / "plant.NodeSet2.xml"
    text = await asyncio.to_thread(file.read_text, encoding="utf-8")
    await asyncio.to_thread(
        file.write_text, text.replace("<DisplayName>Tank<", "<DisplayName>Vessel<"), encoding="utf-8"
    )
    report = await plant.gateway.model.reload()
    assert report.applied
    (changed,) = await _trail(plant, capsys, "ConfigurationUpdatedAudit")
    assert (changed["Status"], changed["ClientUserId"]) == (True, "System/Configuration")
    assert changed["NewVersion"] >= changed["OldVersion"]
