"""Every bit of a sample through line protocol, a real server, and InfluxQL."""

from __future__ import annotations

import asyncio
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from historian.contract import Delivery
from historian.influx.lines import tag, untag
from historian.influx.positions import FIRST_TICK, LAST_TICK
from historian.influx.store import InfluxStore
from historian.samples import SampleBlock
from tests.influxdb import InfluxServer, settings_for

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
WEEK = 133 * 10**15
"""Times of one shard: each further one costs the server files."""
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)


def doubles(bits: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.BOOLEAN: st.booleans(),
    DataType.INT64: INT64,
    DataType.UINT64: st.integers(0, (1 << 64) - 1),
    DataType.BYTE: st.integers(0, 255),
    DataType.DATETIME: INT64,
    DataType.STATUSCODE: st.integers(0, (1 << 32) - 1),
    DataType.STRING: TEXT | st.none(),
    DataType.BYTESTRING: st.binary(max_size=8) | st.none(),
    DataType.GUID: st.uuids(),
    DataType.VARIANT: st.recursive(
        st.none() | st.booleans() | INT64 | st.floats(allow_nan=False) | TEXT | st.binary(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
        max_leaves=5,
    ),
}


def column(datatype: DataType, given: list[Any]) -> Any:
    values = np.empty(len(given), datatype.dtype)
    for row, value in enumerate(given):
        values[row] = value
    return values


@st.composite
def blocks(draw: st.DrawFn) -> SampleBlock:
    datatype = draw(st.sampled_from([*VALUES, DataType.FLOAT, DataType.DOUBLE]))
    count = draw(st.integers(1, 12))
    if datatype is DataType.FLOAT:
        bits = draw(st.lists(st.integers(0, (1 << 32) - 1), min_size=count, max_size=count))
        values: Any = np.array(bits, np.uint32).view(np.float32)
    elif datatype is DataType.DOUBLE:
        bits = draw(st.lists(st.integers(0, (1 << 64) - 1), min_size=count, max_size=count))
        values = np.array(bits, np.uint64).view(np.float64)
    else:
        values = column(datatype, draw(st.lists(VALUES[datatype], min_size=count, max_size=count)))
    ticks = draw(st.lists(st.integers(WEEK, WEEK + 10**12), min_size=count, max_size=count, unique=True))
    served = draw(st.lists(INT64, min_size=count, max_size=count))
    status = draw(st.lists(st.integers(0, (1 << 32) - 1) | st.just(0), min_size=count, max_size=count))
    return SampleBlock(
        (f"nsu=urn:t;s={draw(TEXT)}",),
        datatype,
        np.array([count], np.int32),
        values,
        np.array(status, np.uint32),
        np.sort(np.array(ticks, np.int64)),
        np.array(served, np.int64),
    )


@settings(max_examples=12, deadline=None)
@given(story=st.lists(blocks(), min_size=4, max_size=4, unique_by=lambda block: block.nodes))
def test_every_value_comes_back_bit_for_bit(
    server: InfluxServer, story: list[SampleBlock], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def through() -> None:
        store = InfluxStore(settings_for(server.url, tmp_path_factory.mktemp("values")))
        await store.open()
        try:
            await store.append([Delivery(1, story)], "origin")
            assert set(await store.points()) == {block.nodes[0] for block in story}
            for block in story:
                page = await store.read_raw(block.nodes[0], FIRST_TICK, LAST_TICK + 1, 0)
                assert (page.datatype, page.damaged) == (block.datatype, 0)
                assert page.source_time.tolist() == block.source_time.tolist()
                assert page.server_time.tolist() == block.server_time.tolist()
                assert page.status.tolist() == block.status.tolist()
                if block.datatype.is_object:
                    assert page.values.tolist() == block.values.tolist()
                else:
                    assert page.values.tobytes() == block.values.tobytes()
        finally:
            await store.close()

    asyncio.run(through())


@given(TEXT)
def test_a_name_survives_being_a_tag(name: str) -> None:
    assert untag(tag(name)) == name
    assert "\n" not in tag(name)
    assert "\\" not in tag(name)


async def test_not_a_number_keeps_its_payload_also_at_the_ends_of_time(server: InfluxServer, tmp_path: Path) -> None:
    values = np.array([0x7FF0DEADBEEF0001, 0xFFF8000000000001], np.uint64).view(np.float64)
    store = InfluxStore(settings_for(server.url, tmp_path))
    await store.open()
    try:
        times = np.array([FIRST_TICK, LAST_TICK], np.int64)
        block = SampleBlock(
            ("nsu=urn:t;s=nan",), DataType.DOUBLE, np.array([2], np.int32), values, np.zeros(2, np.uint32), times, times
        )
        await store.append([Delivery(1, [block])], "origin")
        page = await store.read_raw(block.nodes[0], 0, None, 9)
        assert page.source_time.tolist() == times.tolist()
        assert page.values.tobytes() == values.tobytes()
        assert all(math.isnan(value) for value in page.values)
    finally:
        await store.close()
