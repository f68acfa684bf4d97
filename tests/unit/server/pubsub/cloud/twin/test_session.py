from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreUnavailable
from core.quality import Status
from server.pubsub.cloud.twin.iot_hub import IotHubTwin
from server.pubsub.cloud.twin.memory import TwinMemory
from server.pubsub.cloud.twin.properties import Present
from server.pubsub.cloud.twin.session import TwinSession
from server.pubsub.cloud.twin.shadow import Shadow
from server.pubsub.commands.port import Wanted, WriteOutcome
from server.pubsub.commands.refusal import CommandRefused
from server.pubsub.contract import MqttMessage
from tests.clock import settle
from tests.cloud_services import Sent, ShadowService, TwinService
from tests.unit.server.pubsub.cloud.links import OpenFlight, OpenLink
from tests.waiting import until

_MARKS = count(1_000)
NODES = {"Setpoint": "/Objects/Setpoint", "Level": "/Objects/Level", "Mark": "/Objects/Mark"}


class Plant:
    """Points that can be written, and one who writes them. ``refuse``: nodes -> StatusCode."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"Setpoint": 20, "Level": 3.5, "Mark": 0}
        self.quality: dict[str, str] = {}
        self.refuse: dict[str, int] = {}
        self.written: list[tuple[str, Any]] = []
        self.forbidden = False
        self.hold: asyncio.Event | None = None

    def read(self) -> Present:
        return Present(dict(self.values), dict(self.quality))

    async def write(self, wanted: Sequence[Wanted], *, entry: str, all_or_nothing: bool) -> list[WriteOutcome]:
        assert entry.startswith("twin ")
        assert not all_or_nothing
        if self.forbidden:
            raise CommandRefused(int(Status.BAD_USER_ACCESS_DENIED), "there is no such user", "make it")
        if self.hold is not None:
            await self.hold.wait()
        outcomes: list[WriteOutcome] = []
        for node, value in wanted:
            self.written.append((node, value))
            status = self.refuse.get(node, 0)
            if not status:
                self.values[node.rpartition("/")[2]] = value
            outcomes.append(WriteOutcome(node, status))
        return outcomes


class Wired(OpenLink):
    """A link to a service beside. ``deaf``: nothing that it says arrives."""

    def __init__(self, session: TwinSession, service: ShadowService | TwinService) -> None:
        super().__init__()
        self.session, self.service = session, service
        self.deaf = False

    def fly(self, messages: Sequence[MqttMessage], priority: int = 1) -> OpenFlight:
        flight = super().fly(messages, priority)
        for message in messages:
            self.say(self.service.handle(message.topic, message.payload))
        return flight

    def say(self, sent: Sequence[Sent]) -> None:
        if not self.deaf:
            for topic, payload in sent:
                asyncio.get_running_loop().call_soon(self.session.received, MqttMessage(topic, payload))


class Cloud:
    """A plant, its twin, and the service, on a folder that outlives them."""

    def __init__(self, folder: Path, service: ShadowService | TwinService, report: float = 0.02) -> None:
        self.plant, self.service = Plant(), service
        self.file = folder / "twin-default.json"
        self.report = report
        self.session = self._session()
        self.link = Wired(self.session, service)

    def _session(self) -> TwinSession:
        dialect = Shadow("line-1") if isinstance(self.service, ShadowService) else IotHubTwin()
        memory = TwinMemory(self.file, dialect.title)
        return TwinSession(dialect, NODES, self.plant, self.plant, memory, report=self.report)

    def connect(self) -> None:
        """As a BrokerConnection does it on each link."""
        self.link = Wired(self.session, self.service)
        self.session.opened(self.link)
        assert self.session.subscriptions()
        self.link.fly(self.session.greeting())

    def cut(self) -> None:
        self.link.abort("cut")
        self.session.lost()

    async def restart(self) -> None:
        await self.session.stop()
        self.session = self._session()
        await self.session.start()
        self.connect()

    def say(self, sent: Sequence[Sent]) -> None:
        self.link.say(sent)


@asynccontextmanager
async def running(cloud: Cloud) -> AsyncGenerator[Cloud]:
    await cloud.session.start()
    try:
        cloud.connect()
        yield cloud
    finally:
        await cloud.session.stop()


@pytest.fixture
async def aws(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with running(Cloud(tmp_path, ShadowService("line-1"))) as cloud:
        yield cloud


@pytest.fixture
async def azure(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with running(Cloud(tmp_path, TwinService())) as cloud:
        yield cloud


def _shadow(cloud: Cloud) -> ShadowService:
    assert isinstance(cloud.service, ShadowService)
    return cloud.service


def _twin(cloud: Cloud) -> TwinService:
    assert isinstance(cloud.service, TwinService)
    return cloud.service


async def _idle(cloud: Cloud) -> None:
    """Wait until all that was said has been heard: two changes that come after it are reported."""

    def reported() -> object:
        mark = cloud.service.reported.get("Mark")
        return mark["value"] if isinstance(mark, dict) else mark

    for _ in range(2):
        cloud.plant.values["Mark"] = mark = next(_MARKS)
        await until(lambda mark=mark: reported() == mark)


async def test_what_is_there_is_reported_and_then_what_changes(aws: Cloud) -> None:
    shadow = _shadow(aws)
    await until(lambda: shadow.reported.get("Setpoint") == 20)
    assert shadow.reported == {"Setpoint": 20, "Level": 3.5, "Mark": 0, "quality": {}, "errors": {}}
    aws.plant.values["Level"] = 4.5
    await until(lambda: shadow.reported["Level"] == 4.5)
    assert shadow.updates[-1]["state"]["reported"] == {"Level": 4.5}
    del aws.plant.values["Level"]
    aws.plant.quality["Level"] = "BadNoCommunication"
    await until(lambda: "Level" not in shadow.reported)
    assert shadow.reported["quality"] == {"Level": "BadNoCommunication"}


async def test_a_report_has_a_least_distance(tmp_path: Path) -> None:
    async with running(Cloud(tmp_path, ShadowService("line-1"), report=30.0)) as cloud:
        shadow = _shadow(cloud)
        await until(lambda: shadow.reported)
        cloud.plant.values["Level"] = 9.0
        cloud.say(shadow.desire({"Setpoint": 21}))
        await until(lambda: shadow.reported.get("Setpoint") == 21)
        assert len(shadow.updates) == 2, "what was wanted is answered at once, and the rest with it"
        cloud.plant.values["Level"] = 10.0
        await settle(50)
        assert len(shadow.updates) == 2


async def test_what_is_wanted_is_written_and_its_answer_reported(aws: Cloud) -> None:
    shadow = _shadow(aws)
    aws.say(shadow.desire({"Setpoint": 25.5}))
    await until(lambda: shadow.reported.get("Setpoint") == 25.5)
    assert aws.plant.written == [("/Objects/Setpoint", 25.5)]
    assert "errors" not in shadow.reported or shadow.reported["errors"] == {}


async def test_what_is_refused_is_an_error_and_is_not_tried_again(aws: Cloud) -> None:
    shadow = _shadow(aws)
    aws.plant.refuse["/Objects/Setpoint"] = int(Status.BAD_OUT_OF_RANGE)
    aws.say(shadow.desire({"Setpoint": 900}))
    await until(lambda: shadow.reported.get("errors"))
    error = shadow.reported["errors"]["Setpoint"]
    assert error["symbol"] == "BadOutOfRange"
    # The delta comes with each report that follows, and at the next link.
    aws.plant.values["Level"] = 5.0
    await until(lambda: shadow.reported["Level"] == 5.0)
    aws.cut()
    aws.connect()
    await _idle(aws)
    assert len(aws.plant.written) == 1
    assert aws.session.counters.repeated >= 2
    aws.plant.refuse.clear()
    shadow.now += 1
    aws.say(shadow.desire({"Setpoint": 900}))  # somebody sets it anew
    await until(lambda: shadow.reported["Setpoint"] == 900)
    assert shadow.reported["errors"] == {}


async def test_a_message_that_comes_twice_or_late_is_done_once(aws: Cloud) -> None:
    shadow = _shadow(aws)
    await until(lambda: shadow.reported)
    first = shadow.desire({"Setpoint": 30})
    shadow.now += 1
    second = shadow.desire({"Setpoint": 31})
    aws.say([*second, *second, *first])
    await _idle(aws)
    assert aws.plant.written == [("/Objects/Setpoint", 31)]
    assert aws.session.counters.stale >= 2


async def test_what_was_wanted_while_nobody_was_here_is_done_at_the_next_link_once(aws: Cloud) -> None:
    shadow = _shadow(aws)
    await until(lambda: shadow.reported)
    aws.cut()
    shadow.desire({"Setpoint": 40})
    aws.connect()
    await until(lambda: shadow.reported["Setpoint"] == 40)
    aws.plant.values["Setpoint"] = 7  # an operator at the machine
    await until(lambda: shadow.reported["Setpoint"] == 7)
    await aws.restart()
    await _idle(aws)
    assert aws.plant.written == [("/Objects/Setpoint", 40)]
    assert aws.plant.values["Setpoint"] == 7


async def test_a_write_that_a_crash_interrupts_is_not_repeated(aws: Cloud) -> None:
    shadow = _shadow(aws)
    aws.plant.hold = asyncio.Event()
    aws.say(shadow.desire({"Setpoint": 50}))
    await until(lambda: aws.file.exists() and '"status": null' in aws.file.read_text())
    crashed = aws.file.read_text()
    aws.plant.hold.set()
    await until(lambda: aws.plant.written)
    await aws.session.stop()
    aws.file.write_text(crashed)
    aws.plant.values["Setpoint"], aws.plant.written = 20, []
    await aws.restart()
    await until(lambda: shadow.reported.get("errors", {}).get("Setpoint", {}).get("symbol") == "BadRequestInterrupted")
    await _idle(aws)
    assert aws.plant.written == []


async def test_a_conflict_is_looked_at_and_reported_again(aws: Cloud) -> None:
    shadow = _shadow(aws)
    await until(lambda: shadow.reported)
    shadow.refuse.append(409)
    shadow.desire({"Setpoint": 60})  # the delta is lost
    asks = sum(message.topic.endswith("/get") for message in aws.link.messages)
    aws.plant.values["Level"] = 6.0
    await until(lambda: shadow.reported["Level"] == 6.0)
    assert sum(message.topic.endswith("/get") for message in aws.link.messages) == asks + 1
    await until(lambda: shadow.reported["Setpoint"] == 60)


async def test_an_answer_that_does_not_come_is_asked_for_again(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.pubsub.cloud.twin.reporter.ANSWERED_WITHIN", 0.1)
    shadow = _shadow(aws)
    await until(lambda: shadow.reported)
    aws.link.deaf = True
    aws.plant.values["Level"] = 8.0
    await until(lambda: shadow.reported["Level"] == 8.0)
    aws.plant.values["Level"] = 9.0
    aws.link.deaf = False
    await until(lambda: shadow.reported["Level"] == 9.0)
    assert "no answer" in aws.session.counters.last_error or aws.session.counters.last_error == ""


async def test_unknown_properties_and_garbage_change_nothing(aws: Cloud) -> None:
    shadow = _shadow(aws)
    await until(lambda: shadow.reported)
    aws.say([(f"{shadow.prefix}/update/delta", b"{"), (f"{shadow.prefix}/get/accepted", b"[]")])
    deep = b"[" * 900 + b"]" * 900
    document = b'{"version": 9, "state": {"Setpoint": %s}, "metadata": {"Setpoint": {"timestamp": 9}}}'
    aws.say([(f"{shadow.prefix}/update/delta", document % deep)])
    shadow.version = 10
    aws.say(shadow.desire({"Nothing": 1, "\ud800": 2}))
    await until(lambda: shadow.reported.get("errors"))
    assert shadow.reported["errors"]["Nothing"]["symbol"] == "BadNodeIdUnknown"
    assert aws.session.counters.garbage >= 3
    assert set(shadow.reported["errors"]) == {"Nothing"}
    assert aws.plant.written == []


async def test_a_value_that_no_one_foresaw_does_not_end_the_reports(
    aws: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws.session._reporter._backoff, "longest", 0.05)
    shadow = _shadow(aws)
    await until(lambda: shadow.reported)
    aws.plant.values["Level"] = object()
    await until(lambda: aws.session._reporter._not_before)
    aws.plant.values["Level"] = 5
    await until(lambda: shadow.reported["Level"] == 5)


async def test_who_may_write_nothing_is_told_so(aws: Cloud) -> None:
    shadow = _shadow(aws)
    aws.plant.forbidden = True
    aws.say(shadow.desire({"Setpoint": 70, "Level": 1}))
    await until(lambda: len(shadow.reported.get("errors", {})) == 2)
    assert {one["symbol"] for one in shadow.reported["errors"].values()} == {"BadUserAccessDenied"}


async def test_what_cannot_be_remembered_is_not_done(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = _shadow(aws)
    await until(lambda: shadow.reported)
    full = True

    def write(self: TwinMemory, content: bytes) -> None:
        if full:
            raise OSError(28, "No space left on device")
        written(self, content)

    written = TwinMemory._write
    monkeypatch.setattr(TwinMemory, "_write", write)
    aws.say(shadow.desire({"Setpoint": 80}))
    await until(lambda: "No space left" in aws.session.counters.last_error)
    assert aws.plant.written == []
    full = False
    await until(lambda: shadow.reported["Setpoint"] == 80)
    assert len(aws.plant.written) == 1


async def test_a_twin_answers_with_code_version_and_words(azure: Cloud) -> None:
    twin = _twin(azure)
    await until(lambda: "Setpoint" in twin.reported)
    assert twin.reported["Level"] == {"value": 3.5, "ac": 203, "av": 0, "ad": ""}
    azure.say(twin.desire({"Setpoint": 22}))
    await until(lambda: twin.reported["Setpoint"]["value"] == 22)
    assert twin.reported["Setpoint"] == {"value": 22, "ac": 200, "av": 2, "ad": "Good"}
    azure.plant.refuse["/Objects/Setpoint"] = int(Status.BAD_TYPE_MISMATCH)
    azure.say(twin.desire({"Setpoint": "warm"}))
    await until(lambda: twin.reported["Setpoint"]["ac"] == 400)
    assert twin.reported["Setpoint"] == {"value": 22, "ac": 400, "av": 3, "ad": "BadTypeMismatch"}


async def test_the_whole_twin_is_done_where_it_differs_from_what_was_done(azure: Cloud) -> None:
    twin = _twin(azure)
    azure.say(twin.desire({"Setpoint": 22}))
    await until(lambda: azure.plant.written)
    azure.cut()
    twin.desire({"Level": 4})
    azure.plant.values["Setpoint"] = 7
    azure.connect()
    await _idle(azure)
    assert azure.plant.written == [("/Objects/Setpoint", 22), ("/Objects/Level", 4)]
    azure.say(twin.desire({"Setpoint": 22}))  # set anew while we are here
    await until(lambda: len(azure.plant.written) == 3)


async def test_a_throttled_report_is_made_later(azure: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure.session._reporter._backoff, "first", 0.05)
    twin = _twin(azure)
    await until(lambda: "Level" in twin.reported)
    twin.refuse.append(429)
    azure.plant.values["Level"] = 6.0
    await until(lambda: twin.reported["Level"]["value"] == 6.0)
    assert azure.session.counters.refused_reports == 1


async def test_a_document_made_anew_begins_anew(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path, TwinService())
    async with running(cloud):
        for value in range(1, 4):
            cloud.say(_twin(cloud).desire({"Setpoint": value}))
            await until(lambda value=value: cloud.plant.values["Setpoint"] == value)
        cloud.cut()
        fresh = cloud.service = TwinService()
        fresh.desire({"Setpoint": 3})
        cloud.plant.values["Setpoint"] = 0
        cloud.connect()
        await until(lambda: cloud.plant.values["Setpoint"] == 3)


async def test_another_twins_memory_is_not_taken_and_a_damaged_one_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "twin.json"
    file.write_text('{"document": "another", "state": {"version": 9, "done": {}}}')
    memory = TwinMemory(file, "mine")
    await memory.load()
    assert memory.done == {}
    file.write_text('{"document"')
    await memory.load()
    assert (tmp_path / "twin.damaged").exists()
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(StoreUnavailable):
        await TwinMemory(tmp_path / "folder.json", "mine").load()
