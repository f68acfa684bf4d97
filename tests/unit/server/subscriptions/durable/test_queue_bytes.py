"""Rows of queued values and events come back as they were; damaged ones are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datatypes import DataType
from server.address_space.asyncua_values import decode_variant
from server.address_space.decoding import GivenValue
from server.address_space.extents import DecodingError
from server.subscriptions.durable.queue_bytes import (
    Form,
    KeptColumns,
    KeptEvents,
    Kind,
    decode,
    encode_columns,
    encode_events,
    encode_values,
)
from server.subscriptions.entries import Entries
from server.ua_stack.values import encode_variant, from_variant

_TIMES = st.integers(-(2**63), 2**63 - 1)
_STATUS = st.integers(0, 2**32 - 1)


def _read(datatype: DataType, variant: bytes) -> Any:
    return from_variant(datatype, decode_variant(variant))


def _values_of(datatype: DataType) -> st.SearchStrategy[Any]:
    if datatype is DataType.STRING:
        return st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
    if datatype is DataType.BYTESTRING:
        return st.none() | st.binary(max_size=20)
    if datatype is DataType.GUID:
        return st.none() | st.uuids()
    dtype = datatype.dtype
    if dtype.kind == "f":
        return st.floats(width=8 * dtype.itemsize)  # type: ignore[arg-type]  # 32 or 64
    if dtype.kind == "b":
        return st.booleans()
    limits = np.iinfo(dtype)  # type: ignore[type-var]  # all others are integers
    return st.integers(int(limits.min), int(limits.max))


@st.composite
def _columns(draw: st.DrawFn) -> tuple[DataType, Entries, list[int]]:
    datatype = draw(st.sampled_from([one for one in DataType if one is not DataType.VARIANT]))
    rows = draw(st.lists(st.tuples(st.integers(0, 3), _values_of(datatype), _STATUS, _TIMES, _TIMES), max_size=12))
    values = np.empty(len(rows), datatype.dtype)
    values[:] = [row[1] for row in rows]
    entries = Entries(
        np.array([row[0] for row in rows], np.int32),
        values,
        np.array([row[2] for row in rows], np.uint32),
        np.array([row[3] for row in rows], np.int64),
        np.array([row[4] for row in rows], np.int64),
    )
    return datatype, entries, draw(st.lists(st.integers(0, 2**32 - 1), max_size=3))


@given(_columns(), st.integers(0, 12))
def test_columns_of_every_type_come_back(given_columns: tuple[DataType, Entries, list[int]], cut: int) -> None:
    datatype, entries, gaps = given_columns
    ids = np.array([7, 2**31, 9, 2**32 - 1], np.uint32)
    parts = [entries.take(slice(0, cut)), entries.take(slice(cut, None))]
    body = encode_columns(parts, ids, Kind(datatype, parts=False), np.array(gaps, np.uint32), encode_variant)
    kept = decode(body, _read)
    assert isinstance(kept, KeptColumns)
    assert kept.kind == Kind(datatype, parts=False)
    assert kept.ids.tolist() == ids[entries.index].tolist()
    assert kept.gaps.tolist() == gaps
    assert kept.entries.values.dtype == entries.values.dtype
    same = kept.entries.values == entries.values if datatype.is_object else None
    np.testing.assert_array_equal(kept.entries.values, entries.values) if same is None else None
    assert same is None or all(same)
    for name in ("status", "source_time", "server_time"):
        assert getattr(kept.entries, name).tolist() == getattr(entries, name).tolist()


@given(st.lists(st.one_of(st.none(), st.binary(min_size=1, max_size=9)), max_size=5))
def test_parts_of_arrays_come_back_as_the_variants_that_they_are(variants: list[bytes | None]) -> None:
    values = np.empty(len(variants), object)
    values[:] = variants
    zeros = np.zeros(len(variants), np.int64)
    entries = Entries(zeros.astype(np.int32), values, zeros.astype(np.uint32), zeros, zeros)
    kind = Kind(DataType.VARIANT, parts=True)
    body = encode_columns([entries], np.array([1], np.uint32), kind, np.zeros(0, np.uint32), encode_variant)
    kept = decode(body, _read)
    assert isinstance(kept, KeptColumns)
    assert kept.entries.values.tolist() == variants


_GIVEN = st.builds(
    GivenValue, st.none() | st.just(b"\x07\x01\x02\x03\x04"), st.none() | st.integers(1, 2**32 - 1),
    st.none() | _TIMES, st.none() | _TIMES,
)  # fmt: skip


@given(st.lists(st.tuples(_GIVEN, st.booleans()), max_size=8))
def test_values_of_one_item_come_back(values: list[tuple[GivenValue, bool]]) -> None:
    assert decode(encode_values(values), _read) == values


@given(st.lists(st.binary(max_size=30), max_size=8), st.none() | st.binary(max_size=30), st.integers(0, 9))
def test_events_come_back(events: list[bytes], overflow: bytes | None, before: int) -> None:
    assert decode(encode_events(events, overflow, before), _read) == KeptEvents(events, overflow, before)


@given(st.binary(max_size=60))
def test_damaged_rows_are_refused_and_nothing_else(body: bytes) -> None:
    for form in Form:
        try:
            decode(bytes((form,)) + body, _read)
        except (DecodingError, ValueError):
            continue


def test_a_row_of_no_known_form_is_refused() -> None:
    with pytest.raises(ValueError, match="9"):
        decode(b"\x09", _read)
