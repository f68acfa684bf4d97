"""A gateway's start with a history of 10 GB beside one with none: ``python -m bench.large_store [--gb N]``.

The file is made of a minute of 1 000 points at 100 Hz, every bit of a value random, whose blocks and summaries are then
copied row by row to earlier times until the file is as large as asked. Prints JSON: seconds from the process's start
until clients may connect, first with the file out of the system's cache (where that can be emptied), then again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.processes import Process, free_port, module, work_folder
from core.datatypes import DataType
from core.time import TICKS_PER_SECOND, now
from historian.contract import Delivery
from historian.samples import SampleBlock, group
from historian.sqlite import SQLiteStore

_POINTS: Final = 1000
_SCANS: Final = 6000
_SHIFT: Final = 60 * TICKS_PER_SECOND
_CONFIGURATION: Final = """name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{port}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
devices:
  sim-1: {{driver: simulator, scan: 1s, generate: {{count: 1000, type: Double, signal: ramp}}}}
historian: {{nodes: [/Objects/sim-1/*], retention: {{raw: 3000d}}}}
"""
_COPY: Final = (
    (
        "INSERT INTO block SELECT id + :ids * :turn, point, t_first - :shift * :turn, t_last - :shift * :turn, samples,"
        " payload FROM block WHERE id <= :ids"
    ),
    (
        "INSERT INTO summary SELECT point, resolution, t_first - :shift * :turn, block + :ids * :turn,"
        " t_last - :shift * :turn, buckets, payload FROM summary WHERE block <= :ids"
    ),
)


async def _minute(file: Path) -> None:
    """Make a history of one minute."""
    store = SQLiteStore(file, retention_days=3000)
    await store.open()
    random = np.random.default_rng(7)
    nodes = [f"nsu=urn:plantspace:bench;s=sim-1.t{number}" for number in range(_POINTS)]
    tick = _SHIFT // _SCANS
    first = now() - 2 * _SHIFT
    for part in range(60):
        scans = _SCANS // 60
        times = np.repeat(first + (part * scans + np.arange(scans, dtype=np.int64)) * tick, _POINTS)
        points = np.tile(np.arange(_POINTS, dtype=np.int32), scans)
        values = random.normal(50.0, 2.0, len(times))
        status = np.zeros(len(times), np.uint32)
        columns = group(DataType.DOUBLE, points, values, status, times, times + 20_000)
        await store.append([Delivery(part + 1, [SampleBlock.of(columns, nodes)])], "bench")
    await store.compact()
    await store.close()


def _multiplied(file: Path, size: float) -> float:
    """Copy its blocks to earlier times until it has ``size`` GB; gives what it has then."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=OFF")
        (ids,) = connection.execute("SELECT max(id) FROM block").fetchone()
        turn = 0
        while file.stat().st_size < size * 1e9:
            turn += 1
            connection.execute("BEGIN")
            for statement in _COPY:
                connection.execute(statement, {"ids": ids, "turn": turn, "shift": _SHIFT})
            connection.execute("COMMIT")
        names = ("appended", "blocks", "raw_bytes", "summary_bytes")
        connection.executemany(
            "UPDATE total SET value = value * ? WHERE name = ?", [(turn + 1, name) for name in names]
        )
        connection.execute("PRAGMA journal_mode=WAL")
    return file.stat().st_size / 1e9


def _ready(folder: Path) -> float:
    """Give the seconds until a gateway is ready."""
    config = folder / "bench.yaml"
    config.write_text(_CONFIGURATION.format(port=free_port(), folder=folder), encoding="utf-8")
    with Process(module("bench.serve", config)) as child:
        return round(float(json.loads(child.line())["seconds"]), 2)


def _empty_cache() -> bool:
    with contextlib.suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("1", encoding="ascii")
        return True
    return False


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=10.0)
    size = parser.parse_args().gb
    outcome: dict[str, Any] = {}
    with work_folder() as folder:
        (folder / "var").mkdir(mode=0o700)
        _ready(folder)  # the model is kept from here on
        outcome["ready_s_without_history"] = [_ready(folder) for _ in range(3)]
        file = folder / "var" / "history.sqlite"
        for name in ("history.sqlite", "history.sqlite-wal", "history.sqlite-shm"):
            (folder / "var" / name).unlink(missing_ok=True)
        asyncio.run(_minute(file))
        print("making the file …", file=sys.stderr)
        outcome["gb"] = round(_multiplied(file, size), 2)
        outcome["cache_was_emptied"] = _empty_cache()
        outcome["ready_s"] = [_ready(folder) for _ in range(3)]
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
