"""docs/reference/history-file.md is true: its tables are the files', and who follows it reads the samples."""

from __future__ import annotations

import json
import re
import sqlite3
import struct
import zlib
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from historian import chunks, digest
from historian.database import Schema
from historian.events.schema import SCHEMA as EVENTS
from historian.outbox_schema import SCHEMA as OUTBOX
from historian.resolutions import Resolution
from historian.samples import Columns
from historian.sqlite import summary_rows
from historian.sqlite.schema import SCHEMA as HISTORY
from historian.summing import summarise
from tests.conftest import ROOT
from tests.pages import code, prose, table

PAGE = ROOT / "docs/reference/history-file.md"
T0 = 133_000_000_000_000_000


@pytest.mark.parametrize(
    ("heading", "schema"), [("history.sqlite", HISTORY), ("events.sqlite", EVENTS), ("outbox.sqlite", OUTBOX)]
)
def test_every_table_and_column_is_told_and_none_is_invented(heading: str, schema: Schema) -> None:
    told: dict[str, list[str]] = {}
    for name, columns, _ in table(PAGE, heading):
        if name:
            told[code(name)[0]] = []
        told[list(told)[-1]] += code(columns)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema.script)
        there = {
            name: sorted(row[1] for row in connection.execute(f"PRAGMA table_info({name})")) for name in schema.tables
        }
    assert {name: sorted(columns) for name, columns in told.items()} == there
    page = prose(PAGE)
    assert re.search(rf"`{heading}` \| 0x{schema.application_id:08X} .* \| {schema.version} \|", page)


def column(data: bytes, at: int, entries: int, kind: str) -> tuple[list[Any], int]:
    """Read a column as the page says it, without the product's code."""
    transform, exponent, differences, width, length, first, base = struct.unpack_from("<BBBBIqq", data, at)
    at += 24
    count = entries - differences
    planes = [data[at + plane * count : at + (plane + 1) * count] for plane in range(width)]
    numbers = [sum(planes[byte][place] << (8 * byte) for byte in range(width)) + base for place in range(count)]
    if differences:
        sums = [first]
        for number in numbers:
            sums.append(sums[-1] + number)
        numbers = sums
    numbers = [(number + (1 << 63)) % (1 << 64) - (1 << 63) for number in numbers]
    if transform == 1:
        form, whole = ("<f", "<i") if kind == "f4" else ("<d", "<q")
        return [struct.unpack(form, struct.pack(whole, number))[0] for number in numbers], at + length
    if transform == 2:
        decimals = [number / 10**exponent for number in numbers]
        return ([struct.unpack("<f", struct.pack("<f", each))[0] for each in decimals] if kind == "f4" else decimals), (
            at + length
        )
    return [number % (1 << 64) if kind == "u8" else number for number in numbers], at + length


def read(payload: bytes, kind: str) -> list[tuple[int, int, int, int, Any]]:
    """Give (point, source time, server time, status, value) of each sample, as the page says it."""
    rows: list[tuple[int, int, int, int, Any]] = []
    at = 0
    while at < len(payload):
        version, _, zero, samples, points, directory, body, inflated, checksum = struct.unpack_from(
            "<BBHIIIIII", payload, at
        )
        end = at + 28 + directory + body
        assert (version, zero) == (1, 0)
        assert zlib.crc32(payload[at : at + 24] + payload[at + 28 : end]) == checksum
        ids, after = column(payload, at + 28, points, "i4")
        counts, _ = column(payload, after, points, "i4")
        whole = zlib.decompress(payload[at + 28 + directory : end])
        assert len(whole) == inflated
        source, after = column(whole, 0, samples, "i8")
        lag, after = column(whole, after, samples, "i8")
        status, after = column(whole, after, samples, "u4")
        values = json.loads(whole[after:]) if kind == "O" else column(whole, after, samples, kind)[0]
        owners = [point for point, count in zip(ids, counts, strict=True) for _ in range(count)]
        server = [time + late for time, late in zip(source, lag, strict=True)]
        rows += zip(owners, source, server, status, values, strict=True)
        at = end
    return rows


def floats(numbers: list[int], exponent: int) -> list[float]:
    if exponent == 255:
        return [struct.unpack("<d", struct.pack("<q", number))[0] for number in numbers]
    return [number / 10**exponent for number in numbers]


def read_summary(payload: bytes, length: int) -> tuple[dict[str, list[Any]], list[list[tuple[float, int]]]]:
    """Give the fields of each bucket and its digest, as the page says it; ``length`` of a bucket in ticks."""
    version, times, values, totals, buckets, centroids, inflated, checksum = struct.unpack_from("<BBBBIIII", payload)
    assert version == 1
    assert zlib.crc32(payload[:16] + payload[20:]) == checksum
    body = zlib.decompress(payload[20:])
    assert len(body) == inflated
    fields: list[list[int]] = []
    at = 144
    for field in range(16):
        lowest = int.from_bytes(bytes(body[16 + 16 * byte + field] for byte in range(8)), "little", signed=True)
        numbers = [lowest] * buckets
        for byte in range(8):
            if body[field] >> byte & 1:
                for place in range(buckets):
                    numbers[place] += body[at + place] << 8 * byte
                at += buckets
        fields.append([(number + (1 << 63)) % (1 << 64) - (1 << 63) for number in numbers])
    start = [(number + place) * length for place, number in enumerate(fields[0])]
    told: dict[str, list[Any]] = {"start": start}
    for field, name in enumerate(("first_time", "last_time", "low_time", "high_time"), 1):
        told[name] = [begin + ticks * 10**times for begin, ticks in zip(start, fields[field], strict=True)]
    for field, name in enumerate(("minimum", "maximum", "first", "last"), 5):
        told[name] = floats(fields[field], values)
    told["total"], told["squares"] = floats(fields[9], totals), floats(fields[10], 255)
    for field, name in enumerate(("good", "uncertain", "bad", "first_status", "last_status"), 11):
        told[name] = fields[field]
    if at == len(body):
        return told, []
    counts = list(body[at : at + buckets])
    low, high = (struct.unpack_from(f"<{buckets}d", body, at + buckets + turn * 8 * buckets) for turn in range(2))
    at += 17 * buckets
    places, weights = (
        [
            sum(body[at + turn * 4 * centroids + byte * centroids + place] << 8 * byte for byte in range(4))
            for place in range(centroids)
        ]
        for turn in range(2)
    )
    assert at + 8 * centroids == len(body)
    digests: list[list[tuple[float, int]]] = []
    for bucket, count in enumerate(counts):
        own = [places.pop(0) / (2**32 - 1) * (high[bucket] - low[bucket]) + low[bucket] for _ in range(count)]
        digests.append([(mean, weights.pop(0)) for mean in own])
    return told, digests


RANDOM = np.random.default_rng(4)
VALUES: dict[DataType, Any] = {
    DataType.BOOLEAN: RANDOM.integers(0, 2, 500).astype(np.bool_),
    DataType.INT16: RANDOM.integers(-(2**15), 2**15, 500).astype(np.int16),
    DataType.UINT64: RANDOM.integers(0, 2**64, 500, dtype=np.uint64),
    DataType.INT64: RANDOM.integers(-(2**63), 2**63, 500, dtype=np.int64),
    DataType.FLOAT: np.round(RANDOM.normal(20, 1, 500), 2).astype(np.float32),
    DataType.DOUBLE: RANDOM.normal(20, 1, 500),
    DataType.STRING: np.array([f"Grüße {number}" for number in range(500)], object),
}


@pytest.mark.parametrize("datatype", VALUES, ids=lambda datatype: datatype.symbol)
def test_who_follows_the_page_reads_the_samples(datatype: DataType) -> None:
    values = VALUES[datatype]
    times = T0 + np.sort(RANDOM.integers(0, 10**9, 500))
    status = RANDOM.choice(np.array([0, 0x80310000, 0x90310000], np.uint32), 500)
    ids, counts = np.array([3, 900, 70_000], np.int32), np.array([100, 1, 399], np.int32)
    columns = Columns(datatype, ids, counts, values, status, times, times + RANDOM.integers(0, 99, 500))
    payload = chunks.write([columns, columns], chunks.SMALL)
    kind = "O" if datatype.is_object else datatype.dtype.str[1:]
    owners = np.repeat(ids, counts).tolist()
    expected = zip(owners, times.tolist(), columns.server_time.tolist(), status.tolist(), values.tolist(), strict=True)
    assert read(payload, kind) == list(expected) * 2


@pytest.mark.parametrize("resolution", Resolution, ids=lambda resolution: resolution.name)
@pytest.mark.parametrize("decimals", [2, 15])
def test_who_follows_the_page_reads_the_summaries(resolution: Resolution, decimals: int) -> None:
    count = 600
    times = T0 + np.sort(RANDOM.integers(0, 4000, count)) * 10**7
    values = np.round(RANDOM.normal(-20, 1, count), decimals)
    status = RANDOM.choice(np.array([0, 0, 0, 0x40000000, 0x80310000, 0x90310000], np.uint32), count)
    starts = np.flatnonzero(np.diff(times // resolution.ticks, prepend=-1))
    parts = summarise(values, status, times, starts, resolution.ticks)
    hours = resolution is Resolution.HOUR
    digests = digest.of_runs(values, (status == 0), starts) if hours else None
    (payload,) = summary_rows.write(parts, np.zeros(1, np.intp), resolution, digests)
    told, told_digests = read_summary(payload, resolution.ticks)
    assert set(told) == set(parts.dtype.names or ())
    for name, column in told.items():
        tolerance = 1e-13 if name == "total" else 0
        assert column == pytest.approx(parts[name].tolist(), rel=tolerance, abs=0, nan_ok=True), name
    assert len(told_digests) == (len(parts) if hours else 0)
    for wanted, found in zip(digests or [], told_digests, strict=True):
        assert [mean for mean, _ in found] == pytest.approx(wanted.means.tolist(), rel=1e-8)
        assert [weight for _, weight in found] == wanted.weights.tolist()
    checked, _ = summary_rows.read([payload], resolution)
    assert checked["start"].tolist() == told["start"]
