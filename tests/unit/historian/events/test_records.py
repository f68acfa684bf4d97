from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from historian.encoding import DamagedData
from historian.events import records
from historian.events.contract import StoredEvent

EVENT = StoredEvent(b"id", 5, "i=2041", "nsu=urn:test;s=pump", 500, {"Message": b"\x15\x02", "": b""})
stored_events = st.builds(
    StoredEvent,
    st.binary(min_size=1, max_size=20),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.text(max_size=20),
    st.text(max_size=20),
    st.integers(0, 1000),
    st.dictionaries(st.text(max_size=20), st.binary(max_size=40), max_size=4),
)


@settings(max_examples=40)
@given(st.lists(stored_events, max_size=5))
def test_events_come_back_as_they_were(events: list[StoredEvent]) -> None:
    again = records.read(records.write(events))
    assert again == events
    assert [list(one.fields) for one in again] == [list(one.fields) for one in events]


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=40), max_size=5))
def test_fields_come_back_as_they_were(values: list[bytes]) -> None:
    assert records.read_values(records.write_values(values), len(values)) == values


def test_who_follows_the_page_reads_the_events() -> None:
    """docs/reference/history-file.md, "Event", without the product's code."""
    payload = records.write([EVENT, EVENT])
    version, zero, count, length = struct.unpack_from("<B3sII", payload)
    body = zlib.decompress(payload[12:])
    assert (version, zero, count, length) == (1, bytes(3), 2, len(body))
    assert _followed(body) == [(5, 500, b"id", "i=2041", "nsu=urn:test;s=pump", EVENT.fields)] * 2
    row = records.write_values(EVENT.fields.values())
    values = zlib.decompress(row[4:])
    assert struct.unpack_from("<I", row) == (len(values),)
    assert values == b"\x02\0\0\0\x15\x02" + bytes(4)


def _followed(body: bytes) -> list[tuple[Any, ...]]:
    at = 0

    def part() -> bytes:
        nonlocal at
        (size,) = struct.unpack_from("<I", body, at)
        at += 4 + size
        return body[at - size : at]

    found: list[tuple[Any, ...]] = []
    while at < len(body):
        time, severity, fields = struct.unpack_from("<qHH", body, at)
        at += 12
        head = (part(), part().decode(), part().decode())
        found.append((time, severity, *head, {part().decode(): part() for _ in range(fields)}))
    return found


@settings(max_examples=80)
@given(st.data())
def test_damaged_bytes_are_never_events(data: st.DataObject) -> None:
    payload = bytearray(records.write([EVENT] * 3))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    if place in (1, 2, 3):  # these three mean nothing
        assert records.read(bytes(payload)) == [EVENT] * 3
    else:
        with pytest.raises(DamagedData):
            records.read(bytes(payload))


@settings(max_examples=40)
@given(st.binary(max_size=60))
def test_bytes_of_others_are_never_events(body: bytes) -> None:
    length = len(body).to_bytes(4, "little")
    payload = b"\x01\0\0\0" + b"\x02\0\0\0" + length + zlib.compress(body)
    with pytest.raises(DamagedData):
        records.read(payload)
    with pytest.raises(DamagedData):
        records.read(body)
    with pytest.raises(DamagedData):
        records.read_values(length + zlib.compress(body + b"\0"), 20)


def test_more_than_is_said_is_not_inflated() -> None:
    bomb = zlib.compress(bytes(10_000_000))
    with pytest.raises(DamagedData):
        records.read_values(b"\x05\0\0\0" + bomb, 1)


@pytest.mark.parametrize("cut", [0, 5, 11, 12, 30])
def test_a_torn_record_is_damaged(cut: int) -> None:
    with pytest.raises(DamagedData):
        records.read(records.write([EVENT])[:cut])
