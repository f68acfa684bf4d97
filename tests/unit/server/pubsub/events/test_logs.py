from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from core.time import TICKS_PER_SECOND
from nodesets.built_in_types import LocalizedText
from server.pubsub.events.logs import UNHEARD, LogEvents
from server.pubsub.events.settings import LogSettings

NAME = "plantspace.test_of_logs"
LOG = logging.getLogger(NAME)


class _Clock:
    def __init__(self) -> None:
        self.ticks = 133_000_000_000_000_000

    def now(self) -> int:
        return self.ticks

    def pass_by(self, seconds: float) -> None:
        self.ticks += int(seconds * TICKS_PER_SECOND)


CLOCK = _Clock()


@pytest.fixture
def sources() -> Iterator[list[LogEvents]]:
    made: list[LogEvents] = []
    yield made
    for one in made:
        one.stop()
        one.close()


def _listen(sources: list[LogEvents], **settings: Any) -> LogEvents:
    source = LogEvents("log", LogSettings.model_validate(settings), CLOCK.now)
    sources.append(source)
    source.start()
    return source


def _rows(source: LogEvents) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for event in source.take():
        (part,) = event.parts
        values: list[Any] = part.values.tolist()
        rows.append({source.fields[at].name: value.value for at, value in zip(part.index, values, strict=True)})
    return rows


async def test_records_from_a_level_on_are_events(sources: list[LogEvents]) -> None:
    source = _listen(sources)
    LOG.info("not this")
    LOG.warning("%d of %s", 3, "them")
    LOG.error("torn", exc_info=ValueError("odd"))
    rows = _rows(source)
    assert rows == [
        {"Time": CLOCK.ticks, "Severity": 500, "SourceName": NAME, "Message": LocalizedText(None, "3 of them")},
        {
            "Time": CLOCK.ticks,
            "Severity": 700,
            "SourceName": NAME,
            "Message": LocalizedText(None, "torn: ValueError: odd"),
        },
    ]
    assert [field.data_type for field in source.fields] == ["i=294", "i=5", "i=12", "i=21"]
    assert source.category == "logs"
    source.stop()
    LOG.error("late")
    assert not source.take()


async def test_a_record_is_heard_once_however_many_loggers_name_it(sources: list[LogEvents]) -> None:
    source = _listen(sources, loggers=["plantspace", NAME], level="info")
    LOG.setLevel(logging.INFO)
    LOG.info("once")
    LOG.setLevel(logging.NOTSET)
    assert len(source.take()) == 1


@pytest.mark.parametrize("logger", [*UNHEARD, "plantspace.pubsub.mqtt"])
async def test_publishing_does_not_publish_its_own_troubles(sources: list[LogEvents], logger: str) -> None:
    source = _listen(sources)
    logging.getLogger(logger).error("the broker is away")
    logging.getLogger("plantspace.pubsubs").error("another")
    assert [row["SourceName"] for row in _rows(source)] == ["plantspace.pubsubs"]
    assert source.counters.acquired == 1


async def test_a_storm_is_cut_to_the_rate_and_counted(sources: list[LogEvents]) -> None:
    source = _listen(sources, rate=10)
    for _ in range(100):
        LOG.warning("again")
    assert (source.counters.waiting, source.counters.dropped, source.counters.acquired) == (10, 90, 100)
    CLOCK.pass_by(0.5)
    for _ in range(100):
        LOG.warning("again")
    assert (source.counters.waiting, source.counters.dropped) == (15, 185)


async def test_the_queue_is_bounded(sources: list[LogEvents]) -> None:
    source = _listen(sources, queue=2)
    for number in range(5):
        LOG.warning("%d", number)
    assert [row["Message"].text for row in _rows(source)] == ["3", "4"]
    assert source.counters.dropped == 3


async def test_a_thread_wakes_the_loop(sources: list[LogEvents]) -> None:
    source = _listen(sources)
    thread = threading.Thread(target=LOG.warning, args=("from elsewhere",))
    thread.start()
    async with asyncio.timeout(30):
        await source.arrived.wait()
    thread.join()
    assert len(source.take()) == 1
    assert not source.arrived.is_set()


async def test_what_cannot_be_formatted_is_told_as_it_is(sources: list[LogEvents]) -> None:
    source = _listen(sources)
    source.handle(logging.LogRecord(NAME, logging.CRITICAL, "", 0, "%d pieces", ("three\ud800",), None))
    (row,) = _rows(source)
    assert (row["Message"].text, row["Severity"]) == ("%d pieces", 900)
