from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.datatypes import DataType
from historian import chunks
from historian.outbox import Outbox
from historian.outbox_tables import Loss
from historian.samples import Columns
from historian.tally import Tally


async def test_each_sink_of_a_stream_has_its_own_backlog(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    await outbox.open()
    for sink, stream in (("a", "shared"), ("b", "shared"), ("c", "alone")):
        await outbox.register(sink, stream)
    first = await outbox.append("shared", b"12345", 3)
    await outbox.append("shared", b"123", 4)
    await outbox.append("alone", b"1", 1)
    await outbox.acknowledge("a", first)
    held = await outbox.backlogs()
    await outbox.close()
    assert {name: (one.records, one.samples, one.bytes) for name, one in held.items()} == {
        "a": (1, 4, 3),
        "b": (2, 7, 8),
        "c": (1, 1, 1),
    }
    assert all(one.oldest is not None for one in held.values())


async def test_what_is_dropped_is_told_with_whose_it_was(tmp_path: Path) -> None:
    told: list[Loss] = []

    def shares(stream: str, payload: bytes, samples: int) -> Mapping[str, int]:
        return {f"{stream}/{payload[:1].decode()}": samples}

    outbox = Outbox(tmp_path / "outbox.sqlite", largest_bytes=10, on_loss=told.append, shares=shares)
    await outbox.open()
    await outbox.register("sink", "samples")
    for letter, samples in ((b"a", 3), (b"b", 4), (b"a", 5), (b"c", 1)):
        await outbox.append("samples", letter * 5, samples)
    await outbox.close()
    assert [(loss.samples, dict(loss.shares)) for loss in told] == [(3, {"samples/a": 3}), (4, {"samples/b": 4})]


def test_a_payload_is_counted_by_point_up_to_its_damage() -> None:
    def payload(*points: int) -> bytes:
        count = len(points)
        times = np.zeros(count * 2, np.int64)
        ids, counts = np.array(points, np.int32), np.full(count, 2, np.int32)
        values, status = np.ones(count * 2), np.zeros(count * 2, np.uint32)
        return chunks.write([Columns(DataType.DOUBLE, ids, counts, values, status, times, times)])

    tally = Tally()
    tally.add_payload(payload(1, 5) + payload(5) + b"torn")
    assert {point: int(tally.counts[point]) for point in np.flatnonzero(tally.counts).tolist()} == {1: 2, 5: 4}
