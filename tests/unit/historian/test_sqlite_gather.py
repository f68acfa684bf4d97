"""Columns put together in order are those that a sort gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from historian.samples import Columns, join
from historian.sqlite.gather import gather

RUN = st.lists(st.integers(0, 6), min_size=1, max_size=5)
PART = st.tuples(st.lists(st.tuples(st.integers(0, 3), RUN), min_size=1, max_size=4), st.sampled_from([11, 10, 12]))


@settings(max_examples=40, deadline=None)
@given(st.lists(PART, min_size=1, max_size=5))
def test_what_is_gathered_is_what_is_joined(drawn: list[tuple[list[tuple[int, list[int]]], int]]) -> None:
    parts: list[Columns] = []
    number = 0
    for runs, kind in drawn:
        datatype = DataType(kind)
        times = np.array([moment for _, run in runs for moment in run], np.int64)
        values = np.arange(number, number + len(times)).astype(datatype.dtype)
        status = np.arange(number, number + len(times)).astype(np.uint32)
        number += len(times)
        points = np.array([point for point, _ in runs], np.int32)
        counts = np.array([len(run) for _, run in runs], np.int32)
        parts.append(Columns(datatype, points, counts, values, status, times, times + number))
    for found, wanted in zip(gather(parts), join(parts, by_time=True), strict=True):
        assert found.datatype is wanted.datatype
        for name in ("points", "counts", "values", "status", "source_time", "server_time"):
            assert getattr(found, name).tolist() == getattr(wanted, name).tolist()
            assert getattr(found, name).dtype == getattr(wanted, name).dtype
