"""The endpoint through a real socket with node-opcua's client: also histories and certificates."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.uaerrors import UaError

from certs.own import own_certificate
from core.time import TICKS_PER_MILLISECOND, to_iso
from tests.foreign.client import ForeignClient, ForeignError, foreign_client
from tests.system.patient import PatientClient
from tests.system.plant import Plant, connected, lay_down, running
from tests.waiting import until

OVERFLOW = 0x480
BOUND_NOT_FOUND = 0x80D70000


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    async with running(lay_down(tmp_path, port=free_port())) as held:
        yield held


@pytest.fixture
async def foreign(tmp_path: Path) -> AsyncIterator[ForeignClient]:
    """Give a client that is not connected yet."""
    async with foreign_client(tmp_path) as held:
        yield held


async def test_reads_writes_and_browses(plant: Plant, foreign: ForeignClient) -> None:
    await foreign.connect(plant.url)
    held = await foreign.read(*[plant.text(name) for name in ("Level", "Total", "Name", "Limits", "Ratio")])
    assert [one["value"] for one in held] == [12.5, "-9007199254740993", "Fräse", [1, 2], None]
    assert [one["type"] for one in held] == ["Double", "Int64", "String", "Int32", "Null"]
    assert held[4]["status"] == ua.StatusCodes.BadWaitingForInitialData
    assert await foreign.ask("write", node=plant.text("Level"), type="Double", value=55.5) == "Good"
    assert await foreign.ask("write", node=plant.text("Level"), type="Int32", value=5) == "BadTypeMismatch"
    assert await foreign.ask("write", node=plant.text("Serial"), type="Int32", value=5) == "BadNotWritable"
    assert (await foreign.read(plant.text("Level")))[0]["value"] == 55.5
    names = {one["name"] for one in await foreign.ask("browse", node=plant.text("Tank"))}
    assert {"Level", "Count", "LevelRobustZScore"} <= names
    path = f"/Objects/{plant.index()}:Tank/{plant.index()}:Level/EURange"
    assert await foreign.ask("find", path=path) == plant.text("Level.EURange")
    assert await foreign.ask("find", path="/Objects/1:Nothing") == "BadNoMatch"


async def test_subscribes_with_queues_modes_and_keep_alives(plant: Plant, foreign: ForeignClient) -> None:
    await foreign.connect(plant.url)
    subscription = (await foreign.ask("subscribe", interval=50, keepAlive=3))["id"]
    told = await foreign.ask("monitor", subscription=subscription, node=plant.text("Level"), name="all", size=100)
    assert told["status"] == "Good"
    await foreign.ask("monitor", subscription=subscription, node=plant.text("Level"), name="two", size=2)
    await until(lambda: _count(foreign, "two", 1))
    await foreign.ask("publishing", subscription=subscription, enabled=False)
    for number in range(50):
        plant.put("Level", float(number))
    await foreign.ask("publishing", subscription=subscription, enabled=True)
    await until(lambda: _count(foreign, "all", 51))
    await until(lambda: _count(foreign, "two", 3))
    assert [one["value"] for one in await foreign.notifications("all")] == [12.5, *range(50)]
    two = await foreign.notifications("two")
    assert [(one["value"], one["status"]) for one in two] == [(12.5, 0), (48, OVERFLOW), (49, 0)]
    await until(lambda: _keep_alives(foreign))
    changed = await foreign.ask("modify", name="two", sampling=300, size=5)
    assert changed == {"status": "Good", "sampling": 300, "size": 5}
    assert await foreign.ask("mode", name="all", mode="Disabled") == 0
    assert await foreign.ask("unsubscribe", subscription=subscription)
    assert not plant.gateway.plan.stack.internal.subscriptions.held


async def _count(foreign: ForeignClient, name: str, count: int) -> bool:
    return len(await foreign.notifications(name)) >= count


async def _keep_alives(foreign: ForeignClient) -> bool:
    return any("keepAlive" in one for one in await foreign.notifications())


async def test_calls_methods_and_hears_events(plant: Plant, foreign: ForeignClient) -> None:
    await foreign.connect(plant.url)
    own = "analytics.watch"
    call = {"object": plant.tag(own), "method": plant.tag(f"{own}.Evaluate"), "inputs": [["Double", 51.0]]}
    assert (await foreign.ask("call", **call))["status"] == "BadInvalidState"
    subscription = (await foreign.ask("subscribe", interval=50))["id"]
    fields = ["Message", "Severity", "SourceName", f"{plant.index('https://plantspace.io/UA/')}:Score"]
    await foreign.ask("monitor", subscription=subscription, node="i=2253", name="events", event=fields)
    for number in range(20):
        plant.put("Level", 50.0 + number % 3)
    await until(lambda: _evaluates(foreign, call))
    plant.put("Level", 199.0)
    await until(lambda: _count(foreign, "events", 1))
    message, severity, source, score = (await foreign.notifications("events"))[0]["fields"]
    assert "anomaly" in message
    assert (severity, source) == (600, "LevelRobustZScore")
    assert score > 5.0


async def _evaluates(foreign: ForeignClient, call: dict[str, Any]) -> bool:
    told = await foreign.ask("call", **call)
    return told["status"] == "Good" and len(told["outputs"]) == 2


@pytest.fixture
async def past(plant: Plant) -> list[int]:
    """Give the source times of twenty values 100 … 119 of Level that are in its history."""
    times = [plant.put("Level", 100.0 + number) for number in range(20)]
    recorder = plant.gateway.recorder
    assert recorder is not None
    await until(lambda: plant.gateway.counters()["stored"] >= 20)
    return times


def _at(ticks: int) -> str:
    return to_iso(ticks)


async def test_raw_history_in_pages_both_ways_with_bounds(
    plant: Plant, foreign: ForeignClient, past: list[int]
) -> None:
    await foreign.connect(plant.url)
    level = plant.text("Level")
    one = TICKS_PER_MILLISECOND

    async def ask(start: int | None, end: int | None, count: int = 0, *, bounds: bool = False) -> list[list[Any]]:
        given = {"start": _at(start) if start else None, "end": _at(end) if end else None}
        pages = await foreign.ask("history", node=level, count=count, bounds=bounds, **given)
        return [[one["value"] for one in page["values"]] for page in pages]

    numbers = [float(100 + number) for number in range(20)]
    assert await ask(past[0], past[-1] + one) == [numbers]
    assert await ask(past[0], past[-1]) == [numbers[:-1]], "the end is not part of the range"
    assert await ask(past[0], past[-1] + one, 7) == [numbers[:7], numbers[7:14], numbers[14:]]
    backward = await ask(past[-1], past[0] - one, 8)
    assert [value for page in backward for value in page] == numbers[::-1]
    assert max(len(page) for page in backward) == 8
    assert (await ask(past[4], None, 3))[0] == numbers[4:7]
    assert (await ask(None, past[4], 3))[0] == numbers[4:1:-1]
    assert await ask(past[3], past[6], bounds=True) == [numbers[3:7]], "a value at the end's very time is its bound"
    outside = await foreign.ask("history", node=level, start=_at(past[0] - one), end=_at(past[-1] + 10**9), bounds=True)
    ends = outside[0]["values"][0], outside[-1]["values"][-1]
    assert [(one["status"], one["value"]) for one in ends] == [(BOUND_NOT_FOUND, None)] * 2


async def test_history_that_is_not_there(plant: Plant, foreign: ForeignClient, past: list[int]) -> None:
    await foreign.connect(plant.url)

    async def status(name: str, **asked: Any) -> str:
        return (await foreign.ask("history", node=plant.text(name), **asked))[0]["status"]

    whole = {"start": _at(past[0]), "end": _at(past[-1])}
    assert await status("Count", **whole) == "BadHistoryOperationUnsupported"
    assert await status("Nothing", **whole) == "BadNodeIdUnknown"
    assert await status("Level", start="2001-01-01T00:00:00Z", end="2001-01-02T00:00:00Z") == "GoodNoData"
    assert await status("Level", start=whole["start"]) == "BadInvalidTimestampArgument"


async def test_aggregates_and_values_at_times(plant: Plant, foreign: ForeignClient, past: list[int]) -> None:
    # Part 11 v1.05 6.5.4, 6.5.5, Part 13 v1.05 5.4.3
    await foreign.connect(plant.url)
    one, level = TICKS_PER_MILLISECOND, plant.text("Level")
    span = {"node": level, "start": _at(past[0]), "end": _at(past[-1] + one)}
    for aggregate, wanted in (
        ("Average", [102.0, 107.0, 112.0, 117.0]),
        ("Count", [5] * 4),
        ("Maximum", [104.0, 109.0, 114.0, 119.0]),
    ):
        told = await foreign.ask("processed", aggregate=aggregate, interval=5, **span)
        assert (told["status"], [value["value"] for value in told["values"]]) == ("Good", wanted)
    told = await foreign.ask("atTimes", node=level, times=[_at(past[3]), _at(past[7])])
    assert [value["value"] for value in told["values"]] == [103.0, 107.0]


async def test_continuation_points_belong_to_their_session_and_can_be_released(plant: Plant, past: list[int]) -> None:
    assert past
    async with connected(plant) as one, connected(plant) as other:
        first = await _history(one, plant, 5)
        assert first.ContinuationPoint
        stolen = await _history(other, plant, 5, first.ContinuationPoint)
        assert stolen.StatusCode.name == "BadContinuationPointInvalid"
        second = await _history(one, plant, 5, first.ContinuationPoint)
        assert second.StatusCode.is_good()
        assert (await _history(one, plant, 5, first.ContinuationPoint)).StatusCode.name == (
            "BadContinuationPointInvalid"
        )
        assert (await _history(one, plant, 5, second.ContinuationPoint, release=True)).StatusCode.is_good()
        gone = await _history(one, plant, 5, second.ContinuationPoint)
        assert gone.StatusCode.name == "BadContinuationPointInvalid"


async def _history(
    client: Client, plant: Plant, count: int, point: bytes | None = None, *, release: bool = False
) -> ua.HistoryReadResult:
    details = ua.ReadRawModifiedDetails(
        IsReadModified=False,
        StartTime=ua.get_win_epoch(),
        EndTime=ua.DateTime(2100, 1, 1),
        NumValuesPerNode=count,
        ReturnBounds=False,
    )
    details.StartTime = ua.DateTime(2020, 1, 1)
    params = ua.HistoryReadParameters()
    params.HistoryReadDetails = details
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    params.ReleaseContinuationPoints = release
    params.NodesToRead = [ua.HistoryReadValueId(NodeId=plant.node("Level"), ContinuationPoint=point)]
    return (await client.uaclient.history_read(params))[0]


@pytest.fixture
async def secure(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    """Give a plant that offers encryption alone."""
    folder = tmp_path / "secure"
    folder.mkdir()
    async with running(lay_down(folder, port=free_port(), security="[SignAndEncrypt]")) as held:
        yield held


def _identity(folder: Path, uri: str) -> tuple[Path, Path]:
    own_certificate(folder, uri, "client")
    return folder / "own.der", folder / "own.key.pem"


async def test_without_encryption_nobody_comes_in_where_none_is_not_offered(
    secure: Plant, foreign: ForeignClient
) -> None:
    offered = await foreign.endpoints(secure.url)
    assert {one["mode"] for one in offered} == {"SignAndEncrypt"}
    assert not any(one["policy"].endswith(("#None", "#Basic128Rsa15", "#Basic256")) for one in offered)
    with pytest.raises(ForeignError):
        await foreign.connect(secure.url)
    with pytest.raises((UaError, TimeoutError, ConnectionError)):
        async with asyncio.timeout(30), Client(secure.url) as client:
            await client.nodes.objects.get_children()


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"])
async def test_a_trusted_certificate_opens_an_encrypted_session(
    secure: Plant, foreign: ForeignClient, tmp_path: Path, policy: str
) -> None:
    certificate, key = _identity(tmp_path / "id", "urn:foreign:client")
    how = {"mode": "SignAndEncrypt", "policy": policy, "certificate": str(certificate), "key": str(key)}
    shutil.copy(certificate, secure.gateway.plan.data_dir / "certs" / "trusted" / "client.der")
    await foreign.connect(secure.url, uri="urn:foreign:client", **how)
    assert (await foreign.read(secure.text("Level")))[0]["value"] == 12.5
    subscription = (await foreign.ask("subscribe", interval=50))["id"]
    await foreign.ask("monitor", subscription=subscription, node=secure.text("Level"), name="level", size=100)
    for number in range(30):
        secure.put("Level", float(number))
    await until(lambda: _count(foreign, "level", 31))


async def test_an_unknown_certificate_is_refused_and_put_aside_until_it_is_trusted(
    secure: Plant, foreign: ForeignClient, tmp_path: Path
) -> None:
    certificate, key = _identity(tmp_path / "id", "urn:foreign:client")
    how = {"mode": "SignAndEncrypt", "policy": "Basic256Sha256", "certificate": str(certificate), "key": str(key)}
    with pytest.raises(ForeignError):
        await foreign.connect(secure.url, uri="urn:foreign:client", **how)
    certs = secure.gateway.plan.data_dir / "certs"
    (rejected,) = (certs / "rejected").iterdir()
    assert rejected.read_bytes() == certificate.read_bytes()
    rejected.rename(certs / "trusted" / rejected.name)
    async with foreign_client(tmp_path / "again") as again:
        await again.connect(secure.url, uri="urn:foreign:client", **how)
        assert (await again.read(secure.text("Level")))[0]["value"] == 12.5


async def test_asyncua_comes_in_with_a_trusted_certificate_and_not_with_another(secure: Plant, tmp_path: Path) -> None:
    for number, trusted in ((1, True), (2, False)):
        folder = tmp_path / f"id{number}"
        certificate, key = _identity(folder, "urn:other:client")
        if trusted:
            shutil.copy(certificate, secure.gateway.plan.data_dir / "certs" / "trusted" / "other.der")
        client = PatientClient(secure.url)
        client.application_uri = "urn:other:client"
        await client.set_security(
            SecurityPolicyBasic256Sha256, certificate, key, mode=ua.MessageSecurityMode.SignAndEncrypt
        )
        if trusted:
            async with client:
                assert await client.get_node(secure.node("Level")).read_value() == 12.5
        else:
            with pytest.raises((UaError, TimeoutError, ConnectionError)):
                async with asyncio.timeout(30), client:
                    await client.nodes.objects.get_children()
            assert len(list((secure.gateway.plan.data_dir / "certs" / "rejected").iterdir())) == 1
