"""Large tables are planned in a time that grows as they do, right or wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.server.plan.line import told

_HEAD = "server: {anonymous: Observer}\ndevices:\n"
_FEW, _MANY = 1_500, 6_000
_TIMES = 9
"""Four times the rows may take nine times as long on a busy machine; a square would make it sixteen."""


def _tags(rows: int) -> tuple[str, str, int]:
    table = "".join(f"Tag{row},holding:{40001 + row % 9000},°C,0,100\n" for row in range(rows))
    config = f"{_HEAD}  plc: {{driver: modbus, url: 'tcp://x', bindings: plc.csv}}\n"
    return config, f"node,address,unit,min,max\n{table}", 0


def _misspelled_names(rows: int) -> tuple[str, str, int]:
    table = "".join(f"/Objects/sim/t{row}x,coil:1\n" for row in range(rows))
    config = (
        f"{_HEAD}  sim: {{driver: simulator, generate: {{count: {rows}}}}}\n"
        "  plc: {driver: modbus, url: 'tcp://x', bindings: plc.csv}\n"
    )
    return config, f"node,address\n{table}", rows


def _wrong_cells(rows: int) -> tuple[str, str, int]:
    table = "".join(f"Tag{row},holding:1/flaot32,Flaot,fast\n" for row in range(rows))
    config = f"{_HEAD}  plc: {{driver: modbus, url: 'tcp://x', bindings: plc.csv}}\n"
    return config, f"node,address,type,scale\n{table}", 3 * rows


async def _seconds(folder: Path, made: tuple[str, str, int]) -> float:
    config, table, wrong = made
    begun = time.process_time()
    found = await told(folder, config, plc_csv=table)
    assert len(found) == wrong
    return time.process_time() - begun


@pytest.mark.parametrize("make", [_tags, _misspelled_names, _wrong_cells])
async def test_time_grows_with_the_rows(tmp_path: Path, make: Callable[[int], tuple[str, str, int]]) -> None:
    await _seconds(tmp_path, make(1))
    idle = await _seconds(tmp_path, make(1))
    few = await _seconds(tmp_path, make(_FEW)) - idle
    many = await _seconds(tmp_path, make(_MANY)) - idle
    # A tenth of a second keeps the clock's grain out of what is compared.
    assert many < _TIMES * max(few, 0.1)
