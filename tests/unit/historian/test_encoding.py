from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.batch import ValueArray
from historian import encoding

DTYPES = [np.dtype(kind) for kind in ("bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")]


def roundtrip(values: ValueArray) -> ValueArray:
    data = encoding.encode(values)
    found, end = encoding.decode(memoryview(data), 0, len(values), values.dtype)
    assert end == len(data)
    assert found.dtype == values.dtype
    return found


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: arrays.arrays(dtype, st.integers(1, 60))))
def test_every_bit_comes_back(values: ValueArray) -> None:
    assert roundtrip(values).tobytes() == values.tobytes()


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=200), st.integers(0, 4), st.sampled_from(["f4", "f8"])
)
def test_rounded_decimals_come_back(numbers: list[int], exponent: int, kind: str) -> None:
    values = (np.array(numbers) / 10.0**exponent).astype(kind)
    assert roundtrip(values).tobytes() == values.tobytes()


@pytest.mark.parametrize(
    ("values", "largest"),
    [
        (np.full(1000, 7.25), 24),
        (np.arange(1000, dtype=np.int64) * 100_000 + 133_000_000_000_000_000, 24),
        (np.round(np.sin(np.arange(1000) / 50) * 50, 2), 24 + 1000),
        (np.tile(np.array([0, 1], np.bool_), 500), 24 + 1000),
    ],
)
def test_regular_columns_are_small_before_they_are_deflated(values: ValueArray, largest: int) -> None:
    assert len(encoding.encode(values)) <= largest


@given(st.binary(max_size=80), st.integers(1, 5))
def test_any_bytes_are_read_or_refused(data: bytes, count: int) -> None:
    try:
        values, _ = encoding.decode(memoryview(data), 0, count, np.dtype(np.float64))
    except encoding.DamagedData:
        return
    assert len(values) == count
