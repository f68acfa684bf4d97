from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.batch import Batch
from core.datatypes import DataType
from core.errors import StoreUnavailable
from core.image import ProcessImage
from core.point import Point
from core.time import now
from historian.outbox import Outbox
from server.pubsub.delivery.streams import STREAM
from server.pubsub.fields import DataSetField
from server.pubsub.frames import WriterIdentity
from server.pubsub.json.encoding import JsonEncoding
from server.pubsub.record import unpack
from server.pubsub.settings import DataSetSettings
from server.pubsub.state import StateFile
from server.pubsub.writer import DataSetWriter, Destination, PointValues

POINTS = [Point("n0", DataType.DOUBLE), Point("n1", DataType.VARIANT)]
FIELDS = [DataSetField(f"f{slot}", slot, point.datatype, point.node) for slot, point in enumerate(POINTS)]
IDENTITY = WriterIdentity("line-1", "default", "meters", 1, (1, 1))


class _Unsayable:
    """A value that a driver of the future might give."""

    def __str__(self) -> str:
        message = "no words for it"
        raise ValueError(message)


class _Bench:
    """One writer over an image and an outbox."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.image = ProcessImage(POINTS, now())
        self.outbox = Outbox(folder / "outbox.sqlite")
        state = StateFile(folder / "pubsub.json")
        state.admit("meters", "t/metadata", [], now())
        dataset = DataSetSettings.model_validate({"nodes": ["/Objects/*"], **settings})
        encoding = JsonEncoding(IDENTITY, FIELDS, ("t/data", "t/metadata"), dataset.content)
        source = PointValues("meters", dataset, FIELDS, self.image, by_time=True)
        self.writer = DataSetWriter(
            IDENTITY, source, Destination(self.outbox, STREAM, encoding, "json", 100_000), state
        )

    def apply(self, slot: int, value: Any) -> None:
        values = np.empty(1, POINTS[slot].datatype.dtype)
        values[0] = value
        self.image.apply(Batch(np.array([slot], np.int32), values, 0, now(), now()))

    async def messages(self) -> list[dict[str, Any]]:
        records = await self.outbox.read(STREAM, 0)
        return [
            message
            for record in records
            for message in json.loads(unpack(record.payload).messages[0].payload)["Messages"]
        ]


@asynccontextmanager
async def _opened(folder: Path, **settings: Any) -> AsyncGenerator[_Bench]:
    bench = _Bench(folder, **settings)
    await bench.outbox.open()
    bench.writer.start()
    try:
        yield bench
    finally:
        await bench.writer.stop()
        await bench.outbox.close()


async def test_what_cannot_be_said_is_dropped_and_counted_and_the_dataset_goes_on(tmp_path: Path) -> None:
    async with _opened(tmp_path) as bench:
        bench.apply(0, 1.0)
        bench.apply(1, _Unsayable())
        for _ in range(2):
            with pytest.raises(ValueError, match="no words"):
                await bench.writer.publish()
        assert (bench.writer.counters.dropped, bench.writer.counters.messages) == (4, 0)
        bench.apply(1, "three")
        await bench.writer.publish()
        (message,) = await bench.messages()
    assert message["MessageType"] == "ua-keyframe"
    assert [field["Value"] for field in message["Payload"].values()] == [1.0, "three"]


async def test_one_sample_that_cannot_be_said_does_not_stay_in_the_way(tmp_path: Path) -> None:
    async with _opened(tmp_path, samples="all") as bench:
        bench.apply(1, _Unsayable())
        with pytest.raises(ValueError, match="no words"):
            await bench.writer.publish()
        bench.apply(0, 2.0)
        await bench.writer.publish()
        (message,) = await bench.messages()
        assert message["Payload"]["f0"]["Value"] == 2.0
        assert (bench.writer.counters.values, bench.writer.counters.dropped) == (1, 1)
        bench.apply(1, _Unsayable())  # what stop finds must not keep it from its end


async def test_what_the_outbox_does_not_accept_is_kept_and_nothing_more_is_made(tmp_path: Path) -> None:
    async with _opened(tmp_path, samples="all") as bench:
        bench.apply(0, 1.0)
        await bench.outbox.close()
        for number in (2.0, 3.0):
            with pytest.raises(StoreUnavailable):
                await bench.writer.publish()
            bench.apply(0, number)
        assert (bench.writer.counters.failures, bench.writer.counters.values) == (2, 0)
        await bench.outbox.open()
        await bench.writer.publish()
        assert bench.writer.counters.values == 1
        await bench.writer.publish()
        values = [message["Payload"]["f0"]["Value"] for message in await bench.messages()]
    assert values == [1.0, 2.0, 3.0]


async def test_stop_puts_what_a_failed_try_left_and_what_came_since_into_the_outbox(tmp_path: Path) -> None:
    async with _opened(tmp_path, samples="all") as bench:
        bench.apply(0, 1.0)
        await bench.outbox.close()
        with pytest.raises(StoreUnavailable):
            await bench.writer.publish()
        bench.apply(0, 2.0)
        await bench.outbox.open()
        await bench.writer.stop()
        values = [message["Payload"]["f0"]["Value"] for message in await bench.messages()]
        assert (values, bench.writer.counters.dropped) == ([1.0, 2.0], 0)


async def test_what_is_not_accepted_at_the_end_is_counted(tmp_path: Path) -> None:
    async with _opened(tmp_path, samples="all") as bench:
        bench.apply(0, 1.0)
        await bench.outbox.close()
        with pytest.raises(StoreUnavailable):
            await bench.writer.publish()
        bench.apply(0, 2.0)
        await bench.writer.stop()
        counters = bench.writer.counters
        assert (counters.acquired, counters.values, counters.dropped) == (2, 0, 2)
        await bench.outbox.open()
