"""HistoryRead of stored values: raw by a C client, hourly averages of a month, minute averages of a hundred points.

The gateway runs in a process of its own over a history that is written before; beside it plain asyncua with its
``HistorySQLite``. The raw read is made with o6, where that is installed (it is no dependency of the project); the
aggregates are asked for with requests that are encoded once, and their answers are not decoded.
"""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_from_binary

from bench.processes import Process, free_port, module, work_folder
from core.datatypes import DataType
from core.time import TICKS_PER_SECOND, now, to_datetime
from historian.contract import Delivery
from historian.samples import SampleBlock, group
from historian.sqlite import SQLiteStore

RAW_VALUES = 1_000_000
MONTH = 30 * 86_400
DAY = 86_400
POINTS = 100
PEER_VALUES = 20_000
_TURNS = 5
_AVERAGE = 2342
_URI = "urn:plantspace:bench"
_CONFIGURATION = """\
name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{port}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
historian: {{retention: {{raw: 1000d}}}}
devices:
  sim-1: {{driver: simulator, scan: 1h, history: true, generate: {{count: {count}, type: Double, signal: ramp}}}}
"""


def _block(first: int, points: int, start: int, seconds: int, generator: np.random.Generator) -> SampleBlock:
    """Make a value a second of each point: a walk in steps of a hundredth."""
    index = np.repeat(np.arange(points, dtype=np.int32), seconds)
    times = start + np.tile(np.arange(seconds, dtype=np.int64) * TICKS_PER_SECOND, points)
    values = np.round(np.cumsum(generator.integers(-9, 10, len(index))) / 100.0, 2)
    columns = group(DataType.DOUBLE, index, values, np.zeros(len(index), np.uint32), times, times)
    names = [f"nsu={_URI};s=sim-1.t{first + point}" for point in columns.points.tolist()]
    return SampleBlock.of(columns, names)


async def _fill(folder: Path, end: int) -> None:
    """Write a month of one point, and a day of a hundred."""
    (folder / "var").mkdir()
    store = SQLiteStore(folder / "var" / "history.sqlite", retention_days=1000.0)
    generator = np.random.default_rng(1)
    await store.open()
    sequence = 0
    for first in range(0, MONTH, DAY):
        sequence += 1
        start = end - (MONTH - first) * TICKS_PER_SECOND
        await store.append([Delivery(sequence, [_block(0, 1, start, DAY, generator)])], "bench")
    for first in range(0, DAY, 3600):
        sequence += 1
        start = end - (DAY - first) * TICKS_PER_SECOND
        await store.append([Delivery(sequence, [_block(1, POINTS, start, 3600, generator)])], "bench")
    await store.compact()
    await store.close()


def _raw(url: str, node: str, end: int, seconds: int, most: int) -> dict[str, float]:
    start = end - seconds * TICKS_PER_SECOND
    with Process(module("bench.history_client", url, node, start, end, most)) as client:
        return client.finish()


async def _aggregates(url: str, end: int) -> dict[str, Any]:
    async with Client(url, timeout=60) as client:
        index = await client.get_namespace_index(_URI)
        month = await _timed(client, index, [0], end - MONTH * TICKS_PER_SECOND, end, 3_600_000.0)
        day = await _timed(client, index, list(range(1, POINTS + 1)), end - DAY * TICKS_PER_SECOND, end, 60_000.0)
        return {"hours_of_30_days": month, "minutes_of_a_day_100_points": day}


async def _timed(
    client: Client, index: int, points: list[int], start: int, end: int, interval: float
) -> dict[str, float]:
    details = ua.ReadProcessedDetails()
    details.StartTime, details.EndTime = to_datetime(start), to_datetime(end)
    details.ProcessingInterval = interval
    details.AggregateType = [ua.NodeId(_AVERAGE)] * len(points)
    details.AggregateConfiguration = ua.AggregateConfiguration(UseServerCapabilitiesDefaults=True)
    protocol: Any = client.uaclient.protocol  # asyncua's transport
    request = ua.HistoryReadRequest()
    request.Parameters.HistoryReadDetails = details
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Source
    request.Parameters.ReleaseContinuationPoints = False
    seconds: list[float] = []
    intervals = requests = 0
    for _ in range(_TURNS):
        items = [ua.HistoryReadValueId(NodeId=ua.NodeId(f"sim-1.t{point}", index)) for point in points]
        taken, intervals, requests = 0.0, 0, 0
        while items:
            request.Parameters.NodesToRead = items
            request.Parameters.HistoryReadDetails.AggregateType = [ua.NodeId(_AVERAGE)] * len(items)
            began = time.monotonic()
            answer = await protocol.send_request(request)
            taken += time.monotonic() - began
            requests += 1
            following: list[ua.HistoryReadValueId] = []
            for item, result in zip(items, struct_from_binary(ua.HistoryReadResponse, answer).Results, strict=True):
                result.StatusCode.check()
                intervals += _count(result.HistoryData)
                if result.ContinuationPoint:
                    item.ContinuationPoint = result.ContinuationPoint
                    following.append(item)
            items = following
        seconds.append(taken)
    return {"best_ms": min(seconds) * 1e3, "worst_ms": max(seconds) * 1e3, "intervals": intervals, "requests": requests}


def _count(data: Any) -> int:  # noqa: ANN401 - what asyncua makes of the answer
    """Count the values of a HistoryData, which asyncua may have decoded."""
    return len(data.DataValues) if isinstance(data, ua.HistoryData) else int.from_bytes(data.Body[:4], "little")


def _gateway(folder: Path, outcome: dict[str, Any]) -> None:
    end = now() // (3600 * TICKS_PER_SECOND) * 3600 * TICKS_PER_SECOND
    began = time.monotonic()
    asyncio.run(_fill(folder, end))
    outcome["filled_in_s"] = round(time.monotonic() - began, 1)
    config = folder / "history.yaml"
    config.write_text(_CONFIGURATION.format(port=free_port(), folder=folder, count=POINTS + 1), encoding="utf-8")
    with Process(module("bench.serve", config, "--watched")) as gateway:
        url = json.loads(gateway.line())["url"]
        if importlib.util.find_spec("o6") is None:
            outcome["raw"] = "skipped: the C client o6 is not installed here (pip install o6)"
        else:
            node = asyncio.run(_node(url))
            gateway.ask()
            outcome["raw"] = max(
                (_raw(url, node, end, RAW_VALUES, RAW_VALUES) for _ in range(3)), key=lambda one: one["values_per_s"]
            )
            outcome["raw_server"] = gateway.ask()
        outcome.update(asyncio.run(_aggregates(url, end)))
        outcome["aggregates_server"] = gateway.ask()
    if importlib.util.find_spec("o6") is not None:
        with Process(module("bench.asyncua_history", free_port(), PEER_VALUES, folder / "peer.sqlite", end)) as peer:
            said = json.loads(peer.line())
            outcome["raw_asyncua"] = _raw(said["url"], said["node"], end, PEER_VALUES, PEER_VALUES)


async def _node(url: str) -> str:
    async with Client(url, timeout=60) as client:
        return f"ns={await client.get_namespace_index(_URI)};s=sim-1.t0"


def main() -> None:
    """Measure, and print one JSON document."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    outcome: dict[str, Any] = {}
    with work_folder() as folder:
        _gateway(folder, outcome)
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
