from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import ValueArray
from core.datatypes import DataType
from historian import chunks, objects
from historian.encoding import DamagedData
from historian.samples import Columns, group, join

T0 = 133_000_000_000_000_000


def columns(points: list[int], values: ValueArray, datatype: DataType = DataType.DOUBLE) -> Columns:
    times = T0 + np.arange(len(points), dtype=np.int64)
    return group(
        datatype, np.array(points, np.int32), values, np.arange(len(points), dtype=np.uint32), times, times + 5
    )


def test_a_payload_comes_back_in_chunks_that_end_between_points() -> None:
    number = 50_000
    whole = columns([row % 7 for row in range(number)], np.arange(number, dtype=np.float64))
    found = list(chunks.read(chunks.write([whole])))
    assert [chunk.samples <= chunks.CHUNK_SAMPLES for chunk in found] == [True] * len(found)
    assert [chunk.points.tolist() for chunk in found] == [[0, 1], [2, 3], [4, 5], [6]]
    (again,) = join([chunk.columns() for chunk in found], by_time=False)
    for name in ("points", "counts", "values", "status", "source_time", "server_time"):
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name


def test_one_point_larger_than_a_chunk_is_cut() -> None:
    whole = columns([3] * 40_000, np.arange(40_000, dtype=np.float64))
    found = [chunk.columns() for chunk in chunks.read(chunks.write([whole]))]
    assert [len(part) for part in found] == [16_384, 16_384, 7_232]
    assert np.array_equal(np.concatenate([part.values for part in found]), whole.values)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.data())
def test_a_cut_gives_the_samples_of_the_range(points: list[int], data: st.DataObject) -> None:
    whole = columns(points, np.arange(len(points), dtype=np.float64))
    first = data.draw(st.integers(0, len(points) - 1))
    last = data.draw(st.integers(first + 1, len(points)))
    part = whole.cut(first, last)
    assert np.repeat(part.points, part.counts).tolist() == sorted(points)[first:last]
    assert part.values.tolist() == whole.values[first:last].tolist()


@given(st.data())
def test_a_changed_byte_or_a_torn_end_is_noticed(data: st.DataObject) -> None:
    payload = bytearray(chunks.write([columns([1, 2, 1], np.array([1.0, 2.5, -3.0]))]))
    place = data.draw(st.integers(0, len(payload) - 1))
    if data.draw(st.booleans()):
        payload[place] ^= data.draw(st.integers(1, 255))
    else:
        del payload[max(place, 1) :]
    with pytest.raises(DamagedData):
        _ = [chunk.columns() for chunk in chunks.read(bytes(payload))]


@given(st.binary(max_size=120))
def test_any_bytes_are_refused_or_empty(data: bytes) -> None:
    with contextlib.suppress(DamagedData):
        assert list(chunks.read(data)) == [] or data


def test_objects_come_back() -> None:
    values = np.empty(9, object)
    given_values = [None, "ß", 1, 2.5, b"\x00", uuid.UUID(int=1), [1, ["x"]], {"k": {"$bytes": 1}}, {3: "int key"}]
    for row, value in enumerate(given_values):
        values[row] = value
    assert objects.decode(objects.encode(values), 9).tolist() == given_values


def test_arrays_and_datetimes_come_back_as_arrays_and_ticks() -> None:
    values = np.empty(2, object)
    values[0] = np.arange(6, dtype=">i2").reshape(2, 3)
    values[1] = datetime(1601, 1, 1, 0, 0, 1, tzinfo=UTC)
    found = objects.decode(objects.encode(values), 2)
    assert np.array_equal(found[0], values[0])
    assert found[1] == 10_000_000


def test_what_has_no_form_is_known_beforehand() -> None:
    assert not objects.is_storable(object())
    assert objects.is_storable(["x"])
    with pytest.raises(TypeError):
        objects.encode(np.array([object()], object))
