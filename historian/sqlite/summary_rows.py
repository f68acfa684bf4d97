"""Bytes of a row of summaries (docs/reference/history-file.md, "Summaries"): columns of whole numbers in byte planes.

Most blocks come to a bucket or two of each resolution, and a read goes through thousands of rows; so all rows of a
merge are brought into numbers in one go, and a row by itself costs little more than its deflate.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from historian.encoding import DamagedData
from historian.resolutions import Digest, FloatArray, Resolution
from historian.summing import PART, PartArray, StartArray

VERSION: Final = 1
BITS: Final = 255
"""Instead of a decimal exponent: the numbers are the bits of Doubles."""

_HEADER: Final = struct.Struct("<BBBBIIII")
"""Version, exponents of times, values and totals, buckets, centroids, inflated body bytes, CRC-32."""
_UNCHECKED: Final = _HEADER.size - 4
_LARGEST_BODY: Final = 1 << 28
_LEVEL: Final = 1
_TIME_EXPONENTS: Final = (7, 4, 1, 0)
"""Powers of ten in ticks: a second, a millisecond, a microsecond, a tick."""
_TIMES: Final = ("first_time", "last_time", "low_time", "high_time")
_VALUES: Final = ("minimum", "maximum", "first", "last")
_COUNTS: Final = ("good", "uncertain", "bad", "first_status", "last_status")
_FIELDS: Final = 16
_PLANES: Final = _FIELDS * 8
_EXACT_INTEGERS: Final = 2.0**53
_LARGEST_EXPONENT: Final = 4
_RELATIVE: Final = 2**32 - 1

IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]


def write(
    parts: PartArray, rows: StartArray, resolution: Resolution, digests: Sequence[Digest] | None = None
) -> list[bytes]:
    """Encode parts as rows, ``rows``: where each begins, rising from 0; ``digests``: one a part, for hours."""
    numbers, exponents = _numbers(parts, rows, resolution)
    sizes = np.diff(np.append(rows, len(parts)))
    bases = np.minimum.reduceat(numbers, rows, axis=1)
    octets = (numbers - np.repeat(bases, sizes, axis=1)).astype("<i8", copy=False).view(np.uint8)
    planes = np.ascontiguousarray(octets.reshape(_FIELDS, -1, 8).transpose(0, 2, 1)).reshape(_PLANES, -1)
    used = np.bitwise_or.reduceat(planes, rows, axis=1).T != 0
    masks = np.packbits(used, axis=1, bitorder="little")
    base_planes = np.ascontiguousarray(bases.T.astype("<i8")).view(np.uint8).reshape(-1, _FIELDS, 8).transpose(0, 2, 1)
    tails = _digest_bytes(digests, rows) if digests is not None else None
    written: list[bytes] = []
    for place, (first, size) in enumerate(zip(rows.tolist(), sizes.tolist(), strict=True)):
        raw = b"".join(
            (
                masks[place].tobytes(),
                base_planes[place].tobytes(),
                planes[used[place], first : first + size].tobytes(),
                tails[place][1] if tails is not None else b"",
            )
        )
        body = zlib.compress(raw, _LEVEL)
        header = _HEADER.pack(
            VERSION, *exponents[place], size, tails[place][0] if tails is not None else 0, len(raw), 0
        )[:_UNCHECKED]
        written.append(b"".join((header, struct.pack("<I", zlib.crc32(body, zlib.crc32(header))), body)))
    return written


def _numbers(parts: PartArray, rows: StartArray, resolution: Resolution) -> tuple[IntArray, list[tuple[int, int, int]]]:
    """Bring parts into whole numbers [fields, parts]; gives the exponents of each row too."""
    sizes = np.diff(np.append(rows, len(parts)))
    numbers = np.empty((_FIELDS, len(parts)), np.int64)
    numbers[0] = parts["start"] // resolution.ticks - (np.arange(len(parts)) - np.repeat(rows, sizes))
    offsets = np.stack([parts[name] for name in _TIMES]) - parts["start"]
    time_exponents = np.zeros(len(rows), np.int64)
    for exponent in _TIME_EXPONENTS[-2::-1]:  # rising: the last that divides all is the one
        whole = np.logical_and.reduceat((offsets % 10**exponent == 0).all(axis=0), rows)
        time_exponents[whole] = exponent
    numbers[1:5] = offsets // np.repeat(10**time_exponents, sizes)
    values = np.stack([parts[name] for name in _VALUES])
    value_exponents = np.full(len(rows), BITS)
    numbers[5:9] = np.ascontiguousarray(values).view(np.int64)
    total = np.ascontiguousarray(parts["total"])
    total_exponents = np.full(len(rows), BITS)
    numbers[9] = total.view(np.int64)
    rounding = parts["good"] * np.fmax(np.abs(parts["minimum"]), np.abs(parts["maximum"])) * 1e-15
    with np.errstate(invalid="ignore", over="ignore"):
        for exponent in range(_LARGEST_EXPONENT, -1, -1):
            power = 10.0**exponent
            scaled = np.rint(values * power)
            exact = (scaled / power == values) & (np.abs(scaled) < _EXACT_INTEGERS)
            exact &= ~(np.signbit(values) & (values == 0))
            fit = np.logical_and.reduceat(exact.all(axis=0), rows)
            if not fit.any():
                break  # fewer decimals will not do either
            value_exponents[fit] = exponent
            # the sum of decimals is one; what it is off by is its rounding
            summed = np.rint(total * power)
            near = (np.abs(summed / power - total) <= rounding) & (np.abs(summed) < _EXACT_INTEGERS)
            total_fit = fit & np.logical_and.reduceat(near, rows)
            total_exponents[fit] = np.where(total_fit[fit], exponent, BITS)
            chosen = np.repeat(fit, sizes)
            numbers[5:9, chosen] = scaled[:, chosen].astype(np.int64)
            chosen_totals = np.repeat(total_fit, sizes)
            numbers[9, chosen] = total[chosen].view(np.int64)
            numbers[9, chosen_totals] = summed[chosen_totals].astype(np.int64)
    numbers[10] = np.ascontiguousarray(parts["squares"]).view(np.int64)
    for field, name in enumerate(_COUNTS, 11):
        numbers[field] = parts[name]
    exponents = zip(time_exponents.tolist(), value_exponents.tolist(), total_exponents.tolist(), strict=True)
    return numbers, list(exponents)


def _digest_bytes(digests: Sequence[Digest], rows: StartArray) -> list[tuple[int, bytes]]:
    """Encode the digests of each row; gives how many centroids they have, and the bytes."""
    means = np.concatenate([digest.means for digest in digests])
    weights = np.concatenate([digest.weights for digest in digests])
    counts = np.array([len(digest.means) for digest in digests], np.int64)
    ends = np.cumsum(counts)
    low, high = np.zeros(len(counts)), np.zeros(len(counts))
    some = counts > 0
    low[some], high[some] = means[(ends - counts)[some]], means[ends[some] - 1]
    bottom = np.repeat(low / 2, counts)  # halves: the difference of two finite numbers may be none
    height = np.repeat(high / 2, counts) - bottom
    share = np.divide(means / 2 - bottom, height, out=np.zeros(len(means)), where=height > 0)
    relative = np.rint(np.clip(share, 0, 1) * _RELATIVE).astype("<u4")
    heavy = weights.astype("<u4")
    written: list[tuple[int, bytes]] = []
    bounds = [*rows.tolist(), len(digests)]
    for first, last in itertools.pairwise(bounds):
        part = slice(int(ends[first] - counts[first]), int(ends[last - 1]))
        data = b"".join(
            (
                counts[first:last].astype(np.uint8).tobytes(),
                low[first:last].astype("<f8").tobytes(),
                high[first:last].astype("<f8").tobytes(),
                np.ascontiguousarray(relative[part].view(np.uint8).reshape(-1, 4).T).tobytes(),
                np.ascontiguousarray(heavy[part].view(np.uint8).reshape(-1, 4).T).tobytes(),
            )
        )
        written.append((part.stop - part.start, data))
    return written


def read(payloads: Sequence[bytes], resolution: Resolution) -> tuple[PartArray, list[Digest]]:
    """Decode rows that are checked (:func:`check`) into their parts, end to end, and for hours a digest a part."""
    found = [_row(payload) for payload in payloads]
    sizes = np.array([row.numbers.shape[1] for row in found], np.int64)
    parts = np.zeros(int(sizes.sum()), PART)
    if not found:
        return parts, []
    numbers = np.concatenate([row.numbers for row in found], axis=1)
    times, values, totals = np.repeat(np.array([row.exponents for row in found], np.int64), sizes, axis=0).T
    parts["start"] = numbers[0] * resolution.ticks
    for field, name in enumerate(_TIMES, 1):
        parts[name] = parts["start"] + numbers[field] * 10**times
    for field, name in enumerate(_VALUES, 5):
        parts[name] = _floats(numbers[field], values)
    parts["total"] = _floats(numbers[9], totals)
    parts["squares"] = numbers[10].view(np.float64)
    for field, name in enumerate(_COUNTS, 11):
        parts[name] = numbers[field]
    return parts, _digests(found)


def _floats(numbers: IntArray, exponents: IntArray) -> FloatArray:
    floats = np.array(numbers.view(np.float64))
    decimal = exponents != BITS
    floats[decimal] = numbers[decimal] / 10.0 ** exponents[decimal]
    return floats


def check(payload: bytes) -> None:
    """Raise :class:`~historian.encoding.DamagedData` where the bytes are not what the format says."""
    if len(payload) < _HEADER.size:
        message = "a row is cut off"
        raise DamagedData(message)
    version, *_, inflated, checksum = _HEADER.unpack_from(payload)
    if version != VERSION or inflated > _LARGEST_BODY:
        message = f"a row has the unknown version {version} or {inflated} bytes"
        raise DamagedData(message)
    if zlib.crc32(memoryview(payload)[_HEADER.size :], zlib.crc32(payload[:_UNCHECKED])) != checksum:
        message = "a row does not match its checksum"
        raise DamagedData(message)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A row taken apart: ``numbers`` [fields, buckets]; of its digests the bytes of each kind, none but for hours."""

    exponents: tuple[int, int, int]
    numbers: IntArray
    counts: ByteArray
    ends: ByteArray
    centroids: ByteArray


def _row(payload: bytes) -> _Row:
    _, times, values, totals, buckets, centroids, *_ = _HEADER.unpack_from(payload)
    octets = np.frombuffer(zlib.decompress(memoryview(payload)[_HEADER.size :]), np.uint8)
    head = _PLANES // 8
    used = np.unpackbits(octets[:head], bitorder="little").view(np.bool_)
    bases = np.ascontiguousarray(octets[head : head + _PLANES].reshape(8, _FIELDS).T).view("<i8")
    planes = np.zeros((_PLANES, buckets), np.uint8)
    at = head + _PLANES
    end = at + int(np.count_nonzero(used)) * buckets
    planes[used] = octets[at:end].reshape(-1, buckets)
    numbers = np.ascontiguousarray(planes.reshape(_FIELDS, 8, buckets).transpose(0, 2, 1)).view("<i8")
    numbers = numbers.reshape(_FIELDS, buckets).astype(np.int64, copy=False)
    numbers += bases
    numbers[0] += np.arange(buckets)
    tail = octets[end:]
    return _Row(
        (times, values, totals),
        numbers,
        tail[:buckets],
        tail[buckets : 17 * buckets].reshape(2, -1),
        tail[17 * buckets :].reshape(8, centroids),
    )


def _digests(rows: Sequence[_Row]) -> list[Digest]:
    counts = np.concatenate([row.counts for row in rows]).astype(np.int64)
    if not len(counts):
        return []
    ends = np.concatenate([row.ends for row in rows], axis=1)
    low, high = (np.ascontiguousarray(part).view("<f8") / 2 for part in ends)
    centroids = np.concatenate([row.centroids for row in rows], axis=1)
    relative, weights = (
        np.ascontiguousarray(part.T).view("<u4").reshape(-1) for part in (centroids[:4], centroids[4:])
    )
    bottom = np.repeat(low, counts)
    means = (bottom + (np.repeat(high, counts) - bottom) * (relative / _RELATIVE)) * 2
    heavy = weights.astype(np.int64)
    bounds = itertools.pairwise([0, *np.cumsum(counts).tolist()])
    return [Digest(means[first:last], heavy[first:last]) for first, last in bounds]
